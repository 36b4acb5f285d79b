"""What pages are made of: the parts of a message, the guards, what people decided, and the form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from stanch import clock
from stanch.action import Action
from stanch.approval.form import LONGEST
from stanch.approval.layout import bullets, command, note, section
from stanch.approval.markup import Html, element, join
from stanch.guardrails import Verdict
from stanch.notify.message import Message, Section
from stanch.notify.untrusted import inert
from stanch.notify.values import changes
from stanch.remediation import Remediation
from stanch.report import Report

if TYPE_CHECKING:
    from stanch.decision import View

CHANGES = ("Would change", "Changed", "Tried", "Undone", "Changes")
_ORDER = ("Where", *CHANGES, "Would break", "May break", "Stays open", "Not done", "Failed", "Why", "Asked by")
_APART = ("To act", "Undo", "No undo", "Decided", "Ids")
"""Parts of a message by their labels: what matters first comes first, and these come in a place of their own or not at all."""

ITEMS, WIDTH = 200, 600
"""Whoever approves sees all of it: far more than cards and mails have room for."""


class Form(Struct, frozen=True):
    """What the form carries: who decides, its token, the plan shown, the link it came by, and a reason typed before."""

    by: str
    token: str
    plan: str
    action: str
    reason: str = ""


def lapsed(view: View) -> bool:
    """Whether the time to decide is over."""
    try:
        return clock.parse(view.expires_at) <= datetime.now(UTC)
    except ValueError:
        return True


def sentence(message: Message) -> str:
    return " ".join(filter(None, (message.sentence, message.reason and f"Reason: {message.reason}")))


def sections(report: Report, message: Message, only: Sequence[str] = ()) -> list[Html]:
    """The parts of a message in the order in which they matter; `only` those of these labels."""
    parts = [part for part in message.sections if part.label not in _APART and (not only or part.label in only)]
    parts.sort(key=lambda part: _ORDER.index(part.label) if part.label in _ORDER else len(_ORDER))
    return [_section(report, part) for part in parts]


def _section(report: Report, part: Section) -> Html:
    if part.label not in CHANGES:
        return section(part.label, bullets(part.lines))
    return section(part.label, bullets(changes(report.changes, report.outcome == "undone", ITEMS, WIDTH), "changes"))


def ids(message: Message) -> Html:
    lines = [line for part in message.sections if part.label == "Ids" for line in part.lines]
    return element("details", element("summary", "Ids"), bullets(lines))


def undo(action: Action, declared: type[Remediation[Any]]) -> Html:
    if declared.irreversible:
        return element("p", element("span", "Cannot be undone. ", class_="mark"), inert(declared.irreversible))
    delay = f", but not before {declared.undo_delay_hours} hours have passed" if declared.undo_delay_hours else ""
    return join(element("p", f"Can be undone{delay}:"), command(f"stanch undo {action.id} --apply --reason 'why'"))


def guards(verdicts: Sequence[Verdict]) -> Html:
    """What objects stands first, in words; the others by name."""
    told = {"hold": "would hold it", "approve": "asks for a person", "observe": "would only observe"}
    objections = [
        element("li", element("span", f"{inert(each.guard)} {told[each.effect]}: ", class_="mark"), inert(each.reason, WIDTH),
                class_="note attention" if each.effect == "hold" else None)
        for each in verdicts if each.effect != "pass"
    ]  # fmt: skip
    passed = ", ".join(inert(each.guard) for each in verdicts if each.effect == "pass")
    return element("ul", *objections, element("li", f"passed: {passed}") if passed else None)


def decisions(action: Action, needed: int = 1) -> Html | None:
    """What people have said so far, and how many must still agree."""
    given = sum(each.get("how") == "approved" for each in action.approvals)
    count = [f"{given} of {needed} approvals given; each must come from another person"] if needed > 1 else []
    lines = [*count, *map(_approval, action.approvals)]
    return section("Decisions", bullets(lines)) if lines else None


def _approval(given: Mapping[str, Any]) -> str:
    reason = f": {given['reason']}" if given.get("reason") else ""
    return inert(f"{given.get('how')} by {given.get('by')} at {given.get('at')}{reason}", WIDTH)


def moment(text: str) -> str:
    """A time in UTC, and how far away it is when the page is shown."""
    try:
        when = clock.parse(text).astimezone(UTC)
    except ValueError:
        return inert(text, 40)
    minutes = round((when - datetime.now(UTC)).total_seconds() / 60)
    away = f"in {minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"in {minutes} min"
    return f"{when:%Y-%m-%d %H:%M} UTC ({away if minutes > 0 else 'now'})"


def form(form: Form, view: View) -> Html:
    """Reason and buttons. While a guard would hold it, it can be denied but not approved."""
    last = view.approvals_needed - len(view.approvals) <= 1
    held = any(each.effect == "hold" for each in view.verdicts)
    approve = element("button", "Approve: carry it out now" if last else "Approve: a second person must agree",
                      type="submit", name="decision", value="approve")  # fmt: skip
    return element(
        "form",
        element("h2", "Decide"),
        element("input", type="hidden", name="form", value=form.token),
        element("input", type="hidden", name="plan", value=form.plan),
        note("attention", element("p", "A guard holds it, so it cannot be approved now.")) if held else None,
        element("label", "Reason (required)", for_="reason"),
        element("p", f"It is journaled with your name: {inert(form.by, 200)}", id="reason-help", class_="soft"),
        element("textarea", form.reason, id="reason", name="reason", required=True, rows="3", maxlength=str(LONGEST),
                autocomplete="off", aria_describedby="reason-help"),
        None if held else approve,
        element("button", "Deny: change nothing", type="submit", name="decision", value="deny", class_="no"),
        method="post", action=form.action, accept_charset="utf-8",
    )  # fmt: skip


def without_form(action_id: str) -> Html:
    return note(
        "accent",
        element("p", "This page only shows the plan. To decide, on a machine where you are signed in:"),
        command(f"stanch approve {action_id} --reason 'why'"),
    )
