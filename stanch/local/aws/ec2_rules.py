"""EC2's API where moto differs from AWS: adding and revoking rules of security groups.

What AWS does is from its API reference: AuthorizeSecurityGroupIngress and RevokeSecurityGroupIngress
(https://docs.aws.amazon.com/AWSEC2/latest/APIReference/).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupRule
from moto.ec2.responses import EC2Response

from stanch.local.aws import ec2 as ec2  # moto's backends become ours before the first call
from stanch.local.aws.api_error import ApiError


class Ec2(EC2Response):
    """EC2's API: adding rules is all or nothing and answers with every rule; revoking answers with what was and was not revoked."""

    def authorize_security_group_ingress(self) -> ActionResult:
        return self._authorize("ingress", self.ec2_backend.authorize_security_group_ingress)

    def authorize_security_group_egress(self) -> ActionResult:
        return self._authorize("egress", self.ec2_backend.authorize_security_group_egress)

    def revoke_security_group_ingress(self) -> ActionResult:
        return self._revoke("ingress")

    def revoke_security_group_egress(self) -> ActionResult:
        return self._revoke("egress")

    def _authorize(self, direction: str, add: Callable[..., tuple[list[SecurityGroupRule], Any]]) -> ActionResult:
        self.error_on_dryrun()
        asked = list(self._process_rules_from_querystring())
        group = self._asked_group()
        rules = getattr(group, f"{direction}_rules")
        for wanted in self._expand(asked, group, direction):
            if any(_same(rule, wanted) for rule in rules):
                raise ApiError("InvalidPermission.Duplicate", "the specified rule already exists")
        before = list(rules)
        try:
            added = [rule for one in asked for rule in add(**one)[0]]
        except ServiceException:
            rules[:] = before
            raise
        return ActionResult({"Return": True, "SecurityGroupRules": added})

    def _revoke(self, direction: str) -> ActionResult:
        self.error_on_dryrun()
        group = self._asked_group()
        rules: list[SecurityGroupRule] = getattr(group, f"{direction}_rules")
        ids: list[str] = self._get_param("SecurityGroupRuleIds", [])
        unknown: list[SecurityGroupRule] = []
        if ids:
            revoked = _by_id(rules, ids)
        else:
            wanted = list(self._expand(self._process_rules_from_querystring(), group, direction))
            unknown = [one for one in wanted if not any(_same(rule, one) for rule in rules)]
            if not wanted:
                raise ApiError(
                    "MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided."
                )
            revoked = [rule for rule in rules if any(_same(rule, one) for one in wanted)]
            if unknown and not self.ec2_backend.vpcs[group.vpc_id].is_default:
                raise ApiError(
                    "InvalidPermission.NotFound", "The specified rule does not exist in this security group."
                )
        gone = {rule.id for rule in revoked}
        setattr(group, f"{direction}_rules", [rule for rule in rules if rule.id not in gone])
        return ActionResult(
            {
                "Return": True,
                "RevokedSecurityGroupRules": [_revoked(rule, direction) for rule in revoked],
                "UnknownIpPermissions": [_permission(rule) for rule in unknown],
            }
        )

    def _asked_group(self) -> SecurityGroup:
        asked = self._get_param("GroupId") or self._get_param("GroupName")
        group = self.ec2_backend.get_security_group_by_name_or_id(asked)
        if group is None:
            raise ApiError("InvalidGroup.NotFound", f"The security group '{asked}' does not exist")
        found: SecurityGroup = group
        return found

    def _expand(self, asked: Any, group: SecurityGroup, direction: str) -> Iterator[SecurityGroupRule]:
        for one in asked:
            if one["ip_protocol"] is None:
                continue
            yield from self.ec2_backend._iterate_security_rules(
                one["ip_protocol"], group.id, one["from_port"], one["to_port"], one["ip_ranges"],
                [dict(source) for source in one["source_groups"]], one["prefix_list_ids"], is_egress=direction == "egress",
            )  # fmt: skip


def _by_id(rules: list[SecurityGroupRule], ids: list[str]) -> list[SecurityGroupRule]:
    known = {rule.id: rule for rule in rules}
    for rule_id in ids:
        if rule_id not in known:
            # All or nothing: one unknown id revokes none of the others.
            raise ApiError(
                "InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{rule_id}' does not exist"
            )
    return [known[rule_id] for rule_id in dict.fromkeys(ids)]


def _identity(rule: SecurityGroupRule) -> tuple[Any, ...]:
    ports = (None, None) if rule.ip_protocol == "-1" else (rule.from_port, rule.to_port)
    return (
        rule.ip_protocol, *ports, rule.cidr_ipv4, rule.cidr_ipv6, rule.prefix_list_id, rule.source_group.get("GroupId"),
    )  # fmt: skip


def _same(rule: SecurityGroupRule, other: SecurityGroupRule) -> bool:
    return _identity(rule) == _identity(other)


def _revoked(rule: SecurityGroupRule, direction: str) -> dict[str, Any]:
    return {
        "SecurityGroupRuleId": rule.id, "GroupId": rule.group_id, "IsEgress": direction == "egress",
        "IpProtocol": rule.ip_protocol, "FromPort": -1 if rule.from_port is None else rule.from_port,
        "ToPort": -1 if rule.to_port is None else rule.to_port, "CidrIpv4": rule.cidr_ipv4, "CidrIpv6": rule.cidr_ipv6,
        "PrefixListId": rule.prefix_list_id, "ReferencedGroupId": rule.source_group.get("GroupId"), "Description": rule.description,
    }  # fmt: skip


def _permission(rule: SecurityGroupRule) -> dict[str, Any]:
    group = rule.source_group.get("GroupId")
    return {
        "IpProtocol": rule.ip_protocol, "FromPort": rule.from_port, "ToPort": rule.to_port,
        "IpRanges": [{"CidrIp": rule.cidr_ipv4}] if rule.cidr_ipv4 else [],
        "Ipv6Ranges": [{"CidrIpv6": rule.cidr_ipv6}] if rule.cidr_ipv6 else [],
        "PrefixListIds": [{"PrefixListId": rule.prefix_list_id}] if rule.prefix_list_id else [],
        "UserIdGroupPairs": [{"GroupId": group}] if group else [],
    }  # fmt: skip
