"""What a person decides of an action that waits: approve, deny, or release one that was held. Guarded afresh, bound to the plan that was shown, used once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from stanch import guardrails
from stanch.action import Action, Outcome, opened, stamp
from stanch.clock import iso
from stanch.containment import Containment, Target
from stanch.deployment import Deployment
from stanch.errors import Busy, Refused
from stanch.guardrails import Verdict
from stanch.remediation import Plan
from stanch.result import Result

WAITING = (Outcome.AWAITING_APPROVAL, Outcome.HELD)


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified person: the name for people, the subject that tells two apart, and the directory groups."""

    name: str
    subject: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """Who decides, and what of. `plan_digest` is the plan that the person saw; None where the person sees it only now (the command)."""

    action_id: str
    by: Identity
    reason: str = ""
    plan_digest: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """What is shown before the decision: the plan made anew and every guard's verdict on it."""

    action: Action
    plan: Plan
    verdicts: list[Verdict]
    expires_at: str
    digest: str
    approvals_needed: int
    approvals: list[dict[str, Any]]


class Decision:
    """One request to decide one action."""

    def __init__(self, deployment: Deployment, request: Request) -> None:
        """Raises Refused when there is no such action."""
        self._deployment, self._request = deployment, request
        action = deployment.journal.get(request.action_id)
        if action is None:
            raise Refused("unknown action", f"the journal holds no action {request.action_id}")
        self.action = action
        self._declared = deployment.remediation(action.remediation)

    def preview(self) -> View:
        """What would be done now. Raises the error tree's kinds where the plan cannot be made."""
        plan, verdicts = self._containment().plan()
        return View(
            self.action,
            plan,
            verdicts,
            iso(self._expires()),
            plan.digest(self.action.id),
            2 if self._declared.irreversible else 1,
            list(self.action.approvals),
        )

    def approve(self) -> Result:
        """Carry out what was shown. Raises Refused: not waiting any more, expired, not allowed, another plan by now, a guard that still holds.

        An irreversible action needs a second person: until then the result still awaits approval.
        """
        view = self._ready(Outcome.AWAITING_APPROVAL)
        self._may()
        if view.digest not in (self.action.plan.get("digest"),) or self._request.plan_digest not in (None, view.digest):
            raise Refused("changed plan", "what would be done has changed since it was shown; look at the new plan")
        approvals = [*self.action.approvals, self._signed("approved")]
        if len({entry["subject"] for entry in approvals}) < view.approvals_needed:
            return self._put_back(approvals)
        self.action.approvals = approvals
        return self._proceed(view.plan, "approved")

    def release(self) -> Result:
        """Go on with an action that a guard held, if the guards let it by now. Raises Refused as `approve` does."""
        view = self._ready(Outcome.HELD)
        self._may()
        self.action.approvals = [*self.action.approvals, self._signed("released")]
        return self._proceed(view.plan, "released")

    def deny(self) -> Result:
        """Close it without a change. Raises Refused when it does not wait any more."""
        if self.action.outcome not in WAITING:
            raise Refused("decided", f"action {self.action.id} ended as {self.action.outcome}")
        self._may()
        self.action.approvals = [*self.action.approvals, self._signed("denied")]
        return self._close(
            Outcome.EXPIRED, f"denied by {self._request.by.name}: {self._request.reason or 'no reason given'}", "denied"
        )

    def expire(self) -> Result:
        """Close a request that nobody answered in time. Raises Refused when it does not wait any more."""
        if self.action.outcome is not Outcome.AWAITING_APPROVAL:
            raise Refused("decided", f"action {self.action.id} ended as {self.action.outcome}")
        return self._close(Outcome.EXPIRED, "nobody answered in time", "expired")

    def _ready(self, wanted: Outcome) -> View:
        action = self.action
        if action.outcome is not wanted:
            raise Refused("decided", f"action {action.id} is {action.outcome or 'open'}, not {wanted}")
        if datetime.now(UTC) > self._expires():
            raise Refused("expired", f"the request was open until {self._expires():%Y-%m-%d %H:%M} UTC")
        view = self.preview()
        held = guardrails.first(view.verdicts, "hold")
        if held is not None:
            raise Refused(held.guard, held.reason)
        if view.plan.contained:
            raise Refused("contained", view.plan.reason or "nothing is left to do")
        return view

    def _may(self) -> None:
        """The approver is a member of the policy's group and not the one who asked."""
        by, wanted = self._request.by, self._deployment.policy.approval.by.get("group")
        if wanted and wanted not in by.groups:
            raise Refused("wrong group", f"{by.name} is not in {wanted}")
        if by.subject == self.action.requester:
            raise Refused("own request", "whoever asked for an action cannot approve it")
        if any(entry["subject"] == by.subject for entry in self.action.approvals):
            raise Refused("decided", f"{by.name} has approved already")

    def _expires(self) -> datetime:
        return opened(self.action) + timedelta(seconds=self._deployment.settings.approval)

    def _signed(self, how: str) -> dict[str, Any]:
        by = self._request.by
        return {"how": how, "by": by.name, "subject": by.subject, "reason": self._request.reason, "at": stamp()}

    def _containment(self) -> Containment:
        action = self.action
        target = Target(
            remediation=action.remediation,
            resource=action.resource,
            params=action.params,
            effect=action.effect,
            action_id=action.id,
            mode="auto",
            playbook=next((found for found in self._deployment.policy.playbooks if found.id == action.playbook), None),
            confirmed=action.evidence.get("confirmed"),
            requester=action.requester,
            justification=action.justification,
            group=self._deployment.groups.of(action.resource.account),
        )
        return Containment(self._deployment, target)

    def _proceed(self, plan: Plan, event: str) -> Result:
        return self._containment().proceed(
            self.action, plan, event, by=self._request.by.name, reason=self._request.reason
        )

    def _put_back(self, approvals: list[dict[str, Any]]) -> Result:
        """One of two approvals: the action waits on, with the first one journaled."""
        self.action.approvals = approvals
        reason = f"approved by {approvals[-1]['by']}; it cannot be undone, so a second person must approve"
        return self._close(Outcome.AWAITING_APPROVAL, reason, "approved once")

    def _close(self, outcome: Outcome, reason: str, event: str) -> Result:
        """Under the lock of the effect, so that of two decisions at the same moment one is refused."""
        action, journal = self.action, self._deployment.journal
        known = journal.get(action.id)
        if known is None or (known.outcome, known.attempt) != (action.outcome, action.attempt):
            raise Busy(f"action {action.id} is being decided by someone else")
        action.note(event, by=self._request.by.name, reason=self._request.reason)
        lease = self._deployment.lease(action)
        journal.reopen(action, lease, known)
        action.outcome, action.reason, action.closed_at = outcome, reason, stamp()
        action.note(str(outcome), reason=reason)
        entry = self._deployment.entry(action, self._declared)
        journal.close(action, lease, entry)
        return Result.of_action(action, self._deployment.deliver(entry))
