"""The journal: what was done to what, kept so that a crash, a repeat or a late invocation can do no harm.

Kinds of items, in every store: the *effect lock* (who is writing this effect now), the *action* (never expires), the *marker* (this finding
led to that action), and the *outbox* (reports not yet accepted by every channel).

All writes below are atomic: either every item of the call is written or none is. `stanch.journal.dynamodb`, `.table_storage` and `.sqlite`
implement this protocol; `tests/functional/journal` holds the one conformance suite they all pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from stanch.action import Action, Outcome


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write one effect until `until` (wall clock, seconds since the epoch). `attempt` fences: it grows with every claim."""

    effect: str
    action_id: str
    attempt: int
    until: float


@dataclass(frozen=True, slots=True)
class Standing:
    """What the journal says before we act, in one round trip.

    `lease` is the lock as stored, live or not, and `open` the action it belongs to; both None where nobody is at it. `earlier` is the
    action that the same finding led to before.
    """

    lease: Lease | None = None
    open: Action | None = None
    earlier: Action | None = None


@dataclass(slots=True)
class OutboxItem:
    """One report on its way. `channels` maps a channel's name to None while undelivered, else to the time it was accepted."""

    key: str
    report: dict[str, Any]
    channels: dict[str, str | None]
    created_at: str
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def pending(self) -> list[str]:
        return [name for name, accepted in self.channels.items() if accepted is None]


@dataclass(frozen=True, slots=True)
class Query:
    """Which actions to list, newest first. None means any."""

    since: datetime | None = None
    account: str | None = None
    outcomes: frozenset[Outcome] | None = None
    playbook: str | None = None
    open_only: bool = False

    def fits(self, action: Action) -> bool:
        """Whether the action belongs to the answer; stores may narrow further by index before asking."""
        return (
            (self.since is None or datetime.fromisoformat(action.opened_at.replace("Z", "+00:00")) >= self.since)
            and (self.account is None or action.resource.account.lower() == self.account.lower())
            and (self.outcomes is None or action.outcome in self.outcomes)
            and (self.playbook is None or action.playbook == self.playbook)
            and (not self.open_only or action.outcome is None)
        )


class Journal(Protocol):
    """The one protocol of all stores. Every method may raise `Throttled`, `Unreachable` or `AccessDenied`."""

    def look(self, effect: str, marker: str | None) -> Standing:
        """The lock of the effect with its action, and the action that `marker` points to. Strongly consistent; one round trip where the store can."""

    def open(self, action: Action, lease: Lease, marker: str | None) -> None:
        """Write lock, action and marker. Raises Busy if another lock of the effect exists (live or left by a crash) or the action's id is taken."""

    def reopen(self, action: Action, lease: Lease) -> None:
        """Write the lock and the known action (its undo, its release). Raises Busy if another lock of the effect exists."""

    def claim(self, stale: Lease, lease: Lease) -> None:
        """Take over a lock left by a crash: succeeds only if the stored lock is still `stale`. Raises Busy otherwise."""

    def record(self, action: Action, lease: Lease) -> None:
        """Write the action's progress and the lease's new `until`. Raises Fenced if the stored lock is not this lease's action and attempt."""

    def close(self, action: Action, lease: Lease, report: OutboxItem | None) -> None:
        """Write the final action, remove the lock and file the report. Raises Fenced as `record` does."""

    def note(self, action: Action, marker: str | None, report: OutboxItem | None) -> bool:
        """Write an action that changes nothing (held, planned, awaiting approval). False, and nothing written, if its id is taken already."""

    def file(self, report: OutboxItem) -> bool:
        """File a report that belongs to no action. False, and nothing written, if its key is there already."""

    def get(self, action_id: str) -> Action | None:
        """The action by its id."""

    def find(self, query: Query) -> Iterator[Action]:
        """The actions that fit, newest first."""

    def pending(self) -> Iterator[OutboxItem]:
        """Reports with a channel that has not accepted them, oldest first."""

    def sent(self, item: OutboxItem) -> None:
        """Store which channels accepted the report, and the errors of the others."""
