"""One sweep, step after step."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from msgspec import Struct, field

from stanch.clock import iso
from stanch.deployment import Deployment
from stanch.errors import StanchError
from stanch.sweep.approvals import approvals
from stanch.sweep.crashed import crashed
from stanch.sweep.dead_letters import dead_letters
from stanch.sweep.held import held
from stanch.sweep.leases import leases
from stanch.sweep.turn import SWEEP, DeadLetters, Row, Survey, Turn
from stanch.sweep.undelivered import undelivered
from stanch.sweep.unheard import unheard

STEPS: tuple[tuple[str, Callable[[Turn], None]], ...] = (
    ("crashed", crashed),
    ("undelivered", undelivered),
    ("approvals", approvals),
    ("leases", leases),
    ("dead letters", dead_letters),
    ("held", held),
    ("unheard", unheard),
)

RUNNING = "running"

SECONDS = 240.0
"""What a sweep takes at most: less than the time between two of them."""

SLACK = 15.0
"""Seconds after its time for which a sweep that did not end keeps others away."""


class Swept(Struct, frozen=True):
    """What a sweep did: a row for each step; none where another sweep was at work."""

    rows: list[Row] = field(default_factory=list)

    @property
    def errors(self) -> list[str]:
        return [f"{row.step}: {error}" for row in self.rows for error in row.errors]

    def as_json(self) -> dict[str, Any]:
        return {"steps": [row.as_json() for row in self.rows]}


class Sweep:
    """The sweep of one deployment."""

    def __init__(
        self, deployment: Deployment, queues: Sequence[DeadLetters] = (), surveys: Sequence[Survey] = ()
    ) -> None:
        """`queues` are those of what was given up, `surveys` the sources whose events may get lost."""
        self._deployment, self._queues, self._surveys = deployment, queues, surveys

    def run(self, seconds: float = SECONDS) -> Swept:
        """Every step, each as far as its share of `seconds` reaches. Raises the error tree's kinds where the journal cannot even be asked who sweeps."""
        journal = self._deployment.journal
        mine = {"id": uuid.uuid4().hex}
        if not journal.keep(SWEEP, RUNNING, mine, time.time() + seconds + SLACK, new=True):
            return Swept()
        try:
            return self._sweep(seconds)
        finally:
            with suppress(StanchError):  # it ends by itself
                if journal.kept(SWEEP).get(RUNNING) == mine:
                    journal.drop(SWEEP, RUNNING)

    def _sweep(self, seconds: float) -> Swept:
        turn = Turn(self._deployment, seconds, self._queues, self._surveys)
        rows = [self._step(turn, name, step, len(STEPS) - at) for at, (name, step) in enumerate(STEPS)]
        whole = not any(row.left for row in rows if row.step in ("crashed", "approvals"))
        if turn.thorough and whole:
            with suppress(StanchError):  # then the next one is as thorough
                turn.remember("thorough", {"at": iso(turn.now)})
        return Swept(rows)

    def _step(self, turn: Turn, name: str, step: Callable[[Turn], None], after: int) -> Row:
        row = turn.begin(name, after)
        try:
            step(turn)
        except StanchError as error:
            row.errors.append(str(error))
        if row.errors:
            self._complain(turn, row)
        return row

    def _complain(self, turn: Turn, row: Row) -> None:
        """People hear once a day of a step that does not get through."""
        more = f" (and {len(row.errors) - 1} more)" if len(row.errors) > 1 else ""
        reason = f"{row.step}: {row.errors[0]}{more}"
        report = turn.report(
            f"sweep:{row.step}:{turn.today}", "The sweep could not do all it should", reason, row.errors
        )
        with suppress(StanchError):  # the caller hears of it all the same
            self._deployment.tell(report)
