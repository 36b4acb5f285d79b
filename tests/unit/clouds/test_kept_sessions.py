"""A process keeps few sessions: an action has one of its own, and a busy day would fill it with their open connections."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest

from stanch.clouds import kept_sessions
from stanch.clouds.kept_sessions import LIFE, KeptSessions


@dataclass(eq=False)
class Session:
    closed: bool = False

    def close(self) -> None:
        self.closed = True


def test_a_kept_session_is_given_out_again() -> None:
    kept, session = KeptSessions[str, Session](), Session()
    kept.keep("read", session)
    assert kept.get("read") is session
    assert kept.get("act") is None


def test_of_many_those_used_last_are_kept_and_the_others_closed() -> None:
    kept, sessions = KeptSessions[int, Session](3), [Session() for _ in range(6)]
    for number, session in enumerate(sessions):
        kept.keep(number, session)
        assert kept.get(0) is sessions[0]
    assert [session.closed for session in sessions] == [False, True, True, True, False, False]
    assert [kept.get(number) is not None for number in range(6)] == [True, False, False, False, True, True]


def test_what_is_too_old_is_neither_given_out_nor_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(kept_sessions.time, "time", lambda: now)
    kept, old = KeptSessions[str, Session](), Session()
    kept.keep("old", old)
    now += LIFE
    assert kept.get("old") is None
    kept.keep("new", Session())
    assert old.closed


def test_what_takes_the_place_of_another_closes_it() -> None:
    kept, former = KeptSessions[str, Session](), Session()
    kept.keep("read", former)
    kept.keep("read", Session())
    assert former.closed


def test_threads_that_ask_at_once_neither_fail_nor_keep_too_many() -> None:
    kept, made, failed = KeptSessions[int, Session](4), [Session() for _ in range(800)], list[Exception]()

    def work(first: int) -> None:
        try:
            for number in range(first, first + 200):
                kept.keep(number, made[number])
                kept.get(number)
        except Exception as error:  # noqa: BLE001  # shown by the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 800, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sum(not session.closed for session in made) == 4
