"""What a person decides of an action that waits: approve, deny, or release one that was held. Guarded afresh, bound to the plan that was shown, used once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from stanch import guardrails
from stanch.action import Action, Outcome, opened, stamp
from stanch.clock import iso
from stanch.containment import Containment
from stanch.continuation import Continuation
from stanch.deployment import Deployment
from stanch.errors import Refused
from stanch.guardrails import Verdict
from stanch.identity import Identity as Identity
from stanch.identity import of_requester
from stanch.playbooks.match import excluded
from stanch.remediation import Plan
from stanch.result import Result
from stanch.target import Target

WAITING = (Outcome.AWAITING_APPROVAL, Outcome.HELD)

AGREED = ("approved", "released")
"""How people agree to an action; of one that cannot be undone, two of them to the same plan."""


class Request(Struct, frozen=True):
    """Who decides, and what of. `plan_digest` is the plan that the person saw; None where the person sees it only now (the command)."""

    action_id: str
    by: Identity
    reason: str = ""
    plan_digest: str | None = None


class View(Struct, frozen=True):
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
        """What would be done now. Raises the error tree's kinds where the plan cannot be made or a guard not be evaluated."""
        plan, verdicts = Containment(self._deployment, self._target()).plan()
        return View(
            self.action,
            plan,
            verdicts,
            iso(self._expires()),
            plan.digest(self.action.id),
            self._needed(),
            list(self.action.approvals),
        )

    def approve(self) -> Result:
        """Carry out what was shown. Raises Refused: not waiting any more, expired, not allowed, another plan by now, a guard that holds.

        What is contained by now is closed without a change. An irreversible action needs a second person: until then the result still awaits approval.
        """
        view = self._ready(Outcome.AWAITING_APPROVAL)
        if view.plan.contained:
            return self._contained(view)
        if view.digest != self.action.plan.get("digest") or self._request.plan_digest not in (None, view.digest):
            raise Refused("changed plan", "what would be done has changed since it was shown; look at the new plan")
        return self._agree(view, "approved", "approved by {by}; it cannot be undone, so a second person must approve")

    def release(self) -> Result:
        """Go on with an action that a guard held, if the guards let it by now: else it stays held. Raises Refused as `approve` does; any plan of now is meant."""
        view = self._ready(Outcome.HELD)
        if view.plan.contained:
            return self._contained(view)
        if self._request.plan_digest not in (None, view.digest):
            raise Refused("changed plan", "what would be done has changed since it was shown; look at the new plan")
        return self._agree(
            view, "released", "released by {by}; it cannot be undone, so a second person must release it"
        )

    def deny(self) -> Result:
        """Close it without a change. Raises Refused when it does not wait any more, or by somebody who may not decide."""
        if self.action.outcome not in WAITING:
            raise Refused("decided", f"action {self.action.id} ended as {self.action.outcome or 'open'}")
        self._member()
        reason = f"denied by {self._request.by.name}: {self._request.reason or 'no reason given'}"
        return self._settle(Outcome.EXPIRED, reason, "denied", [*self.action.approvals, self._signed("denied")])

    def expire(self) -> Result:
        """Close a request that nobody answered in time. Raises Refused when it does not wait any more."""
        if self.action.outcome is not Outcome.AWAITING_APPROVAL:
            raise Refused("decided", f"action {self.action.id} ended as {self.action.outcome}")
        return self._settle(Outcome.EXPIRED, "nobody answered in time", "expired", self.action.approvals)

    def hold(self, reason: str) -> Result:
        """Hold a request that nobody answered; a person may still release it. Raises Refused when it does not wait any more."""
        if self.action.outcome is not Outcome.AWAITING_APPROVAL:
            raise Refused("decided", f"action {self.action.id} ended as {self.action.outcome}")
        return self._settle(Outcome.HELD, reason, "held", self.action.approvals)

    def _ready(self, wanted: Outcome) -> View:
        action = self.action
        if action.outcome is not wanted:
            raise Refused("decided", f"action {action.id} is {action.outcome or 'open'}, not {wanted}")
        if wanted is Outcome.AWAITING_APPROVAL and datetime.now(UTC) > self._expires():
            raise Refused("expired", f"the request was open until {self._expires():%Y-%m-%d %H:%M} UTC")
        self._may()
        view = self.preview()
        if not view.plan.contained:
            self._let(view)
        return view

    def _let(self, view: View) -> None:
        """What holds automation now holds what a person agrees to as well; what only asks for a person has one. Raises Refused."""
        held = guardrails.first(view.verdicts, "hold")
        if held is not None:
            raise Refused(held.guard, held.reason)
        target = self._target()
        if not target.restrained:
            return
        fact = excluded(target.playbook, None, view.plan.facts) if target.playbook else None
        if fact is not None:
            raise Refused("unless", fact)
        if self._deployment.policy.ceiling_for(target.group) == "observe":
            raise Refused(
                "ceiling", f"in {target.group or 'an account of unknown group'} nothing may be done but observe"
            )

    def _may(self) -> None:
        """The approver is a member of the policy's group, and not whoever asked for it."""
        by, asked = self._request.by, of_requester(self.action.requester)
        self._member()
        if by.subject == asked.subject or self.action.requester in (by.name, by.subject):
            raise Refused("own request", "whoever asked for an action cannot approve it")
        if self._declared.irreversible and not by.person:
            raise Refused(
                "identity",
                f"it cannot be undone and takes two people, and {by.name} may be anybody who may use {by.subject}; "
                "decide as an IAM user, a user of Identity Center, or signed in on the approval page",
            )

    def _member(self) -> None:
        by, wanted = self._request.by, self._deployment.policy.approval.by.get("group")
        if wanted and wanted not in by.groups:
            raise Refused("wrong group", f"{by.name} is not in {wanted}")

    def _needed(self) -> int:
        """What cannot be undone takes two people; of a runbook, whoever asked for it is one of them, if that is a person."""
        if not self._declared.irreversible:
            return 1
        return 1 if self.action.finding is None and of_requester(self.action.requester).person else 2

    def _expires(self) -> datetime:
        return opened(self.action) + timedelta(seconds=self._deployment.settings.approval)

    def _signed(self, how: str, plan: str | None = None) -> dict[str, Any]:
        by = self._request.by
        signed = {"how": how, "by": by.name, "subject": by.subject, "reason": self._request.reason, "at": stamp()}
        return signed | ({"plan": plan} if plan else {})

    def _target(self) -> Target:
        return Target.of_action(self.action, self._deployment)

    def _continuation(self) -> Continuation:
        return Continuation(self._deployment, self._target())

    def _agree(self, view: View, how: str, waits: str) -> Result:
        """Carry it out once enough people agreed to this plan."""
        agreed = {
            entry["subject"]
            for entry in self.action.approvals
            if entry["how"] in AGREED and entry.get("plan") == view.digest
        }
        if self._request.by.subject in agreed:
            raise Refused("decided", f"{self._request.by.name} has approved already")
        approvals = [*self.action.approvals, self._signed(how, view.digest)]
        if len(agreed) + 1 < view.approvals_needed:
            assert self.action.outcome is not None, "it waits"
            reason = waits.format(by=self._request.by.name)
            return self._settle(self.action.outcome, reason, f"{how} once", approvals)
        self.action.approvals = approvals
        by = self._request.by.name
        return self._continuation().proceed(self.action, view.plan, how, by=by, reason=self._request.reason)

    def _contained(self, view: View) -> Result:
        reason = view.plan.reason or "already contained"
        return self._settle(Outcome.NO_OP, reason, "nothing left to do", self.action.approvals)

    def _settle(self, outcome: Outcome, reason: str, event: str, approvals: list[dict[str, Any]]) -> Result:
        self.action.approvals = approvals
        by = self._request.by.name
        return self._continuation().settle(self.action, outcome, reason, event, by=by, reason=self._request.reason)
