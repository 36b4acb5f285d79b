"""One action from its plan to its report: what happens to one resource under one remediation."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from stanch import clock, expiry, guardrails
from stanch.action import Action, Outcome, Status, Step, action_id_of, stamp
from stanch.deployment import Deployment
from stanch.errors import Busy, CloudError, Refused, Retryable, Stopped
from stanch.guardrails import Verdict
from stanch.journal import Lease, Standing
from stanch.playbooks.limits import Exempt
from stanch.playbooks.match import excluded
from stanch.playbooks.model import strictest
from stanch.remediation import Plan
from stanch.restraint import Subject
from stanch.result import Result
from stanch.target import Target, marker_of
from stanch.transaction import Fence, apply_steps, verify

HELD_BY_MODE = {"observe": Outcome.PLANNED, "approve": Outcome.AWAITING_APPROVAL}


class Containment:
    """Carries one target through."""

    def __init__(self, deployment: Deployment, target: Target) -> None:
        self._deployment, self._target = deployment, target
        self._declared = deployment.remediation(target.remediation)
        self._earlier: Action | None = None
        self._started = time.perf_counter()

    def run(self) -> Result:
        """Plan, guard, journal, change, verify, report. Raises Retryable for what is unknown."""
        target, deployment = self._target, self._deployment
        shield = guardrails.protected(target.resource, (), deployment.protected())
        if shield.effect == "hold":
            return self._noted(Plan(target.resource), Outcome.HELD, shield.sentence())
        standing = self._free(deployment.journal.look(target.effect, target.marker))
        if standing.lease is not None:
            return self._resume(standing)
        self._earlier = standing.earlier
        self._target = target = target.after(standing.earlier)
        try:
            reader = deployment.bind(self._declared, target.resource, "read", target.action_id)
            plan = reader.plan(target.resource, target.params)
        except Refused as error:
            return self._noted(Plan(target.resource), Outcome.HELD, str(error))
        except CloudError as error:
            return self._noted(Plan(target.resource), Outcome.FAILED, f"the plan could not be made: {error}")
        stopped = self._stopped(plan, standing.earlier)
        if stopped is not None:
            return stopped
        return self._act(plan)

    def plan(self) -> tuple[Plan, list[Verdict]]:
        """What would be done, with every guard's verdict; nothing is written, not even to the journal."""
        target = self._target
        reader = self._deployment.bind(self._declared, target.resource, "read", target.action_id)
        plan = reader.plan(target.resource, target.params)
        return plan, self._verdicts(plan, self._deployment.journal.look(target.effect, target.marker).earlier)

    def give_up(self, error: Retryable) -> Result:
        """After the last delivery: what is still unknown is held; an action that it leaves open is closed as unverified. Both are reported and listed.

        What the kill switch stopped is known: it is held if nothing was written, else partial.
        """
        stopped = isinstance(error, Stopped)
        reason = str(error) if stopped else f"unknown after the last delivery: {error}"
        standing = self._deployment.journal.look(self._target.effect, None)
        action = standing.open
        if standing.lease is None or action is None or time.time() < standing.lease.until:
            return self._noted(Plan(self._target.resource), Outcome.HELD, reason)
        if action.undo is not None or action.outcome is not None:  # a person's undo or decision is theirs to end
            return self._noted(Plan(self._target.resource), Outcome.HELD, reason)
        fence = self._take_over(action, standing.lease)
        written = any(step.status is not Status.PLANNED for step in action.steps)
        known = Outcome.PARTIAL if written else Outcome.HELD
        action.outcome, action.reason, action.closed_at = known if stopped else Outcome.UNVERIFIED, reason, stamp()
        return self._close(action, fence)

    def _verdicts(self, plan: Plan, earlier: Action | None) -> list[Verdict]:
        target, deployment = self._target, self._deployment
        exemption = target.playbook.exempt if target.playbook else Exempt()
        verdicts = guardrails.resource_guards(plan, exemption, deployment.protected(), earlier)
        if (
            target.waited is not None and not target.automatic
        ):  # whoever decides now may overrule whoever undid it before
            verdicts = [guardrails.asking(verdict, "undone") for verdict in verdicts]
        verdicts.append(guardrails.irreversible(self._declared.irreversible))
        if not target.restrained:
            return verdicts
        if target.doubt is not None:
            raise target.doubt
        return verdicts + deployment.restraint.verdicts(self._subject(plan), clock.now())

    def _subject(self, plan: Plan) -> Subject:
        target = self._target
        return Subject(plan, target.remediation, target.effect, target.group, target.playbook)

    def _stopped(self, plan: Plan, earlier: Action | None) -> Result | None:
        """The result if the plan is not to be carried out now, else None."""
        target = self._target
        if plan.contained:
            return self._nothing_to_do(plan, earlier)
        verdicts = self._verdicts(plan, earlier)
        held = guardrails.first(verdicts, "hold")
        if held is not None:
            return self._noted(plan, Outcome.HELD, held.sentence())
        if target.playbook is None or target.finding is None:
            return self._asked(plan)
        fact = excluded(target.playbook, target.finding, plan.facts)
        if fact is not None:
            return self._noted(plan, Outcome.HELD, f"unless: {fact}")
        lowered = [verdict for verdict in verdicts if verdict.effect in HELD_BY_MODE]
        mode = strictest(target.mode, *(verdict.effect for verdict in lowered))
        if mode in HELD_BY_MODE:
            cause = next((verdict for verdict in lowered if verdict.effect == mode), None)
            if cause is not None and cause.guard == "budget":
                return self._over_budget(plan, cause)
            return self._noted(plan, HELD_BY_MODE[mode], cause.sentence() if cause else f"mode: {mode}")
        spent = self._deployment.restraint.spend(self._subject(plan))
        return self._over_budget(plan, spent) if spent.effect != "pass" else None

    def _asked(self, plan: Plan) -> Result | None:
        """A person's runbook is bound by protection alone, for the person is the approval; what cannot be undone takes a second one."""
        second = guardrails.irreversible(self._declared.irreversible)
        return self._noted(plan, Outcome.AWAITING_APPROVAL, second.sentence()) if second.effect != "pass" else None

    def _over_budget(self, plan: Plan, verdict: Verdict) -> Result:
        """Beyond the budget containment asks for approval, and people get one summary."""
        assert self._target.playbook is not None, "a budget is a playbook's"
        self._deployment.summarise(verdict, self._target.playbook.id)
        return self._noted(plan, Outcome.AWAITING_APPROVAL, verdict.sentence())

    def _nothing_to_do(self, plan: Plan, earlier: Action | None) -> Result:
        reason = plan.reason or "already contained"
        if earlier is not None and earlier.outcome in (Outcome.ACTED, Outcome.NO_OP):
            echo = Result.of_action(earlier, [])
            ours = earlier.outcome is Outcome.ACTED and reason != "gone"
            again = f"already contained by action {earlier.id}" if ours else reason
            return replace(echo, outcome=Outcome.NO_OP, reason=again, changes=[])
        return self._noted(plan, Outcome.NO_OP, reason)

    def _action(self, plan: Plan, action_id: str) -> Action:
        target = self._target
        action = Action(
            id=action_id,
            effect=target.effect,
            remediation=target.remediation,
            resource=target.resource,
            params=target.params,
            steps=[Step(change) for change in plan.changes],
            mode=target.mode,
            playbook=target.playbook.id if target.playbook else None,
            finding=target.finding.summary() if target.finding else None,
            source=target.finding.source if target.finding else None,
            evidence={
                "event": dict(target.finding.raw) if target.finding else None,
                "confirmed": target.confirmed,
                "upstream": _names(target.finding.upstream) if target.finding else None,
            },
            plan=plan.as_json(self._target.action_id),
            requester=target.requester,
            justification=target.justification,
            expires=expiry.terms(target.lease),
        )
        self._deployment.stamp(action)
        return action

    def _noted(self, plan: Plan, outcome: Outcome, reason: str) -> Result:
        """Journal and report what changes nothing. For a finding once, because the id is made of what is said; what a person asks for is journaled each time.

        The finding's marker stays with the action that changed something: a later delivery must still see that a person undid it. What was said and came to
        an end since is said anew; what a person denied is not.
        """
        finding, after = self._target.finding, self._earlier.id if self._earlier else None
        while True:
            said = self._said(plan, outcome, reason, after) if finding else self._target.action_id
            action = self._action(plan, said)
            action.outcome, action.reason, action.closed_at = outcome, reason, action.opened_at
            action.note(str(outcome), reason=reason)
            entry = self._deployment.entry(action, self._declared)
            new = self._deployment.journal.note(action, None, entry)
            known = None if new else self._deployment.journal.get(said)
            if new or known is None or finding is None:
                return Result.of_action(action, self._deployment.deliver(entry) if new else [])
            if known.outcome is None:
                raise Busy(f"action {said} is being carried out")
            if known.outcome is outcome or _stands(known):
                return Result.of_action(known, [])
            after = said

    def _said(self, plan: Plan, outcome: Outcome, reason: str, after: str | None) -> str:
        """The id of what is said of a finding after an earlier action. What changes are named after the action is no part of it."""
        told = plan.digest(self._target.action_id)
        return action_id_of(self._target.effect, self._target.marker, outcome, reason, told, after)

    def _act(self, plan: Plan) -> Result:
        action = self._action(plan, self._target.action_id)
        lease = self._deployment.lease(action)
        action.note("opened", requester=action.requester)
        self._deployment.journal.open(action, lease, self._target.marker)
        return self._carry_out(action, self._fence(action, lease))

    def proceed(self, action: Action, plan: Plan, event: str, **details: Any) -> Result:
        """Carry out an action that waited, as a person decided. Raises Busy if it is being decided or was by now."""
        known = self._unchanged(action)
        action.steps, action.plan = [Step(change) for change in plan.changes], plan.as_json(action.id)
        action.outcome, action.reason, action.closed_at = None, None, None
        action.attempt += 1
        action.note(event, **details)
        lease = self._deployment.lease(action)
        self._deployment.journal.reopen(action, lease, known, marker_of(action))
        self._deployment.restraint.contained(self._target.playbook, action.effect)
        return self._carry_out(action, self._fence(action, lease))

    def settle(self, action: Action, outcome: Outcome, why: str, event: str, **details: Any) -> Result:
        """Close an action that waited without a change, or let it wait on; under the lock of its effect, so that of two decisions at the same moment one is refused.

        What was decided is written first: after a crash only the report and the lock are left to do. Raises Busy as `proceed` does.
        """
        known = self._unchanged(action)
        action.outcome, action.reason, action.closed_at = outcome, why, stamp()
        action.note(event, **details)
        lease = self._deployment.lease(action)
        self._deployment.journal.reopen(action, lease, known)
        return self._close(action, self._fence(action, lease))

    def _unchanged(self, action: Action) -> Action:
        """The action as the journal has it, with nobody at its effect. Raises Busy if it is not what was looked at any more."""
        journal = self._deployment.journal
        if self._free(journal.look(action.effect, None)).lease is not None:
            raise Busy(f"another action on the resource of {action.id} is in progress")
        known = journal.get(action.id)
        if known is None or known.chain[-1:] != action.chain[-1:]:
            raise Busy(f"action {action.id} is being decided by someone else")
        return known

    def _free(self, standing: Standing) -> Standing:
        """What stands once the lock is gone that a decision left when it crashed: what was decided is journaled, its report is filed now."""
        action, stale = standing.open, standing.lease
        if action is None or stale is None or action.outcome is None or time.time() < stale.until:
            return standing
        self._close(action, self._take_over(action, stale))
        return replace(standing, lease=None, open=None)

    def resume(self, known: Action) -> Result | None:
        """Go on with an action that a crash left open; None where all that was left was the lock and the report of a decision.

        Raises Stopped before a pulled kill switch, Busy while anything else is at the effect.
        """
        standing = self._left_by(known)
        if (standing.open or known).outcome is not None:
            self._free(standing)
            return None
        if self._target.restrained:
            stop = self._deployment.restraint.stopped(self._target.group)
            if stop.effect == "hold":
                raise Stopped(stop.sentence())
        return self._resume(standing) if standing.lease else self._carry_out(known, self._lock_anew(known))

    def abandon(self, known: Action, reason: str) -> Result:
        """Close an open action that cannot go on, for a person to look at. Raises Busy while anything else is at the effect."""
        standing = self._left_by(known)
        action = standing.open or known
        fence = self._take_over(action, standing.lease) if standing.lease else self._lock_anew(action)
        made = any(step.status is Status.APPLIED and not step.change.garnish for step in action.steps)
        action.outcome, action.reason, action.closed_at = Outcome.UNVERIFIED, reason, stamp()
        if made:
            action.outcome = Outcome.PARTIAL
        return self._close(action, fence)

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
        return self._fence(action, lease)

    def _resume(self, standing: Standing) -> Result:
        """Go on where a crash left off. Raises Busy while the other invocation may still be alive."""
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
        return self._carry_out(action, self._take_over(action, stale))

    def _take_over(self, action: Action, stale: Lease) -> Fence:
        action.attempt = stale.attempt + 1
        lease = self._deployment.lease(action)
        self._deployment.journal.claim(stale, lease)
        fence = self._fence(action, lease)
        fence.record("resumed")
        return fence

    def _fence(self, action: Action, lease: Lease) -> Fence:
        """Automation stops at the kill switch before every write; a person's action is the person's."""
        stop = partial(self._deployment.restraint.stopped, self._target.group) if self._target.restrained else None
        return Fence(self._deployment.journal, action, lease, self._deployment.settings.lease, stop)

    def _carry_out(self, action: Action, fence: Fence) -> Result:
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
        result = self._close(action, fence)
        return replace(result, to_contained=contained if action.outcome is Outcome.ACTED else None)

    def _close(self, action: Action, fence: Fence) -> Result:
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
            left = verify(reader, action, self._deployment.settings.verify_delays)
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


def _names(upstream: Mapping[str, Any]) -> dict[str, str]:
    """How the source calls the finding: what a write-back needs."""
    return {name: value for name, value in upstream.items() if isinstance(value, str)}


def _stands(known: Action) -> bool:
    """Whether what was said need not be said again: it still waits for a person, or one said no."""
    denied = any(entry.get("how") == "denied" for entry in known.approvals)
    return known.outcome in (Outcome.AWAITING_APPROVAL, Outcome.HELD) or (denied and known.outcome is Outcome.EXPIRED)


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
