"""Calls that fail, where and how a test wants it."""

from __future__ import annotations

from collections.abc import Callable

from stanch.errors import AccessDenied
from tests.unit.engine.bench import Bench
from tests.unit.engine.toy import Call


class Killed(BaseException):
    """The process ends here: nothing after it runs, not even an except clause of the engine."""


def failing(error: BaseException, **call: str) -> Callable[[Call], None]:
    """A hook that raises at the calls that fit."""

    def hook(made: Call) -> None:
        if all(getattr(made, name) == value for name, value in call.items()):
            raise error

    return hook


def denied(operation: str = "Set") -> AccessDenied:
    return AccessDenied(operation, "AccessDenied", "an organisation policy forbids it")


class Fuse:
    """Raises at the k-th call of cloud or journal, before or after it took effect; until `lit` is taken away."""

    def __init__(self, bench: Bench, k: int, after: bool) -> None:
        self._left, self.burnt, self.lit = k, False, True
        for calls in (bench.cloud, bench.journal):
            (calls.after if after else calls.before).append(self)

    def __call__(self, call: Call | str) -> None:
        if self.burnt or not self.lit:
            return
        self._left -= 1
        if self._left < 0:
            self.burnt = True
            raise Killed
