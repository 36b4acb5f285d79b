"""Going on with an action that was begun before: after a crash, or because a person decided what it waited for."""

from __future__ import annotations

import time
from typing import Any

from msgspec.structs import replace

from stanch import guardrails
from stanch.action import Action, Outcome, Status, Step, stamp
from stanch.deployment import Deployment
from stanch.errors import Busy, Stopped
from stanch.execution import Execution
from stanch.journal import LAST, Standing
from stanch.remediation import Plan
from stanch.result import Result
from stanch.target import Target, marker_of
from stanch.transaction import Fence


class Continuation:
    """Goes on with what the journal holds of one target."""

    def __init__(self, deployment: Deployment, target: Target, execution: Execution | None = None) -> None:
        self._deployment, self._target = deployment, target
        self._execution = execution or Execution(deployment, target)

    def proceed(self, action: Action, plan: Plan, event: str, **details: Any) -> Result:
        """Carry out an action that waited, as a person decided. Raises Busy if it is being decided or was by now."""
        known = self._unchanged(action)
        action.steps, action.plan = [Step(change) for change in plan.changes], plan.as_json(action.id)
        action.outcome, action.reason, action.closed_at = None, None, None
        action.attempt += 1
        action.note(event, **details)
        lease = self._deployment.lease(action)
        markers = (LAST, marker) if (marker := marker_of(action)) else (LAST,)
        self._deployment.journal.reopen(action, lease, known, *markers)
        self._deployment.restraint.contained(self._target.playbook, action.effect)
        return self._execution.carry_out(action, self._execution.fence(action, lease))

    def settle(self, action: Action, outcome: Outcome, why: str, event: str, **details: Any) -> Result:
        """Close an action that waited without a change, or let it wait on; under the lock of its effect, so that of two decisions at the same moment one is refused.

        What was decided is written first: after a crash only the report and the lock are left to do. What a person denied becomes what its finding led to. Raises Busy as `proceed` does.
        """
        known = self._unchanged(action)
        action.outcome, action.reason, action.closed_at = outcome, why, stamp()
        action.note(event, **details)
        lease = self._deployment.lease(action)
        marker = marker_of(action) if action.denied else None
        self._deployment.journal.reopen(action, lease, known, *([marker] if marker else []))
        return self._execution.close(action, self._execution.fence(action, lease))

    def resume(self, known: Action) -> Result | None:
        """Go on with an action that a crash left open; None where all that was left was the lock and the report of a decision.

        Raises Stopped before a pulled kill switch or where it was protected or exempted since, Busy while anything else is at the effect.
        """
        standing = self._left_by(known)
        if (standing.open or known).outcome is not None:
            self.freed(standing)
            return None
        if self._target.restrained:
            stop = self._deployment.restraint.stopped(self._target.group)
            if stop.effect == "hold":
                raise Stopped(stop.sentence())
        if standing.lease:
            return self.go_on(standing)
        self._let(known, standing)
        return self._execution.carry_out(known, self._lock_anew(known))

    def _let(self, action: Action, standing: Standing) -> None:
        """What was protected or exempted since the action was opened is not written any more. Raises Stopped: it may go on once that has ended."""
        deployment, names = self._deployment, action.plan.get("aliases", ())
        verdict = guardrails.protected(action.resource, names, deployment.protected())
        if verdict.effect != "hold" and self._target.restrained:
            verdict = deployment.restraint.exempted(action.resource, names, standing.facts)
        if verdict.effect == "hold":
            raise Stopped(verdict.sentence())

    def abandon(self, known: Action, reason: str) -> Result:
        """Close an open action that cannot go on, for a person to look at. Raises Busy while anything else is at the effect."""
        standing = self._left_by(known)
        action = standing.open or known
        fence = self._execution.take_over(action, standing.lease) if standing.lease else self._lock_anew(action)
        made = any(step.status is Status.APPLIED and not step.change.garnish for step in action.steps)
        action.outcome, action.reason, action.closed_at = Outcome.UNVERIFIED, reason, stamp()
        if made:
            action.outcome = Outcome.PARTIAL
        return self._execution.close(action, fence)

    def freed(self, standing: Standing) -> Standing:
        """What stands once the lock is gone that a decision left when it crashed: what was decided is journaled, its report is filed now."""
        action, stale = standing.open, standing.lease
        if action is None or stale is None or action.outcome is None or time.time() < stale.until:
            return standing
        self._execution.close(action, self._execution.take_over(action, stale))
        return replace(standing, lease=None, open=None)

    def go_on(self, standing: Standing) -> Result:
        """Go on where a crash left off. Raises Busy while the other invocation may still be alive, Stopped where it was protected or exempted since."""
        action, stale = standing.open, standing.lease
        assert stale is not None
        if action is None:
            raise Busy(
                f"the lock of {self._target.effect[:12]} names action {stale.action_id}, which is not in the journal"
            )
        if time.time() < stale.until:
            raise Busy(f"action {action.id} on the same resource is in progress")
        if action.undo is not None:
            raise Busy(f"the undo of action {action.id} was interrupted; `stanch undo {action.id}` goes on with it")
        if self._target.automatic and self._deployment.settings.ceiling == "observe":
            raise Busy(
                f"action {action.id} was interrupted, and nothing may go on with it while the ceiling is observe"
            )
        self._let(action, standing)
        return self._execution.carry_out(action, self._execution.take_over(action, stale))

    def give_up(self, reason: str, known: bool) -> Result | None:
        """Close what a delivery left open that was the last: as unverified, or where it is `known` what was written, as partial or held. None where nothing of its own is open."""
        standing = self._deployment.journal.look(self._target.effect, None)
        action = standing.open
        if standing.lease is None or action is None or time.time() < standing.lease.until:
            return None
        if action.undo is not None or action.outcome is not None:  # a person's undo or decision is theirs to end
            return None
        fence = self._execution.take_over(action, standing.lease)
        written = any(step.status is not Status.PLANNED for step in action.steps)
        ended = Outcome.PARTIAL if written else Outcome.HELD
        action.outcome, action.reason, action.closed_at = ended if known else Outcome.UNVERIFIED, reason, stamp()
        return self._execution.close(action, fence)

    def _unchanged(self, action: Action) -> Action:
        """The action as the journal has it, with nobody at its effect. Raises Busy if it is not what was looked at any more."""
        journal = self._deployment.journal
        if self.freed(journal.look(action.effect, None)).lease is not None:
            raise Busy(f"another action on the resource of {action.id} is in progress")
        known = journal.get(action.id)
        if known is None or known.chain[-1:] != action.chain[-1:]:
            raise Busy(f"action {action.id} is being decided by someone else")
        return known

    def _left_by(self, known: Action) -> Standing:
        """The lock that the action left behind, with the action as it is in the journal now; none where the store has dropped it by now."""
        standing = self._deployment.journal.look(known.effect, None)
        stale = standing.lease
        if stale is not None and (stale.action_id != known.id or time.time() < stale.until):
            raise Busy(f"action {stale.action_id} on the same resource is in progress")
        return standing

    def _lock_anew(self, action: Action) -> Fence:
        known = replace(action, chain=list(action.chain))
        action.attempt += 1
        action.note("resumed")
        lease = self._deployment.lease(action)
        self._deployment.journal.reopen(action, lease, known)
        return self._execution.fence(action, lease)
