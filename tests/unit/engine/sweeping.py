"""A bench whose deployment is swept: with more of a policy, two channels, queues and surveys that tests fill, and a clock that sweeps are judged by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from stanch import clock
from stanch.action import Action, Outcome
from stanch.deployment import Deployment
from stanch.errors import StanchError
from stanch.finding import Finding
from stanch.playbooks.match import Matcher
from stanch.report import Report
from stanch.sweep import Row, Sweep, Swept, Waiting
from tests.unit.engine.bench import Bench, Kept


@dataclass
class Letters:
    """A dead-letter queue with so many messages, or one that cannot be asked."""

    name: str
    found: Waiting | StanchError

    def waiting(self) -> Waiting:
        if isinstance(self.found, StanchError):
            raise self.found
        return self.found

    def redrive(self, limit: int | None = None) -> int:
        raise AssertionError("a sweep only looks")


@dataclass
class Held:
    """A source that holds these findings; `error` comes after them."""

    name: str
    found: list[Finding] = field(default_factory=list)
    error: StanchError | None = None

    def findings(self, wanted: Callable[[Finding], bool]) -> Iterator[Finding]:
        yield from (one for one in self.found if wanted(replace(one, resources=())))
        if self.error is not None:
            raise self.error


@dataclass
class Sweeping(Bench):
    """`more` goes into the policy; `pager` is a second channel, told only by name."""

    more: dict[str, Any] = field(default_factory=dict)
    pager: Kept = field(default_factory=lambda: Kept("pager"))
    queues: Sequence[Letters] = ()
    surveys: Sequence[Held] = ()
    later: timedelta = timedelta()

    @property
    def deployment(self) -> Deployment:
        made = super().deployment
        policy = replace(made.policy, **self.more)
        return replace(
            made, policy=policy, matcher=Matcher(policy), channels={"soc": self.channel, "pager": self.pager}
        )

    def wait(self, **span: float) -> None:
        """Let time pass, for sweeps and for leases on effects."""
        self.later += timedelta(**span)
        self.lapse()

    def sweep(self, seconds: float = 240.0) -> Swept:
        """One sweep, at the time that it is by now."""
        with clock.at(datetime.now(UTC) + self.later):
            return Sweep(self.deployment, self.queues, self.surveys).run(seconds)

    def swept(self, step: str) -> Row:
        """A sweep in which nothing fails: what one step did."""
        found = self.sweep()
        assert found.errors == []
        return self.row(found, step)

    @staticmethod
    def row(swept: Swept, step: str) -> Row:
        return next(row for row in swept.rows if row.step == step)

    def the(self, action_id: str | None) -> Action:
        found: Action | None = self.journal.get(action_id)
        assert found is not None
        return found

    def outcome(self, action_id: str | None) -> Outcome | None:
        return self.the(action_id).outcome

    def news(self) -> list[Report]:
        """What both channels accepted since the last look."""
        found = [*self.channel.reports, *self.pager.reports]
        self.channel.reports.clear()
        self.pager.reports.clear()
        return found
