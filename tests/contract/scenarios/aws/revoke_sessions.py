"""Roles whose sessions are out: one never revoked, one with an older cutoff beside somebody else's statement."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from stanch.finding import Resource
from tests.contract.scenario import Scenario
from tests.contract.worlds import AwsWorld

ID = "aws.iam.revoke_sessions"
SINCE = "2026-02-03T04:05:06.700Z"
NAME = "AWSRevokeOlderSessions"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"}, "Action": "sts:AssumeRole"},
    ],
}
FOREIGN = {"Sid": "NoBilling", "Effect": "Deny", "Action": "aws-portal:*", "Resource": "*"}


def older(cutoff: str) -> dict[str, Any]:
    return {
        "Effect": "Deny",
        "Action": ["*"],
        "Resource": ["*"],
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": cutoff}},
    }


def expose(world: AwsWorld) -> Resource:
    iam, role = world.client("iam"), world.unique("app-role")
    iam.create_role(
        RoleName=role,
        Path="/apps/",
        AssumeRolePolicyDocument=json.dumps(TRUST),
        Tags=[{"Key": "team", "Value": "shop"}],
    )
    iam.create_instance_profile(InstanceProfileName=role)
    iam.add_role_to_instance_profile(InstanceProfileName=role, RoleName=role)
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
    iam.put_role_policy(RoleName=role, PolicyName="read", PolicyDocument=json.dumps(allow))
    return Resource("AWS::IAM::Role", f"arn:aws:iam::{world.account}:role/{role}", world.account, None, "actor")


def expose_revoked_before(world: AwsWorld) -> Resource:
    resource = expose(world)
    document = {"Version": "2012-10-17", "Statement": [FOREIGN, older("2025-12-24T00:00:00Z")]}
    world.client("iam").put_role_policy(RoleName=_name(resource), PolicyName=NAME, PolicyDocument=json.dumps(document))
    return resource


def snapshot(world: AwsWorld, resource: Resource) -> Any:
    iam, role = world.client("iam"), _name(resource)
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}


def contained(world: AwsWorld, resource: Resource) -> bool:
    policies = snapshot(world, resource)
    return "read" in policies and denies_before(policies.get(NAME), SINCE)


def contained_beside_foreign(world: AwsWorld, resource: Resource) -> bool:
    return contained(world, resource) and FOREIGN in snapshot(world, resource)[NAME]["Statement"]


def denies_before(document: dict[str, Any] | None, moment: str) -> bool:
    """Whether the document denies everything to sessions issued before `moment`."""
    statements = (document or {}).get("Statement", [])
    for statement in [statements] if isinstance(statements, dict) else statements:
        when = statement.get("Condition", {}).get("DateLessThan", {}).get("aws:TokenIssueTime")
        everything = statement["Action"] in ("*", ["*"]) and statement["Resource"] in ("*", ["*"])
        if statement["Effect"] == "Deny" and everything and when:
            return datetime.fromisoformat(when) >= datetime.fromisoformat(moment)
    return False


def drift(world: AwsWorld, resource: Resource) -> None:
    document = {"Version": "2012-10-17", "Statement": [FOREIGN]}
    world.client("iam").put_role_policy(RoleName=_name(resource), PolicyName=NAME, PolicyDocument=json.dumps(document))


def remove(world: AwsWorld, resource: Resource) -> None:
    iam, role = world.client("iam"), _name(resource)
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    iam.remove_role_from_instance_profile(InstanceProfileName=role, RoleName=role)
    iam.delete_role(RoleName=role)


def _name(resource: Resource) -> str:
    return resource.id.rpartition("/")[2]


PARAMS = {"since": SINCE}
SCENARIOS = [
    Scenario("stolen role session", ID, expose, contained, snapshot, drift, remove, PARAMS),
    Scenario(
        "older cutoff beside another statement",
        ID,
        expose_revoked_before,
        contained_beside_foreign,
        snapshot,
        drift,
        remove,
        PARAMS,
    ),
]
