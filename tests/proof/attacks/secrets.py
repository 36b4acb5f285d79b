"""Secrets, planted recognisably where a deployment meets them, looked for in everything that it writes, errors included."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.parsers
import requests

from handlers.aws import approval, config, guardduty, log, runbook
from handlers.aws import wiring as aws_wiring
from handlers.azure import sentinel
from handlers.azure import wiring as azure_wiring
from stanch.cli.context import Context
from stanch.cli.reading import Event
from stanch.cli.replaying import Replay, findings
from stanch.sources.envelope import unwrap
from tests.functional.local_replay import local_clouds
from tests.proof.attacks import Tried
from tests.proof.entrances import CALLER
from tests.proof.figure import Size
from tests.proof.incoming import ROOT

WEBHOOK, SIGNING, KEY, SESSION, IN_EVENT = (
    f"Planted{name}{'Zq9x' * 8}" for name in ("Webhook", "Signing", "Key", "Session", "Event")
)
SECRET_FIELDS = (
    "secretAccessKey",
    "sessionToken",
    "password",
    "clientSecret",
    "connectionString",
    "authorization",
    "apiKey",
    "privateKey",
)

OUTPUTS = ("results", "errors and their causes", "standard output and error", "logs", "cards", "journal")


def attack(size: Size, folder: Path) -> Tried:
    """Samples on working and on failing clouds and channels; then every secret is looked for in every output."""
    tried = Tried("secrets")
    kept: dict[str, str] = {
        "webhook": WEBHOOK,
        "signing key": SIGNING,
        "access key": KEY,
        "session token": SESSION,
        "secret within an event": IN_EVENT,
    }
    heard = Heard()
    with local_clouds(folder / "secrets") as clouds, heard, _answered(kept):
        assert clouds.running is not None
        _plant(clouds, kept)
        for path in sorted((ROOT / "events").rglob("*.json")):
            _deliver(heard, clouds, path, json.loads(path.read_text()))
        for trouble in ("channels", "aws", "azure"):
            _break(trouble)
            for path in sorted((ROOT / "events").rglob("*.json"))[:: 1 if size == "full" else 6]:
                _deliver(heard, clouds, path, json.loads(path.read_text()))
        heard.take("cards", requests.get(clouds.running.teams, verify=clouds.running.ca, timeout=30).text)
        _journaled(heard, folder / "secrets")
    for output in OUTPUTS:
        texts = heard.outputs.get(output, [])
        tried.held(f"{output}: there is something to look at", any(texts))
        for name, secret in sorted(kept.items()):
            tried.held(f"{name} in {output}", not any(secret in text for text in texts), name)
    return tried


class Heard:
    """Everything that was written: results, errors with their causes, standard output and error, logs."""

    def __init__(self) -> None:
        self.outputs: dict[str, list[str]] = {}
        self._out, self._log = io.StringIO(), io.StringIO()

    def take(self, output: str, text: str) -> None:
        self.outputs.setdefault(output, []).append(text)

    def __enter__(self) -> Heard:
        self._ends = contextlib.ExitStack()
        self._ends.enter_context(contextlib.redirect_stdout(self._out))
        self._ends.enter_context(contextlib.redirect_stderr(self._out))
        root, handler = logging.getLogger(), logging.StreamHandler(self._log)
        self._ends.callback(root.setLevel, root.level)
        self._ends.callback(root.removeHandler, handler)
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        self._functions_own()
        return self

    def _functions_own(self) -> None:
        """Powertools' logger keeps the output and the level that it was first made with."""
        log._logger()
        logger = logging.getLogger("stanch-responder")
        self._ends.callback(logger.setLevel, logger.level)
        logger.setLevel(logging.INFO)
        for each in logger.handlers:
            if isinstance(each, logging.StreamHandler):
                self._ends.callback(each.setStream, each.stream)
                each.setStream(self._out)

    def __exit__(self, *_: object) -> None:
        self._ends.close()
        self.take("standard output and error", self._out.getvalue())
        self.take("logs", self._log.getvalue())


def _plant(clouds: Context, kept: dict[str, str]) -> None:
    """Into the environment, the stores of secrets, and the settings; the tokens that Azure issued are asked for once more."""
    assert clouds.running is not None
    os.environ.update(
        AWS_SECRET_ACCESS_KEY=KEY,
        AWS_SESSION_TOKEN=SESSION,
        STANCH_SIGNING_SECRET="stanch-signing",
        POWERTOOLS_LOG_LEVEL="INFO",
        POWERTOOLS_METRICS_DISABLED="false",
    )
    os.environ["STANCH_STALE_HOURS"] = "1000000"
    store = boto3.client("secretsmanager", endpoint_url=clouds.running.aws)
    webhook = f"{clouds.running.teams}?sig={WEBHOOK}"
    store.put_secret_value(SecretId="stanch-teams", SecretString=webhook)
    store.create_secret(Name="stanch-signing", SecretString=json.dumps({"current": "now", "keys": {"now": SIGNING}}))
    azure_wiring.secret = lambda *_: webhook
    for wiring in (aws_wiring, azure_wiring):
        wiring.reset()
    credential = azure_wiring.deployment().cloud.credential("own")  # type: ignore[attr-defined]
    for scope in ("https://management.azure.com/.default", "https://graph.microsoft.com/.default"):
        kept[f"token for {scope.split('/')[2]}"] = credential.get_token(scope).token
    kept["identity header"] = clouds.running.identity_header


@contextlib.contextmanager
def _answered(kept: dict[str, str]) -> Iterator[None]:
    """Keeps the secrets in AWS's answers: credentials of assumed roles, secrets that were read."""
    parse, secret = botocore.parsers.ResponseParser.parse, azure_wiring.secret

    def watched(self: Any, response: Any, shape: Any) -> Any:
        found = parse(self, response, shape)
        credentials = found.get("Credentials") if isinstance(found, dict) else None
        for name in ("SecretAccessKey", "SessionToken"):
            if isinstance(credentials, dict) and credentials.get(name) and len(kept) < 60:
                kept[f"{name} of an assumed role, {len(kept)}"] = credentials[name]
        return found

    botocore.parsers.ResponseParser.parse = watched
    try:
        yield
    finally:
        botocore.parsers.ResponseParser.parse, azure_wiring.secret = parse, secret


def _break(what: str) -> None:
    """From here on the channels, or a cloud too, do not answer."""
    nowhere = "127.0.0.1:9"
    if what == "channels":
        aws_wiring.secret = lambda *_: f"https://{nowhere}/workflows/x?sig={WEBHOOK}"
        azure_wiring.secret = aws_wiring.secret
    elif what == "aws":
        os.environ["AWS_ENDPOINT_URL"] = f"http://{nowhere}"
    else:
        os.environ["STANCH_ARM_ENDPOINT"] = os.environ["STANCH_GRAPH_ENDPOINT"] = f"https://{nowhere}"
    os.environ["AWS_MAX_ATTEMPTS"] = "1"
    for wiring in (aws_wiring, azure_wiring):
        wiring.reset()


def _deliver(heard: Heard, clouds: Context, path: Path, event: Any) -> None:
    """The sample with secrets in it, through its handler, the runbook and the page; whatever is raised is heard with its causes."""
    replay = Replay(clouds, seed=True)
    _poison(event)
    with contextlib.suppress(Exception):
        for finding in findings(Event(path.name, event)):
            replay.prepare(path.parent.name, [finding])
    text = json.dumps(event)
    record = {"messageId": "1", "eventSource": "aws:sqs", "body": text, "attributes": {"ApproximateReceiveCount": "5"}}
    handlers = {"guardduty": guardduty.handler, "config": config.handler}
    if path.parent.name in handlers:
        handle = handlers[path.parent.name]
        deliveries = [lambda: handle(event, None), lambda: handle({"Records": [record]}, None)]
    else:
        deliveries = [lambda: sentinel.answer(event), lambda: sentinel.answer(text.encode())]
    caller = {
        "requestContext": {"http": {"method": "GET"}, "authorizer": {"iam": {"userArn": CALLER}}},
        "queryStringParameters": {"t": f"a.{IN_EVENT}.c"},
    }
    body = json.dumps(
        {
            "remediation": "aws.iam.revoke_user_sessions",
            "resource": "ci-deploy",
            "account": "111122223333",
            "secretAccessKey": IN_EVENT,
        }
    )
    for deliver in (
        *deliveries,
        lambda: runbook.handler({**caller, "body": body}, None),
        lambda: approval.handler(caller, None),
    ):
        try:
            heard.take("results", json.dumps(deliver(), default=str))
        except Exception:  # noqa: BLE001  # what any error says is looked at
            heard.take("errors and their causes", traceback.format_exc())


def _poison(event: Any) -> None:
    """Secrets as sources bring them along: beside what is known, deeper, and in JSON within text."""
    secrets = dict.fromkeys(SECRET_FIELDS, IN_EVENT)
    for node in unwrap(event):
        inner = node.value.get("detail") or node.value.get("object") or node.value
        inner["additional"] = {**secrets, "text": json.dumps({"deeper": [secrets]})}


def _journaled(heard: Heard, folder: Path) -> None:
    """Every byte that the journal's files hold."""
    for path in sorted(folder.glob("journal.sqlite*")):
        heard.take("journal", path.read_bytes().decode("latin-1"))
