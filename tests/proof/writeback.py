"""What we write ourselves comes back as an event, to every handler: nothing is done because of it.

Echoes are made of what the clouds really recorded of our acting: the archived finding, the updated incident with its tag and comment, the state changes on the bus and on the
topic, the reports in the mailbox, and a record of each of our own calls as CloudTrail or Event Grid would publish it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from tests.proof import writeback_aws, writeback_azure
from tests.proof.figure import Figure, Size

SAMPLES: dict[Size, int] = {"bounded": 2, "full": 12}
"""How many findings of each kind of target are acted on."""


class Echoes(Protocol):
    """One deployment that has acted."""

    cloud: str

    def echoes(self) -> dict[str, list[Any]]:
        """Our own events, by their kind."""

    def doors(self) -> Mapping[str, Callable[[Any], object]]:
        """Every way in, by the handler's name; what a handler refuses it may refuse in its own way."""

    def acted(self) -> list[str]:
        """What changed a target, or opened an action that would, since the last time."""


Open = Callable[[Path, int], AbstractContextManager[Echoes]]
CLOUDS: tuple[Open, ...] = (writeback_aws.echoing, writeback_azure.echoing)


def measure(size: Size, folder: Path) -> Figure:
    rows, failures = [], []
    for number, opened in enumerate(CLOUDS):
        place = folder / str(number)
        place.mkdir()
        with opened(place, SAMPLES[size]) as echoes:
            assert echoes.acted(), "nothing was done, so nothing can come back"
            for kind, events in echoes.echoes().items():
                wrong = _given(echoes, events)
                failures += [f"{echoes.cloud}: {kind} to {one}" for one in wrong]
                if not events:
                    failures.append(f"{echoes.cloud}: there was no {kind} to give back")
                rows.append({"cloud": echoes.cloud, "what comes back": kind, "ways in": len(echoes.doors()), "events": len(events), "actions": len(wrong)})  # fmt: skip
    return Figure(
        "Our own write-backs, state changes, reports and calls, fed back into every handler, lead to no action.",
        sum(row["events"] * row["ways in"] for row in rows),
        failures,
        rows,
        [
            "An action is a write to anything but journal, mailbox and workspace, or a new action in the journal that acted."
        ],
    )


def _given(echoes: Echoes, events: list[Any]) -> list[str]:
    """Give each event to each handler; a sentence for each thing that was done because of it."""
    found = []
    for door, give in echoes.doors().items():
        for event in events:
            give(event)
        found += [f"{door}: {one}" for one in echoes.acted()]
    return found
