"""One sweep at work: its deployment, its clock, and what its steps have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from msgspec import Struct, field

from stanch import clock
from stanch.action import Action, Outcome
from stanch.deployment import Deployment
from stanch.errors import Busy, StanchError, Stopped
from stanch.finding import Finding
from stanch.journal import Query
from stanch.report import Report
from stanch.result import Result

T = TypeVar("T")

SWEEP = "sweep"
"""The kind of standing fact in which sweeps remember what the last one saw."""

MARGIN = 20.0
"""Seconds that must be left to begin something: what is cut off in the middle is done again, but later."""

RECENT = timedelta(days=7)
"""What was opened earlier is looked at once in `THOROUGH` only: listing all of a journal is slow."""

THOROUGH = timedelta(hours=1)


class Waiting(Struct, frozen=True):
    """What lies in a dead-letter (poison) queue: how many messages, and since when the oldest that was seen."""

    count: int
    oldest: datetime | None = None


class DeadLetters(Protocol):
    """A queue of what was given up. Both methods raise the error tree's kinds."""

    @property
    def name(self) -> str:
        """The queue's name, for people."""

    def waiting(self) -> Waiting:
        """What lies in it; nothing is taken out."""

    def redrive(self, limit: int | None = None) -> int:
        """Put messages back into the queue that they came from, at most `limit` (None: as many as there are now); how many. What is cut off comes twice, never not."""


class Survey(Protocol):
    """What a source that may lose events says of everything it watches in one place."""

    @property
    def name(self) -> str:
        """The source and the place, for people."""

    def findings(self, wanted: Callable[[Finding], bool]) -> Iterator[Finding]:
        """The findings that stand there now, as its events would give them; `wanted` is asked with a finding of each type that names no resource yet. Raises the error tree's kinds."""


class Row(Struct):
    """What one step did. `left` tells that time ran out before it was through."""

    step: str
    done: int = 0
    left: bool = False
    errors: list[str] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        actions = [result.as_json() for result in self.results]
        return {"step": self.step, "done": self.done, "left": self.left, "errors": self.errors, "actions": actions}


class Turn:
    """What the steps of one sweep share."""

    def __init__(
        self, deployment: Deployment, seconds: float, queues: Sequence[DeadLetters] = (), surveys: Sequence[Survey] = ()
    ) -> None:
        """Raises the error tree's kinds where the journal cannot be read."""
        self.deployment, self.queues, self.surveys = deployment, queues, surveys
        self.now = clock.now()
        self.facts = deployment.journal.kept(SWEEP)
        self.row = Row("")
        self._end = self._share = time.monotonic() + seconds
        last = self.facts.get("thorough", {}).get("at")
        self.thorough = last is None or self.now - clock.parse(last) >= THOROUGH

    def begin(self, step: str, after: int) -> Row:
        """The row of a step, with `after` more to come: it may take twice its equal share of the time that is left."""
        now = time.monotonic()
        self._share = min(self._end, now + (self._end - now) * 2 / (after + 1))
        self.row = Row(step)
        return self.row

    def goes_on(self) -> bool:
        """Whether there is time for one more; if not, the row says so."""
        now = time.monotonic()
        self.row.left = self.row.left or now >= self._share or now > self._end - MARGIN
        return not self.row.left

    def each(self, items: Iterable[T], work: Callable[[T], Result | None]) -> None:
        """Do it for each as long as there is time. One that fails stops no other; what somebody else is at, or what is paused, is left to a later sweep."""
        for item in items:
            if not self.goes_on():
                return
            try:
                result = work(item)
            except (Busy, Stopped):
                continue
            except StanchError as error:
                self.row.errors.append(str(error))
                continue
            if result is not None:
                self.row.done += 1
                self.row.results.append(result)

    def actions(self, outcome: Outcome | None) -> Iterator[Action]:
        """This cloud's actions with this outcome (None: the open ones); all of them only once in a while."""
        wanted = frozenset({outcome}) if outcome else None
        since = None if self.thorough else self.now - RECENT
        for action in self.deployment.journal.find(Query(since=since, outcomes=wanted, open_only=outcome is None)):
            if action.remediation in self.deployment.registry:
                yield action

    def remember(self, name: str, value: dict[str, Any]) -> None:
        """For the sweeps to come."""
        self.facts[name] = value
        self.deployment.journal.keep(SWEEP, name, value, None)

    def report(self, key: str, title: str, reason: str, lines: Sequence[str] = ()) -> Report:
        """Something that people should look at and that no action stands for."""
        return Report(
            key, str(Outcome.HELD), title, "", severity=3, cloud=self.deployment.cloud.name, reason=reason, not_done=list(lines)
        )  # fmt: skip

    @property
    def today(self) -> str:
        return self.now.date().isoformat()
