"""Work beside the caller: in its context, never lost, never left running, and never stuck for want of a thread."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest

from stanch import clock
from stanch.concurrent import THREADS, Begun, settled, together

PATIENCE = 5.0


def test_results_come_in_order_and_at_the_same_time() -> None:
    meet = threading.Barrier(3, timeout=PATIENCE)
    assert together(*(lambda each=each: (meet.wait(), each)[1] for each in "abc")) == ["a", "b", "c"]  # type: ignore[misc]


def test_the_first_error_in_order_is_raised_when_nothing_runs_any_more() -> None:
    begun, ended = [], []

    def slow() -> None:
        begun.append("slow")
        time.sleep(0.05)
        ended.append("slow")

    def fails(text: str) -> None:
        raise ValueError(text)

    with pytest.raises(ValueError, match="one"):
        together(lambda: fails("one"), slow, lambda: fails("two"))
    assert ended == begun
    time.sleep(0.1)
    assert ended == begun


def test_work_runs_in_the_context_of_whoever_began_it() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    with clock.at(moment):
        begun = Begun(clock.now)
        done = settled([clock.now], 1)
    assert (begun.result(), done[0].result()) == (moment, moment)


def test_work_that_no_thread_took_up_runs_in_that_context_too() -> None:
    moment, free = datetime(2026, 1, 2, tzinfo=UTC), threading.Event()
    busy = [Begun(lambda: free.wait(PATIENCE)) for _ in range(THREADS)]
    with clock.at(moment):
        begun = Begun(clock.now)
    assert begun.result() == moment
    free.set()
    for each in busy:
        each.end()


def test_work_that_waits_for_work_gets_done_however_much_there_is() -> None:
    def nested(depth: int) -> int:
        return 1 if depth == 0 else sum(together(lambda: nested(depth - 1), lambda: nested(depth - 1)))

    assert together(*(lambda: nested(3) for _ in range(3 * THREADS))) == [8] * (3 * THREADS)


def test_what_is_ended_has_run_or_never_will() -> None:
    free, ran = threading.Event(), []
    busy = [Begun(lambda: free.wait(PATIENCE)) for _ in range(THREADS)]
    late = Begun(lambda: ran.append("late"))
    late.end()
    free.set()
    for each in busy:
        each.end()
    assert all(each.result() for each in busy)
    assert ran == []


def test_a_batch_is_bounded_and_every_piece_of_it_ends_with_a_result_or_an_error() -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def piece(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        if number == 3:
            raise SystemExit(number)
        return number

    done = settled([lambda number=number: piece(number) for number in range(12)], 4)  # type: ignore[misc]
    assert [each.result() for each in done if each.exception() is None] == [0, 1, 2, *range(4, 12)]
    assert isinstance(done[3].exception(), SystemExit)
    assert most == 4
