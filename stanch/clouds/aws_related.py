"""What stands behind a resource that a finding names: an instance's role and groups, a key's user."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stanch.finding import Resource

if TYPE_CHECKING:
    from stanch.clouds.aws import AwsCloud

PERMISSIONS = frozenset({"ec2:DescribeInstances", "iam:GetInstanceProfile", "iam:GetAccessKeyLastUsed"})
"""What resolving needs, beside what the remediations declare."""


def related(cloud: AwsCloud, resource: Resource, wanted: str) -> list[Resource]:
    """Resources of type `wanted` related to `resource`; empty when the resource is gone or has none."""
    if wanted == "AWS::::Account":
        return [Resource(wanted, resource.account, resource.account, resource.region, "affected")]
    step = _STEPS.get((resource.type, wanted))
    return step(cloud, resource) if step else []


def _session(cloud: AwsCloud, resource: Resource) -> Any:
    return cloud.session(resource, "read", "", PERMISSIONS)


def _instance(cloud: AwsCloud, resource: Resource) -> dict[str, Any]:
    answer = _session(cloud, resource).call(
        "ec2", "describe_instances", missing=("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"),
        InstanceIds=[resource.id.rpartition("/")[2]],
    )  # fmt: skip
    found = [instance for group in (answer or {}).get("Reservations", []) for instance in group["Instances"]]
    return found[0] if found else {}


def _instance_roles(cloud: AwsCloud, resource: Resource) -> list[Resource]:
    profile = _instance(cloud, resource).get("IamInstanceProfile")
    if not profile:
        return []
    name = profile["Arn"].rpartition("/")[2]
    answer = _session(cloud, resource).call(
        "iam", "get_instance_profile", missing=("NoSuchEntity",), InstanceProfileName=name
    )
    roles = answer["InstanceProfile"]["Roles"] if answer else []
    return [
        Resource(
            "AWS::IAM::Role",
            _without_path(role["Arn"], role["RoleName"]),
            resource.account,
            None,
            resource.role,
            {"user_name": role["RoleName"]},
        )
        for role in roles
    ]


def _without_path(arn: str, name: str) -> str:
    # Findings know a role by its name alone; the same role must have the same key whichever way it was found.
    return f"{arn.partition(':role/')[0]}:role/{name}"


def _instance_groups(cloud: AwsCloud, resource: Resource) -> list[Resource]:
    instance = _instance(cloud, resource)
    ids = {group["GroupId"] for interface in instance.get("NetworkInterfaces", []) for group in interface["Groups"]}
    prefix = resource.id.rpartition(":")[0]
    return [
        Resource(
            "AWS::EC2::SecurityGroup",
            f"{prefix}:security-group/{group}",
            resource.account,
            resource.region,
            resource.role,
        )
        for group in sorted(ids)
    ]


def _key_user(cloud: AwsCloud, resource: Resource) -> list[Resource]:
    name = resource.details.get("user_name")
    if not name:
        answer = _session(cloud, resource).call(
            "iam", "get_access_key_last_used", missing=("NoSuchEntity", "AccessDenied"), AccessKeyId=resource.id
        )
        name = (answer or {}).get("UserName")
    return (
        [
            Resource(
                "AWS::IAM::User", f"arn:aws:iam::{resource.account}:user/{name}", resource.account, None, resource.role
            )
        ]
        if name
        else []
    )


_STEPS: dict[tuple[str, str], Callable[[AwsCloud, Resource], list[Resource]]] = {
    ("AWS::EC2::Instance", "AWS::IAM::Role"): _instance_roles,
    ("AWS::EC2::Instance", "AWS::EC2::SecurityGroup"): _instance_groups,
    ("AWS::IAM::AccessKey", "AWS::IAM::User"): _key_user,
}
