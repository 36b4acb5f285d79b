"""How far this machine's clock is off: signatures, leases, freezes and what is stale go by it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from stanch.doctor import Check
from stanch.errors import StanchError

DOUBTFUL, WRONG = 10.0, 60.0
"""Seconds off. A lease is ninety seconds long, so that a minute's error takes most of it; AWS itself refuses signatures that are five minutes off
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html)."""


def clock(who: str, asked: Callable[[], str]) -> Check:
    """Held against the Date header of an answer that `asked` fetches; it has whole seconds and comes a round trip late."""
    before = datetime.now(UTC)
    try:
        theirs = parsedate_to_datetime(asked())
    except StanchError as error:
        return Check("clock", who, "unknown", f"no answer says what time it is: {error}")
    except ValueError:
        return Check("clock", who, "unknown", "its answer says no time that can be read")
    after = datetime.now(UTC)
    behind, ahead = (theirs - after).total_seconds(), (before - theirs).total_seconds() - 1
    off = max(behind, ahead, 0.0)
    if off < DOUBTFUL:
        return Check("clock", who, "ok", "this machine's clock agrees within a few seconds")
    said = f"this machine's clock is {off:.0f} s {'behind' if behind > ahead else 'ahead'}"
    return Check("clock", who, "wrong" if off >= WRONG else "note", said, "synchronise it (NTP)")
