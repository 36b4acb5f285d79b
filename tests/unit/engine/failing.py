"""Calls that fail, where and how a test wants it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

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


@contextlib.contextmanager
def killed_at(bench: Bench, **call: str) -> Iterator[None]:
    """What is run here is killed before such a call of the cloud takes effect. Afterwards the cloud answers again."""
    hook = failing(Killed(), **call)
    bench.cloud.before.append(hook)
    with pytest.raises(Killed):
        yield
    bench.cloud.before.remove(hook)


@contextlib.contextmanager
def killed_in(bench: Bench, name: str, *, after: bool = False) -> Iterator[None]:
    """What is run here is killed in that call of the journal, before or after it took effect."""

    def hook(called: str) -> None:
        if called == name:
            raise Killed

    hooks = bench.journal.after if after else bench.journal.before
    hooks.append(hook)
    with pytest.raises(Killed):
        yield
    hooks.remove(hook)


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
