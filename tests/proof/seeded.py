"""Local clouds for what comes through the entrances.

Nothing that is delivered there may change anything: what the sample events name is contained before, and beside it stands the same again, exposed, that no source
has a finding about. The clouds' own record of calls decides.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import requests

from handlers.aws import wiring as aws_wiring
from handlers.azure import wiring as azure_wiring
from stanch.approval.links import Links
from stanch.cli.context import Context
from stanch.cli.reading import Event
from stanch.cli.replaying import Replay, findings
from tests.functional.local_replay import calls, local_clouds
from tests.proof.entrances import Entrance
from tests.proof.incoming import HIDDEN, ROOT, SIGNING, beside, entrances


@dataclass(frozen=True, slots=True)
class World:
    """Local clouds as `entered` leaves them. `waiting` is what `entrances` takes."""

    clouds: Context
    waiting: dict[str, str]
    doors: list[Entrance]


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
