"""Users whose temporary sessions are out: one never revoked, one whom the console revoked before."""

from __future__ import annotations

import json
from typing import Any

from stanch.finding import Resource
from tests.contract.scenario import Scenario
from tests.contract.scenarios.aws.revoke_sessions import FOREIGN, NAME, PARAMS, SINCE, denies_before, older
from tests.contract.worlds import AwsWorld

ID = "aws.iam.revoke_user_sessions"


def expose(world: AwsWorld) -> Resource:
    iam, user = world.client("iam"), world.unique("user")
    iam.create_user(UserName=user, Path="/staff/", Tags=[{"Key": "team", "Value": "shop"}])
    iam.create_access_key(UserName=user)
    iam.create_login_profile(UserName=user, Password="an-Example-Only-1", PasswordResetRequired=True)
    return Resource("AWS::IAM::User", f"arn:aws:iam::{world.account}:user/{user}", world.account, None, "actor")


def expose_revoked_before(world: AwsWorld) -> Resource:
    resource = expose(world)
    document = {"Version": "2012-10-17", "Statement": older("2025-12-24T00:00:00.123Z")}
    world.client("iam").put_user_policy(UserName=_name(resource), PolicyName=NAME, PolicyDocument=json.dumps(document))
    return resource


def snapshot(world: AwsWorld, resource: Resource) -> Any:
    iam, user = world.client("iam"), _name(resource)
    names = iam.list_user_policies(UserName=user)["PolicyNames"]
    return {name: iam.get_user_policy(UserName=user, PolicyName=name)["PolicyDocument"] for name in names}


def contained(world: AwsWorld, resource: Resource) -> bool:
    return denies_before(snapshot(world, resource).get(NAME), SINCE)


def drift(world: AwsWorld, resource: Resource) -> None:
    document = {"Version": "2012-10-17", "Statement": [FOREIGN]}
    world.client("iam").put_user_policy(UserName=_name(resource), PolicyName=NAME, PolicyDocument=json.dumps(document))


def remove(world: AwsWorld, resource: Resource) -> None:
    iam, user = world.client("iam"), _name(resource)
    for name in iam.list_user_policies(UserName=user)["PolicyNames"]:
        iam.delete_user_policy(UserName=user, PolicyName=name)
    for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    iam.delete_login_profile(UserName=user)
    iam.delete_user(UserName=user)


def _name(resource: Resource) -> str:
    return resource.id.rpartition("/")[2]


SCENARIOS = [
    Scenario("stolen user session", ID, expose, contained, snapshot, drift, remove, PARAMS),
    Scenario("revoked in the console before", ID, expose_revoked_before, contained, snapshot, drift, remove, PARAMS),
]
