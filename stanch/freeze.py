"""Change freezes: windows in local time in which the mode is lowered, so that containment asks instead of surprising a release."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

from stanch.playbooks.cron import Cron
from stanch.playbooks.cron import parse as parse_cron
from stanch.playbooks.limits import Freeze


def holds(freeze: Freeze, now: datetime, group: str | None, playbook: str | None) -> bool:
    """Whether the freeze lowers the mode now. An account whose group is unknown is treated as in every group."""
    if playbook is not None and playbook in freeze.except_:
        return False
    if freeze.accounts and group is not None and group not in freeze.accounts:
        return False
    return _between(freeze, now) if freeze.cron is None else _within(freeze, parse_cron(freeze.cron), now)


def _between(freeze: Freeze, now: datetime) -> bool:
    zone = ZoneInfo(freeze.tz)
    begins = _moment(freeze.from_, zone, last=False)
    ends = _moment(freeze.to, zone, last=True)
    return (begins is None or begins <= now) and (ends is None or now < ends)


def _moment(text: str | None, zone: ZoneInfo, *, last: bool) -> datetime | None:
    """The start of a day or the moment itself; as an end, a day counts whole."""
    if text is None:
        return None
    if len(text) == 10:
        day = date.fromisoformat(text) + timedelta(days=int(last))
        return datetime.combine(day, time_of_day(), zone)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _within(freeze: Freeze, cron: Cron, now: datetime) -> bool:
    """Whether a window that cron opened is still open.

    Windows are found by going back in real time, minute by minute, and asking what the wall clock said then: in the hour that daylight
    saving repeats the window opens twice, which only lengthens it; in the hour that it skips a window opens at the moment the clock jumps.
    """
    zone = ZoneInfo(freeze.tz)
    at = now.astimezone(UTC).replace(second=0, microsecond=0)
    while (now - at).total_seconds() < (freeze.for_ or 0):
        if _opens(cron, at, zone):
            return True
        at -= timedelta(minutes=1)
    return False


def _opens(cron: Cron, at: datetime, zone: ZoneInfo) -> bool:
    """Whether cron names this minute of the wall clock, or one that the clock jumped over to reach it."""
    local = at.astimezone(zone)
    before = (at - timedelta(minutes=1)).astimezone(zone)
    skipped = int((local.replace(tzinfo=None) - before.replace(tzinfo=None)).total_seconds() / 60) - 1
    walls = [local.replace(tzinfo=None) - timedelta(minutes=gone) for gone in range(max(skipped, 0) + 1)]
    return any(_names(cron, wall) for wall in walls)


def _names(cron: Cron, wall: datetime) -> bool:
    if wall.minute not in cron.minutes or wall.hour not in cron.hours or wall.month not in cron.months:
        return False
    day = cron.days is None or wall.day in cron.days
    weekday = cron.weekdays is None or (wall.weekday() + 1) % 7 in cron.weekdays
    if cron.days is not None and cron.weekdays is not None:
        return day or weekday
    return day and weekday
