"""The journal: what was done to what, kept so that a crash, a repeat or a late invocation can do no harm.

Kinds of items, in every store: the *effect lock* (who is writing this effect now), the *action* (never expires), the *marker* (this finding
led to that action), the *outbox* (reports not yet accepted by every channel), the *counter* (how often, for budgets) and the *standing fact*
(what people or the sweep decided for a while: an exemption, a pause, the sweep's own lease).

All writes below but `count` are atomic: either every item of the call is written or none is. `stanch.journal.dynamodb`, `.table_storage` and `.sqlite`
implement this protocol; `tests/functional/journal` holds the one conformance suite they all pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct, field

from stanch.action import Action, Outcome

LAST = "last"
"""The marker under which the stores remember the last action of an effect, for good; a finding's marker is a hash."""


class Lease(Struct, frozen=True):
    """The right to write one effect until `until` (wall clock, seconds since the epoch). `attempt` fences: it grows with every claim."""

    effect: str
    action_id: str
    attempt: int
    until: float


class Standing(Struct, frozen=True):
    """What the journal says before we act, in one round trip.

    `lease` is the lock as stored, live or not, and `open` the action it belongs to; both None where nobody is at it. `earlier` is the
    action that the same finding led to before, `last` the id of the action that was carried out last on the effect, whatever led to it. `facts` are the
    live facts of the kind that was asked for with it, None where none was.
    """

    lease: Lease | None = None
    open: Action | None = None
    earlier: Action | None = None
    last: str | None = None
    facts: Mapping[str, Mapping[str, Any]] | None = None


class OutboxItem(Struct):
    """One report on its way. `channels` maps a channel's name to None while undelivered, else to the time it was accepted."""

    key: str
    report: dict[str, Any]
    channels: dict[str, str | None]
    created_at: str
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def pending(self) -> list[str]:
        return [name for name, accepted in self.channels.items() if accepted is None]


class Query(Struct, frozen=True):
    """Which actions to list, newest first. None means any."""

    since: datetime | None = None
    account: str | None = None
    outcomes: frozenset[Outcome] | None = None
    playbook: str | None = None
    open_only: bool = False

    def fits(self, action: Action) -> bool:
        """Whether the action belongs to the answer; stores may narrow further by index before asking."""
        return (
            (self.since is None or datetime.fromisoformat(action.opened_at) >= self.since)
            and (self.account is None or action.resource.account.lower() == self.account.lower())
            and (self.outcomes is None or action.outcome in self.outcomes)
            and (self.playbook is None or action.playbook == self.playbook)
            and (not self.open_only or action.outcome is None)
        )


class Journal(Protocol):
    """The one protocol of all stores. Every method may raise `Throttled`, `Unreachable` or `AccessDenied`."""

    def look(self, effect: str, marker: str | None, kind: str | None = None) -> Standing:
        """The lock of the effect with its action, the action that `marker` points to, and what `kept` answers for the kind. Strongly consistent; one round trip where the store can."""

    def open(self, action: Action, lease: Lease, marker: str | None, seen: Standing | None = None) -> None:
        """Write lock, action and marker, and remember the action as the last one of its effect. Raises Busy if another lock of the effect exists (live or left by a crash), the action's id is taken,
        or another action has become the last one since it was `seen`."""

    def reopen(self, action: Action, lease: Lease, known: Action | None = None, *markers: str) -> None:
        """Write the lock, the action (its undo, its release) and the markers, `LAST` among them if it is to be the last one of its effect. Raises Busy if another lock of the effect exists, or if the stored action
        is not in the state of `known` any more: of two decisions at the same moment the second is told so."""

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

    def filed(self, key: str) -> OutboxItem | None:
        """The report with this key, delivered or not; strongly consistent."""

    def get(self, action_id: str) -> Action | None:
        """The action by its id."""

    def find(self, query: Query) -> Iterator[Action]:
        """The actions that fit, newest first."""

    def pending(self) -> Iterator[OutboxItem]:
        """Reports with a channel that has not accepted them, oldest first."""

    def sent(self, item: OutboxItem) -> None:
        """Store which channels accepted the report, and the errors of the others."""

    def count(self, keys: Sequence[str], expires_at: float) -> list[int]:
        """Add one to each counter and answer the new values; a key named twice counts once.

        Shared by all running instances. May over-count after a lost answer or an error, never under-count. A counter vanishes after `expires_at` (epoch seconds,
        wall clock), the latest one that it was given; counted again after that it starts at one.
        """

    def counts(self, keys: Sequence[str]) -> list[int]:
        """The counters' values, 0 for those that do not exist or have expired. Strongly consistent; one round trip where the store can."""

    def keep(self, kind: str, key: str, value: dict[str, Any], until: float | None, *, new: bool = False) -> bool:
        """Keep a standing fact (an exemption, a pause, a lease on a sweep) until `until` (epoch seconds, wall clock), or for good.

        It takes the place of the one with this kind and key; with `new` only if that one is absent or expired, else False and nothing is written. `value` is JSON of
        up to 64 KB, and so is the key with its kind. Raises InvalidInput for more, TypeError for what is no JSON.
        """

    def kept(self, kind: str) -> dict[str, dict[str, Any]]:
        """The live facts of a kind by key; an expired one is not answered even before the store drops it. Strongly consistent."""

    def drop(self, kind: str, key: str) -> bool:
        """Forget a fact. False if there was no live one; of several who drop the same fact, one is told True."""
