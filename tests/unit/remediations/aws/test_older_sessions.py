"""The cutoff policy: what is recognised as one, and what it becomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediations.aws.older_sessions import cutoff, refreshed
from remediations.aws.revoke_sessions import RevokeSessions, principals
from remediations.aws.revoke_user_sessions import RevokeUserSessions
from stanch import clock
from stanch.errors import Refused
from stanch.finding import Resource
from tests.unit.remediations.aws.canned_session import CannedSession

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROLE = Resource("AWS::IAM::Role", "arn:aws:iam::111122223333:role/app", "111122223333")


def deny(when: Any, **changed: Any) -> dict[str, Any]:
    statement = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": when}},
    }
    return {"Version": "2012-10-17", "Statement": [{**statement, **changed}]}


@pytest.mark.parametrize(
    "document",
    [
        deny("2026-03-01T12:00:00Z"),
        deny(["2026-03-01T12:00:00.000Z"], Action=["*"], Resource=["*"]),
        {"Statement": deny("2026-03-01T12:00:00Z")["Statement"][0]},
        deny("x", Condition={"DateLessThan": {"AWS:tokenissuetime": "2026-03-01T12:00:00Z"}}),
    ],
)
def test_every_way_of_writing_the_cutoff_is_understood(document: dict[str, Any]) -> None:
    assert cutoff(document) == NOON


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        deny("2026-03-01T12:00:00Z", Effect="Allow"),
        deny("2026-03-01T12:00:00Z", Action="s3:*"),
        deny("2026-03-01T12:00:00Z", Resource="arn:aws:s3:::one"),
        deny("2026-02-30T12:00:00Z"),
        deny("1772366400"),
        deny("x", Condition={"DateGreaterThan": {"aws:TokenIssueTime": "2026-03-01T12:00:00Z"}}),
        deny("x", Condition={"DateLessThan": {"aws:TokenIssueTime": "2026-03-01T12:00:00Z"}, "Bool": {"aws:SecureTransport": "false"}}),
        deny("x", Condition={"DateLessThan": {"aws:TokenIssueTime": "2026-03-01T12:00:00Z", "aws:CurrentTime": "2026-03-01T12:00:00Z"}}),
    ],
)  # fmt: skip
def test_what_denies_less_than_every_older_session_is_no_cutoff(document: dict[str, Any] | None) -> None:
    assert cutoff(document) is None


def test_foreign_statements_stay_and_one_of_ours_remains() -> None:
    foreign = {"Sid": "Keep", "Effect": "Deny", "Action": "iam:*", "Resource": "*"}
    before = {"Version": "2008-10-17", "Id": "mine", "Statement": [*deny("2026-01-01T00:00:00Z")["Statement"], foreign]}
    after = refreshed(before, NOON)
    assert (after["Version"], after["Id"], after["Statement"][0]) == ("2008-10-17", "mine", foreign)
    assert cutoff(after) == NOON
    assert len(after["Statement"]) == 2


@given(st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)))
def test_the_cutoff_never_falls_before_the_moment_and_less_than_a_second_after(since: datetime) -> None:
    reached = cutoff(refreshed(None, since))
    assert reached is not None
    assert timedelta() <= reached - since < timedelta(seconds=1)


def role_session(document: dict[str, Any] | None) -> CannedSession:
    role = {"Arn": ROLE.id, "AssumeRolePolicyDocument": {"Statement": []}}
    return CannedSession(
        {
            "iam:get_role": {"Role": role},
            "iam:get_role_policy": {"PolicyDocument": document} if document else None,
            "iam:list_instance_profiles_for_role": {"InstanceProfiles": []},
        }
    )


@pytest.mark.parametrize(("standing", "contained"), [("2026-03-01T11:59:59Z", False), ("2026-03-01T12:00:00Z", True)])
def test_a_cutoff_at_the_moment_or_later_is_containment(standing: str, contained: bool) -> None:
    plan = RevokeSessions(role_session(deny(standing)), "a1").plan(ROLE, {"since": "2026-03-01T12:00:00Z"})  # type: ignore[arg-type]
    assert plan.contained is contained
    assert bool(plan.reason) is contained


def test_without_a_moment_it_is_now() -> None:
    with clock.at(NOON):
        plan = RevokeSessions(role_session(None), "a1").plan(ROLE, {"since": None})  # type: ignore[arg-type]
    assert cutoff(plan.changes[0].after) == NOON


def test_a_moment_to_come_is_refused_because_it_would_shut_out_new_sessions() -> None:
    with clock.at(NOON), pytest.raises(Refused, match="future cutoff"):
        RevokeSessions(role_session(None), "a1").plan(ROLE, {"since": "2026-03-01T12:06:00Z"})  # type: ignore[arg-type]


def test_root_is_refused_before_any_call() -> None:
    session = CannedSession({})
    root = Resource("AWS::IAM::User", "arn:aws:iam::111122223333:root", "111122223333")
    with pytest.raises(Refused, match="root"):
        RevokeUserSessions(session, "a1").plan(root, {})  # type: ignore[arg-type]
    assert session.calls == []


def test_who_may_assume_a_role() -> None:
    trust = {
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com", "ssm.amazonaws.com"]}},
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::444455556666:root", "Federated": "accounts.example"},
            },
            {"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::444455556666:user/mallory"}},
        ]
    }
    assert principals(trust) == [
        "aws arn:aws:iam::444455556666:root", "federated accounts.example", "service ec2.amazonaws.com", "service ssm.amazonaws.com",
    ]  # fmt: skip
    assert principals({"Statement": {"Effect": "Allow", "Principal": "*"}}) == ["anyone"]
    assert principals({"Statement": {"Effect": "Allow", "Principal": {"AWS": ["*"]}}}) == ["anyone"]
    assert principals(None) == []
