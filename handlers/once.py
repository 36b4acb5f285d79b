"""What lives as long as the process: the deployment and its responder, built on first use and shared by all invocations after it."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock

from stanch.deployment import Deployment
from stanch.responder import Responder


class Once:
    """One deployment, made by `build` when it is first asked for. Azure's worker answers in several threads: the first builds, the others wait for it."""

    def __init__(self, build: Callable[[], Deployment]) -> None:
        self._build = build
        self._lock = RLock()
        self._deployment: Deployment | None = None
        self._responder: Responder | None = None

    def deployment(self) -> Deployment:
        """The one deployment of this process. Raises what `build` raises, each time until it succeeds."""
        with self._lock:
            if self._deployment is None:
                self._deployment = self._build()
            return self._deployment

    def responder(self) -> Responder:
        """The one responder of this process."""
        with self._lock:
            if self._responder is None:
                self._responder = Responder(self.deployment())
            return self._responder

    def reset(self) -> None:
        """Forget what was built: the environment has changed."""
        with self._lock:
            self._deployment = self._responder = None
