"""Reports on their way out: filed with the action they tell of, then offered to each channel until it accepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from stanch.action import stamp
from stanch.errors import StanchError
from stanch.journal import Journal, OutboxItem
from stanch.report import Report


class Channel(Protocol):
    """One way to tell people. `send` raises a StanchError when the channel did not accept the report."""

    name: str

    def send(self, report: Report) -> None: ...


def item(report: Report, channels: Sequence[str]) -> OutboxItem:
    """The outbox entry of a report, undelivered."""
    return OutboxItem(report.key, report.as_json(), dict.fromkeys(channels), report.at)


def deliver(journal: Journal, entry: OutboxItem, channels: Mapping[str, Channel]) -> list[str]:
    """Offer the report to every channel that has not accepted it; the names of those that have.

    A channel that fails never fails the action: it stays pending in the outbox and is tried again by the sweep.
    """
    report = Report.from_json(entry.report)
    for name in entry.pending:
        if name not in channels:
            entry.errors[name] = "no such channel is configured any more"
            continue
        try:
            channels[name].send(report)
        except StanchError as error:
            entry.errors[name] = str(error)
        else:
            entry.channels[name] = stamp()
            entry.errors.pop(name, None)
    if entry.channels:
        journal.sent(entry)
    return [name for name, accepted in entry.channels.items() if accepted]


def drain(journal: Journal, channels: Mapping[str, Channel]) -> int:
    """Offer every undelivered report again; how many are delivered now."""
    return sum(len(deliver(journal, entry, channels)) == len(entry.channels) for entry in list(journal.pending()))
