"""What shows that the journal was tampered with: the history of each action, recomputed, and the anchor of a day, which lies where nobody can change it.

A history alone proves that its own record is whole. Whoever may write to the journal can make a new one, or delete the action with it: that only an anchor shows,
kept in storage that is locked against deletion (`stanch.journal.s3_anchors`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from stanch.action import Action, linked
from stanch.remediation import digest

VERSION = 1
"""Of an anchor."""


def verify(action: Action) -> list[str]:
    """What is wrong with an action's record, one sentence each; empty for one that stands as it was written.

    Any field that was changed, and any entry that was changed, dropped, added or moved, makes at least one.
    """
    if not action.chain:
        return ["history: there is none"]
    problems: list[str] = []
    before = action.id
    for place, entry in enumerate(action.chain):
        if not isinstance(entry, Mapping) or not isinstance(entry.get("hash"), str):
            return [*problems, f"history[{place}]: is no entry"]
        if entry["hash"] != linked(before, entry):
            problems.append(f"history[{place}] ({entry.get('event')}): was changed, or the one before it was")
        before = entry["hash"]
    last = action.chain[-1]
    if last.get("state") != action.state():
        problems.append(f"record: is not what its last entry ({last.get('event')}, {last.get('at')}) says")
    return problems


def anchor(actions: Iterable[Action], day: date) -> dict[str, Any]:
    """What to keep of a day (UTC): each action that something happened to, by the hash of its last entry of that day, and one hash over all.

    The same for the same day, whatever happened to the actions since.
    """
    tips = {action.id: tip for action in actions if (tip := _tip(action, day)) is not None}
    return {"version": VERSION, "day": day.isoformat(), "actions": len(tips), "root": _root(day, tips), "tips": tips}


def verify_day(kept: Mapping[str, Any], actions: Iterable[Action]) -> list[str]:
    """What differs between a day's anchor and the actions that the journal holds now: deleted, rewritten or inserted ones.

    `actions` are all that something happened to on that day; others do no harm. What an action went through since is `verify`'s to judge.
    """
    day, tips = date.fromisoformat(str(kept["day"])), dict(kept["tips"])
    if kept["root"] != _root(day, tips):
        return [f"the anchor of {day} is damaged: its hash is not that of its content"]
    problems = []
    found = {action.id: action for action in actions}
    for action_id, tip in sorted(tips.items()):
        if action_id not in found:
            problems.append(f"action {action_id} was anchored on {day} and is not in the journal any more")
        elif tip != _tip(found[action_id], day):
            problems.append(f"action {action_id} had another history when {day} was anchored")
    for action_id in sorted(set(found) - set(tips)):
        if _tip(found[action_id], day) is not None:
            problems.append(f"action {action_id} tells of {day} and was not there when {day} was anchored")
    return problems


def _tip(action: Action, day: date) -> str | None:
    """The hash of the last entry of that day; None if nothing happened to the action then."""
    entries = [entry for entry in action.chain if str(entry["at"]).startswith(day.isoformat())]
    return str(entries[-1]["hash"]) if entries else None


def _root(day: date, tips: Mapping[str, str]) -> str:
    return digest([VERSION, day.isoformat(), tips])
