"""Isolate an EC2 instance: every network interface gets a security group without rules, evidence is kept, nothing is stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from remediations.aws import isolation, tags
from remediations.aws.containment_group import ContainmentGroups, made_only
from stanch.clouds.aws import AwsSession
from stanch.finding import Resource
from stanch.remediation import Change, Parameter, Permissions, Plan, Remediation, State

_MISSING = ("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed")
_READS = frozenset(
    {"ec2:DescribeInstances", "ec2:DescribeSecurityGroups", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSnapshots"}
)


class IsolateInstance(Remediation[AwsSession]):
    """Moves every interface, in every VPC, into a group of our own that has no rules; groups that neighbours wear are not touched.

    An interface whose groups all have no rules counts as isolated, whoever put it there. After containment, and only then, the instance is tagged and its EBS volumes are
    snapshotted together; these are evidence, so undo keeps them. Undo gives each interface its former groups and deletes ours. With `cut_connections` each interface is
    wide open for some seconds on purpose (`remediations.aws.isolation` says why); without it no step opens anything.
    """

    id = "aws.ec2.isolate_instance"
    title = "Isolate an EC2 instance"
    resource_type = "AWS::EC2::Instance"
    countermeasure = "D3-NI"
    disruption = "The instance is cut off from every network; what it serves goes down."
    parameters = (Parameter("cut_connections", "boolean", "also end connections that are open already", default=False),)
    facts: ClassVar[Mapping[str, str]] = {
        "state": "running, stopped and so on",
        "image": "its AMI",
        "launched": "when it was launched (RFC 3339)",
        "profile": "ARN of its instance profile",
        "private_ip": "its first private address",
        "public_ip": "its public address",
        "volumes": "its EBS volumes",
        "auto_scaling_group": "the Auto Scaling group that owns it",
    }
    permissions = Permissions(
        plan=frozenset({"ec2:DescribeInstances", "ec2:DescribeSecurityGroups"}),
        apply=_READS
        | {
            "ec2:CreateSecurityGroup",
            "ec2:RevokeSecurityGroupEgress",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:DeleteSecurityGroup",
            "ec2:ModifyNetworkInterfaceAttribute",
            "ec2:CreateTags",
            "ec2:CreateSnapshots",
        },
        undo=(_READS - {"ec2:DescribeSnapshots"})
        | {
            "ec2:ModifyNetworkInterfaceAttribute",
            "ec2:DeleteSecurityGroup",
            "ec2:CreateTags",
            "ec2:DeleteTags",
        },
    )

    def __init__(self, session: AwsSession, action_id: str) -> None:
        super().__init__(session, action_id)
        self._groups = ContainmentGroups(session, action_id)

    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        instance = self._instance(resource.id.rpartition("/")[2])
        if instance is None or instance["State"]["Name"] in ("terminated", "shutting-down"):
            return Plan(resource, reason="gone")
        live, cut = tags.as_mapping(instance.get("Tags")), bool(params.get("cut_connections"))
        interfaces = sorted(instance.get("NetworkInterfaces", []), key=lambda one: str(one["NetworkInterfaceId"]))
        empty = self._without_rules({group["GroupId"] for one in interfaces for group in one["Groups"]})
        reachable = [one for one in interfaces if not _isolated(one, empty)]
        return Plan(
            resource,
            changes=isolation.changes(instance, reachable, self.action_id, cut) if reachable else (),
            aliases=(instance["InstanceId"],),
            tags=live,
            facts=isolation.facts(instance),
            breaks=isolation.breaks(live, cut),
            not_done=isolation.not_done(instance, interfaces, cut),
            reason=None if reachable else "no network interface has a security group with a rule",
        )

    def read(self, change: Change) -> State:
        data = change.data
        match change.id.partition(":")[0]:
            case "group":
                return self._groups.rules(data["vpc"], data["name"])
            case "open" | "drop":
                rules = self._groups.rules(data["vpc"], data["name"])
                return rules and rules["ingress"]
            case "tag":
                return tags.as_mapping((self._instance(data["instance"]) or {}).get("Tags")).get(tags.ACTION)
            case "snapshots":
                return self._snapshotted(data["action"])
        return self._worn(data["interface"])

    def apply(self, change: Change) -> Change:
        data = change.data
        match change.id.partition(":")[0]:
            case "group":
                self._groups.close(data["vpc"], data["name"])
            case "open":
                self._groups.open(data["vpc"], data["name"])
            case "drop":
                self._groups.delete(data["vpc"], data["name"])
            case "tag":
                self._tag(data["instance"], change.after)
            case "snapshots":
                self._snapshot(change)
            case _:
                self._wear(data["interface"], [self._groups.id(data["vpc"], data["name"])])
        return change

    def halfway(self, change: Change, live: State) -> bool:
        if change.id.startswith("interface:"):
            return bool(live == [isolation.open_name(self.action_id)])
        if change.id.startswith(("open:", "drop:")):
            return bool(live == [])  # made, and nothing let in yet
        return change.id.startswith("group:") and made_only(live)

    def undo(self, change: Change) -> None:
        data = change.data
        match change.id.partition(":")[0]:
            case "group":
                # The open one first, where EC2 refused to drop it: once the other is gone, nothing tells that it is still there.
                for name in (isolation.open_name(self.action_id), data["name"]):
                    self._groups.delete(data["vpc"], name)
            case "tag":
                self._tag(data["instance"], change.before)
            case "interface":
                self._wear(data["interface"], change.before)

    def _instance(self, instance_id: str) -> Mapping[str, Any] | None:
        answer = self.session.call("ec2", "describe_instances", missing=_MISSING, InstanceIds=[instance_id])
        found = [instance for group in (answer or {}).get("Reservations", []) for instance in group["Instances"]]
        return found[0] if found else None

    def _without_rules(self, group_ids: set[str]) -> set[str]:
        if not group_ids:
            return set()
        groups = self.session.call("ec2", "describe_security_groups", GroupIds=sorted(group_ids))["SecurityGroups"]
        return {group["GroupId"] for group in groups if not group["IpPermissions"] and not group["IpPermissionsEgress"]}

    def _worn(self, interface: str) -> list[str]:
        answer = self.session.call("ec2", "describe_network_interfaces", NetworkInterfaceIds=[interface])
        own = (isolation.closed_name(self.action_id), isolation.open_name(self.action_id))
        return isolation.worn(answer["NetworkInterfaces"][0]["Groups"], own)

    def _wear(self, interface: str, groups: list[str]) -> None:
        self.session.call("ec2", "modify_network_interface_attribute", NetworkInterfaceId=interface, Groups=groups)

    def _tag(self, instance_id: str, value: str | None) -> None:
        if value is None:
            self.session.call("ec2", "delete_tags", Resources=[instance_id], Tags=[{"Key": tags.ACTION}])
        else:
            self.session.call(
                "ec2", "create_tags", Resources=[instance_id], Tags=[{"Key": tags.ACTION, "Value": value}]
            )

    def _snapshotted(self, action_id: str) -> list[str]:
        """The volumes that this action has a snapshot of."""
        ours = [{"Name": f"tag:{tags.ACTION}", "Values": [action_id]}]
        found = self.session.pages("ec2", "describe_snapshots", "Snapshots", OwnerIds=["self"], Filters=ours)
        return sorted({snapshot["VolumeId"] for snapshot in found})

    def _snapshot(self, change: Change) -> None:
        """All volumes at one moment (crash-consistent), once: CreateSnapshots takes no client token, so look first."""
        if self._snapshotted(change.data["action"]) == change.after:
            return
        self.session.call(
            "ec2", "create_snapshots",
            InstanceSpecification={"InstanceId": change.data["instance"]},
            Description=f"Evidence of Stanch action {change.data['action']}",
            TagSpecifications=[
                {"ResourceType": "snapshot", "Tags": [{"Key": tags.ACTION, "Value": change.data["action"]}]}
            ],
        )  # fmt: skip


def _isolated(interface: Mapping[str, Any], empty: set[str]) -> bool:
    groups = [group["GroupId"] for group in interface["Groups"]]
    return bool(groups) and empty.issuperset(groups)
