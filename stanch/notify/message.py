"""A report in words: the state first, then labelled lines. Every channel shows the same message; what came from an event is harmless in it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from stanch.finding import Severity
from stanch.notify.untrusted import inert, plain
from stanch.notify.values import changes
from stanch.report import Report

T = TypeVar("T")

NAME = 400
"""Code points of a resource's or a finding's id: ARM ids are long and must be copied whole."""

WIDTH = 240
"""Code points of a line of evidence."""


class Wording(Struct, frozen=True):
    """How one outcome is told: the sentence under the state and the labels that are true of it ('' leaves the lines out)."""

    sentence: str
    changes: str = "Would change"
    breaks: str = ""
    not_done: str = ""


WORDINGS: Mapping[str, Wording] = {
    "acted": Wording("Contained: a second look confirmed it.", "Changed", "May break", "Not done"),
    "no_op": Wording("Nothing was changed: there was nothing left to do."),
    "planned": Wording("Nothing was changed: this is what would be done.", "Would change", "Would break", "Stays open"),
    "awaiting_approval": Wording("Nothing was changed: it waits for a person.", "Would change", "Would break", "Stays open"),
    "held": Wording("Stanch does not go on by itself.", "Would change", "Would break", "Stays open"),
    "partial": Wording("Only some of it was done. Look at the resource now.", "Tried", "May break", "Not done"),
    "unverified": Wording("A second look did not confirm it. Look at the resource now.", "Tried", "May break", "Not done"),
    "failed": Wording("NOT contained. Act by hand, or remove the cause and deliver the event again.", "Tried"),
    "rejected": Wording("The event was not believed or not understood. Nothing was changed."),
    "unmatched": Wording("No playbook is for it. Nothing was changed."),
    "undone": Wording("Undone: all that can be undone is as it was before.", "Undone", "", "Stays"),
    "expired": Wording("Nobody agreed to it in time. Nothing more happens by itself."),
    "standing": Wording("Stanch does not act by itself there until this ends; people's own runs and undos go on."),
    "ended": Wording("Stanch acts by itself there again."),
    "denied": Wording("A person denied it. Nothing more happens by itself."),
}  # fmt: skip
"""By outcome. What an interrupted attempt may have written is not denied: 'held' therefore says nothing of changes."""


_SEVERITIES = {int(level): level.name.lower() for level in Severity}

_DECIDABLE: Mapping[str, Sequence[tuple[str, str]]] = {
    "awaiting_approval": (("approve", "   (planned and guarded afresh)"), ("deny", "")),
    "held": (("release", "   (guarded afresh: it goes on where the guards let it by now)"),),
}
"""By outcome, the commands that decide it, and what is to be known of each."""

_CARRIED_OUT = ("acted", "partial", "unverified", "failed", "undone")


class Section(Struct, frozen=True):
    """A label and its lines."""

    label: str
    lines: tuple[str, ...]


class Message(Struct, frozen=True):
    """A report in words. `state` is the outcome in capitals with the severity, `reason` why it is not `acted`."""

    state: str
    title: str
    sentence: str
    reason: str
    sections: tuple[Section, ...]


def compose(report: Report, items: int = 5, width: int = WIDTH) -> Message:
    """The report in words, with at most `items` lines a list and `width` code points a line of evidence."""
    wording = WORDINGS.get(_told_as(report), Wording("", "Changes"))
    reason = inert(said(report.reason), 2 * width)
    failures = [failure for failure in report.failures if failure not in (report.reason or "")]
    parts: list[tuple[str, Iterable[str]]] = [
        (wording.changes, _changes(report, items, width)),
        ("Where", where(report)),
        ("Why", _why(report, width)),
        (wording.breaks, _prose(report.breaks, items, width)),
        (wording.not_done, _prose(report.not_done, items, width)),
        ("Failed", _prose(failures, items, width)),
        ("Undone by" if report.outcome == "undone" else "Undo by", [inert(report.undone_by or "", 160)]),
        ("Contained by" if report.undone_by or report.outcome == "undone" else "Asked by", [_asked(report)]),
        ("Decided", _prose(report.decided, items, width)),
        ("Lease until", [inert(report.lease or "", 160)]),
        *_next(report),
        ("Ids", _ids(report)),
    ]
    sections = tuple(Section(label, shown) for label, lines in parts if label and (shown := tuple(filter(None, lines))))
    return Message(headline(report), inert(report.title, 120), wording.sentence, reason, sections)


def said(reason: str | None) -> str:
    """The reason as a sentence; '' for none. A resource that is gone may as well have been asked for in the wrong place."""
    return "gone: there is no such resource in this account" if reason == "gone" else reason or ""


def state(report: Report) -> str:
    """The outcome as people read it: `AWAITING APPROVAL`; of a request that ended by a person's no, `DENIED`; of a pause or an exemption, `IN FORCE` or `ENDED`."""
    told = _told_as(report)
    return "IN FORCE" if told == "standing" else plain(told, 40).upper().replace("_", " ")


def _told_as(report: Report) -> str:
    """The outcome, or what it stands for: a request expires by silence or because a person said no, as the reason that such a decision leaves says, and what people decide for a
    while stands or is ended."""
    if report.outcome == "expired" and (report.reason or "").startswith("denied by "):
        return "denied"
    if report.key.startswith("standing:"):
        return "standing" if report.outcome == "held" else "ended"
    return report.outcome


def headline(report: Report) -> str:
    """The state and, where there is one, the severity: `FAILED (high)`."""
    return f"{state(report)} ({severity(report)})" if report.severity else state(report)


def severity(report: Report) -> str:
    """The severity's name in lower case; a number that is none of OCSF's is `unknown`."""
    return _SEVERITIES.get(report.severity, "unknown")


def listed(found: Sequence[T], items: int, shown: Callable[[T], str]) -> list[str]:
    """The first `items` as lines; how many more there are is said, never hidden."""
    rest = len(found) - items
    return [*(shown(item) for item in found[:items]), *([f"… and {rest} more"] if rest > 0 else [])]


def _changes(report: Report, items: int, width: int) -> list[str]:
    """What is written, before → after, in words. What an outcome that tells of writing left unwritten is said."""
    told = [{**found, "status": _status(found, report.outcome)} for found in report.changes]
    return changes(told, report.outcome == "undone", items, width)


def _status(found: Mapping[str, Any], outcome: str) -> str | None:
    status = found.get("status")
    if outcome not in _CARRIED_OUT:
        return None
    return "skipped" if status == "planned" else status


def where(report: Report) -> list[str]:
    """The resource, and the account and region it is in; nothing for what is of no place, such as a pause."""
    if report.resource is None and report.finding is None and not (report.account or report.source):
        return []
    kind = (report.resource or {}).get("type", "")
    holder = {"aws": "AWS account", "azure": "Azure subscription"}.get(report.cloud, "account")
    holder = "Entra tenant" if kind.startswith("Microsoft.Graph/") else holder
    account = f"{holder} {inert(report.account, 64) or 'unknown'}"
    region = inert(report.region or "", 40)
    name = (
        f"{inert(kind, 80)} {inert(report.resource.get('id', ''), NAME)}" if report.resource else "no resource is named"
    )
    return [name, f"{account}, {region}" if region else account]


def _why(report: Report, width: int) -> list[str]:
    finding = report.finding or {}
    kind, title = inert(finding.get("type", ""), 120), inert(finding.get("title", ""), width)
    source = inert(report.source or "", 40)
    said = f"{kind} ({source})" if kind and source else kind or (f"an event from {source}" if source else "")
    if title and title not in (kind, inert(report.title, width)):
        said = f"{said}: {title}"
    return [said, f"confirmed: {inert(report.why, width)}" if report.why else ""]


def _prose(lines: Sequence[str], items: int, width: int) -> list[str]:
    return listed([line for line in lines if line.strip()], items, lambda line: inert(line, width))


def _asked(report: Report) -> str:
    playbook = f", playbook {plain(report.playbook, 80)}" if report.playbook else ""
    mode = f", mode {plain(report.mode, 20)}" if report.mode and report.playbook else ""
    return f"{inert(report.requester, 160)}{playbook}{mode}" if report.action_id else ""


def _next(report: Report) -> list[tuple[str, Iterable[str]]]:
    """What a person can do: the commands are ours, so they are shown whole."""
    steps: list[tuple[str, Iterable[str]]] = []
    if report.action_id and report.outcome in _DECIDABLE and not report.undone_by:
        action = plain(report.action_id, 80)
        steps.append(
            ("To act", [f"stanch {verb} {action} --reason 'why'{told}" for verb, told in _DECIDABLE[report.outcome]])
        )
    elif report.outcome in ("planned", "awaiting_approval", "failed"):
        steps.append(("To act", [runbook(report)]))
    if report.undo:
        command = report.undo.startswith("stanch ")
        steps.append(("Undo" if command else "No undo", [(plain if command else inert)(report.undo, NAME)]))
    return steps


def runbook(report: Report) -> str:
    """The command that shows the live plan of what the report proposes; '' where the resource's name is not safe to paste."""
    name = (report.resource or {}).get("id", "")
    if not report.remediation or not re.fullmatch(r"[\w/][\w:/.@+=,()-]*", name, re.ASCII) or inert(name, NAME) != name:
        return ""
    return f"stanch run {plain(report.remediation)} {shlex.quote(name)} --reason 'why'   (shows the plan; --apply carries it out)"


def _ids(report: Report) -> list[str]:
    finding = inert((report.finding or {}).get("id", ""), NAME)
    action = plain(report.action_id or "", 80)
    return [
        f"action {action}   (stanch actions show {action})" if action else "",
        f"finding {finding}" if finding else "",
        f"report {plain(report.key, 128)}, {plain(report.at, 40)}",
    ]
