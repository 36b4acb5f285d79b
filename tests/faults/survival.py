"""What a cloud, a journal and a mailbox look like after every death and the redelivery that followed it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stanch import outbox
from stanch.action import Action, Outcome
from stanch.journal import Query
from stanch.remediation import canonical
from tests.faults.cases import Case, run_all


@dataclass
class Survival:
    """`rows` are what the redelivery of each case answered, `exposed` what was found wrong between death and redelivery."""

    cloud: Any
    folder: Path
    series: dict[tuple[str, str], list[Case]]
    exposed: list[str] = field(default_factory=list)
    rows: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    writes: int = 0

    @property
    def cases(self) -> list[Case]:
        return [case for cases in self.series.values() for case in cases]

    def action(self, case: Case) -> Action | None:
        """The only action that is about the case's resource, from the journal itself. More than one is an error."""
        found = [action for action in self.actions() if action.resource.key() == case.resource.key()]
        assert len(found) < 2, f"{case.where}: {[(action.id, str(action.outcome)) for action in found]}"
        return found[0] if found else None

    def actions(self) -> Iterator[Action]:
        yield from self.cloud.deployment().journal.find(Query())

    def locks(self) -> list[tuple[str, float]]:
        """The locks as they stand in the file."""
        with closing(sqlite3.connect(self.folder / "journal.sqlite")) as connection:
            return connection.execute("SELECT action_id, until FROM locks").fetchall()

    def look(self) -> None:
        """Between death and redelivery: what was written has its before-state in the journal."""
        for case in self.cases:
            changed = self.cloud.scenario.snapshot(case.world, case.resource) != case.before
            action = self.action(case)
            if changed and action is None:
                self.exposed.append(f"{case.where}: changed without a record")
            if action is not None and not befores(action) <= states(case.before):
                self.exposed.append(f"{case.where}: the record has {befores(action)}")

    def redeliver(self) -> None:
        """Every event again, once the leases of the dead have run out, and then what the sweep does."""
        time.sleep(max(0.0, *(until - time.time() + 0.1 for _, until in self.locks()), 0.0))
        for case in self.cases:
            self.rows[id(case)] = self.cloud.handle(case.event)
        deployment = self.cloud.deployment()
        outbox.drain(deployment.journal, deployment.channels)
        self.writes = self.cloud.all_writes()


def survive(cloud: Any, folder: Path) -> Survival:
    """Let the process die everywhere, then deliver everything again."""
    found = Survival(cloud, folder, run_all(cloud.name, cloud.environment, cloud.make, folder))
    found.look()
    found.redeliver()
    return found


def befores(action: Action) -> set[str]:
    """The recorded before-states of what was there, as text."""
    return {canonical(step.change.before) for step in action.steps if step.change.before is not None}


def states(snapshot: Any) -> set[str]:
    """Every state of a snapshot, as text: a key's status, a rule's properties."""
    return {canonical(state) for state in snapshot.values()}


def closed(action: Action | None) -> bool:
    return action is not None and action.outcome is Outcome.ACTED and action.closed_at is not None
