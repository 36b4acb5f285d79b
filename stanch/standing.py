"""What people decide for a while, outside the policy: a pause of what Stanch does by itself, an exemption of a resource.

Each has a reason, says who and when, and leaves a trace that outlives it; the channels are told of each.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import UTC, datetime
from shlex import quote
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import asdict

from stanch.action import Outcome, stamp
from stanch.clock import iso
from stanch.deployment import Deployment
from stanch.errors import InvalidInput, Refused
from stanch.journal import Journal
from stanch.remediation import digest
from stanch.report import Report
from stanch.restraint import EVERYWHERE, EXEMPT, PAUSE

TRACE = "standing-trace"
"""The kind of standing fact that tells what people decided; kept for good."""

LONGEST = 30 * 86400
"""Seconds. What is to stand longer belongs into the policy, where it is reviewed."""

What = Literal["pause", "resume", "exempt", "end exemption"]


class Decided(Struct, frozen=True):
    """One decision: `what` of which `subject` (a group of accounts, a resource's name or pattern, `*` for everything), until when (RFC 3339; None: until it is ended)."""

    what: What
    subject: str
    by: str
    reason: str
    at: str
    until: str | None = None
    stands: bool = False


def pause(
    journal: Journal,
    group: str | None,
    by: str,
    reason: str,
    seconds: int | None,
    groups: Collection[str] | None = None,
) -> Decided:
    """Stop what Stanch does by itself, in a group of accounts or (None) everywhere; without `seconds` until somebody resumes it.

    `groups` are those that the policy knows. Raises InvalidInput for another one or a time out of range, Refused without a reason, or where a pause stands that lasts longer.
    """
    if group is not None and groups is not None and group not in groups:
        raise InvalidInput("group", f"there is no group {group!r}; there is {', '.join(sorted(groups)) or 'none'}")
    decided = _decided("pause", EVERYWHERE if group is None else group, by, reason, seconds)
    _keep(journal, PAUSE, decided)
    return decided


def resume(journal: Journal, group: str | None, by: str, reason: str) -> Decided:
    """End a pause, of a group or (None) of everything. Raises Refused without a reason, or where nothing is paused under this name."""
    subject = EVERYWHERE if group is None else group
    decided = _decided("resume", subject, by, reason, None)
    if not journal.drop(PAUSE, subject):
        others = [shown(name) for name in journal.kept(PAUSE)]
        raise Refused("not paused", f"{shown(subject)} is not paused; paused are: {', '.join(others) or 'none'}")
    _trace(journal, decided)
    return decided


def exempt(journal: Journal, pattern: str, by: str, reason: str, seconds: int) -> Decided:
    """Keep Stanch from acting by itself on a resource, named in full, by the last part of its name, or with `*`.

    Raises InvalidInput for a pattern that means everything or a time out of range, Refused without a reason, or where an exemption stands that lasts longer.
    """
    if not pattern.strip("*?/: "):
        raise InvalidInput("resource", f"{pattern!r} means everything; `stanch pause` stops everything")
    decided = _decided("exempt", pattern, by, reason, seconds)
    _keep(journal, EXEMPT, decided)
    return decided


def end_exemption(journal: Journal, pattern: str, by: str, reason: str) -> Decided:
    """End an exemption before its time. Raises Refused without a reason, or where none stands."""
    decided = _decided("end exemption", pattern, by, reason, None)
    if not journal.drop(EXEMPT, pattern):
        raise Refused(
            "not exempt", f"no exemption of {pattern} stands; there is {', '.join(journal.kept(EXEMPT)) or 'none'}"
        )
    _trace(journal, decided)
    return decided


def listing(journal: Journal, since: datetime | None = None) -> list[Decided]:
    """What people decided, newest first; of pauses and exemptions, whether they still stand."""
    live = {(kind, name): fact for kind in (PAUSE, EXEMPT) for name, fact in journal.kept(kind).items()}
    found = [Decided(**fact) for fact in journal.kept(TRACE).values()]
    known = {(each.what, each.subject, each.at) for each in found}
    found += [  # a crash came between the decision and its trace
        Decided(**{"what": kind, "subject": name, **fact})
        for (kind, name), fact in live.items()
        if (kind, name, fact["at"]) not in known
    ]
    told = [_standing(each, live.get((each.what, each.subject))) for each in found]
    recent = [each for each in told if since is None or _moment(each.at) >= since]
    return sorted(recent, key=lambda each: each.at, reverse=True)


def tell(deployment: Deployment, decided: Decided) -> list[str]:
    """Report a decision to the channels; the names of those that accepted it."""
    return deployment.tell(report(decided, deployment.cloud.name))


def report(decided: Decided, cloud: str) -> Report:
    """A decision as a report: what stops is `held`, what goes on again is the end of that, `undone`."""
    stops = decided.what in ("pause", "exempt")
    verb = {"pause": "Paused", "resume": "Resumed", "exempt": "Exempted", "end exemption": "No longer exempt"}[
        decided.what
    ]
    until = (
        f" until {decided.until}" if decided.until else " until somebody resumes it" if decided.what == "pause" else ""
    )
    return Report(
        key=f"standing:{digest([decided.what, decided.subject, decided.by, decided.at])[:32]}",
        outcome=str(Outcome.HELD if stops else Outcome.UNDONE),
        title=f"{verb}: {shown(decided.subject)}",
        account="",
        cloud=cloud,
        reason=f"{decided.by}{until}: {decided.reason}",
        requester=decided.by,
        undo=ending(decided),
        at=decided.at,
    )


def ending(decided: Decided) -> str | None:
    """The command that ends a pause or an exemption; None for what is an end itself."""
    why = "--reason 'why'"
    if decided.what == "pause":
        return f"stanch resume{'' if decided.subject == EVERYWHERE else f' --group {quote(decided.subject)}'} {why}"
    return f"stanch exempt {quote(decided.subject)} --end {why}" if decided.what == "exempt" else None


def _decided(what: What, subject: str, by: str, reason: str, seconds: int | None) -> Decided:
    if not reason.strip():
        raise Refused("reason", "say why: it is journaled with its reason")
    if seconds is not None and not 0 < seconds <= LONGEST:
        raise InvalidInput(
            "for",
            f"must be between a second and {LONGEST // 86400} days; what is to stand longer belongs into the policy",
        )
    until = iso(datetime.fromtimestamp(time.time() + seconds, UTC)) if seconds is not None else None
    return Decided(what, subject, by, reason.strip(), stamp(), until)


def _keep(journal: Journal, kind: str, decided: Decided) -> None:
    """A colleague's decision that lasts longer is not cut short by the way."""
    known = journal.kept(kind).get(decided.subject)
    if known is not None and (known["until"] is None or (decided.until is not None and known["until"] > decided.until)):
        until = known["until"] or "somebody ends it"
        raise Refused(
            "stands",
            f"{known['by']} did so until {until} already: {known['reason']}; end that first to make it shorter",
        )
    until = _moment(decided.until).timestamp() if decided.until else None
    fact = {"by": decided.by, "reason": decided.reason, "at": decided.at, "until": decided.until}
    journal.keep(kind, decided.subject, fact, until)
    _trace(journal, decided)


def _trace(journal: Journal, decided: Decided) -> None:
    fact = {name: value for name, value in asdict(decided).items() if name != "stands"}
    journal.keep(TRACE, f"{decided.at} {digest(fact)[:12]}", fact, None)


def _standing(decided: Decided, live: dict[str, Any] | None) -> Decided:
    return Decided(**{**asdict(decided), "stands": live is not None and live["at"] == decided.at})


def shown(subject: str) -> str:
    """The subject of a decision in words."""
    return "everything" if subject == EVERYWHERE else subject


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
