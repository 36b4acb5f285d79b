"""Users, keys and roles that a finding names exist afterwards; read back by plain SDK calls."""

from __future__ import annotations

import time

from stanch.local.aws.seed import seed
from tests.functional.local_aws.findings import (
    KEY,
    TOR,
    access_key,
    config_finding,
    guardduty_finding,
)
from tests.functional.local_aws.lab import HOME, OTHER, Lab


def test_a_users_key_has_the_very_id_and_is_active(lab: Lab) -> None:
    said = seed(lab.url, guardduty_finding(TOR, access_key(KEY, "alice"), OTHER), HOME)
    iam = lab.client("iam", OTHER)
    keys = iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]
    assert [(key["AccessKeyId"], key["Status"]) for key in keys] == [(KEY, "Active")]
    assert iam.get_access_key_last_used(AccessKeyId=KEY)["UserName"] == "alice"
    user = iam.get_user(UserName="alice")["User"]
    assert (user["Arn"], user["UserId"]) == (f"arn:aws:iam::{OTHER}:user/alice", "AIDACKCEVSQ6C2EXAMPLE")
    assert lab.client("iam").list_users()["Users"] == []
    assert f"alice in {OTHER} has the access key {KEY}, Active." in said


def test_seeding_again_leaves_a_contained_key_contained(lab: Lab) -> None:
    finding = guardduty_finding(TOR, access_key(KEY, "alice"), OTHER)
    seed(lab.url, finding, HOME)
    iam = lab.client("iam", OTHER)
    iam.update_access_key(UserName="alice", AccessKeyId=KEY, Status="Inactive")
    assert seed(lab.url, finding, HOME) == []
    assert iam.list_access_keys(UserName="alice")["AccessKeyMetadata"][0]["Status"] == "Inactive"


def test_a_role_trusts_its_own_account(lab: Lab) -> None:
    role = access_key("ASIAI44QH8DHBEXAMPLE", "deploy", "AssumedRole", "AROACKCEVSQ6C2EXAMPLE:session")
    seed(lab.url, guardduty_finding(TOR, role, OTHER), HOME)
    found = lab.client("iam", OTHER).get_role(RoleName="deploy")["Role"]
    assert found["RoleId"] == "AROACKCEVSQ6C2EXAMPLE"
    assert found["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{OTHER}:root"}
    assert lab.client("iam", OTHER).list_users()["Users"] == []


def test_a_single_sign_on_role_has_its_path(lab: Lab) -> None:
    name = "AWSReservedSSO_Admin_0123456789abcdef"
    seed(
        lab.url,
        guardduty_finding(
            TOR, access_key("ASIAI44QH8DHBEXAMPLE", name, "AssumedRole", "AROACKCEVSQ6C2EXAMPLE:s"), OTHER
        ),
        HOME,
    )
    assert lab.client("iam", OTHER).get_role(RoleName=name)["Role"]["Path"] == "/aws-reserved/sso.amazonaws.com/"


def test_root_keys_cannot_be_made_and_that_is_said(lab: Lab) -> None:
    said = seed(lab.url, guardduty_finding(TOR, access_key(KEY, "Root", "Root", OTHER), OTHER), HOME)
    assert any("keys of root users" in sentence for sentence in said)
    assert lab.client("iam", OTHER).list_users()["Users"] == []


def test_a_rule_about_old_keys_gets_an_old_key(lab: Lab) -> None:
    seed(lab.url, config_finding("access-keys-rotated", "AWS::IAM::User", "AIDACKCEVSQ6C2EXAMPLE", OTHER), HOME)
    iam = lab.client("iam", OTHER)
    user = iam.list_users()["Users"][0]
    assert user["UserId"] == "AIDACKCEVSQ6C2EXAMPLE"
    key = iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"][0]
    assert key["Status"] == "Active"
    assert (time.time() - key["CreateDate"].timestamp()) / 86400 > 119
