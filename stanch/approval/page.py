"""The pages of an approval: the request, what came of a decision, and why there is none. Text from an event is made inert by `compose` and escaped by `element`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from stanch.action import Action, Outcome
from stanch.approval import parts
from stanch.approval.layout import bullets, command, document, heading, note, section
from stanch.approval.markup import Html, element
from stanch.notify.message import Message, compose, headline
from stanch.notify.untrusted import inert
from stanch.remediation import Remediation
from stanch.report import Report, of_action

if TYPE_CHECKING:
    from stanch.decision import View

_STYLES = {"acted": "good", "no_op": "good", "undone": "accent", "planned": "accent", "partial": "attention",
           "unverified": "attention", "failed": "attention", "denied": "accent"}  # fmt: skip


def request(view: View, declared: type[Remediation[Any]], form: parts.Form | None, alerts: Sequence[str] = ()) -> str:
    """The page of a request that waits: what would change and break, what stays open, what the guards say, and the form where there is one to decide with."""
    report, action = _told(view, declared), view.action
    message = _composed(report)
    deadline = f"Open until {parts.moment(view.expires_at)}."
    return document(
        f"{message.state}: {message.title}",
        heading(
            _style(report),
            message.state,
            message.title,
            parts.sentence(message),
            "" if parts.lapsed(view) else deadline,
        ),
        *(note("attention", element("p", alert), alert=True) for alert in alerts),
        *parts.sections(report, message),
        section("Guards", parts.guards(view.verdicts)),
        section("Undo", parts.undo(action, declared)),
        parts.decisions(action, view.approvals_needed),
        parts.form(form, view) if form else None if parts.lapsed(view) else parts.without_form(action.id),
        parts.ids(message),
    )


def record(action: Action, declared: type[Remediation[Any]], said: str | None = None) -> str:
    """The page of an action that waits no more, or that was just decided on: `said` is what was decided, and by whom."""
    report = standing(action, declared)
    message = _composed(report)
    return document(
        f"{message.state}: {message.title}",
        heading(_style(report), message.state, message.title, parts.sentence(message)),
        note(_style(report), element("p", inert(said, parts.WIDTH)), alert=True) if said else None,
        *parts.sections(report, message),
        *(section(part.label, command(" ".join(part.lines))) for part in message.sections if part.label == "Undo"),
        *(section(part.label, bullets(part.lines)) for part in message.sections if part.label == "No undo"),
        parts.decisions(action),
        parts.ids(message),
    )


def refusal(state: str, title: str, reason: str, report: Report | None = None, again: str | None = None) -> str:
    """The page of a request that was not carried out: why, how the action stands if it is known, and the way back (`again`, a relative URL)."""
    message = _composed(report) if report else None
    return document(
        f"{state}: {message.title if message else 'approval'}",
        heading("attention", state.upper(), title, message.title if message else ""),
        note("attention", element("p", inert(reason, parts.WIDTH)), alert=True),
        section("How it stands", _stands(report, message)) if report and message else None,
        *(parts.sections(report, message, (*parts.CHANGES, "Where")) if report and message else ()),
        element("p", element("a", "Open the request", href=again, class_="again")) if again else None,
        parts.ids(message) if message else None,
    )


def standing(action: Action, declared: type[Remediation[Any]]) -> Report:
    """The report of an action as the journal has it; here one that is open is in progress, and one that a person denied is told from one that expired."""
    report = of_action(action, declared)
    if action.outcome is None:
        return replace(report, outcome="in_progress")
    denied = action.outcome is Outcome.EXPIRED and any(each.get("how") == "denied" for each in action.approvals)
    return replace(report, outcome="denied") if denied else report


def _composed(report: Report) -> Message:
    if report.outcome != "denied":
        return compose(report, parts.ITEMS, parts.WIDTH)
    message = compose(replace(report, outcome="expired"), parts.ITEMS, parts.WIDTH)
    return replace(message, state=headline(report), sentence="Nothing was changed: a person denied it.")


def _told(view: View, declared: type[Remediation[Any]]) -> Report:
    """The plan as it would be carried out now, not as it was when it was asked for."""
    return replace(
        standing(view.action, declared),
        changes=[{"target": each.target, "before": each.before, "after": each.after} for each in view.plan.changes],
        breaks=[declared.disruption, *view.plan.breaks],
        not_done=list(view.plan.not_done),
    )


def _style(report: Report) -> str:
    return _STYLES.get(report.outcome, "warning")


def _stands(report: Report, message: Message) -> Html:
    return note(
        _style(report), element("p", element("span", message.state, class_="mark"), " ", parts.sentence(message))
    )
