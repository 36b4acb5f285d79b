"""Whose a key is: the finding's user name is a hint, and what it does not hold good for is asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from remediations.aws.deactivate_access_key import DeactivateAccessKey
from stanch.finding import Resource
from stanch.remediation import Plan

KEY, OTHER = "AKIALEAKED", "AKIAOTHER"
KEYS = {"alice": {KEY: "Active", OTHER: "Active"}, "bob": {"AKIABOB": "Active"}}


class Iam:
    """The IAM of two users, which remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def call(self, service: str, operation: str, *, missing: Iterable[str] = (), **params: Any) -> Any:
        self.asked.append(operation)
        if operation == "get_access_key_last_used":
            owner = next((user for user, keys in KEYS.items() if params["AccessKeyId"] in keys), None)
            return {"UserName": owner, "AccessKeyLastUsed": {"ServiceName": "N/A"}} if owner else None
        user = params["UserName"]
        return {"User": {"Arn": f"arn:aws:iam::111122223333:user/{user}"}} if user in KEYS else None

    def pages(self, service: str, operation: str, result: str, *, missing: Iterable[str] = (), **params: Any) -> Any:
        self.asked.append(operation)
        keys = KEYS.get(params["UserName"], {})
        return [{"AccessKeyId": key, "Status": status} for key, status in keys.items()]


def planned(hint: str | None, key: str = KEY, explains: bool = False) -> tuple[Plan, list[str]]:
    """The plan, and what was asked for it."""
    iam = Iam()
    reader = DeactivateAccessKey(iam, "0123456789ab-1")  # type: ignore[arg-type]  # answers as the session does
    reader.explains = explains
    details = {"user_name": hint} if hint else {}
    plan = reader.plan(Resource("AWS::IAM::AccessKey", key, "111122223333", None, "actor", details), {})
    return plan, sorted(iam.asked)


def test_the_owners_name_suffices_where_nobody_reads_the_plan() -> None:
    plan, asked = planned("alice")
    assert asked == ["get_user", "list_access_keys"]
    assert (plan.breaks, [change.data for change in plan.changes]) == ((), [{"user": "alice", "key": KEY}])


def test_whoever_reads_the_plan_is_told_when_the_key_was_last_used() -> None:
    silent, _ = planned("alice")
    told, asked = planned("alice", explains=True)
    assert "get_access_key_last_used" in asked
    assert told.breaks == ("AWS has no record that the key was ever used",)
    assert told.digest() == silent.digest()
    assert (told.aliases, told.tags, told.not_done) == (silent.aliases, silent.tags, silent.not_done)


@pytest.mark.parametrize("hint", ["bob", "nobody", "", None])
@pytest.mark.parametrize("explains", [False, True])
def test_another_users_name_or_none_is_no_matter(hint: str | None, explains: bool) -> None:
    plan, _ = planned(hint, explains=explains)
    right, _ = planned("alice", explains=explains)
    assert plan.changes == right.changes
    assert (plan.aliases, plan.not_done) == (right.aliases, right.not_done)


@pytest.mark.parametrize("hint", ["alice", "bob", None])
@pytest.mark.parametrize("explains", [False, True])
def test_a_key_that_nobody_has_is_gone(hint: str | None, explains: bool) -> None:
    plan, _ = planned(hint, "AKIADELETED", explains)
    assert (plan.changes, plan.reason) == ((), "gone")
