"""EC2 where moto differs from AWS: an interface's groups, deleting a group that is used, adding and revoking rules.

What AWS does is from its API reference: ModifyNetworkInterfaceAttribute, ModifyInstanceAttribute, DeleteSecurityGroup,
AuthorizeSecurityGroupIngress and RevokeSecurityGroupIngress (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models import elastic_network_interfaces as moto_interfaces
from moto.ec2.models.instances import Instance
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupRule
from moto.ec2.responses import EC2Response

from stanch.local.aws.api_error import ApiError

GROUPS_PER_INTERFACE = 5
"""AWS's default quota (https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html)."""


class NetworkInterface(moto_interfaces.NetworkInterface):
    """A network interface that has exactly the groups it was given; moto's adds those of its instance.

    The name is moto's too: its serialiser finds the id by the name of the class.
    """

    @property
    def group_set(self) -> list[SecurityGroup]:
        return list({group.id: group for group in self._group_set}.values())


class LocalEc2Backend(EC2Backend):
    """moto's EC2 of one account and region, with exact interface groups and guarded group deletion."""

    def create_network_interface(
        self,
        subnet: Any,
        private_ip_address: str | list[str],
        private_ip_addresses: list[dict[str, Any]] | None = None,
        group_ids: list[str] | None = None,
        description: str | None = None,
        tags: dict[str, str] | None = None,
        delete_on_termination: bool | None = False,
        **kwargs: Any,
    ) -> NetworkInterface:
        interface = NetworkInterface(  # type: ignore[abstract]
            self, subnet, private_ip_address, private_ip_addresses, group_ids=group_ids, description=description,
            tags=tags, delete_on_termination=delete_on_termination, **kwargs,
        )  # fmt: skip
        self.enis[interface.id] = interface
        return interface

    def set_groups(self, interface: moto_interfaces.NetworkInterface, group_ids: list[str]) -> None:
        """Replace the groups of an interface. Raises as AWS does for an unknown, foreign or repeated group and for too many."""
        groups = [self._group(group_id) for group_id in group_ids]
        if len(set(group_ids)) != len(group_ids):
            raise ApiError("InvalidParameterValue", "Duplicate security group ids are not allowed.")
        if any(group.vpc_id != interface.subnet.vpc_id for group in groups):
            raise ApiError(
                "InvalidGroup.NotFound", "You have specified two resources that belong to different networks."
            )
        if len(groups) > GROUPS_PER_INTERFACE:
            raise ApiError(
                "SecurityGroupsPerInterfaceLimitExceeded",
                "The maximum number of security groups per interface has been reached.",
            )
        interface._group_set = groups
        if interface.instance and interface.device_index == 0:
            interface.instance.security_groups = list(groups)

    def modify_network_interface_attribute(
        self,
        eni_id: str,
        group_ids: list[str],
        source_dest_check: bool | None = None,
        description: str | None = None,
    ) -> None:
        interface = self.get_network_interface(eni_id)
        if not group_ids and source_dest_check is None and description is None:
            raise _no_attributes()
        if group_ids:
            self.set_groups(interface, group_ids)
        super().modify_network_interface_attribute(eni_id, [], source_dest_check, description)

    def modify_instance_security_groups(self, instance_id: str, new_group_id_list: list[str]) -> Instance:
        instance = self.get_instance(instance_id)
        if not new_group_id_list:
            raise _no_attributes()
        if len(instance.nics) > 1:
            raise ApiError(
                "InvalidInstanceID",
                f"There are multiple interfaces attached to instance '{instance_id}'. "
                "Please specify an interface ID for the operation instead.",
            )
        self.set_groups(instance.nics[0], new_group_id_list)
        return instance

    def delete_security_group(self, name: str | None = None, group_id: str | None = None) -> None:
        group = self.get_security_group_by_name_or_id(group_id or name or "")
        if group is not None:
            self._refuse_to_delete(group)
        super().delete_security_group(name, group_id)

    def _refuse_to_delete(self, group: SecurityGroup) -> None:
        if group.is_default:
            message = f'the specified group: "{group.id}" name: "{group.name}" cannot be deleted by a user'
            raise ApiError("CannotDelete", message)
        attached = any(group in interface.group_set for interface in self.enis.values())
        referenced = any(
            rule.source_group.get("GroupId") == group.id
            for other in self.describe_security_groups()
            if other.id != group.id
            for rule in (*other.ingress_rules, *other.egress_rules)
        )
        if attached or referenced:
            raise ApiError("DependencyViolation", f"resource {group.id} has a dependent object")

    def _group(self, group_id: str) -> SecurityGroup:
        group = self.get_security_group_from_id(group_id)
        if group is None:
            raise ApiError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
        return group


def _no_attributes() -> ApiError:
    return ApiError("InvalidParameterCombination", "No attributes specified.")


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


def install() -> None:
    """Make every account and region created from now on in this process a `LocalEc2Backend`."""
    if ec2_backends.backend is not LocalEc2Backend:
        ec2_backends.backend = LocalEc2Backend
        ec2_backends.clear()
