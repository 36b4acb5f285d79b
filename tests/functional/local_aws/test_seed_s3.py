"""Buckets that a finding names exist afterwards, public as it says; read back by plain SDK calls."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stanch.local.aws.seed import seed
from tests.functional.local_aws.findings import (
    config_finding,
    guardduty_finding,
)
from tests.functional.local_aws.lab import HOME, OTHER, Lab

OFF = {"BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}


def block_of(lab: Lab, bucket: str) -> Any:
    return lab.client("s3", OTHER).get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]


@pytest.mark.parametrize(
    ("rule", "action"),
    [("s3-bucket-public-read-prohibited", "s3:GetObject"), ("s3-bucket-public-write-prohibited", "s3:PutObject"),
     ("s3-bucket-level-public-access-prohibited", "s3:GetObject")],
)  # fmt: skip
def test_a_bucket_is_public_as_its_config_rule_forbids(lab: Lab, rule: str, action: str) -> None:
    finding = config_finding(rule, "AWS::S3::Bucket", "local-aws-public", OTHER)
    seed(lab.url, finding, HOME)
    s3 = lab.client("s3", OTHER)
    statement = json.loads(s3.get_bucket_policy(Bucket="local-aws-public")["Policy"])["Statement"][0]
    assert (statement["Principal"], statement["Action"]) == ("*", [action])
    assert block_of(lab, "local-aws-public") == OFF
    s3.put_public_access_block(Bucket="local-aws-public", PublicAccessBlockConfiguration=dict.fromkeys(OFF, True))
    assert seed(lab.url, finding, HOME) == []
    assert block_of(lab, "local-aws-public") == dict.fromkeys(OFF, True)


def test_a_bucket_is_open_as_guardduty_saw_it(lab: Lab) -> None:
    access = {
        "effectivePermission": "PUBLIC",
        "permissionConfiguration": {"bucketLevelPermissions": {
            "accessControlList": {"allowsPublicReadAccess": True, "allowsPublicWriteAccess": False},
            "bucketPolicy": {"allowsPublicReadAccess": False, "allowsPublicWriteAccess": True},
            "blockPublicAccess": {"blockPublicAcls": True, "ignorePublicAcls": False, "blockPublicPolicy": False, "restrictPublicBuckets": False},
        }},
    }  # fmt: skip
    details = [
        {
            "arn": "arn:aws:s3:::local-aws-granted",
            "name": "local-aws-granted",
            "type": "Destination",
            "publicAccess": access,
        }
    ]
    seed(
        lab.url,
        guardduty_finding(
            "Policy:S3/BucketPublicAccessGranted", {"resourceType": "S3Bucket", "s3BucketDetails": details}, OTHER
        ),
        HOME,
    )
    s3 = lab.client("s3", OTHER)
    assert block_of(lab, "local-aws-granted") == {**OFF, "BlockPublicAcls": True}
    assert json.loads(s3.get_bucket_policy(Bucket="local-aws-granted")["Policy"])["Statement"][0]["Action"] == [
        "s3:PutObject"
    ]
    grants = [
        (grant["Grantee"].get("URI"), grant["Permission"])
        for grant in s3.get_bucket_acl(Bucket="local-aws-granted")["Grants"]
    ]
    assert ("http://acs.amazonaws.com/groups/global/AllUsers", "READ") in grants


def test_a_bucket_that_was_only_read_from_is_not_made_public(lab: Lab) -> None:
    details = [{"arn": "arn:aws:s3:::local-aws-read", "name": "local-aws-read"}]
    seed(
        lab.url,
        guardduty_finding(
            "Discovery:S3/AnomalousBehavior", {"resourceType": "S3Bucket", "s3BucketDetails": details}, OTHER
        ),
        HOME,
    )
    with pytest.raises(ClientError) as missing:
        lab.client("s3", OTHER).get_bucket_policy(Bucket="local-aws-read")
    assert missing.value.response["Error"]["Code"] == "NoSuchBucketPolicy"


def test_an_accounts_own_block_is_never_taken_away(lab: Lab) -> None:
    finding = config_finding("s3-account-level-public-access-blocks-periodic", "AWS::::Account", OTHER, OTHER)
    seed(lab.url, finding, HOME)
    control = lab.client("s3control", OTHER)
    with pytest.raises(ClientError) as missing:
        control.get_public_access_block(AccountId=OTHER)
    assert missing.value.response["Error"]["Code"] == "NoSuchPublicAccessBlockConfiguration"
    control.put_public_access_block(AccountId=OTHER, PublicAccessBlockConfiguration=dict.fromkeys(OFF, True))
    assert seed(lab.url, finding, HOME) == []
    assert control.get_public_access_block(AccountId=OTHER)["PublicAccessBlockConfiguration"] == dict.fromkeys(
        OFF, True
    )
