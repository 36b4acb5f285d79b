"""Undo: the before-state of an action, restored by a person, compared before it is written and journaled like the action itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from stanch import expiry, guardrails
from stanch.action import Action, Outcome, Status, Step, opened, stamp
from stanch.deployment import Deployment
from stanch.errors import Busy, CloudError, Refused, Retryable
from stanch.guardrails import Verdict
from stanch.journal import Lease, OutboxItem
from stanch.remediation import Remediation
from stanch.result import Result
from stanch.transaction import Fence, compare, same, undo_steps

UNDOABLE = (Outcome.ACTED, Outcome.PARTIAL, Outcome.UNVERIFIED, Outcome.FAILED)


class Request(Struct, frozen=True):
    """Who wants what undone, and why. `force` overrides drift, the re-arming delay, protection and a later action.

    `lease` is the end of the lease that ran out, where nobody else asks for it: then an extension in time keeps it.
    """

    action_id: str
    requester: str
    reason: str
    force: bool = False
    lease: str | None = None


class Undo:
    """One request to undo one action."""

    def __init__(self, deployment: Deployment, request: Request) -> None:
        """Raises Refused when there is no such action."""
        self._deployment, self._request = deployment, request
        self.action = self._known()
        self._declared = deployment.remediation(self.action.remediation)
        self._stop: Callable[[], Verdict] | None = None
        if request.requester == expiry.REQUESTER:
            group, _ = deployment.placed(self.action.resource.account)
            self._stop = partial(deployment.restraint.stopped, group)

    def preview(self) -> list[tuple[Step, bool]]:
        """What would be restored: each step with whether a write is needed. Raises Refused, Drifted among them."""
        self._allowed()
        return compare(self.action, self._bound(), self._request.force)

    def run(self) -> Result:
        """Restore. Raises Refused and CloudError (nothing more is touched), Busy or another Retryable (the lease is handed back; run it again to go on).

        What nobody asked for raises Stopped before a pulled kill switch.
        """
        stale = self._free()
        if self._stop is not None:
            Fence.ask(self._stop)
        if stale is None:
            self.preview()  # what is refused leaves no trace
        self.action = self._known()  # as it stands now: another undo may have ended since
        self._allowed()
        former = self.action.outcome, self.action.reason, self.action.closed_at, self.action.undo
        fence = self._begin(stale)
        try:
            remediation = self._bound()
            todo = compare(self.action, remediation, self._request.force)
        except Retryable as error:
            fence.suspend("undo interrupted", error=str(error))
            raise
        except (CloudError, Refused) as error:
            self._deployment.deliver(self._give_back(fence, error, former))
            raise
        undo_steps(self.action, remediation, fence, todo)
        self._judge(remediation, fence, [step for step, _ in todo if step.status is not Status.UNDONE])
        entry = self._deployment.entry(self.action, self._declared)
        fence.close(str(self.action.outcome), entry)
        return Result.of_action(self.action, self._deployment.deliver(entry))

    def give_up(self, reason: str) -> Result:
        """Close an interrupted undo that cannot go on, as partial, for a person to look at. Raises Busy while anything is at the effect."""
        fence = self._begin(self._free())
        entry = self._give_back(fence, Refused("interrupted", reason), (None, None, None, self.action.undo))
        return Result.of_action(self.action, self._deployment.deliver(entry))

    def _known(self) -> Action:
        action = self._deployment.journal.get(self._request.action_id)
        if action is None:
            raise Refused("unknown action", f"the journal holds no action {self._request.action_id}")
        return action

    def _bound(self) -> Remediation[Any]:
        return self._deployment.bind(self._declared, self.action.resource, "undo", self.action.id)

    def _allowed(self) -> None:
        action = self.action
        if action.outcome is Outcome.UNDONE:
            raise Refused("undone", f"action {action.id} was undone at {(action.undo or {}).get('at')}")
        if action.outcome is None and action.undo is None:
            raise Refused("open", f"action {action.id} is still open; deliver its event again so that it ends first")
        if action.outcome not in (*UNDOABLE, None):
            raise Refused("nothing to undo", f"action {action.id} ended as {action.outcome} and changed nothing")
        if self._declared.irreversible:
            raise Refused("irreversible", self._declared.irreversible)
        safe = opened(action) + timedelta(hours=self._declared.undo_delay_hours)
        if datetime.now(UTC) < safe and not self._request.force:
            raise Refused(
                "re-arms",
                f"sessions issued before the action may live until {safe:%Y-%m-%d %H:%M} UTC; undo before that needs --force",
            )
        until = (action.expires or {}).get("at")
        if self._request.lease not in (None, until):
            raise Refused("lease", f"it was extended until {until}")
        if self._request.force:
            return
        shield = guardrails.protected(action.resource, action.plan.get("aliases", ()), self._deployment.protected())
        if shield.effect == "hold":
            raise Refused(shield.guard, shield.reason)
        self._latest()

    def _latest(self) -> None:
        """What this action wrote may be what a later one keeps up: undone first, it would open what that one contains, which nobody would see. Raises Refused."""
        journal = self._deployment.journal
        last = journal.look(self.action.effect, None).last
        later = journal.get(last) if last not in (None, self.action.id) else None
        if later is None or later.outcome not in UNDOABLE:
            return
        if any(step.status is Status.APPLIED and not step.change.garnish for step in later.steps):
            raise Refused(
                "later action",
                f"action {later.id} contained it again since; undo that one first; --force undoes this one all the same",
            )

    def _free(self) -> Lease | None:
        """The lock that an undo of this action left behind, if one did. Raises Busy while anything else is at the effect."""
        stale = self._deployment.journal.look(self.action.effect, None).lease
        if stale is not None and stale.action_id != self.action.id:
            raise Busy(f"action {stale.action_id} on the same resource is in progress")
        if stale is not None and time.time() < stale.until:
            raise Busy(f"action {stale.action_id} is in progress")
        return stale

    def _begin(self, stale: Lease | None) -> Fence:
        """Take the lock of the effect, or take it over from an undo that crashed."""
        action, journal = self.action, self._deployment.journal
        known = replace(action, chain=list(action.chain))
        action.attempt = max(action.attempt, stale.attempt if stale else 0) + 1
        action.undo = {
            "requester": self._request.requester,
            "reason": self._request.reason,
            "at": stamp(),
            "force": self._request.force,
        }
        action.outcome = None
        lease = Lease(action.effect, action.id, action.attempt, time.time() + self._deployment.settings.lease)
        fence = Fence(journal, action, lease, self._deployment.settings.lease, self._stop)
        if stale is None:
            action.note("undo opened", requester=self._request.requester, reason=self._request.reason)
            journal.reopen(action, lease, known)
        else:
            journal.claim(stale, lease)
            fence.record("undo resumed", requester=self._request.requester)
        return fence

    def _give_back(self, fence: Fence, error: Exception, former: Any) -> OutboxItem | None:
        """Close again what was opened and must not be written: as it was, or as partial if an undo before it may have written."""
        action = self.action
        action.outcome, action.reason, action.closed_at, begun = former
        entry = None
        if action.outcome is None:
            action.outcome, action.reason, action.closed_at = Outcome.PARTIAL, f"undo: {error}", stamp()
            entry = self._deployment.entry(action, self._declared)
        else:
            action.undo = begun
        fence.close("undo refused", entry)
        return entry

    def _judge(self, remediation: Remediation[Any], fence: Fence, failed: list[Step]) -> None:
        """The outcome, by what is live now and by what could not be unmade."""
        action = self.action
        try:
            left = self._differing(remediation)
        except Retryable as error:
            fence.suspend("undo unverified", error=str(error))
            raise
        except CloudError as error:
            action.outcome, action.reason = Outcome.UNVERIFIED, f"undo: the result could not be read: {error}"
        else:
            action.outcome, action.reason = Outcome.UNDONE, self._request.reason
            if left:
                targets = ", ".join(step.change.target for step in left)
                action.outcome, action.reason = Outcome.UNVERIFIED, f"undo: a second look still differs: {targets}"
        if failed:
            why = "; ".join(f"{step.change.target}: {step.error}" for step in failed)
            action.outcome, action.reason = Outcome.PARTIAL, f"undo: {why}"
        action.closed_at = stamp()

    def _differing(self, remediation: Remediation[Any]) -> list[Step]:
        """The undone steps whose before-state does not show, after waiting as long as for an action. Garnish may be anybody's by now."""
        left = [step for step in self.action.steps if step.status is Status.UNDONE and not step.change.garnish]
        for delay in (0.0, *self._deployment.settings.verify_delays):
            if left and delay:
                time.sleep(delay)
            left = [step for step in left if not same(remediation.read(step.change), step.change.before)]
        return left
