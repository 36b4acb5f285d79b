"""Undo: the before-state of an action, restored by a person, compared before it is written and journaled like the action itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from stanch import guardrails
from stanch.action import Outcome, Status, Step, opened, stamp
from stanch.deployment import Deployment
from stanch.errors import Busy, Refused
from stanch.journal import Lease
from stanch.remediation import Remediation
from stanch.result import Result
from stanch.transaction import Fence, compare, same, undo_steps

UNDOABLE = (Outcome.ACTED, Outcome.PARTIAL, Outcome.UNVERIFIED, Outcome.FAILED)


@dataclass(frozen=True, slots=True)
class Request:
    """Who wants what undone, and why. `force` overrides drift, the re-arming delay and protection."""

    action_id: str
    requester: str
    reason: str
    force: bool = False


class Undo:
    """One request to undo one action."""

    def __init__(self, deployment: Deployment, request: Request) -> None:
        """Raises Refused when there is no such action."""
        self._deployment, self._request = deployment, request
        action = deployment.journal.get(request.action_id)
        if action is None:
            raise Refused("unknown action", f"the journal holds no action {request.action_id}")
        self.action = action
        self._declared = deployment.remediation(action.remediation)

    def preview(self) -> list[tuple[Step, bool]]:
        """What would be restored: each step with whether a write is needed. Raises Refused, Drifted among them."""
        self._allowed()
        return compare(self.action, self._bound(), self._request.force)

    def run(self) -> Result:
        """Restore. Raises Refused (nothing touched), Busy or another Retryable (the lease is handed back; run it again to go on)."""
        self.preview()
        fence = self._begin()
        remediation = self._bound()
        undo_steps(self.action, remediation, fence, compare(self.action, remediation, self._request.force))
        self._judge(remediation)
        entry = self._deployment.entry(self.action, self._declared)
        fence.close(str(self.action.outcome), entry)
        return Result.of_action(self.action, self._deployment.deliver(entry))

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
        shield = guardrails.protected(action.resource, action.plan.get("aliases", ()), self._deployment.protected())
        if shield.effect == "hold" and not self._request.force:
            raise Refused(shield.guard, shield.reason)

    def _begin(self) -> Fence:
        """Take the lock of the effect, or take it over from an undo that crashed."""
        action, journal = self.action, self._deployment.journal
        stale = journal.look(action.effect, None).lease
        if stale is not None and (stale.action_id != action.id or time.time() < stale.until):
            raise Busy(f"action {stale.action_id} on the same resource is in progress")
        action.attempt = max(action.attempt, stale.attempt if stale else 0) + 1
        action.undo = {
            "requester": self._request.requester,
            "reason": self._request.reason,
            "at": stamp(),
            "force": self._request.force,
        }
        action.outcome = None
        lease = Lease(action.effect, action.id, action.attempt, time.time() + self._deployment.settings.lease)
        fence = Fence(journal, action, lease, self._deployment.settings.lease)
        if stale is None:
            action.note("undo opened", requester=self._request.requester, reason=self._request.reason)
            journal.reopen(action, lease)
        else:
            journal.claim(stale, lease)
            fence.record("undo resumed", requester=self._request.requester)
        return fence

    def _judge(self, remediation: Remediation[Any]) -> None:
        action = self.action
        left = [
            step
            for step in action.steps
            if step.status is Status.UNDONE and not same(remediation.read(step.change), step.change.before)
        ]
        failed = [
            step for step in action.steps if step.error and step.status is not Status.UNDONE and not step.change.garnish
        ]
        if failed:
            action.outcome = Outcome.PARTIAL
            action.reason = "undo: " + "; ".join(f"{step.change.target}: {step.error}" for step in failed)
        elif left:
            action.outcome = Outcome.UNVERIFIED
            action.reason = "undo: a second look still differs: " + ", ".join(step.change.target for step in left)
        else:
            action.outcome, action.reason = Outcome.UNDONE, self._request.reason
        action.closed_at = stamp()
