"""The digest of what is held: once a day, so that held is no dead end."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from stanch.action import Action, Outcome
from stanch.journal import Query
from stanch.sweep.turn import Turn

SINCE = timedelta(days=30)

NAMED = 20


def held(turn: Turn) -> None:
    """Counts by guard, and the oldest, of what is held and was not followed by anything else on the same effect."""
    if turn.facts.get("held", {}).get("day") == turn.today:
        return
    found = _found(turn)
    if turn.row.left:
        return
    if found:
        _tell(turn, found)
    turn.row.done = len(found)
    turn.remember("held", {"day": turn.today})


def _found(turn: Turn) -> list[Action]:
    """Newest first: whatever an effect was met with last is how it stands."""
    last: dict[str, Action] = {}
    for action in turn.deployment.journal.find(Query(since=turn.now - SINCE)):
        if not turn.goes_on():
            break
        last.setdefault(action.effect, action)
    return [action for action in last.values() if action.outcome is Outcome.HELD]


def _tell(turn: Turn, found: list[Action]) -> None:
    guards = Counter((action.reason or "unknown").partition(":")[0] for action in found)
    counts = ", ".join(f"{guard} {count}" for guard, count in guards.most_common())
    oldest = found[-1]
    title = "What is held waits for people"
    reason = f"{len(found)} held in the last {SINCE.days} days ({counts}); the oldest, {oldest.id}, since {oldest.opened_at}: `stanch actions ls --outcome held`"
    lines = [
        f"{action.id}: {action.remediation} on {action.resource.id}: {action.reason}" for action in reversed(found)
    ]
    turn.deployment.tell(turn.report(f"held:{turn.today}", title, reason, lines[:NAMED]))
