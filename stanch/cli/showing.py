"""Results and reports for people: one row an action in a list, a whole report for a few."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Any

from msgspec.structs import replace
from rich.text import Text

from stanch.action import Action
from stanch.cli import output
from stanch.cli.context import Context
from stanch.notify import values
from stanch.notify.message import Section, compose, said
from stanch.notify.untrusted import inert
from stanch.remediation import Remediation
from stanch.report import Report
from stanch.report import of_action as report_of

STYLES = {
    "acted": "bold green", "undone": "bold blue", "no_op": "dim", "unmatched": "dim", "planned": "cyan", "awaiting_approval": "bold yellow",
    "held": "yellow", "expired": "yellow", "partial": "bold red", "unverified": "bold red", "failed": "bold red", "rejected": "red",
    "open": "bold red",
}  # fmt: skip
LABEL = 12
"""Columns of a label, as in a mail."""

_COPIED = ("Where", "To act", "Undo", "Ids")
"""Sections that hold ids and commands: to be copied, so never broken."""

_UNTOUCHED = ("held", "no_op", "unmatched", "rejected", "expired")
"""Outcomes of which the reason tells and what would have been written does not."""

_TENSE = {"planned": "would change: ", "awaiting_approval": "would change: ", "partial": "tried: ", "unverified": "tried: ", "failed": "tried: "}  # fmt: skip
"""What keeps a line from being read as done that is not."""

Row = Mapping[str, Any]


def table(rows: Sequence[Row]) -> None:
    """One row an action: outcome, finding, resource, before → after, who was told. The account stands once, above the rows that share it."""
    width = max((len(_outcome(row)) for row in rows), default=0)
    for place, together in groupby(rows, _place):
        output.put(Text(place, "bold"))
        pairs = [(Text(_outcome(row), STYLES.get(_outcome(row), "")), _row(row)) for row in together]
        columns(pairs, width)


def of_action(action: Action, declared: type[Remediation[Any]], told: Sequence[str] = ()) -> None:
    """The whole report of an action as it stands; `told` are the channels that accepted it."""
    shown = report_of(action, declared)
    report(replace(shown, changes=steps(action), at=action.updated_at), told)


def steps(action: Action) -> list[dict[str, Any]]:
    """The changes of an action with what became of each."""
    return [{**step.change.as_json(), "status": step.status.value} for step in action.steps]


def report(shown: Report, told: Sequence[str] = (), without: Sequence[str] = ()) -> None:
    """A whole report, as a mail has it, with the changes in words; `without` are labels to leave out."""
    message = compose(shown, 8)
    output.put(Text(f"{message.state}: {message.title}", STYLES.get(shown.outcome, "bold")), Text(message.sentence))
    if message.reason:
        output.put(Text(f"Reason: {message.reason}"))
    output.put()
    sections = [*message.sections, *([Section("Told", (", ".join(told),))] if told else [])]
    for section in sections:
        if section.label in without:
            continue
        if section.label in _COPIED:
            for at, line in enumerate(section.lines):
                output.line(f"{section.label if at == 0 else '':<{LABEL}}  {line}")
        else:
            labelled(section.label, section.lines)


def labelled(label: str, lines: Sequence[str]) -> None:
    """A label and its lines."""
    columns([(label if at == 0 else "", line) for at, line in enumerate(lines)], LABEL)


def undelivered(context: Context, actions: Collection[str | None]) -> None:
    """On stderr, which channels have not accepted a report of these actions, and why."""
    if context.quiet or not any(actions):
        return
    for name in context.journals:
        for entry in context.deployment(name).journal.pending():
            if entry.report.get("action_id") in actions and entry.errors:
                why = "; ".join(f"{channel}: {entry.errors.get(channel, 'not tried yet')}" for channel in entry.pending)
                output.say(inert(f"not told yet of {entry.report['action_id']}: {why}. The sweep tries again", 600))


def columns(pairs: Sequence[tuple[str | Text, str | Text]], width: int) -> None:
    """A name of at most `width` columns and what is said of it, which keeps its left edge where it is broken. Nothing trails a line."""
    out = output.console()
    for name, told in pairs:
        left = Text(name, "dim") if isinstance(name, str) else name.copy()
        left.pad_right(max(width + 2 - left.cell_len, 2))
        for line in (Text(told) if isinstance(told, str) else told).wrap(out, max(out.width - width - 2, 20)):
            line.rstrip()
            out.print(Text.assemble(left, line), soft_wrap=True)
            left = Text(" " * (width + 2))


def styled(word: str, style: str, before: str = "", after: str = "") -> Text:
    """A line with one word in a style."""
    return Text(before).append(word, style).append(after)


def _outcome(row: Row) -> str:
    return str(row["outcome"] or "open")


def _place(row: Row) -> str:
    """The account that the row is about. A user of Entra is of a tenant; of a row that does not say which, the finding's subscription is told."""
    finding, kind = row.get("finding") or {}, (row.get("resource") or {}).get("type", "")
    account = inert(row.get("account") or finding.get("account") or "", 64)
    if not kind and not finding:
        return "No finding"
    azure = kind.startswith("Microsoft.") or (not kind and row.get("source") in ("sentinel", "defender", "event_grid"))
    holder = (
        "Entra tenant"
        if kind.startswith("Microsoft.Graph/") and (row.get("account") or not finding)
        else "Azure subscription"
    )
    return f"{holder if azure else 'AWS account'} {account or 'unknown'}"


def _row(row: Row) -> Text:
    finding, resource = row.get("finding") or {}, row.get("resource") or {}
    kind = "account " if resource.get("type") == "AWS::::Account" else ""
    name = kind + inert(values.short(resource.get("id", "")), 160)
    region = f" ({inert(finding['region'], 40)})" if finding.get("region") else ""
    what = inert(finding.get("type") or row.get("remediation") or row.get("event") or "", 120)
    text = Text(f"{what} on {name}{region}" if name else what)
    outcome = _outcome(row)
    reason = said(row.get("reason"))
    told = [] if outcome in _UNTOUCHED else values.changes(row["changes"], outcome == "undone")
    told = [f"{_TENSE.get(outcome, '')}{line}" for line in told]
    for line in (*told, *([inert(reason, 400)] if reason and not (told and reason.startswith("mode:")) else [])):
        text.append(f"\n{line}")
    text.append(f"\n{_aside(row)}" if _aside(row) else "", "dim")
    return text


def _aside(row: Row) -> str:
    """Who was told, and what to ask for more by."""
    return " · ".join(
        part
        for part in (
            row.get("opened_at", "")[:19].replace("T", " "),
            f"told {', '.join(row['notified'])}" if row.get("notified") else "",
            f"action {row['action_id']}" if row.get("action_id") else "",
            f"playbook {row['playbook']}" if row.get("playbook") and row.get("action_id") else "",
        )
        if part
    )
