"""Requests for approval that wait: people are paged as the policy says, then silence is what the policy says."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from stanch import outbox
from stanch.action import Action, Outcome, opened
from stanch.decision import Request
from stanch.errors import CloudError, Refused
from stanch.playbooks.limits import Escalation
from stanch.report import Report, of_action
from stanch.restraint import span
from stanch.result import Result
from stanch.sweep.crashed import settle
from stanch.sweep.silence import NOBODY, Silence
from stanch.sweep.turn import Turn


def approvals(turn: Turn) -> None:
    """Every request that waits for a person."""
    turn.each(turn.actions(Outcome.AWAITING_APPROVAL), partial(_look_at, turn))


def _look_at(turn: Turn, action: Action) -> Result | None:
    deployment = turn.deployment
    age = (turn.now - opened(action)).total_seconds()
    steps = [(number, step) for number, step in enumerate(deployment.policy.approval.escalate) if age >= step.after]
    over = age >= deployment.settings.approval
    if not steps and not over:
        return None
    settle(turn, action)
    silence = Silence(deployment, Request(action.id, NOBODY))
    if over:
        return silence.expire()
    for number, step in steps:
        result = _step(turn, silence, number, step)
        if result is not None:
            return result
    return None


def _step(turn: Turn, silence: Silence, number: int, step: Escalation) -> Result | None:
    """Each step is taken once: a page by its report's key, what follows by the state that the action then is in."""
    if step.notify:
        _page(turn, silence.action, number, step)
    waited = f"approval: nobody answered within {span(step.after)}"
    if step.then == "hold":
        return silence.hold(waited)
    if step.then == "act" and _asked(turn, silence.action):
        try:
            return silence.consent(waited)
        except (Refused, CloudError) as error:
            return silence.hold(f"{waited}, and it is not done by itself: {error}")
    return None


def _page(turn: Turn, action: Action, number: int, step: Escalation) -> None:
    deployment = turn.deployment
    report = replace(_report(turn, action), key=f"{action.id}:escalation:{number}")
    report = replace(report, reason=f"nobody answered within {span(step.after)}: {action.reason}")
    names = [name for name in deployment.channels if name.partition(":")[0] in step.notify]
    entry = outbox.item(report, names or deployment.route(report))
    if deployment.journal.file(entry):
        turn.row.done += 1
        deployment.deliver(entry)


def _asked(turn: Turn, action: Action) -> bool:
    """Whether the request reached people through one channel at least: without, their silence says nothing."""
    filed = turn.deployment.journal.filed(_report(turn, action).key)
    accepted = filed.channels.items() if filed else ()
    return any(at and name not in turn.deployment.programs for name, at in accepted)


def _report(turn: Turn, action: Action) -> Report:
    return of_action(action, turn.deployment.remediation(action.remediation))
