"""Reports that some channel has not accepted: offered again, and named through the other channels when that goes on for a day."""

from __future__ import annotations

from datetime import timedelta

from stanch import outbox
from stanch.clock import parse
from stanch.errors import Refused, Retryable, StanchError
from stanch.journal import OutboxItem
from stanch.outbox import Channel
from stanch.remediation import digest
from stanch.report import Report
from stanch.sweep.turn import Turn

LATE = timedelta(hours=24)

UNDERWAY = timedelta(minutes=2)
"""For how long whoever filed a report may still be delivering it: longer than a channel's whole patience."""

ENOUGH = 2
"""Failures to answer in a row after which a channel is not asked again in this sweep: each may take its whole timeout."""

NAMED = 50
"""Reports that are named in one."""


class Patient:
    """A channel that is left alone once it does not answer."""

    def __init__(self, channel: Channel) -> None:
        self.name, self._channel = channel.name, channel
        self._failed: list[Retryable] = []

    def send(self, report: Report) -> None:
        if len(self._failed) >= ENOUGH:
            raise self._failed[-1]
        try:
            self._channel.send(report)
        except Retryable as error:
            self._failed.append(error)
            raise
        except StanchError:
            self._failed.clear()
            raise
        self._failed.clear()


def undelivered(turn: Turn) -> None:
    """Drain the outbox, then say which reports are late."""
    deployment = turn.deployment
    channels = {name: Patient(channel) for name, channel in deployment.channels.items()}
    turn.row.done = outbox.drain(deployment.journal, channels, deployment.dress, turn.goes_on, turn.now - UNDERWAY)
    late = [entry for entry in deployment.journal.pending() if turn.now - parse(entry.created_at) > LATE]
    if late:
        _name(turn, late)


def _name(turn: Turn, late: list[OutboxItem]) -> None:
    """Once a day for the channels that are silent. Raises Refused where every channel is."""
    silent = sorted({name for entry in late for name in entry.pending})
    left = [name for name in turn.deployment.channels if name not in (*silent, *turn.deployment.programs)]
    reason = f"{len(late)} reports are older than a day and not accepted by {', '.join(silent)}; the oldest is of {late[0].created_at}"
    if not left:
        raise Refused("channels", f"{reason}; no channel is left to tell it by")
    lines = [_line(entry) for entry in late[:NAMED]]
    report = turn.report(f"undelivered:{turn.today}:{digest(silent)[:16]}", "Reports do not get through", reason, lines)
    entry = outbox.item(report, left)
    if turn.deployment.journal.file(entry):
        turn.deployment.deliver(entry)


def _line(entry: OutboxItem) -> str:
    said = "; ".join(f"{name}: {entry.errors.get(name, 'not tried yet')}" for name in entry.pending)
    return f"{entry.report.get('outcome')} {entry.key}: {said}"
