"""What becomes of one resource under one remediation: planned, guarded, and journaled before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from stanch import clock, expiry, guardrails
from stanch.action import Action, Outcome, Step, action_id_of
from stanch.ahead import Reads, planned
from stanch.continuation import Continuation
from stanch.deployment import Deployment
from stanch.errors import Busy, CloudError, Refused, Retryable, Stopped
from stanch.execution import Execution
from stanch.guardrails import Verdict
from stanch.journal import Standing
from stanch.playbooks.limits import Exempt
from stanch.playbooks.match import excluded
from stanch.playbooks.model import strictest
from stanch.remediation import Plan
from stanch.restraint import Subject
from stanch.result import Result
from stanch.target import Target

HELD_BY_MODE = {"observe": Outcome.PLANNED, "approve": Outcome.AWAITING_APPROVAL}


class Containment:
    """Carries one target through. `reads` were begun while its finding was confirmed."""

    def __init__(self, deployment: Deployment, target: Target, reads: Reads | None = None) -> None:
        self._deployment, self._target, self._reads = deployment, target, reads
        self._declared = deployment.remediation(target.remediation)
        self._earlier: Action | None = None
        self._execution = Execution(deployment, target)
        self._continuation = Continuation(deployment, target, self._execution)

    def run(self) -> Result:
        """Plan, guard, journal, change, verify, report. Raises Retryable for what is unknown."""
        target, deployment = self._target, self._deployment
        shield = guardrails.protected(target.resource, (), deployment.protected())
        if shield.effect == "hold":
            return self._noted(Plan(target.resource), Outcome.HELD, shield.sentence())
        reads = self._reads = self._reads if self._reads and self._reads.fresh else Reads(deployment, target)
        try:
            return self._run(reads)
        finally:
            reads.end()

    def _run(self, reads: Reads) -> Result:
        standing = self._continuation.freed(reads.standing())
        if standing.lease is not None:
            return self._continuation.go_on(standing)
        self._earlier = standing.earlier
        self._target = target = self._target.after(standing.last)
        try:
            plan = reads.plan(target)
        except Refused as error:
            return self._noted(Plan(target.resource), Outcome.HELD, str(error))
        except CloudError as error:
            return self._noted(Plan(target.resource), Outcome.FAILED, f"the plan could not be made: {error}")
        stopped = self._stopped(plan, standing)
        if stopped is not None:
            return stopped
        return self._act(plan, standing)

    def plan(self) -> tuple[Plan, list[Verdict]]:
        """What would be done, with every guard's verdict; nothing is written, not even to the journal."""
        plan = planned(self._deployment, self._target)
        return plan, self._verdicts(plan, self._deployment.journal.look(self._target.effect, self._target.marker))

    def give_up(self, error: Retryable) -> Result:
        """After the last delivery: what is still unknown is held; an action that it leaves open is closed as unverified. Both are reported and listed.

        What the kill switch stopped is known: it is held if nothing was written, else partial.
        """
        stopped = isinstance(error, Stopped)
        reason = str(error) if stopped else f"unknown after the last delivery: {error}"
        ended = self._continuation.give_up(reason, stopped)
        return ended or self._noted(Plan(self._target.resource), Outcome.HELD, reason)

    def _verdicts(self, plan: Plan, standing: Standing) -> list[Verdict]:
        target, deployment = self._target, self._deployment
        exemption = target.playbook.exempt if target.playbook else Exempt()
        finding = target.finding.id if target.finding else None
        undone = self._undone(standing)
        verdicts = guardrails.resource_guards(plan, exemption, deployment.protected(), undone, finding)
        if (
            target.waited is not None and not target.automatic
        ):  # whoever decides now may overrule whoever undid it before
            verdicts = [guardrails.asking(verdict, "undone") for verdict in verdicts]
        verdicts.append(guardrails.irreversible(self._declared.irreversible))
        if not target.restrained:
            return verdicts
        if target.doubt is not None:
            raise target.doubt
        exemptions = standing.facts
        if self._reads:
            self._reads.switch()
            exemptions = self._reads.exemptions(standing)
        return verdicts + deployment.restraint.verdicts(self._subject(plan), clock.now(), exemptions)

    def _subject(self, plan: Plan) -> Subject:
        target = self._target
        return Subject(plan, target.remediation, target.effect, target.group, target.playbook)

    def _undone(self, standing: Standing) -> Action | None:
        """The action that a person undid knowing what the finding tells: the one that it led to itself, or the last one of the effect, if the undo came after all that the finding tells.

        Asked for once the plan is there: an undo is journaled before it opens anything, so that none stays unseen whose work the plan saw. Raises Busy while one is at work.
        """
        earlier, finding = standing.earlier, self._target.finding
        if finding is None:
            return earlier
        if earlier is not None and earlier.undo is None:
            earlier = self._now(earlier.id)
        if earlier is not None and (earlier.undo is not None or earlier.id == standing.last):
            return earlier
        last = self._now(standing.last) if standing.last else None
        told = finding.last_seen or finding.updated_at
        undone = last is not None and last.undo is not None and (told is None or told < clock.parse(last.undo["at"]))
        return last if undone else earlier

    def _now(self, action_id: str) -> Action | None:
        found = self._deployment.journal.get(action_id)
        if found is not None and found.outcome is None:
            raise Busy(f"action {action_id} on the same resource is in progress")
        return found

    def _stopped(self, plan: Plan, standing: Standing) -> Result | None:
        """The result if the plan is not to be carried out now, else None."""
        target = self._target
        if plan.contained:
            return self._nothing_to_do(plan, standing.earlier)
        if standing.earlier is not None and standing.earlier.denied and target.finding is not None:
            return Result.of_action(standing.earlier, [])
        verdicts = self._verdicts(plan, standing)
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

    def _act(self, plan: Plan, standing: Standing) -> Result:
        action = self._action(plan, self._target.action_id)
        lease = self._deployment.lease(action)
        action.note("opened", requester=action.requester)
        self._deployment.journal.open(action, lease, self._target.marker, standing)
        return self._execution.carry_out(action, self._execution.fence(action, lease))


def _names(upstream: Mapping[str, Any]) -> dict[str, str]:
    """How the source calls the finding: what a write-back needs."""
    return {name: value for name, value in upstream.items() if isinstance(value, str)}


def _stands(known: Action) -> bool:
    """Whether what was said need not be said again: it still waits for a person, or one said no."""
    return known.outcome in (Outcome.AWAITING_APPROVAL, Outcome.HELD) or known.denied
