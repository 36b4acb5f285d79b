"""The ways into Stanch: each gives an event to the real handlers as its cloud does, and judges what came of it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import azure.functions as func

from handlers import settings
from handlers.aws import approval, runbook
from handlers.azure import approval as azure_approval
from handlers.azure import runbook as azure_runbook
from handlers.azure import sentinel
from stanch.action import Outcome
from stanch.errors import MalformedEvent, Unreachable

CALLER = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_SecOncall_0123456789abcdef/alice@corp.example"
OUTCOMES = {str(outcome) for outcome in Outcome}
SLOWEST = 5.0
"""Seconds of the processor that one event may take; a function has 60 on the clock."""


@dataclass(slots=True)
class Verdict:
    """What one event led to. `malformed` tells that it was refused as holding nothing we can read."""

    outcomes: list[str] = field(default_factory=list)
    wrong: str = ""
    malformed: bool = False
    reasons: list[tuple[str, str]] = field(default_factory=list)
    again: int = 0
    """Deliveries after the first, because a cloud did not answer."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """`seeds` are events as they come, `deliver` gives one to the handler; the second argument is its text, or None where no JSON can spell it."""

    name: str
    seeds: list[Any]
    deliver: Callable[[Any, str | None], Verdict]


def judged(entrance: Entrance, event: Any, text: str | None) -> tuple[Verdict, float]:
    """The verdict on one event and its seconds of the processor; whatever is raised is wrong."""
    started = time.thread_time()
    try:
        verdict = entrance.deliver(event, text)
    except (Exception, RecursionError) as error:  # noqa: BLE001  # what must not happen is what is looked for
        verdict = Verdict(wrong=f"raised {type(error).__name__}: {str(error)[:200]!a}")
    took = time.thread_time() - started
    if took > SLOWEST:
        verdict.wrong = verdict.wrong or f"took {took:.1f} s"
    return verdict, took


def _rows(rows: list[dict[str, Any]]) -> Verdict:
    """Every outcome is of the closed list, and what is refused says why."""
    verdict = Verdict([row["outcome"] for row in rows])
    if not rows:
        verdict.wrong = "no result"
    for row in rows:
        json.dumps(row, allow_nan=False)
        if row["outcome"] not in OUTCOMES or row["outcome"] in ("acted", "partial", "unverified", "undone"):
            verdict.wrong = f"outcome {row['outcome']}: {row['reason']!a}"
        elif row["outcome"] == "rejected" and not row["reason"]:
            verdict.wrong = "rejected without a reason"
        elif row["outcome"] == "rejected":
            verdict.reasons.append((str(row["source"]), str(row["reason"])))
    verdict.malformed = len(rows) == 1 and rows[0]["outcome"] == "rejected" and rows[0]["finding"] is None
    return verdict


def through_queue_or_call(handler: Callable[[Any, Any], Any], event: Any, text: str | None) -> Verdict:
    """Directly, as a value; what is refused, and a quarter of the rest, also as the text of a queue's message beside one that nobody can read."""
    try:
        answer = handler(event, None)
    except Unreachable:  # there is no cloud in the region that it names
        return _unreachable(handler, json.dumps(event) if text is None else text)
    direct = _rows(answer["actions"]) if "actions" in answer else Verdict(["batch"])
    if text is None or not (direct.malformed or len(text) % 4 == 0):
        return direct
    beside = [_record("0", "{")] if len(text) % 16 == 0 else []
    answered = handler({"Records": [*beside, _record("1", text)]}, None)
    failed = [failure["itemIdentifier"] for failure in answered["batchItemFailures"]]
    queued = Verdict(direct.outcomes, direct.wrong, "1" in failed, direct.reasons)
    if beside and "0" not in failed:
        queued.wrong = queued.wrong or f"a dead letter is lost: {failed}"
    if direct.malformed and _same(event, text) and not queued.malformed:
        queued.wrong = queued.wrong or "refused, and not left to the dead-letter queue"
    return queued


def _unreachable(handler: Callable[[Any, Any], Any], text: str) -> Verdict:
    """The event comes again as from a queue, for the last time at the end: then it is held and told, and the queue is rid of it."""
    for count in range(1, settings.max_deliveries() + 1):
        failed = handler({"Records": [_record("1", text, count)]}, None)["batchItemFailures"]
    return Verdict(["held at last"], f"it comes for ever: {failed}" if failed else "", again=count)


def _same(event: Any, text: str) -> bool:
    """Whether the text says what the value is; it may have been spoilt."""
    try:
        return bool(json.loads(text) == event)
    except (ValueError, RecursionError):
        return False


def _record(ident: str, body: str, count: int = 1) -> dict[str, Any]:
    told = {"ApproximateReceiveCount": str(count)}
    return {"messageId": ident, "eventSource": "aws:sqs", "body": body, "attributes": told}


def through_azures_queue(event: Any, text: str | None) -> Verdict:
    """Directly, as a value; and as the bytes of a storage queue's message."""
    verdict = _rows(sentinel.answer(event))
    if text is None:
        return verdict
    queued = _rows(sentinel.answer(text.encode("utf-8", "surrogatepass")))
    raised = False
    try:
        sentinel.sentinel_trigger(_message(text))  # type: ignore[operator]  # the decorator's own kind of function
    except MalformedEvent:
        raised = True
    queued.wrong = (
        queued.wrong or verdict.wrong or ("" if raised == queued.malformed else "not left to the poison queue")
    )
    return queued


class _Message(func.QueueMessage):
    """A message of the queue, the first time that it comes."""

    dequeue_count = 1


def _message(text: str) -> func.QueueMessage:
    return _Message(body=text.encode("utf-8", "surrogatepass"))


def _status(status: int, allowed: tuple[int, ...], body: str) -> Verdict:
    verdict = Verdict([str(status)], malformed=status == 400)
    if status not in allowed:
        verdict.wrong = f"status {status}: {body[:200]!a}"
    elif status >= 400 and not body:
        verdict.wrong = f"status {status} without a reason"
    return verdict


def through_runbook(event: Any, text: str | None) -> Verdict:
    """The body as a verified person sends it, asking for a plan only; and once more by nobody, asking for the deed. On both clouds. 503: there is no cloud in the region that it names."""
    body = text if text is not None else str(event)
    if _asks_for_the_deed(body):  # a verified person may, so that what was written would be right
        body = body.replace("true", "false")
    answers = (200, 400, 409, 502, 503)
    found = _runbook_aws(body, CALLER, answers)
    nobody = _runbook_aws(body.replace("false", "true"), None, (400, 403))
    azure = []
    for headers, allowed in (({"X-MS-CLIENT-PRINCIPAL-ID": "alice"}, answers), ({}, (400, 403))):
        request = func.HttpRequest("POST", "/api/runbook", headers=headers, body=body.encode("utf-8", "surrogatepass"))
        answer = azure_runbook.runbook_trigger(request)  # type: ignore[operator]
        azure.append(_status(answer.status_code, allowed, answer.get_body().decode()))
    for each in (nobody, *azure):
        found.wrong = found.wrong or each.wrong
    return found


def _asks_for_the_deed(body: str) -> bool:
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(asked, dict) and asked.get("apply") is True


def _runbook_aws(body: str, caller: str | None, allowed: tuple[int, ...]) -> Verdict:
    context = {"authorizer": {"iam": {"userArn": caller}}} if caller else {}
    plain = runbook.handler({"body": body, "requestContext": context, "isBase64Encoded": False}, None)
    encoded = base64.b64encode(body.encode("utf-8", "surrogatepass")).decode()
    runbook.handler({"body": encoded, "requestContext": context, "isBase64Encoded": True}, None)
    runbook.handler({"body": body, "requestContext": context, "isBase64Encoded": True}, None)
    return _status(plain["statusCode"], allowed, plain["body"])


def through_approval_page(event: Any, text: str | None) -> Verdict:
    """The request as a gateway passes it on, bent anywhere; and its parts as Azure's host does. The form was made for another person: it never decides."""
    reply = approval.handler(event, None)
    allowed = (200, 400, 403, 405, 409, 413, 415)
    verdict = _status(reply["statusCode"], allowed, reply["body"])
    json.dumps(reply, allow_nan=False).encode()
    given = event if isinstance(event, dict) else {}
    query, headers = (
        given.get(name) if isinstance(given.get(name), dict) else {} for name in ("queryStringParameters", "headers")
    )
    request = func.HttpRequest(
        str(headers.get("method") or "POST"), "/api/approval",
        headers={str(name): str(value) for name, value in headers.items()}, params={str(name): str(value) for name, value in query.items()},
        body=str(given.get("body") or "").encode("utf-8", "surrogatepass"),
    )  # fmt: skip
    answer = azure_approval.approval_page(request)  # type: ignore[operator]
    other = _status(answer.status_code, allowed, answer.get_body().decode())
    verdict.wrong = verdict.wrong or other.wrong
    return verdict
