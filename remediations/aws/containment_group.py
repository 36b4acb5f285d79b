"""The two security groups that isolating an instance makes: found again by name, so that a crash never makes a second one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from remediations.aws import tags
from stanch.clouds.aws import AwsSession
from stanch.errors import Unreachable
from stanch.remediation import State

EVERYWHERE = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}

CLOSED: State = {"ingress": [], "egress": []}
"""A group that lets nothing in and nothing out."""

OPEN: State = ["-1 0.0.0.0/0", "-1 ::/0"]
"""The ingress of the group that lets everything in."""

_DEFAULT_EGRESS = {"-1 0.0.0.0/0", "-1 ::/0"}
_NOT_YET = ("InvalidGroup.NotFound",)


def made_only(rules: State) -> bool:
    """Whether a group of ours has but the egress that AWS gives every new one: what is left where making it succeeded and closing it did not."""
    return bool(rules and not rules["ingress"] and rules["egress"]) and _DEFAULT_EGRESS.issuperset(rules["egress"])


class ContainmentGroups:
    """Security groups of one action in the VPCs of one account and region.

    Their names hold the action's id, so that a group or rule that is there already, or gone already, is this action's own work: the SDK sends a call again whose answer was lost.
    """

    def __init__(self, session: AwsSession, action_id: str) -> None:
        self._session, self._action_id = session, action_id
        self._known: dict[tuple[str, str], str] = {}

    def find(self, vpc: str, name: str) -> Mapping[str, Any] | None:
        """The group of that name in the VPC; names are unique there
        (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html)."""
        where = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": [name]}]
        found = self._session.call("ec2", "describe_security_groups", Filters=where)["SecurityGroups"]
        return found[0] if found else None

    def id(self, vpc: str, name: str) -> str:
        """Its id. Raises Unreachable while EC2 does not show it yet (EC2 is eventually consistent)."""
        if (vpc, name) not in self._known:
            group = self.find(vpc, name)
            if group is None:
                raise Unreachable(f"security group {name} is not visible in {vpc} yet")
            self._known[vpc, name] = group["GroupId"]
        return self._known[vpc, name]

    def rules(self, vpc: str, name: str) -> State:
        """Its rules, or None while there is no such group."""
        group = self.find(vpc, name)
        return group and {"ingress": _flat(group["IpPermissions"]), "egress": _flat(group["IpPermissionsEgress"])}

    def close(self, vpc: str, name: str) -> None:
        """Make the group if it is not there, and take the egress that AWS gives it."""
        group_id = self._made(vpc, name, f"Lets nothing in or out. Stanch action {self._action_id}")
        group = self._session.call("ec2", "describe_security_groups", missing=_NOT_YET, GroupIds=[group_id])
        if group is None:
            raise Unreachable(f"security group {group_id} is not visible yet")
        egress = group["SecurityGroups"][0]["IpPermissionsEgress"]
        if egress:
            self._session.call(
                "ec2", "revoke_security_group_egress", missing=("InvalidPermission.NotFound",),
                GroupId=group_id, IpPermissions=egress,
            )  # fmt: skip

    def open(self, vpc: str, name: str) -> None:
        """Make a group that lets everything in and out, if it is not there."""
        group_id = self._made(vpc, name, f"For seconds only, cuts connections. Stanch action {self._action_id}")
        self._session.call(
            "ec2", "authorize_security_group_ingress", missing=("InvalidPermission.Duplicate",),
            GroupId=group_id, IpPermissions=[EVERYWHERE],
        )  # fmt: skip

    def delete(self, vpc: str, name: str) -> None:
        group = self.find(vpc, name)
        if group is not None:
            self._session.call("ec2", "delete_security_group", missing=_NOT_YET, GroupId=group["GroupId"])

    def _made(self, vpc: str, name: str, description: str) -> str:
        group = self.find(vpc, name)
        made = group or self._session.call(
            "ec2", "create_security_group", missing=("InvalidGroup.Duplicate",), GroupName=name, Description=description, VpcId=vpc,
            TagSpecifications=[{"ResourceType": "security-group", "Tags": [{"Key": tags.ACTION, "Value": self._action_id}]}],
        )  # fmt: skip
        if made is not None:
            self._known[vpc, name] = made["GroupId"]
        return self.id(vpc, name)


def _flat(permissions: Iterable[Mapping[str, Any]]) -> list[str]:
    """One text a rule, sorted: `tcp 22-22 10.0.0.0/8`."""
    texts = []
    for one in permissions:
        ports = f" {one['FromPort']}-{one['ToPort']}" if "FromPort" in one else ""
        sources = [
            *(source["CidrIp"] for source in one.get("IpRanges", [])),
            *(source["CidrIpv6"] for source in one.get("Ipv6Ranges", [])),
            *(source["PrefixListId"] for source in one.get("PrefixListIds", [])),
            *(source["GroupId"] for source in one.get("UserIdGroupPairs", [])),
        ]
        texts += [f"{one['IpProtocol']}{ports} {source}" for source in sources]
    return sorted(texts)
