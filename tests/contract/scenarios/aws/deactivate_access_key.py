"""A user with two active keys, one of which leaked."""

from __future__ import annotations

from typing import Any

from stanch.finding import Resource
from tests.contract.scenario import Scenario
from tests.contract.worlds import AwsWorld


def expose(world: AwsWorld) -> Resource:
    iam, user = world.client("iam"), world.unique("user")
    iam.create_user(UserName=user, Tags=[{"Key": "team", "Value": "payments"}])
    iam.create_access_key(UserName=user)
    leaked = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    return Resource("AWS::IAM::AccessKey", leaked, world.account, None, "actor", {"user_name": user})


def snapshot(world: AwsWorld, resource: Resource) -> Any:
    keys = world.client("iam").list_access_keys(UserName=resource.details["user_name"])["AccessKeyMetadata"]
    return {key["AccessKeyId"]: key["Status"] for key in keys}


def contained(world: AwsWorld, resource: Resource) -> bool:
    states = snapshot(world, resource)
    return states.pop(resource.id) == "Inactive" and set(states.values()) == {"Active"}


def remove(world: AwsWorld, resource: Resource) -> None:
    world.client("iam").delete_access_key(UserName=resource.details["user_name"], AccessKeyId=resource.id)


SCENARIOS = [
    Scenario("leaked key", "aws.iam.deactivate_access_key", expose, contained, snapshot, drift=remove, remove=remove)
]
