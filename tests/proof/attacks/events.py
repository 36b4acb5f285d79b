"""Forged events: what no source sent, or sent otherwise."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from tests.proof.attacks import Tried
from tests.proof.entrances import Entrance, judged
from tests.proof.figure import Size
from tests.proof.incoming import HIDDEN, ROOT, beside, invocation
from tests.proof.mutation import wrapped
from tests.proof.seeded import entered, writes

CARRIERS = ("none", "list", "sns", "sqs", "notification", "body", "twice")
OTHERS = (
    ("111122223333", "444455556666"),
    ("eu-west-1", "us-east-1"),
    ("0000000000a1", "0000000000a2"),
    ("law-soc", "law-evil"),
    ("rg-", "rg-evil-"),
)
"""Another account, region, subscription, workspace and resource group."""


def attack(size: Size, folder: Path) -> Tried:
    """Every sample event in each way that it can be forged, through every carrier: no write, and never an outcome that says so."""
    tried = Tried("forged events")
    with entered(folder / "events") as world, Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        for door in world.doors[:3]:
            for name, event in _forged(door):
                for carrier in CARRIERS if size == "full" else CARRIERS[:1]:
                    given = wrapped(event, carrier)
                    verdict, _ = judged(door, given, json.dumps(given))
                    tried.held(f"{door.name} {name} in {carrier}", not verdict.wrong, verdict.wrong)
        found = sorted(writes(world.clouds))
        tried.held("the clouds' own records show no write", not found, found)
        for door in world.doors[:3]:
            outcomes = [outcome for event in _confirmed(door) for outcome in judged(door, event, None)[0].outcomes]
            tried.held(f"{door.name}: what the source confirms is contained", "acted" in outcomes, outcomes)
    return tried


def _confirmed(door: Entrance) -> Iterator[Any]:
    """What stands beside what the samples name, under the ids that its source knows: proof that it was exposed."""
    for path in sorted((ROOT / "events" / door.name).glob("*.json")):
        yield beside(path.read_text(), *HIDDEN)


def _forged(door: Entrance) -> Iterator[tuple[str, Any]]:
    """Events about what is exposed and what no source has a finding of; and confirmed ones, altered."""
    for path in sorted((ROOT / "events" / door.name).glob("*.json")):
        original, decoy = json.loads(path.read_text()), beside(path.read_text())
        yield f"{path.stem} about what was never found", _unknown(decoy)
        yield f"{path.stem} with the resources of another", _grafted(original, decoy)
        for old, new in OTHERS:
            text = json.dumps(decoy)
            if old in text:
                yield f"{path.stem} with {new}", _unknown(json.loads(text.replace(old, new)))
                yield f"{path.stem} from {new}", json.loads(json.dumps(original).replace(old, new))
    if door.name == "config":
        yield "a rule's invocation that Config did not make", invocation()


IDS = (
    ("detail", "id"),
    ("detail", "arn"),
    ("detail", "configRuleName"),
    ("detail", "configRuleARN"),
    ("object", "id"),
    ("object", "name"),
)
"""Where the id is by which a source is asked."""


def _unknown(event: Any) -> Any:
    """The same under an id that its source has nothing of."""
    event = json.loads(json.dumps(event))
    for outer, inner in IDS:
        if isinstance(event.get(outer), dict) and inner in event[outer]:
            old = event[outer][inner]
            event[outer][inner] = old[:-4] + "f0f0"
    return event


def _grafted(original: Any, decoy: Any) -> Any:
    """The decoy's body under the id of a finding that its source confirms."""
    event = json.loads(json.dumps(decoy))
    for outer, inner in IDS:
        if isinstance(original.get(outer), dict) and inner in original[outer]:
            event[outer][inner] = original[outer][inner]
    return event
