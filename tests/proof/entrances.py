"""The ways into Stanch, each with what usually comes through it, delivered to the real handler and judged by what came of it.

Nothing that is delivered here may change anything: what the sample events name is contained before, and beside it stands the same again, exposed, that no source
has a finding about (`DECOYS`). The clouds' own record of calls decides.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import azure.functions as func
import boto3
import requests

from handlers.aws import approval, config, guardduty, runbook
from handlers.aws import wiring as aws_wiring
from handlers.azure import approval as azure_approval
from handlers.azure import runbook as azure_runbook
from handlers.azure import sentinel
from handlers.azure import wiring as azure_wiring
from remediations.aws import REGISTRY as AWS
from remediations.azure import REGISTRY as AZURE
from stanch.action import Outcome
from stanch.approval.keys import Keys
from stanch.approval.links import Links
from stanch.approval.token import issue, issue_form
from stanch.cli.context import Context
from stanch.cli.reading import Event
from stanch.cli.replaying import Replay, findings
from stanch.errors import MalformedEvent
from stanch.remediation import load
from stanch.sources import recognise
from tests.functional.local_replay import calls, local_clouds
from tests.proof.mutation import paths
from tests.runtime.events import rule_invocation

ROOT = Path(__file__).parent.parent.parent
CORPUS = Path(os.environ.get("STANCH_CORPUS") or ROOT.parent / "shared" / "corpus")
SIGNING = json.dumps({"current": "now", "keys": {"now": "n" * 40}})
CALLER = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_SecOncall_0123456789abcdef/alice@corp.example"
OUTCOMES = {str(outcome) for outcome in Outcome}
SLOWEST = 5.0
"""Seconds of the processor that one event may take; a function has 60 on the clock."""

DECOYS = (
    ("EXAMPL", "DECOY0"), ("ci-deploy", "ci-decoy"), ("release-bot", "release-decoy"), ("web-role", "web-decoy"), ("i-0", "i-1"), ("sg-0", "sg-1"), ("-2026-example", "-2026-decoy"),
    ("vm-", "vm-decoy-"), ("stinvoices", "stdecoys"), ("00000000e0", "00000000e9"), ("d.example", "decoy.example"),
)  # fmt: skip
"""What the samples name, and what stands beside it."""

HIDDEN = (
    ("c1b2a39f4e5d", "decaf0decaf0"), ("-0000000010", "-0000000090"), ("-0000000020", "-0000000080"), ("-0000000030", "-0000000070"), ("config-rule-0000", "config-rule-9900"),
    ("restricted-ssh", "restricted-ssh-conformance-pack-decoy9"), ("pack-abc123", "pack-decoy9"), ("prohibited\"", "prohibited-conformance-pack-decoy9\""),
    ("periodic\"", "periodic-conformance-pack-decoy9\""),
)  # fmt: skip
"""The ids under which the sources know what stands beside; no event that is delivered has one."""


@dataclass(slots=True)
class Verdict:
    """What one event led to. `malformed` tells that it was refused as holding nothing we can read."""

    outcomes: list[str] = field(default_factory=list)
    wrong: str = ""
    malformed: bool = False
    reasons: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Entrance:
    """`seeds` are events as they come, `deliver` gives one to the handler; the second argument is its text, or None where no JSON can spell it."""

    name: str
    seeds: list[Any]
    deliver: Callable[[Any, str | None], Verdict]


@dataclass(frozen=True, slots=True)
class World:
    """Local clouds as `entered` leaves them. `waiting` is what `entrances` takes."""

    clouds: Context
    waiting: dict[str, str]
    doors: list[Entrance]


def judged(entrance: Entrance, event: Any, text: str | None) -> tuple[Verdict, float]:
    """The verdict on one delivery and its seconds of the processor; whatever is raised is wrong."""
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


def _aws(handler: Callable[[Any, Any], Any], event: Any, text: str | None) -> Verdict:
    """Directly, as a value; what is refused, and a quarter of the rest, also as the text of a queue's message beside one that nobody can read."""
    answer = handler(event, None)
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


def _same(event: Any, text: str) -> bool:
    """Whether the text says what the value is; it may have been spoilt."""
    try:
        return bool(json.loads(text) == event)
    except (ValueError, RecursionError):
        return False


def _record(ident: str, body: str) -> dict[str, Any]:
    return {"messageId": ident, "eventSource": "aws:sqs", "body": body, "attributes": {"ApproximateReceiveCount": "1"}}


def _sentinel(event: Any, text: str | None) -> Verdict:
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


def _runbook(event: Any, text: str | None) -> Verdict:
    """The body as a verified person sends it, asking for a plan only; and once more by nobody, asking for the deed. On both clouds."""
    body = text if text is not None else str(event)
    answers = (200, 400, 409, 502)
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


def _runbook_aws(body: str, caller: str | None, allowed: tuple[int, ...]) -> Verdict:
    context = {"authorizer": {"iam": {"userArn": caller}}} if caller else {}
    plain = runbook.handler({"body": body, "requestContext": context, "isBase64Encoded": False}, None)
    encoded = base64.b64encode(body.encode("utf-8", "surrogatepass")).decode()
    runbook.handler({"body": encoded, "requestContext": context, "isBase64Encoded": True}, None)
    runbook.handler({"body": body, "requestContext": context, "isBase64Encoded": True}, None)
    return _status(plain["statusCode"], allowed, plain["body"])


def _approval(event: Any, text: str | None) -> Verdict:
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


def _samples(source: str) -> list[Any]:
    """The sample events of a source, and real ones where a collection of them lies beside."""
    files = [*sorted((ROOT / "events" / source).glob("*.json")), *sorted((CORPUS / source).glob("*.json"))]
    found = []
    for path in files:
        value = json.loads(path.read_text())
        found += value if isinstance(value, list) else [value]
    return [each for each in found if isinstance(each, dict) and recognise(each) == source]


@contextmanager
def entered(folder: Path) -> Iterator[World]:
    """The entrances of local clouds on which what the samples name is contained, its decoys are exposed, and one request waits for approval.

    No event is too old and no channel is told: what a report does with hostile text is another figure's.
    """
    with local_clouds(folder) as clouds:
        assert clouds.running is not None
        os.environ.update(
            STANCH_STALE_HOURS="1000000", STANCH_SIGNING_SECRET="stanch-signing", WEBSITE_AUTH_ENABLED="true"
        )
        for name in ("STANCH_SNS_TOPIC_ARN", "STANCH_TEAMS_SECRET"):
            del os.environ[name]
        secrets = boto3.client("secretsmanager", endpoint_url=clouds.running.aws)
        secrets.create_secret(Name="stanch-signing", SecretString=SIGNING)
        with signed(), silent():
            yield World(clouds, *prepared(clouds))


@contextmanager
def silent() -> Iterator[None]:
    """What is refused is logged, tens of thousands of times."""
    logger = logging.getLogger("stanch")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def signed() -> Iterator[None]:
    """The local key vault holds one secret only, which is no signing key."""
    before = azure_wiring.links
    azure_wiring.links = lambda *_: Links("", lambda: SIGNING)
    try:
        yield
    finally:
        azure_wiring.links = before


def prepared(clouds: Context) -> tuple[dict[str, str], list[Entrance]]:
    """The world as `entered` says: the request that waits, and what usually comes through each entrance."""
    replay = Replay(clouds, seed=True)
    for source in ("guardduty", "config", "sentinel"):
        for path in sorted((ROOT / "events" / source).glob("*.json")):
            text = path.read_text()
            replay.rows(Event(path.name, json.loads(text)))
            decoys = beside(text, *HIDDEN)
            for finding in findings(Event(path.name, decoys)):
                replay.prepare(source, [finding])
    waiting = _waiting(replay)
    forget(clouds)
    return waiting, entrances(waiting)


def entrances(waiting: dict[str, str]) -> list[Entrance]:
    """`waiting` is the id of an action that waits for approval and its plan's digest."""
    return [
        Entrance("guardduty", _samples("guardduty"), partial(_aws, guardduty.handler)),
        Entrance("config", [*_samples("config"), invocation()], partial(_aws, config.handler)),
        Entrance("sentinel", _samples("sentinel"), _sentinel),
        Entrance("runbook", list(_requests()), _runbook),
        Entrance("approval", list(_visits(waiting)), _approval),
    ]


def beside(text: str, *more: tuple[str, str]) -> Any:
    """The sample about what stands beside what it names."""
    for old, new in (*DECOYS, *more):
        text = text.replace(old, new)
    return json.loads(text)


def _waiting(replay: Replay) -> dict[str, str]:
    """A request for approval, as it stands in the journal."""
    os.environ["STANCH_MODE"] = "approve"
    aws_wiring.reset()
    text = (ROOT / "events" / "guardduty" / "leaked-access-key.json").read_text()
    for old, new in (("01c1b2a3", "fa11ed00"), ("EXAMPL", "WAITIN"), ("ci-deploy", "waiting")):
        text = text.replace(old, new)
    rows = replay.rows(Event("waiting", json.loads(text)))
    os.environ["STANCH_MODE"] = "auto"
    aws_wiring.reset()
    (row,) = [one for one in rows if one["remediation"] == "aws.iam.deactivate_access_key"]
    assert row["outcome"] == "awaiting_approval", rows
    action = aws_wiring.deployment().journal.get(row["action_id"])
    assert action is not None
    return {"action": action.id, "plan": str(action.plan["digest"])}


def invocation() -> Any:
    """A rule's own invocation that nobody but Config may make, for a rule of Config's own, about a decoy."""
    text = beside((ROOT / "events" / "config" / "open-ssh.json").read_text())["detail"]["resourceId"]
    return rule_invocation("restricted-ssh", text, "111122223333", "eu-west-1", "token")


_AZURE = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg-batch/providers"
SUBJECTS = {
    "AWS::IAM::AccessKey": "AKIAIOSFODNN7DECOY01", "AWS::IAM::Role": "arn:aws:iam::111122223333:role/decoy", "AWS::IAM::User": "decoy-user", "AWS::EC2::SecurityGroup": "sg-1c9d8e7f6a5b40312",
    "AWS::EC2::Instance": "i-1c9d8e7f6a5b40312", "AWS::S3::Bucket": "decoy-bucket", "AWS::::Account": "111122223333", "Microsoft.Graph/users": "decoy@corp.example",
    "Microsoft.Compute/virtualMachines": f"{_AZURE}/Microsoft.Compute/virtualMachines/vm-decoy-2", "Microsoft.Network/networkSecurityGroups": f"{_AZURE}/Microsoft.Network/networkSecurityGroups/decoy",
    "Microsoft.Storage/storageAccounts": f"{_AZURE}/Microsoft.Storage/storageAccounts/decoy",
}  # fmt: skip


def _requests() -> Iterator[Any]:
    """What an engineer asks for: a plan of each remediation."""
    for name, where in sorted({**AWS, **AZURE}.items()):
        subject = SUBJECTS[load(where).resource_type]
        yield {"remediation": name, "resource": subject, "apply": False, "reason": "seen live", "params": {}, "account": "111122223333", "region": "eu-west-1", "expires": "4h"}  # fmt: skip


def _visits(waiting: dict[str, str]) -> Iterator[Any]:
    """A look at the request that waits, and answers to it with a form that was made for somebody else."""
    keys = Keys.parse(SIGNING)
    link = issue(keys, waiting["action"], waiting["plan"], "soc:teams", lifetime=3600)
    form = issue_form(keys, "mallory", waiting["action"], waiting["plan"])
    jwt = {
        "jwt": {
            "claims": {
                "sub": "alice",
                "iss": "https://login.example",
                "email": "alice@corp.example",
                "groups": "[sec-oncall]",
            }
        }
    }
    for method, authorizer in (("GET", jwt), ("POST", jwt), ("POST", {"iam": {"userArn": CALLER}}), ("POST", None)):
        body = urlencode({"form": form, "plan": waiting["plan"], "decision": "approve", "reason": "seen live"})
        yield {
            "version": "2.0", "rawPath": "/approval", "queryStringParameters": {"t": link}, "body": body if method == "POST" else None, "isBase64Encoded": False,
            "headers": {"content-type": "application/x-www-form-urlencoded", "X-MS-CLIENT-PRINCIPAL-ID": "alice", "X-MS-CLIENT-PRINCIPAL-IDP": "aad"},
            "requestContext": {"http": {"method": method, "path": "/approval"}, "authorizer": authorizer},
        }  # fmt: skip


def dictionary(entrance: Entrance) -> tuple[Any, ...]:
    """Values that lead somewhere: ids of the decoys, and what the samples hold where an id stands."""
    texts = [beside(json.dumps(seed)) for seed in entrance.seeds]
    found = {value for text in texts for value in _texts(text) if 0 < len(value) < 300}
    return tuple(sorted(found))[:: max(1, len(found) // 400)]


def _texts(event: Any) -> Iterator[str]:
    for *way, last in paths(event, 400):
        each = event
        for key in (*way, last):
            each = each[key]
        if isinstance(each, str):
            yield each


def forget(clouds: Context) -> None:
    """Empty the clouds' records of calls."""
    assert clouds.running is not None
    requests.delete(f"{clouds.running.aws}/stanch/aws/calls", timeout=60)
    requests.delete(f"{clouds.running.azure}/stanch/azure/calls", verify=clouds.running.ca, timeout=60)


def writes(clouds: Context) -> set[str]:
    """What Stanch changed in a cloud, and when, by the clouds' own records, which hold the latest thousands of calls. Reports and Config's verdicts change no resource."""
    of_aws, of_azure = calls(clouds)
    ours = {f"{one['service']}:{one['operation']} at {one['time']}" for one in of_aws if one["write"] and "stanch/" in one["user_agent"] and one["service"] not in ("sns", "config")}  # fmt: skip
    return ours | {
        f"{one['method']} {one['path']}" for one in of_azure if _writes(one["method"], one["path"].rstrip("/"))
    }


def _writes(method: str, path: str) -> bool:
    """Sentinel's lists are asked for with POST; `/stanch/` is the local cloud's own."""
    read = method in ("GET", "HEAD") or path.endswith(("/alerts", "/entities", "/token"))
    return not read and not path.startswith("/stanch/")
