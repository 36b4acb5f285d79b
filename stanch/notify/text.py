"""A report as plain text, for mail and terminals, and as the subject of a mail."""

from __future__ import annotations

from stanch.approval.links import text_line
from stanch.notify.message import compose, headline
from stanch.notify.untrusted import cut, inert
from stanch.report import Report

SUBJECT = 99
"""Characters. SNS takes less than 100, without line breaks or control characters (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html)."""

_LABEL = 14


def text(report: Report) -> str:
    """The whole report, at most a screen of it in ordinary cases; lines end with a single newline and are not wrapped."""
    message = compose(report)
    lines = [f"{message.state}: {message.title}", message.sentence]
    if message.reason:
        lines.append(f"Reason: {message.reason}")
    lines.append("")
    for section in message.sections:
        labels = [section.label, *[""] * (len(section.lines) - 1)]
        lines += [f"{label:<{_LABEL}}{line}" for label, line in zip(labels, section.lines, strict=True)]
    if report.approval:
        lines += ["", text_line(report.approval)]
    return "\n".join(lines) + "\n"


def subject(report: Report) -> str:
    """One line of at most 99 printable ASCII characters that begins with the state: `ACTED (high): Deactivate …: AKIA… in 1111…`."""
    head = f"{headline(report)}:"
    place = _ascii(_place(report))
    title = cut(_ascii(inert(report.title)), SUBJECT - len(head) - len(place) - 1, "...")
    return cut(f"{head} {title}{place}".strip(), SUBJECT, "...")


def _place(report: Report) -> str:
    """The resource's last name and its account, short enough to leave the title room."""
    name = inert((report.resource or {}).get("id", "").rpartition("/")[2].rpartition(":")[2], 24)
    account = inert(report.account, 12)
    return (f": {name}" if name else "") + (f" in {account}" if account else "")


def _ascii(line: str) -> str:
    return line.replace("…", "...").encode("ascii", "replace").decode("ascii")
