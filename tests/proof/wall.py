"""A wall clock that a measurement moves: leases run out without waiting, and two invocations may disagree."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from unittest import mock

from stanch import clock


class Wall:
    """`ahead` is by how many seconds this process's clock is ahead of the real one."""

    def __init__(self) -> None:
        self.ahead = 0.0

    @contextmanager
    def shown(self) -> Iterator[Wall]:
        """Everything inside this process that asks for the time is told this one."""
        real = time.time
        with mock.patch.object(time, "time", lambda: real() + self.ahead):  # noqa: PT008  (moves while it is patched)
            yield self

    @contextmanager
    def judged(self) -> Iterator[None]:
        """What is judged by the date (`stanch.clock`) is too."""
        with clock.at(datetime.now(UTC) + timedelta(seconds=self.ahead)):
            yield
