"""Accounts whose buckets may be public: without any flags, and with half of them."""

from __future__ import annotations

from typing import Any

from stanch.finding import Resource
from tests.contract.scenario import Scenario
from tests.contract.scenarios.aws.block_public_access import ALL_ON, HALF, NONE
from tests.contract.scenarios.aws.block_public_access import expose as expose_bucket
from tests.contract.worlds import AwsWorld

ID = "aws.s3.block_account_public_access"


def expose(world: AwsWorld) -> Resource:
    expose_bucket(world)
    return Resource("AWS::::Account", world.account, world.account, world.region, "target")


def expose_half(world: AwsWorld) -> Resource:
    resource = expose(world)
    world.client("s3control").put_public_access_block(AccountId=world.account, PublicAccessBlockConfiguration=HALF)
    return resource


def snapshot(world: AwsWorld, resource: Resource) -> Any:
    s3control = world.client("s3control")
    try:
        return s3control.get_public_access_block(AccountId=world.account)["PublicAccessBlockConfiguration"]
    except s3control.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != NONE:
            raise
        return None


def contained(world: AwsWorld, resource: Resource) -> bool:
    return bool(snapshot(world, resource) == ALL_ON)


def drift(world: AwsWorld, resource: Resource) -> None:
    world.client("s3control").put_public_access_block(
        AccountId=world.account, PublicAccessBlockConfiguration={**HALF, "BlockPublicAcls": False}
    )


SCENARIOS = [
    Scenario("no flags", ID, expose, contained, snapshot, drift, remove=None),
    Scenario("half of the flags", ID, expose_half, contained, snapshot, drift, remove=None),
]
