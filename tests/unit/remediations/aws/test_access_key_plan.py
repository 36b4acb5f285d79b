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

    def __init__(self, cut: bool = False) -> None:
        self.asked: list[str] = []
        self._cut = cut

    def call(self, service: str, operation: str, *, missing: Iterable[str] = (), **params: Any) -> Any:
        self.asked.append(operation)
        if operation == "get_access_key_last_used":
            owner = next((user for user, keys in KEYS.items() if params["AccessKeyId"] in keys), None)
            return {"UserName": owner, "AccessKeyLastUsed": {"ServiceName": "N/A"}} if owner else None
        user = params["UserName"]
        if operation == "list_access_keys":
            keys = [{"AccessKeyId": key, "Status": status} for key, status in KEYS.get(user, {}).items()]
            return {"AccessKeyMetadata": [], "IsTruncated": True} if self._cut else {"AccessKeyMetadata": keys}
        return {"User": {"Arn": f"arn:aws:iam::111122223333:user/{user}"}} if user in KEYS else None

    def pages(self, service: str, operation: str, result: str, *, missing: Iterable[str] = (), **params: Any) -> Any:
        assert (operation, result) == ("list_access_keys", "AccessKeyMetadata")
        return Iam().call(service, operation, missing=missing, **params)[result]


def planned(hint: str | None, key: str = KEY, cut: bool = False) -> tuple[Plan, list[str]]:
    """The plan, and what was asked for it."""
    iam = Iam(cut)
    reader = DeactivateAccessKey(iam, "0123456789ab-1")  # type: ignore[arg-type]  # answers as the session does
    details = {"user_name": hint} if hint else {}
    plan = reader.plan(Resource("AWS::IAM::AccessKey", key, "111122223333", None, "actor", details), {})
    return plan, sorted(iam.asked)


def test_the_owners_name_is_enough_to_ask_everything_at_once() -> None:
    plan, asked = planned("alice")
    assert asked == ["get_access_key_last_used", "get_user", "list_access_keys"]
    assert plan.breaks == ("AWS has no record that the key was ever used",)
    assert [change.data for change in plan.changes] == [{"user": "alice", "key": KEY}]


def test_a_key_that_iam_puts_on_a_second_page_is_found() -> None:
    assert planned("alice", cut=True)[0] == planned("alice")[0]


@pytest.mark.parametrize("hint", ["bob", "nobody", "", None])
def test_another_users_name_or_none_is_no_matter(hint: str | None) -> None:
    plan, _ = planned(hint)
    right, _ = planned("alice")
    assert plan.changes == right.changes
    assert (plan.aliases, plan.breaks, plan.not_done) == (right.aliases, right.breaks, right.not_done)


@pytest.mark.parametrize("hint", ["alice", "bob", None])
def test_a_key_that_nobody_has_is_gone(hint: str | None) -> None:
    plan, _ = planned(hint, "AKIADELETED")
    assert (plan.changes, plan.reason) == ((), "gone")
