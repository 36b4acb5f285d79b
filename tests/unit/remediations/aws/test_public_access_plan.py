"""Plans of both public-access remediations: flags of two layers, regions, and how much of an account is looked at."""

from __future__ import annotations

from typing import Any

import pytest

from remediations.aws.block_account_public_access import LOOKED_AT, BlockAccountPublicAccess
from remediations.aws.block_public_access import BlockPublicAccess
from remediations.aws.public_access import ALL_ON, FLAGS
from stanch.finding import Resource
from tests.unit.remediations.aws.canned_session import CannedSession

ACCOUNT = "111122223333"
BUCKET = Resource("AWS::S3::Bucket", "arn:aws:s3:::assets", ACCOUNT, "eu-west-1")
WHOLE = Resource("AWS::::Account", ACCOUNT, ACCOUNT)


def on(*names: str) -> dict[str, Any]:
    return {"PublicAccessBlockConfiguration": {flag: flag in names for flag in FLAGS}}


def bucket_session(own: Any, account: Any, **more: Any) -> CannedSession:
    grants = [{"Grantee": {"Type": "CanonicalUser", "ID": "owner"}, "Permission": "FULL_CONTROL"}]
    answers = {
        "s3:get_bucket_location": {"LocationConstraint": None},
        "s3:get_public_access_block": own,
        "s3control:get_public_access_block": account,
        "s3:get_bucket_tagging": None,
        "s3:get_bucket_website": None,
        "s3:get_bucket_policy_status": None,
        "s3:get_bucket_acl": {"Grants": grants},
    }
    return CannedSession({**answers, **more})


@pytest.mark.parametrize(
    ("own", "account", "contained"),
    [
        (None, None, False),
        (on(), on(), False),
        (on(*FLAGS), None, True),
        (None, on(*FLAGS), True),
        (on(*FLAGS[:2]), on(*FLAGS[2:]), True),
        (on(*FLAGS[:2]), on(*FLAGS[:3]), False),
    ],
)
def test_the_stricter_of_bucket_and_account_holds_for_each_flag(own: Any, account: Any, contained: bool) -> None:
    plan = BlockPublicAccess(bucket_session(own, account), "a1").plan(BUCKET, {})  # type: ignore[arg-type]
    assert plan.contained is contained
    assert bool(plan.reason) is contained
    if not contained:
        assert plan.changes[0].before == (own or {}).get("PublicAccessBlockConfiguration")
        assert plan.changes[0].after == ALL_ON


@pytest.mark.parametrize(
    ("constraint", "region"), [(None, "us-east-1"), ("EU", "eu-west-1"), ("ap-south-1", "ap-south-1")]
)
def test_a_bucket_is_asked_in_its_own_region_and_of_its_own_account(constraint: str | None, region: str) -> None:
    session = bucket_session(None, None, **{"s3:get_bucket_location": {"LocationConstraint": constraint}})
    plan = BlockPublicAccess(session, "a1").plan(BUCKET, {})  # type: ignore[arg-type]
    assert plan.changes[0].data["region"] == region
    assert {used for name, used, _ in session.calls if name != "s3:get_bucket_location"} == {region}
    assert all(asked["ExpectedBucketOwner"] == ACCOUNT for name, _, asked in session.calls if name.startswith("s3:"))


def test_a_website_asks_for_a_person() -> None:
    session = bucket_session(None, None, **{"s3:get_bucket_website": {"IndexDocument": {"Suffix": "index.html"}}})
    plan = BlockPublicAccess(session, "a1").plan(BUCKET, {})  # type: ignore[arg-type]
    assert plan.facts["website"] is True
    assert "website" in plan.facts["approve"]
    assert "the bucket's static website goes dark" in plan.breaks


def test_a_public_acl_is_seen() -> None:
    everyone = {
        "Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"},
        "Permission": "READ",
    }
    session = bucket_session(None, None, **{"s3:get_bucket_acl": {"Grants": [everyone]}})
    plan = BlockPublicAccess(session, "a1").plan(BUCKET, {})  # type: ignore[arg-type]
    assert plan.facts["public_acl"] is True
    assert "approve" not in plan.facts


def account_session(buckets: int, public: set[str]) -> CannedSession:
    return CannedSession(
        {
            "s3control:get_public_access_block": None,
            "s3:list_buckets": {
                "Buckets": [{"Name": f"b{one}", "BucketRegion": "eu-north-1"} for one in range(buckets)]
            },
            "s3:get_bucket_policy_status": lambda asked: (
                {"PolicyStatus": {"IsPublic": True}} if asked["Bucket"] in public else None
            ),
        }
    )


def test_the_account_plan_names_public_buckets_and_asks_for_a_person() -> None:
    plan = BlockAccountPublicAccess(account_session(3, {"b1"}), "a1").plan(WHOLE, {})  # type: ignore[arg-type]
    assert plan.breaks == ("public by policy today: b1",)
    assert plan.facts == {"public_buckets": 1, "approve": "1 bucket has a public policy, perhaps on purpose"}
    assert plan.changes[0].before is None


def test_the_account_plan_looks_at_so_many_buckets_and_says_so() -> None:
    session = account_session(LOOKED_AT + 7, set())
    plan = BlockAccountPublicAccess(session, "a1").plan(WHOLE, {})  # type: ignore[arg-type]
    assert len(session.asked("s3:get_bucket_policy_status")) == LOOKED_AT
    assert f"7 of {LOOKED_AT + 7} buckets were not looked at" in plan.breaks
    assert plan.facts == {"public_buckets": 0}


def test_an_account_that_is_closed_is_not_listed() -> None:
    session = CannedSession({"s3control:get_public_access_block": on(*FLAGS)})
    plan = BlockAccountPublicAccess(session, "a1").plan(WHOLE, {})  # type: ignore[arg-type]
    assert plan.contained
    assert plan.reason
    assert len(session.calls) == 1
