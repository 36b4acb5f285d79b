"""GuardDuty's function, from the packaged artefact, under Amazon's runtime: direct events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from stanch.action import Outcome
from stanch.sources import guardduty
from tests.runtime import events
from tests.runtime.aws_stack import ACCOUNT, Stack
from tests.runtime.rie import FunctionError

DEACTIVATE, REVOKE = "aws.iam.deactivate_access_key", "aws.iam.revoke_user_sessions"
ACTED = [("acted", DEACTIVATE), ("acted", REVOKE)]


def status(stack: Stack, event: dict[str, Any]) -> str:
    """What IAM says of the stolen key."""
    user, key = events.key_of(event)
    keys = stack.client("iam", ACCOUNT).list_access_keys(UserName=user)["AccessKeyMetadata"]
    return str(next(one["Status"] for one in keys if one["AccessKeyId"] == key))


def planted(stack: Stack) -> dict[str, Any]:
    event = events.leaked_key()
    stack.plant(event, guardduty.parse)
    assert status(stack, event) == "Active"
    return event


def outcomes(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((row["outcome"], row["remediation"]) for row in answer["actions"])


def test_a_finding_is_contained_journaled_and_reported(stack: Stack) -> None:
    event = planted(stack)
    answer = stack.function("GuardDutyFunction").invoke(event)

    assert outcomes(answer) == ACTED
    assert status(stack, event) == "Inactive"
    user, key = events.key_of(event)
    policy = stack.client("iam", ACCOUNT).get_user_policy(UserName=user, PolicyName="AWSRevokeOlderSessions")
    assert policy["PolicyDocument"]["Statement"][0]["Effect"] == "Deny"

    row = next(row for row in answer["actions"] if row["remediation"] == DEACTIVATE)
    assert row["resource"] == {"type": "AWS::IAM::AccessKey", "id": key}
    assert (row["changes"][0]["before"], row["changes"][0]["after"], row["notified"]) == ("Active", "Inactive", ["sns"])
    record = stack.journal.get(row["action_id"])
    assert record is not None
    assert (record.outcome, record.closed_at is not None, record.playbook) == (Outcome.ACTED, True, "key-leak")
    assert record.finding == row["finding"]
    assert row["finding"]["id"] == event["detail"]["arn"]
    assert stack.items("lock#") == []

    reports = stack.reports()
    assert sorted(report["MessageAttributes"]["outcome"]["Value"] for report in reports) == ["acted", "acted"]
    told = next(report for report in reports if report["MessageAttributes"]["remediation"]["Value"] == DEACTIVATE)
    assert told["Subject"].startswith("ACTED")
    assert key in told["Message"]
    assert f"stanch undo {row['action_id']}" in told["Message"]


def test_what_was_done_is_logged_and_counted(stack: Stack) -> None:
    function = stack.function("GuardDutyFunction")
    answer = function.invoke(planted(stack))
    lines = [json.loads(line) for line in function.log.read_text().splitlines() if line.startswith("{")]
    ids = {row["action_id"] for row in answer["actions"]}
    logged = {line["result"]["action_id"] for line in lines if line.get("message") == "answered"}
    assert ids <= logged
    metrics = [line for line in lines if "_aws" in line]
    assert metrics[-1]["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Stanch"
    assert metrics[-1]["outcome_acted"] == [1.0, 1.0]


def test_the_same_event_again_changes_and_reports_nothing(stack: Stack) -> None:
    event = planted(stack)
    function = stack.function("GuardDutyFunction")
    first = function.invoke(event)
    assert stack.told() == ACTED
    stack.lab.own("DELETE", "calls")

    second = function.invoke(event)

    assert outcomes(second) == [("no_op", DEACTIVATE), ("no_op", REVOKE)]
    done = {row["action_id"] for row in first["actions"]}
    assert all(any(one in row["reason"] for one in done) for row in second["actions"])
    assert stack.writes() == []
    assert stack.told() == []


def test_a_key_that_is_active_again_is_contained_again(stack: Stack) -> None:
    event = planted(stack)
    function = stack.function("GuardDutyFunction")
    function.invoke(event)
    user, key = events.key_of(event)
    stack.client("iam", ACCOUNT).update_access_key(UserName=user, AccessKeyId=key, Status="Active")
    answer = function.invoke(event)
    assert ("acted", DEACTIVATE) in outcomes(answer)
    assert status(stack, event) == "Inactive"


def test_a_forged_finding_is_rejected_and_nothing_is_touched(stack: Stack) -> None:
    real = planted(stack)
    forged = events.leaked_key()
    forged["detail"]["resource"] = real["detail"]["resource"]
    stack.lab.own("DELETE", "calls")

    (row,) = stack.function("GuardDutyFunction").invoke(forged)["actions"]

    assert row["outcome"] == "rejected"
    assert forged["detail"]["id"] in row["reason"]
    assert status(stack, real) == "Active"
    assert stack.writes("dynamodb", "sns") == []
    assert stack.told() == [("rejected", "")]


def test_what_is_no_finding_is_rejected_and_reported(stack: Stack) -> None:
    (row,) = stack.function("GuardDutyFunction").invoke({"detail-type": "GuardDuty Finding", "detail": {}})["actions"]
    assert row["outcome"] == "rejected"
    assert row["reason"]
    assert stack.writes("dynamodb", "sns") == []
    assert stack.told() == [("rejected", "")]


def test_an_archived_finding_is_held(stack: Stack) -> None:
    event = events.leaked_key(archived=True)
    stack.plant(event, guardduty.parse)
    (row,) = stack.function("GuardDutyFunction").invoke(event)["actions"]
    assert (row["outcome"], row["reason"].partition(":")[0]) == ("held", "archived")
    assert status(stack, event) == "Active"


def test_what_is_unknown_is_an_error_so_that_the_event_comes_again(stack: Stack) -> None:
    event = planted(stack)
    function = stack.function("GuardDutyFunction")
    stack.proxy.throttle(f"Action=ListAccessKeys.*{events.key_of(event)[0]}")
    with pytest.raises(FunctionError) as raised:
        function.invoke(event)
    assert raised.value.kind == "Throttled"
    assert status(stack, event) == "Active"

    assert ("acted", DEACTIVATE) in outcomes(function.invoke(event))
    assert status(stack, event) == "Inactive"
    assert stack.told() == ACTED


def test_the_journal_may_be_amazons_own_database(new_stack: Callable[..., Stack], dynamodb_local: str) -> None:
    stack = new_stack(journal=dynamodb_local)
    event = planted(stack)
    function = stack.function("GuardDutyFunction")
    stack.lab.own("DELETE", "calls")
    answer = function.invoke(event)
    assert outcomes(answer) == ACTED
    assert outcomes(function.invoke(event)) == [("no_op", DEACTIVATE), ("no_op", REVOKE)]
    assert stack.writes("sns") == ["iam:UpdateAccessKey", "iam:PutUserPolicy"]
    assert {action.id: action.outcome for action in stack.actions()} == {
        row["action_id"]: Outcome.ACTED for row in answer["actions"]
    }
    assert stack.items("lock#") == []
    assert stack.told() == ACTED
