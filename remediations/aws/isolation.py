"""The changes that isolate an instance, in their order, and the words about them. Pure; no SDK.

Containment comes first: a group without rules in each VPC, then each interface into it. Only then may connections be cut, the way AWS's own runbook AWSSupport-ContainEC2Instance
does (https://docs.aws.amazon.com/systems-manager-automation-runbooks/latest/userguide/automation-awssupport-containec2instance.html): a connection that a
security group tracks outlives the rule that let it in, one that every rule lets through both ways is not tracked and ends with its rule
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html). So each interface passes through a group that is open to all, and back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from remediations.aws import tags
from remediations.aws.containment_group import CLOSED, OPEN
from stanch.remediation import Change

Interface = Mapping[str, Any]

SCALING_GROUP = "aws:autoscaling:groupName"


def closed_name(action_id: str) -> str:
    return f"stanch-{action_id}"


def open_name(action_id: str) -> str:
    return f"stanch-{action_id}-open"


def worn(groups: Iterable[Mapping[str, str]], own: Iterable[str]) -> list[str]:
    """An interface's groups, sorted: our own by name, because their ids are not known when the plan is made; the others by id."""
    names = set(own)
    return sorted(group["GroupName"] if group["GroupName"] in names else group["GroupId"] for group in groups)


def changes(
    instance: Mapping[str, Any], interfaces: Sequence[Interface], action_id: str, cut: bool
) -> tuple[Change, ...]:
    """What isolates these interfaces of the instance, then tags it and keeps its volumes."""
    vpcs = sorted({interface["VpcId"] for interface in interfaces})
    return (
        *(_group(vpc, action_id) for vpc in vpcs),
        *(_contained(interface, action_id) for interface in interfaces),
        *(_cutting(vpcs, interfaces, action_id) if cut else ()),
        *_evidence(instance, action_id),
    )


def _group(vpc: str, action_id: str) -> Change:
    name = closed_name(action_id)
    return Change(f"group:{vpc}", f"security group {name} in {vpc}", None, CLOSED, {"vpc": vpc, "name": name})


def _contained(interface: Interface, action_id: str) -> Change:
    eni, vpc, name = interface["NetworkInterfaceId"], interface["VpcId"], closed_name(action_id)
    return Change(
        f"interface:{eni}",
        f"security groups of network interface {eni}",
        worn(interface["Groups"], ()),
        [name],
        {"interface": eni, "vpc": vpc, "name": name},
        requires=(f"group:{vpc}",),
    )


def _cutting(vpcs: Sequence[str], interfaces: Sequence[Interface], action_id: str) -> list[Change]:
    shut, wide = closed_name(action_id), open_name(action_id)
    steps = [
        Change(
            f"open:{vpc}", f"security group {wide} in {vpc}", None, OPEN, {"vpc": vpc, "name": wide},
            requires=(f"group:{vpc}",), transient=True,
        )
        for vpc in vpcs
    ]  # fmt: skip
    for interface in interfaces:
        eni, vpc = interface["NetworkInterfaceId"], interface["VpcId"]
        target, data = f"security groups of network interface {eni}", {"interface": eni, "vpc": vpc}
        steps += [
            Change(
                f"untrack:{eni}", target, [shut], [wide], {**data, "name": wide},
                requires=(f"interface:{eni}", f"open:{vpc}"), transient=True,
            ),
            # Needs nothing but the group: whatever became of the step before, it must end contained.
            Change(f"cut:{eni}", target, [wide], [shut], {**data, "name": shut}, requires=(f"group:{vpc}",), transient=True),
        ]  # fmt: skip
    return [
        *steps,
        *(
            Change(
                f"drop:{vpc}", f"security group {wide} in {vpc}", OPEN, None, {"vpc": vpc, "name": wide},
                requires=tuple(f"cut:{one['NetworkInterfaceId']}" for one in interfaces if one["VpcId"] == vpc), transient=True,
            )
            for vpc in vpcs
        ),
    ]  # fmt: skip


def _evidence(instance: Mapping[str, Any], action_id: str) -> list[Change]:
    instance_id, kept = instance["InstanceId"], volumes(instance)
    label = Change(
        "tag",
        f"tag {tags.ACTION} of instance {instance_id}",
        tags.as_mapping(instance.get("Tags")).get(tags.ACTION),
        action_id,
        {"instance": instance_id},
        garnish=True,
    )
    snapshots = Change(
        "snapshots", f"snapshots of the volumes of instance {instance_id}", [], kept,
        {"instance": instance_id, "action": action_id}, garnish=True, reversible=False,
    )  # fmt: skip
    return [label, snapshots] if kept else [label]


def volumes(instance: Mapping[str, Any]) -> list[str]:
    """Ids of the attached EBS volumes, sorted."""
    return sorted(device["Ebs"]["VolumeId"] for device in instance.get("BlockDeviceMappings", []) if "Ebs" in device)


def facts(instance: Mapping[str, Any]) -> dict[str, Any]:
    """What an analyst asks of the instance first, kept as it was found."""
    launched = instance.get("LaunchTime")
    return {
        "state": instance["State"]["Name"],
        "image": instance.get("ImageId"),
        "launched": f"{launched:%Y-%m-%dT%H:%M:%SZ}" if launched else None,
        "profile": instance.get("IamInstanceProfile", {}).get("Arn"),
        "private_ip": instance.get("PrivateIpAddress"),
        "public_ip": instance.get("PublicIpAddress"),
        "volumes": volumes(instance),
        "auto_scaling_group": tags.as_mapping(instance.get("Tags")).get(SCALING_GROUP),
    }


def breaks(live: Mapping[str, str], cut: bool) -> tuple[str, ...]:
    """What is likely to break here."""
    group = live.get(SCALING_GROUP)
    return (
        "nothing reaches the instance and it reaches nothing: users, Session Manager and agents lose it",
        *((f"Auto Scaling group {group} may find it unhealthy, terminate it and launch another",) if group else ()),
        *(("while connections are cut, each interface is open to everything for some seconds",) if cut else ()),
        *tags.drift(live),
    )


def not_done(instance: Mapping[str, Any], interfaces: Iterable[Interface], cut: bool) -> tuple[str, ...]:
    """What stays open."""
    trunk = any(interface.get("InterfaceType") == "trunk" for interface in interfaces)
    return (
        "security groups filter neither DNS to the VPC's resolver nor the metadata service",
        *(() if cut else ("tracked connections live on until they end; cut_connections=true ends them",)),
        *(
            ("credentials of its role that were taken already work from anywhere: revoke the role's sessions too",)
            if instance.get("IamInstanceProfile")
            else ()
        ),
        *(("pods on branch interfaces of its trunk keep their own security groups",) if trunk else ()),
        "a load balancer that has it as a target is not changed",
        "memory is not captured; stopping or terminating the instance loses it",
    )
