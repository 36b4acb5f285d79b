"""The time at which a finding is judged.

Leases and journal times use the wall clock; how old a finding is depends on this one, so that a replay of an old event can be
judged at the moment when it was fresh.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_frozen: ContextVar[datetime | None] = ContextVar("stanch_now", default=None)


def now() -> datetime:
    """The current time (UTC, aware), or the one a replay set."""
    return _frozen.get() or datetime.now(UTC)


@contextmanager
def at(moment: datetime | None) -> Iterator[None]:
    """Judge everything inside as if it were `moment`; None means the real clock."""
    token = _frozen.set(moment)
    try:
        yield
    finally:
        _frozen.reset(token)


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC with seconds, as AWS writes it: `2026-11-23T15:40:38Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str) -> datetime:
    """An RFC 3339 time; without an offset it is taken as UTC. Raises ValueError, also for one that lies beyond the years of UTC."""
    moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace("z", "+00:00"))
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        aware.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} lies beyond the years 1 to 9999 of UTC") from None
    return aware
