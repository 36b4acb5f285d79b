"""The lease on a containment: how long it stands before people are asked to look at it again, or it is undone.

`Action.expires` holds the terms from the start: `after` (seconds) and `then` (`remind` or `undo`). Once the action has acted it also holds `since` and `at` (RFC 3339, its
end) and `reminded`: for each reminder the `part` of the lease that had passed, the end that the lease had then (`until`) and the time (`at`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from stanch.action import Action, Outcome, stamp
from stanch.clock import iso, parse
from stanch.deployment import Deployment
from stanch.errors import InvalidInput, Refused
from stanch.journal import Journal
from stanch.playbooks.limits import Expires
from stanch.report import of_action
from stanch.result import Result

KIND = "lease"
"""The kind of standing fact that lists the actions whose lease runs."""

REQUESTER = "stanch (lease)"
"""In whose name what a lease has ended is undone: nobody's, so that what restrains automation restrains it."""

PARTS = (0.5, 0.9, 1.0)
"""After which parts of a lease people are reminded."""

LONGEST = 366 * 86400
"""Seconds. Whoever wants it longer wants it for good."""


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def terms(expires: Expires | None) -> dict[str, Any] | None:
    """What an action is opened with."""
    return {"after": expires.after, "then": expires.then} if expires else None


def duration(given: Any, place: str) -> int:
    """Whole seconds of a lease: a number, or `45s`, `30m`, `4h`, `7d` as policies write it. Raises InvalidInput naming the place."""
    text = str(given)
    written = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])", text)
    if isinstance(given, bool) or (written is None and not isinstance(given, int)):
        raise InvalidInput(place, f"{text[:40]!r} is no time such as 30m, 4h or 7d")
    seconds = int(written[1]) * _UNITS[written[2]] if written else int(text)
    within(seconds, place)
    return seconds


def within(seconds: int, place: str) -> None:
    """Raises InvalidInput for what is no time that a lease may run."""
    if not 0 < seconds <= LONGEST:
        raise InvalidInput(place, f"must be between a second and {LONGEST // 86400} days")


def begin(journal: Journal, action: Action) -> None:
    """Let the lease of an action that has acted run, where it has one and that does not run yet.

    It is listed before the action is closed: a list that names one too many loses nothing.
    """
    if action.expires is None or action.outcome is not Outcome.ACTED or runs(action):
        return
    now = datetime.now(UTC)
    end = iso(now + timedelta(seconds=action.expires["after"]))
    journal.keep(KIND, action.id, {}, None)
    action.expires = {**action.expires, "since": iso(now), "at": end, "reminded": []}


def runs(action: Action) -> bool:
    """Whether the action stands on a lease."""
    return action.outcome is Outcome.ACTED and "at" in (action.expires or {})


def due(action: Action, now: datetime) -> float | None:
    """The part of the lease that has passed and that nobody was reminded of yet; the largest, where the sweep comes late."""
    lease = action.expires or {}
    since, end = parse(lease["since"]), parse(lease["at"])
    told = max((each["part"] for each in lease["reminded"] if each["until"] == lease["at"]), default=0.0)
    passed = [part for part in PARTS if part > told and now >= since + (end - since) * part]
    return max(passed, default=None)


def amend(deployment: Deployment, action: Action, event: str, **details: Any) -> None:
    """Journal a change of the record that is no change of the resource. Raises Busy if anybody else is at the action."""
    known = replace(action, chain=list(action.chain))
    action.note(event, **details)
    lease = deployment.lease(action)
    deployment.journal.reopen(action, lease, known)
    deployment.journal.close(action, lease, None)


def remind(deployment: Deployment, action: Action, part: float, reason: str) -> Result:
    """Tell people of a lease that nears its end, or has reached it; each time under a key of its own, so that a crash in between tells them once. Raises Busy as `amend` does."""
    lease = action.expires or {}
    notified = _tell(deployment, action, f"lease:{len(lease['reminded'])}", reason)
    reminder = {"part": part, "until": lease["at"], "at": stamp()}
    action.expires = {**lease, "reminded": [*lease["reminded"], reminder]}
    amend(deployment, action, "reminded", part=part)
    return replace(Result.of_action(action, notified), reason=reason)


def extend(deployment: Deployment, action_id: str, by: str, seconds: int, reason: str) -> Result:
    """Let the lease of an action run `seconds` longer: from its end, or from now where that is over.

    `by` is the verified person. Raises Refused (no such action, no lease, no reason), InvalidInput for the time, Busy while anybody else is at the action.
    """
    action = deployment.journal.get(action_id)
    if action is None:
        raise Refused("unknown action", f"the journal holds no action {action_id}")
    if not runs(action):
        raise Refused("lease", f"action {action_id} ({action.outcome or 'open'}) stands on no lease")
    if not reason.strip():
        raise Refused("reason", "say why: an extension is journaled with its reason")
    within(seconds, "for")
    lease, now = action.expires or {}, datetime.now(UTC)
    end = max(now, parse(lease["at"])) + timedelta(seconds=seconds)
    deployment.journal.keep(KIND, action_id, {}, None)
    action.expires = {**lease, "since": iso(now), "at": iso(end)}
    amend(deployment, action, "lease extended", by=by, reason=reason, until=iso(end))
    told = f"{by} let it stand until {end:%Y-%m-%d %H:%M} UTC: {reason}"
    notified = _tell(deployment, action, f"lease-until:{iso(end)}", told)
    return replace(Result.of_action(action, notified), reason=told)


def _tell(deployment: Deployment, action: Action, what: str, reason: str) -> list[str]:
    """A report of the action under a key of its own, filed once."""
    report = of_action(action, deployment.remediation(action.remediation))
    return deployment.tell(replace(report, key=f"{action.id}:{what}", reason=reason))
