"""Leases on containment: people are reminded before one ends and when it does; where the policy says so, the end undoes what can be undone without harm."""

from __future__ import annotations

from functools import partial
from typing import Any

from stanch import expiry
from stanch.action import Action, Outcome
from stanch.errors import CloudError, Refused
from stanch.playbooks.model import strictest
from stanch.remediation import Plan
from stanch.restraint import Subject
from stanch.result import Result
from stanch.sweep.crashed import settle
from stanch.sweep.turn import Turn
from stanch.target import Target
from stanch.undo import Request, Undo

RESTRAINING = ("exempted", "freeze", "kill switch")
"""The guards that also keep automation from undoing."""


def leases(turn: Turn) -> None:
    """Every lease that runs."""
    turn.each(sorted(turn.deployment.journal.kept(expiry.KIND).items()), partial(_look_at, turn))


def _look_at(turn: Turn, kept: tuple[str, dict[str, Any]]) -> Result | None:
    action = turn.deployment.journal.get(kept[0])
    if action is None or action.outcome not in (None, Outcome.ACTED):
        turn.deployment.journal.drop(expiry.KIND, kept[0])
        return None
    if not expiry.runs(action) or action.remediation not in turn.deployment.registry:
        return None
    part = expiry.due(action, turn.now)
    if part is None:
        return None
    settle(turn, action)
    action = turn.deployment.journal.get(action.id) or action  # as that left it
    return _end(turn, action) if part == 1.0 else expiry.remind(turn.deployment, action, part, _soon(action, part))


def _end(turn: Turn, action: Action) -> Result | None:
    lease = action.expires or {}
    if lease["then"] != "undo":
        return _ended(turn, action, "")
    refused = _kept(turn, action)
    if refused:
        return _ended(turn, action, refused)
    try:
        ended = f"its lease ended at {lease['at']}"
        result = Undo(turn.deployment, Request(action.id, expiry.REQUESTER, ended, lease=lease["at"])).run()
    except (Refused, CloudError) as error:
        return _ended(turn, action, str(error))
    turn.deployment.journal.drop(expiry.KIND, action.id)
    return result


def _ended(turn: Turn, action: Action, refused: str) -> Result | None:
    """The last reminder; from there on it is a person's affair."""
    journal = turn.deployment.journal
    now = journal.get(action.id)
    if now is None or not expiry.runs(now) or expiry.due(now, turn.now) != 1.0:
        return None  # an undo of ours, or a person's, or an extension changed it meanwhile
    why = f", and it is not undone by itself: {refused}" if refused else ""
    told = f"its lease ended at {(now.expires or {})['at']}{why}. It stands until somebody undoes it, or extends the lease (`stanch extend {now.id}`)"
    result = expiry.remind(turn.deployment, now, 1.0, told)
    journal.drop(expiry.KIND, now.id)
    after = journal.get(now.id)
    if after is not None and expiry.runs(after) and _end_of(after) != _end_of(now):
        journal.keep(expiry.KIND, now.id, {}, None)  # it was extended at this very moment
    return result


def _end_of(action: Action) -> str | None:
    return (action.expires or {}).get("at")


def _soon(action: Action, part: float) -> str:
    lease = action.expires or {}
    then = "it is undone by itself" if lease["then"] == "undo" else "people are asked once more"
    return (
        f"{part:.0%} of its lease are over; at {lease['at']} {then}: `stanch extend {action.id}` lets it stand longer"
    )


def _kept(turn: Turn, action: Action) -> str:
    """Why automation leaves the undo to a person; empty where it may. What re-arms what was cut off, or cannot be undone at all, it never undoes."""
    deployment = turn.deployment
    declared = deployment.remediation(action.remediation)
    if declared.irreversible or declared.undo_delay_hours or declared.rearms:
        return declared.irreversible or "undoing it may re-arm what it cut off"
    target = Target.of_action(action, deployment, unattended=True)
    ceiling = strictest(deployment.policy.ceiling_for(target.group), deployment.settings.ceiling)
    if ceiling != "auto":
        return f"{ceiling} is the most that automation may do there"
    if target.doubt is not None:
        raise target.doubt
    plan = Plan(action.resource, aliases=tuple(action.plan.get("aliases", ())))
    subject = Subject(plan, target.remediation, target.effect, target.group, target.playbook)
    found = deployment.restraint.verdicts(subject, turn.now)
    return next((one.sentence() for one in found if one.guard in RESTRAINING and one.effect != "pass"), "")
