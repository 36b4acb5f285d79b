"""Reports on their way out: filed with the action they tell of, then offered to each channel until it accepts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Protocol

from stanch.action import stamp
from stanch.clock import parse
from stanch.errors import CloudError, Retryable, StanchError
from stanch.journal import Journal, OutboxItem
from stanch.report import Report


class Channel(Protocol):
    """One way to tell people. `send` raises a StanchError when the channel did not accept the report."""

    name: str

    def send(self, report: Report) -> None: ...


def item(report: Report, channels: Sequence[str]) -> OutboxItem:
    """The outbox entry of a report, undelivered."""
    return OutboxItem(report.key, report.as_json(), dict.fromkeys(channels), report.at)


Dress = Callable[[Report, str], Report]
"""Adds to a report what only one delivery through one channel may carry, such as a fresh link. Raises a StanchError."""


def deliver(
    journal: Journal, entry: OutboxItem, channels: Mapping[str, Channel], dress: Dress = lambda report, _: report
) -> list[str]:
    """Offer the report to every channel that has not accepted it; the names of those that have.

    A channel that fails never fails the action: it stays pending in the outbox and is tried again by the sweep. Each answer is stored before the next channel
    is tried, so that a crash repeats none that is known. Raises what the journal raises, after every channel was tried, if it did not take the last of them.
    """
    report = Report.from_json(entry.report)
    unsaved: StanchError | None = None
    for name in entry.pending:
        _offer(report, name, entry, channels, dress)
        try:
            journal.sent(entry)
            unsaved = None
        except (Retryable, CloudError) as error:
            unsaved = error
    if unsaved is not None:
        raise unsaved
    return [name for name, accepted in entry.channels.items() if accepted]


def _offer(report: Report, name: str, entry: OutboxItem, channels: Mapping[str, Channel], dress: Dress) -> None:
    if name not in channels:
        entry.errors[name] = "no such channel is configured any more"
        return
    try:
        channels[name].send(dress(report, name))
    except StanchError as error:
        entry.errors[name] = str(error)
    else:
        entry.channels[name] = stamp()
        entry.errors.pop(name, None)


def drain(
    journal: Journal,
    channels: Mapping[str, Channel],
    dress: Dress = lambda report, _: report,
    goes_on: Callable[[], bool] = lambda: True,
    before: datetime | None = None,
) -> int:
    """Offer every undelivered report again, oldest first, for as long as `goes_on` says; how many are delivered now.

    Those that were filed after `before` are left to whoever filed them: they may be on their way.
    """
    due = [entry for entry in journal.pending() if before is None or parse(entry.created_at) <= before]
    items = takewhile(lambda _: goes_on(), due)
    return sum(len(deliver(journal, entry, channels, dress)) == len(entry.channels) for entry in items)
