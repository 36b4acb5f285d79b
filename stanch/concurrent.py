"""Work done at the same time, in a few threads that are kept from one event to the next: what a call waits for costs no other call's time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Generic, TypeVar

T = TypeVar("T")

THREADS = 32
"""Threads are only started while all others are busy; more than the calls of a batch of ten are never needed."""

_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="stanch")


class Begun(Generic[T]):
    """Work that runs beside its caller, in the caller's context (the clock of a replay, the account of a call)."""

    __slots__ = ("_context", "_future", "_work")

    def __init__(self, work: Callable[[], T]) -> None:
        self._work, self._context = work, copy_context()
        self._future: Future[T] = _pool.submit(self._context.run, work)

    def result(self) -> T:
        """What it came to, to be asked for once. Raises what it raised.

        Work that no thread has taken up yet is done here and now: so however many wait for each other, somebody always works.
        """
        return self._context.run(self._work) if self._future.cancel() else self._future.result()

    def end(self) -> None:
        """Not to be begun any more, or waited for."""
        if not self._future.cancel():
            wait([self._future])


def together(*work: Callable[[], T]) -> list[T]:
    """The results in order. Nothing runs any more when this returns or raises; of several errors the first in order is raised."""
    first, *others = work
    begun = [Begun(each) for each in others]
    try:
        return [first(), *(each.result() for each in begun)]
    finally:
        for each in begun:
            each.end()


def settled(work: Sequence[Callable[[], T]], at_once: int) -> list[Future[T]]:
    """All of the work, so many at once in threads of their own; each is done, with a result or an error."""
    with ThreadPoolExecutor(at_once, thread_name_prefix="stanch-settled") as pool:
        return [pool.submit(copy_context().run, each) for each in work]
