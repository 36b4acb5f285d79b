"""placeholder"""

from __future__ import annotations

from datetime import datetime

from bench.stub.wire import Reply, Request


class Azure:
    def __init__(self) -> None:
        self.moment = datetime.fromisoformat("2026-01-01T00:00:00+00:00")

    def clear(self) -> None: ...

    def answer(self, request: Request) -> Reply | None:
        return None
