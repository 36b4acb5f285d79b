"""The sessions that a process keeps for a while: a few, because each holds its clients with their open connections."""

from __future__ import annotations

import threading
import time
from typing import Generic, Protocol, TypeVar

LIFE = 600.0
"""Seconds for which a session is given out again: less than its credentials last."""

MOST = 16
"""The reading sessions of a few accounts and what is under way. Each action has a session of its own, and Lambda allows 1,024 open files
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""


class Closing(Protocol):
    """What is kept: `close` gives up the connections that it keeps open for a next call, and does no harm to a call that is under way."""

    def close(self) -> None: ...


K = TypeVar("K")
S = TypeVar("S", bound=Closing)


class KeptSessions(Generic[K, S]):
    """Those used last, by their keys."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: dict[K, tuple[float, S]] = {}
        self._lock = threading.Lock()

    def get(self, key: K) -> S | None:
        """The session, if it is kept and may still be used."""
        with self._lock:
            until, session = self._kept.get(key, (0.0, None))
            if session is None or time.time() >= until:
                return None
            self._kept[key] = self._kept.pop(key)  # the one used last is given up last
            return session

    def keep(self, key: K, session: S) -> None:
        """Keep it in place of what is too old or too much."""
        with self._lock:
            now = time.time()
            former = self._kept.pop(key, None)
            given_up = [former[1]] if former else []
            for other, (until, _) in list(self._kept.items()):
                if until <= now or len(self._kept) >= self._most:
                    given_up.append(self._kept.pop(other)[1])
            self._kept[key] = now + LIFE, session
        for one in given_up:
            one.close()
