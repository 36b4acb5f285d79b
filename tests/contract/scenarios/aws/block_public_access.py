"""Public buckets: without any flags, half closed with a website, and in another region than the finding's."""

from __future__ import annotations

import json
from typing import Any

from stanch.finding import Resource
from tests.contract.scenario import Scenario
from tests.contract.worlds import AwsWorld

ID = "aws.s3.block_public_access"
ALL_ON = {"BlockPublicAcls": True, "BlockPublicPolicy": True, "IgnorePublicAcls": True, "RestrictPublicBuckets": True}
HALF = {"BlockPublicAcls": True, "BlockPublicPolicy": False, "IgnorePublicAcls": True, "RestrictPublicBuckets": False}
NONE = "NoSuchPublicAccessBlockConfiguration"


def expose(world: AwsWorld, believed: str | None = None) -> Resource:
    """A bucket with a public policy and no flags; `believed` is the region that the finding says."""
    # The account's flags bind every bucket, so the situation is one only without them.
    world.client("s3control").delete_public_access_block(AccountId=world.account)
    s3, bucket = world.client("s3"), world.unique("assets")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": world.region})
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [everyone]}))
    return Resource("AWS::S3::Bucket", f"arn:aws:s3:::{bucket}", world.account, believed or world.region, "target")


def expose_elsewhere(world: AwsWorld) -> Resource:
    return expose(world, believed="us-east-1")


def expose_website(world: AwsWorld) -> Resource:
    resource = expose(world)
    s3, bucket = world.client("s3"), _bucket(resource)
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "aws-like", "Value": "no"}]})
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=HALF)
    return resource


def flags(world: AwsWorld, resource: Resource) -> Any:
    s3 = world.client("s3")
    try:
        return s3.get_public_access_block(Bucket=_bucket(resource))["PublicAccessBlockConfiguration"]
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != NONE:
            raise
        return None


def snapshot(world: AwsWorld, resource: Resource) -> Any:
    s3, bucket = world.client("s3"), _bucket(resource)
    return {
        "flags": flags(world, resource),
        "policy": s3.get_bucket_policy(Bucket=bucket)["Policy"],
        "acl": s3.get_bucket_acl(Bucket=bucket)["Grants"],
    }


def contained(world: AwsWorld, resource: Resource) -> bool:
    return bool(flags(world, resource) == ALL_ON)


def drift(world: AwsWorld, resource: Resource) -> None:
    opened = {**ALL_ON, "RestrictPublicBuckets": False, "IgnorePublicAcls": False}
    world.client("s3").put_public_access_block(Bucket=_bucket(resource), PublicAccessBlockConfiguration=opened)


def remove(world: AwsWorld, resource: Resource) -> None:
    world.client("s3").delete_bucket(Bucket=_bucket(resource))


def _bucket(resource: Resource) -> str:
    return resource.id.rpartition(":")[2]


SCENARIOS = [
    Scenario("public policy, no flags", ID, expose, contained, snapshot, drift, remove),
    Scenario("website with half of the flags", ID, expose_website, contained, snapshot, drift, remove),
    Scenario("bucket in another region", ID, expose_elsewhere, contained, snapshot, drift, remove),
]
