"""The on-call engineer's trigger under Amazon's runtime, as a function URL with IAM calls it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stanch.action import Outcome
from stanch.sources import guardduty
from tests.runtime import events
from tests.runtime.aws_stack import ACCOUNT, Stack

REMEDIATION = "aws.iam.deactivate_access_key"


def call(stack: Stack, body: Any, **how: Any) -> tuple[int, dict[str, Any]]:
    answer = stack.function("RunbookFunction").invoke(events.http(body, **how))
    return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture
def key(stack: Stack) -> tuple[str, str]:
    """User and id of an active key that no finding is about any more."""
    event = events.leaked_key()
    stack.plant(event, guardduty.parse)
    stack.quiet()
    return events.key_of(event)


def status(stack: Stack, user: str) -> str:
    return str(stack.client("iam", ACCOUNT).list_access_keys(UserName=user)["AccessKeyMetadata"][0]["Status"])


def asked(key: str, **more: Any) -> dict[str, Any]:
    return {"remediation": REMEDIATION, "resource": key, "account": ACCOUNT, **more}


def test_without_an_identity_nothing_is_even_planned(stack: Stack, key: tuple[str, str]) -> None:
    code, body = call(stack, asked(key[1], apply=True, reason="r", requester="me"), caller=None)
    assert (code, "identity" in body["error"]) == (403, True)
    assert stack.lab.own("GET", "calls")[1]["calls"] == []
    assert status(stack, key[0]) == "Active"


def test_a_plan_is_shown_and_nothing_written(stack: Stack, key: tuple[str, str]) -> None:
    code, body = call(stack, asked(key[1]))
    assert (code, body["action"]["outcome"], body["action"]["action_id"]) == (200, "planned", None)
    assert [(change["before"], change["after"]) for change in body["action"]["changes"]] == [("Active", "Inactive")]
    assert {verdict["effect"] for verdict in body["guards"]} == {"pass"}
    assert stack.writes() == []
    assert status(stack, key[0]) == "Active"


def test_an_engineer_acts_with_a_reason(stack: Stack, key: tuple[str, str]) -> None:
    code, body = call(stack, asked(key[1], apply=True))
    assert (code, body["error"].partition(":")[0], status(stack, key[0])) == (409, "reason", "Active")

    code, body = call(stack, asked(key[1], apply=True, reason="found in a public repository"), encoded=True)

    assert (code, body["action"]["outcome"], status(stack, key[0])) == (200, "acted", "Inactive")
    record = stack.journal.get(body["action"]["action_id"])
    assert record is not None
    assert (record.outcome, record.requester) == (Outcome.ACTED, events.ENGINEER)
    assert record.justification == "found in a public repository"
    assert stack.told() == [("acted", REMEDIATION)]


def test_an_http_api_vouches_with_a_token(stack: Stack, key: tuple[str, str]) -> None:
    event = events.http(asked(key[1], apply=True, reason="r"), caller=None)
    claims = {"sub": "subject", "email": "engineer@corp.example", "iss": "https://login.corp.example"}
    event["requestContext"]["authorizer"] = {"jwt": {"claims": claims, "scopes": None}}
    answer = json.loads(stack.function("RunbookFunction").invoke(event)["body"])
    record = stack.journal.get(answer["action"]["action_id"])
    assert record is not None
    assert record.requester == "engineer@corp.example (https://login.corp.example)"


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ("{", "body"), ("[]", "body"), ({"remediation": REMEDIATION}, "resource"), (asked("ASIAIOSFODNN7EXAMPLE"), "resource"),
        (asked("AKIAI44QH8DHBEXAMPLE") | {"remediation": "aws.iam.delete_everything"}, "remediation"),
        (asked("AKIAI44QH8DHBEXAMPLE", params=[]), "params"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(stack: Stack, body: Any, place: str) -> None:
    code, answer = call(stack, body)
    assert (code, answer["error"].startswith(place)) == (400, True), answer
    assert stack.writes() == []


def test_a_key_that_is_gone_needs_nothing(stack: Stack) -> None:
    code, body = call(stack, asked("AKIAI44QH8DHBEXAMPLE", apply=True, reason="r"))
    assert (code, body["action"]["outcome"], body["action"]["reason"]) == (200, "no_op", "gone")


@pytest.mark.parametrize(
    ("name", "value"),
    [("region", {"a": 1}), ("account", 111122223333), ("reason", ["r"]), ("region", "eu-west-1.evil.example")],
)
def test_what_is_of_another_kind_is_named(stack: Stack, key: tuple[str, str], name: str, value: Any) -> None:
    code, body = call(stack, {**asked(key[1], apply=True, reason="r"), name: value})
    assert (code, body["error"].partition(":")[0], status(stack, key[0])) == (400, name, "Active")


def test_a_body_that_is_no_base64_is_refused(stack: Stack, key: tuple[str, str]) -> None:
    event = events.http(asked(key[1], apply=True, reason="r")) | {"isBase64Encoded": True}
    answer = stack.function("RunbookFunction").invoke(event)
    assert (answer["statusCode"], json.loads(answer["body"])["error"]) == (400, "body: is neither text nor base64")
    assert status(stack, key[0]) == "Active"
