"""What would keep a deployment from doing its work, found before it has to: settings, journal, channels, reach, permissions, clock.

Every check says only what it saw. What cannot be told, because these credentials may not ask, is `unknown`, never `ok`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import asdict

from stanch.errors import Refused, StanchError

State = Literal["ok", "note", "wrong", "unknown"]

FAILING = ("wrong", "unknown")
"""States that a deployment should not be left in: something does not work, or nobody can say that it does."""


class Check(Struct, frozen=True):
    """One thing that was looked at: `said` is what was seen, `mend` what to do about it."""

    area: str
    subject: str
    state: State
    said: str
    mend: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def told(area: str, subject: str, look: Callable[[], str], mend: str | None = None, failed: State = "unknown") -> Check:
    """`ok` with what `look` saw, or `failed` with why nothing could be seen. Raises Refused where what is seen must not be."""
    try:
        return Check(area, subject, "ok", look())
    except Refused:
        raise
    except StanchError as error:
        return Check(area, subject, failed, str(error), mend)


def surely(area: str, subject: str, checks: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """The checks of a part; what stops them in the middle is a check of its own and stops no other part."""
    try:
        yield from checks()
    except StanchError as error:
        yield Check(area, subject, "unknown", str(error))
