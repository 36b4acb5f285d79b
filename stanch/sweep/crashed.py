"""What a crash left open: gone on with as a new delivery would, and closed for people to look at when that does not help."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from stanch import clock
from stanch.action import Action, Outcome
from stanch.continuation import Continuation
from stanch.errors import CloudError, Refused
from stanch.result import Result
from stanch.sweep.turn import Turn
from stanch.target import Target
from stanch.undo import Request, Undo

TRIES = 12
"""How often an action is taken up again before people are asked: an hour of sweeps."""

PATIENCE = timedelta(hours=24)
"""How long it may stay open, whatever keeps it from being tried."""

_BEGINNINGS = frozenset({"opened", "approved", "released", "nobody objected", "undo opened"})
_REPEATS = frozenset({"resumed", "undo resumed"})


def crashed(turn: Turn) -> None:
    """Actions and undos whose lease ran out before they ended; once in a while also the locks that decisions left."""
    turn.each(turn.actions(None), partial(_go_on, turn))
    if turn.thorough:
        turn.each(turn.actions(Outcome.HELD), partial(settle, turn))


def settle(turn: Turn, action: Action) -> None:
    """Free the lock, and file the report, that a decision left when it crashed. Raises Busy while anything else is at the effect."""
    Continuation(turn.deployment, Target.of_action(action, turn.deployment)).resume(action)


def _go_on(turn: Turn, action: Action) -> Result | None:
    over = _over(turn, action)
    if action.undo is not None:
        return _undo(turn, action, over)
    unattended = action.finding is not None and not action.approvals
    target = Target.of_action(action, turn.deployment, unattended=unattended)
    continuation = Continuation(turn.deployment, target)
    return continuation.abandon(action, over) if over else continuation.resume(action)


def _undo(turn: Turn, action: Action, over: str | None) -> Result | None:
    """In the name of whoever asked for it. What is refused in the middle closes the action, which is reported there."""
    asked = action.undo or {}
    undo = Undo(turn.deployment, Request(action.id, asked["requester"], asked["reason"], asked.get("force", False)))
    if over:
        return undo.give_up(over)
    try:
        return undo.run()
    except (Refused, CloudError):
        ended = turn.deployment.journal.get(action.id)
        if ended is None or ended.outcome is None:
            raise
        return Result.of_action(ended, [])


def _over(turn: Turn, action: Action) -> str | None:
    """Why it is not tried again; None while it is."""
    begun = max((at for at, entry in enumerate(action.chain) if entry["event"] in _BEGINNINGS), default=0)
    tries = sum(entry["event"] in _REPEATS for entry in action.chain[begun:])
    since = clock.parse(action.chain[begun]["at"] if action.chain else action.opened_at)
    if tries < TRIES and turn.now - since < PATIENCE:
        return None
    last = next((str(entry["error"]) for entry in reversed(action.chain) if entry.get("error")), "it was interrupted")
    return f"given up after {tries} more tries since {clock.iso(since)}: {last}"
