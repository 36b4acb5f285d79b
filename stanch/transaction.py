"""How changes are made, verified and unmade: once for every remediation, so that none of them can do it differently."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from stanch.action import Action, Status, Step, stamp
from stanch.errors import CloudError, Conflict, Drifted, Fenced, Retryable, StanchError, Stopped
from stanch.guardrails import Verdict
from stanch.journal import Journal, Lease, OutboxItem
from stanch.remediation import Change, Plan, Remediation, State, canonical

T = TypeVar("T")

MARGIN = 1 / 18
"""The part of a lease that must be left before a write: five seconds of the usual ninety, for the write to arrive in."""

WRITE = 2 / 3
"""The part of a lease that a write may take, its repeats and the end of a long operation included: sixty seconds of the usual ninety. Sessions bound theirs by it."""

CONFIRMED = 2.0
"""Seconds for which the journal's word that the lease is ours holds before a write. Another machine's clock may be minutes ahead, and take a lease for run out that is not."""


class Fence:
    """Holds the lease of one action: asked before every write, renewed by every record."""

    def __init__(
        self, journal: Journal, action: Action, lease: Lease, seconds: float, stop: Callable[[], Verdict] | None = None
    ) -> None:
        """`stop` is the kill switch, asked before every write."""
        self._journal, self._action, self._seconds, self._stop = journal, action, seconds, stop
        self.lease = lease
        self._untold = False

    def check(self) -> None:
        """Before a write: the journal said a moment ago that the lease is ours, or says it now, and it will outlast the write.

        Raises Fenced if too little is left of it, for another invocation may be about to take over, or if one did. Raises Stopped at a kill switch that is pulled or cannot be read.
        """
        if self._stop is not None:
            self.ask(self._stop)
        left = self.lease.until - time.time()
        if left < MARGIN * self._seconds:
            raise Fenced(
                f"the lease of action {self._action.id} has run out; the write is left to whoever holds it now"
            )
        if left < max((MARGIN + WRITE) * self._seconds, self._seconds - CONFIRMED):
            self._renew()

    @staticmethod
    def ask(stop: Callable[[], Verdict]) -> None:
        """Raises Stopped at a kill switch that is pulled or cannot be read."""
        try:
            verdict = stop()
        except Retryable as error:  # nothing was written, which is more than other errors let us know
            raise Stopped(str(error)) from error
        if verdict.effect == "hold":
            raise Stopped(verdict.sentence())

    def record(self, event: str, **details: Any) -> None:
        """Journal the progress and renew the lease. Raises Fenced if somebody else holds it."""
        self._action.note(event, **details)
        self._renew()

    def note(self, event: str, **details: Any) -> None:
        """Note what the journal is told with what comes next, or now if half the lease is gone. Of a crash before it the next attempt learns by reading what the change wrote."""
        self._action.note(event, **details)
        self._untold = True
        if self.lease.until - time.time() < self._seconds / 2:
            self.settle()

    def settle(self) -> None:
        """Journal what was only noted, before a wait. Raises Fenced if somebody else holds the lease."""
        if self._untold:
            self._renew()

    def _renew(self) -> None:
        self.lease = replace(self.lease, until=time.time() + self._seconds)
        self._journal.record(self._action, self.lease)
        self._untold = False

    def suspend(self, event: str, **details: Any) -> None:
        """Journal the progress and let the next delivery go on at once."""
        self._action.note(event, **details)
        self.lease = replace(self.lease, until=0.0)
        self._journal.record(self._action, self.lease)

    def close(self, event: str, report: OutboxItem | None) -> None:
        """Journal the end, free the lock and file the report, all at once."""
        self._action.note(event)
        self._journal.close(self._action, self.lease, report)


def same(left: Any, right: Any) -> bool:
    """Whether two states are equal as JSON."""
    return canonical(left) == canonical(right)


def apply_steps(action: Action, remediation: Remediation[Any], fence: Fence) -> None:
    """Make every change that is not made yet, each recorded; the last of them with the end of the action, unless the journal alone knows what it came to.

    On a resumed attempt a change may have been made without being recorded, so it is read first. Of an operation that said no after it
    had begun, or whose end we may not see, what is live tells whether it was done; so it does of a conflict, which may be with our own write: SDKs send again by themselves
    what no answer came to. Raises Retryable with the lease handed back when the cloud does not answer; a considered no marks
    the step failed and whatever needs it skipped. Garnish fails by itself, whatever the reason.
    """
    for step in action.steps:
        if step.status is Status.APPLIED:
            continue
        if _blocked(step, action.steps):
            step.status, step.error = Status.SKIPPED, "a change it needs was not made"
            continue
        planned = step.change
        try:
            if not (action.attempt > 1 and _already_made(step, remediation)):
                step.change = _write(remediation, planned, planned.before, fence, remediation.apply)
            step.status, step.error = Status.APPLIED, None
        except Fenced:
            raise
        except (Retryable, CloudError, Drifted) as error:
            if isinstance(error, Retryable) and not step.change.garnish:
                fence.suspend("interrupted", change=step.change.id, error=str(error))
                raise
            made = _perhaps(error) and _is(remediation, step.change, step.change.after)
            step.status, step.error = Status.APPLIED if made else Status.FAILED, str(error)
        step.at = stamp()
        tell = fence.note if step is action.steps[-1] and step.change is planned else fence.record
        tell(str(step.status), change=step.change.id)


def _write(
    remediation: Remediation[Any], change: Change, found: State, fence: Fence, write: Callable[[Change], T]
) -> T:
    """Write once; a second time where it met a conflict and yet what it is about stands as it was `found`.

    An entity tag covers a whole group or interface: whoever writes another rule, or a tag, would keep a port open by it.
    """
    fence.check()
    try:
        return write(change)
    except Conflict:
        if not _is(remediation, change, found):
            raise
    fence.check()
    return write(change)


def _blocked(step: Step, steps: Sequence[Step]) -> bool:
    made = {other.change.id for other in steps if other.status is Status.APPLIED}
    return not made.issuperset(step.change.requires)


def _perhaps(error: StanchError) -> bool:
    """Whether a write that was answered with this may have been made."""
    return isinstance(error, Conflict) or (isinstance(error, CloudError) and error.begun)


def _is(remediation: Remediation[Any], change: Change, wanted: State) -> bool:
    """Whether the live state is the wanted one; False where it cannot be read."""
    try:
        return not same(change.before, change.after) and same(remediation.read(change), wanted)
    except (Retryable, CloudError):
        return False


def _already_made(step: Step, remediation: Remediation[Any]) -> bool:
    """Whether it need not be made again; a transient one always is, for what came after it may have to come again. Raises Drifted for what somebody else wrote since."""
    change = step.change
    live = remediation.read(change)
    if same(live, change.after):
        return not change.transient
    if not same(live, change.before) and not remediation.halfway(change, live):
        raise Drifted(change.target, change.before, change.after, live)
    return False


def verify(remediation: Remediation[Any], action: Action, delays: Sequence[float], fence: Fence) -> Plan:
    """Look again until nothing is left to do, waiting `delays` seconds between looks (IAM is eventually consistent:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency). Returns the last plan."""
    changes = [step.change for step in action.steps]
    left = remediation.left(action.resource, action.params, changes)
    for delay in delays:
        if left.contained:
            break
        fence.settle()
        time.sleep(delay)
        left = remediation.left(action.resource, action.params, changes)
    return left


def undoable(action: Action) -> list[Step]:
    """The steps whose effect may stand, last first; whatever may have been written counts, not only what was recorded."""
    return [
        step
        for step in reversed(action.steps)
        if not step.change.transient and step.change.reversible and step.status not in (Status.UNDONE, Status.SKIPPED)
    ]


def compare(action: Action, remediation: Remediation[Any], force: bool) -> list[tuple[Step, bool]]:
    """Each step to undo with whether a write is needed. Raises Drifted, before anything is written, if one is neither as found nor as left.

    With `force` a drifted change is written all the same.
    """
    found = []
    for step in undoable(action):
        change, live = step.change, remediation.read(step.change)
        if same(live, change.before):
            found.append((step, False))
        elif same(live, change.after) or force or remediation.halfway(change, live):
            found.append((step, True))
        elif not change.garnish:  # a tag that somebody changed is theirs now and blocks nothing
            raise Drifted(change.target, change.before, change.after, live)
    return found


def undo_steps(action: Action, remediation: Remediation[Any], fence: Fence, todo: Sequence[tuple[Step, bool]]) -> None:
    """Unmake the changes that `compare` found, each recorded. Raises Retryable with the lease handed back when the cloud does not answer.

    What a change needs stays as long as the change itself could not be unmade.
    """
    for step, write in todo:
        needed = _needed_by(step, undoable(action)) if write else None
        if needed is not None:
            step.error = f"it stays because {needed.change.target} needs it"
            continue
        try:
            if write:
                _write(remediation, step.change, step.change.after, fence, remediation.undo)
        except Fenced:
            raise
        except Retryable as error:
            fence.suspend("undo interrupted", change=step.change.id, error=str(error))
            raise
        except CloudError as error:
            step.error = str(error)
            # Whatever the cloud says: what stands as it was is undone, by the same call sent before if not by this one.
            if not _is(remediation, step.change, step.change.before):
                fence.record("undo failed", change=step.change.id)
                continue
        else:
            step.error = None
        step.status, step.at = Status.UNDONE, stamp()
        fence.record(str(step.status), change=step.change.id)


def _needed_by(step: Step, standing: Sequence[Step]) -> Step | None:
    """A change that still stands and was made on the strength of this one."""
    return next(
        (other for other in standing if step.change.id in other.change.requires and not other.change.garnish), None
    )
