"""A process keeps the credentials of few assumed roles: an action has some of its own, and a busy day would fill it with them."""

from __future__ import annotations

import threading

import pytest

from stanch.clouds import kept_keys
from stanch.clouds.aws_clients import Keys
from stanch.clouds.kept_keys import LIFE, KeptKeys


def keys(name: object) -> Keys:
    return (f"AKIA{name}", "local", f"token of {name}")


def test_kept_credentials_are_given_out_again() -> None:
    kept = KeptKeys()
    kept.keep("read", keys("read"))
    assert kept.get("read") == keys("read")
    assert kept.get("act") is None


def test_of_many_those_used_last_are_kept() -> None:
    kept = KeptKeys(3)
    for number in range(6):
        kept.keep(number, keys(number))
        assert kept.get(0) == keys(0)
    assert [kept.get(number) is not None for number in range(6)] == [True, False, False, False, True, True]


def test_what_is_too_old_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(kept_keys.time, "time", lambda: now)
    kept = KeptKeys()
    kept.keep("old", keys("old"))
    now += LIFE - 1
    assert kept.get("old") == keys("old")
    now += 1
    assert kept.get("old") is None


def test_the_newest_credentials_for_a_role_count() -> None:
    kept = KeptKeys()
    for name in ("former", "new"):
        kept.keep("read", keys(name))
    assert kept.get("read") == keys("new")


def test_threads_that_ask_at_once_neither_fail_nor_keep_too_many() -> None:
    kept, failed = KeptKeys(4), list[Exception]()

    def work(first: int) -> None:
        try:
            for number in range(first, first + 200):
                kept.keep(number, keys(number))
                kept.get(number)
        except Exception as error:  # noqa: BLE001  # shown by the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 800, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sum(kept.get(number) is not None for number in range(800)) == 4
