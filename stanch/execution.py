"""One action being carried out: fenced, changed step by step, judged by what is live, closed with its report."""

from __future__ import annotations

import time
from functools import partial

from msgspec.structs import replace

from stanch import expiry
from stanch.action import Action, Outcome, Status, Step
from stanch.deployment import Deployment
from stanch.errors import CloudError, Refused, Retryable
from stanch.journal import Lease
from stanch.remediation import Plan
from stanch.result import Result
from stanch.target import Target
from stanch.transaction import Fence, apply_steps, verify


class Execution:
    """Carries out what was decided on one target. Its clock runs from when it was made."""

    def __init__(self, deployment: Deployment, target: Target) -> None:
        self._deployment, self._target = deployment, target
        self._declared = deployment.remediation(target.remediation)
        self._started = time.perf_counter()

    def fence(self, action: Action, lease: Lease) -> Fence:
        """Automation stops at the kill switch before every write; a person's action is the person's."""
        stop = partial(self._deployment.restraint.stopped, self._target.group) if self._target.restrained else None
        return Fence(self._deployment.journal, action, lease, self._deployment.settings.lease, stop)

    def take_over(self, action: Action, stale: Lease) -> Fence:
        """Hold the lock that a crash left. Raises Busy if it is not as it was any more."""
        action.attempt = stale.attempt + 1
        lease = self._deployment.lease(action)
        self._deployment.journal.claim(stale, lease)
        fence = self.fence(action, lease)
        fence.record("resumed")
        return fence

    def carry_out(self, action: Action, fence: Fence) -> Result:
        """Make the changes, look again, close and report. Raises Retryable, with the lease handed back, for what is unknown."""
        try:
            actor = self._deployment.bind(self._declared, action.resource, "act", action.id)
        except Retryable as error:
            fence.suspend("interrupted", error=str(error))
            raise
        except (CloudError, Refused) as error:  # no session to act with: nothing is written
            for step in action.steps:
                if step.status is Status.PLANNED:
                    step.status, step.error = Status.FAILED, str(error)
        else:
            apply_steps(action, actor, fence)
        contained = round((time.perf_counter() - self._started) * 1000, 1)
        self._judge(action, fence)
        result = self.close(action, fence)
        return replace(result, to_contained=contained if action.outcome is Outcome.ACTED else None)

    def close(self, action: Action, fence: Fence) -> Result:
        """Journal the end and report it, under the lock that is freed by it."""
        expiry.begin(self._deployment.journal, action)
        entry = self._deployment.entry(action, self._declared)
        fence.close(str(action.outcome), entry)
        return Result.of_action(action, self._deployment.deliver(entry))

    def _judge(self, action: Action, fence: Fence) -> None:
        """The outcome, by what is live now: never by what the calls said."""
        essential = [step for step in action.steps if not step.change.garnish]
        applied = [step for step in essential if step.status is Status.APPLIED]
        failed = [step for step in essential if step.status is Status.FAILED]
        try:
            reader = self._deployment.bind(self._declared, action.resource, "read", action.id)
            left = verify(reader, action, self._deployment.settings.verify_delays, fence)
        except Retryable as error:
            fence.suspend("unverified", error=str(error))
            raise
        except (CloudError, Refused) as error:
            unread = f"the result could not be read: {error}"
            unknown = bool(applied) or not failed
            action.outcome, action.reason = (Outcome.UNVERIFIED, unread) if unknown else (Outcome.FAILED, _why(failed))
        else:
            action.outcome, action.reason = _outcome(left, applied, failed)
        action.closed_at = action.updated_at


def _outcome(left: Plan, applied: list[Step], failed: list[Step]) -> tuple[Outcome, str | None]:
    if left.contained:
        return (
            (Outcome.ACTED, None) if applied else (Outcome.NO_OP, left.reason or "contained by someone else meanwhile")
        )
    if not failed:
        open_still = ", ".join(change.target for change in left.changes if not change.garnish)
        return Outcome.UNVERIFIED, f"every change was made, but a second look still finds: {open_still}"
    return (Outcome.PARTIAL if applied else Outcome.FAILED), _why(failed)


def _why(failed: list[Step]) -> str:
    return "; ".join(f"{step.change.target}: {step.error}" for step in failed)
