"""The credentials of assumed roles that a process keeps for a while, so that a role is not assumed for every call."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable

from stanch.clouds.aws_clients import Keys

LIFE = 600.0
"""Seconds for which credentials are given out again: less than they last."""

MOST = 256
"""Those of a few hundred accounts' reading roles and of what is under way: each action has credentials of its own."""


class KeptKeys:
    """Those used last, by the name of what they were assumed for."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: dict[Hashable, tuple[float, Keys]] = {}
        self._lock = threading.Lock()

    def get(self, name: Hashable) -> Keys | None:
        """The credentials, if they are kept and may still be used."""
        with self._lock:
            until, keys = self._kept.get(name, (0.0, None))
            if keys is None or time.time() >= until:
                return None
            self._kept[name] = self._kept.pop(name)  # what was used last is given up last
            return keys

    def keep(self, name: Hashable, keys: Keys) -> None:
        """Keep them in place of what is too old or too much."""
        with self._lock:
            now = time.time()
            self._kept.pop(name, None)
            for other, (until, _) in list(self._kept.items()):
                if until <= now or len(self._kept) >= self._most:
                    del self._kept[other]
            self._kept[name] = now + LIFE, keys
