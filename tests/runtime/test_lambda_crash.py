"""A function that dies in the middle: the next delivery goes on where it stopped, and there is one effect and one report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stanch.action import Outcome
from stanch.sources import guardduty
from tests.runtime import events
from tests.runtime.aws_stack import ACCOUNT, Stack
from tests.runtime.faults import Fault
from tests.runtime.rie import FunctionError

WRITE = "Action=UpdateAccessKey"
ACTED = [("acted", "aws.iam.deactivate_access_key"), ("acted", "aws.iam.revoke_user_sessions")]


def planted(stack: Stack) -> dict[str, Any]:
    """A finding, and a function that has served before: what is to be interrupted is its work, not its start."""
    stack.function("GuardDutyFunction").invoke({})
    event = events.leaked_key()
    stack.plant(event, guardduty.parse)
    stack.quiet()
    return event


def status(stack: Stack, event: dict[str, Any]) -> str:
    listed = stack.client("iam", ACCOUNT).list_access_keys(UserName=events.key_of(event)[0])["AccessKeyMetadata"]
    return str(listed[0]["Status"])


def go_on(stack: Stack, event: dict[str, Any]) -> list[dict[str, Any]]:
    """Deliver again: at once, which is too early, and after the lease of the dead invocation."""
    function = stack.function("GuardDutyFunction")
    with pytest.raises(FunctionError, match="in progress"):
        function.invoke(event)
    stack.lapse()
    rows: list[dict[str, Any]] = function.invoke(event)["actions"]
    return rows


def closed(stack: Stack, rows: list[dict[str, Any]]) -> None:
    """Journal, reports and what comes after are as if nothing had happened."""
    assert stack.items("lock#") == []
    for row in rows:
        record = stack.journal.get(row["action_id"])
        assert record is not None
        assert (record.outcome, record.closed_at is not None) == (Outcome.ACTED, True)
    assert stack.told() == ACTED


def test_out_of_time_after_the_write(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack(timeout=5)
    event = planted(stack)
    stack.proxy.arrange(Fault(WRITE, stack.proxy.hang, forward=True))
    with pytest.raises(FunctionError) as raised:
        stack.function("GuardDutyFunction").invoke(event)
    assert (raised.value.kind, "timed out after 5.00 seconds" in str(raised.value)) == ("Sandbox.Timedout", True)
    assert status(stack, event) == "Inactive"
    assert len(stack.items("lock#")) == 1
    assert stack.told() == []

    rows = go_on(stack, event)

    assert [(row["outcome"], row["changes"][0]["before"]) for row in rows if "key" in row["remediation"]] == [
        ("acted", "Active")
    ]
    assert sorted(stack.writes("dynamodb", "sns")) == ["iam:PutUserPolicy", "iam:UpdateAccessKey"]
    closed(stack, rows)


def test_killed_before_the_write(stack: Stack) -> None:
    event = planted(stack)
    function = stack.function("GuardDutyFunction")
    stack.proxy.arrange(Fault(WRITE, function.kill))
    with pytest.raises(FunctionError) as raised:
        function.invoke(event)
    assert raised.value.kind == "Runtime.ExitError"
    assert status(stack, event) == "Active"

    rows = go_on(stack, event)

    assert status(stack, event) == "Inactive"
    assert sorted(stack.writes("dynamodb", "sns")) == ["iam:PutUserPolicy", "iam:UpdateAccessKey"]
    closed(stack, rows)


def test_while_the_lease_of_the_dead_lasts_everybody_waits(stack: Stack) -> None:
    event = planted(stack)
    function = stack.function("GuardDutyFunction")
    stack.proxy.arrange(Fault(WRITE, function.kill))
    with pytest.raises(FunctionError):
        function.invoke(event)

    assert function.invoke(events.batch(event)) == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    asked = {
        "remediation": ACTED[0][1],
        "resource": events.key_of(event)[1],
        "account": ACCOUNT,
        "apply": True,
        "reason": "r",
    }
    answer = stack.function("RunbookFunction").invoke(events.http(asked))
    assert (answer["statusCode"], "in progress" in answer["body"]) == (503, True)
    assert status(stack, event) == "Active"
    assert stack.told() == ACTED[1:]

    assert function.invoke(events.batch(event, received=5)) == {"batchItemFailures": []}
    assert stack.told() == [("held", ACTED[0][1])]
    assert [item["attempt"]["N"] for item in stack.items("lock#")] == ["1"]


def test_killed_before_the_report(stack: Stack) -> None:
    event = planted(stack)
    function = stack.function("GuardDutyFunction")
    stack.proxy.arrange(Fault("Action=Publish", function.kill))
    with pytest.raises(FunctionError):
        function.invoke(event)
    assert status(stack, event) == "Inactive"
    assert stack.told() == []
    (pending,) = stack.journal.pending()
    assert pending.pending == ["sns"]
    assert pending.report["outcome"] == "acted"
