"""Counters: never too low, for all who run at the same moment."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from stanch.journal import Journal
from tests.functional.journal.records import FREE_TEXT
from tests.functional.journal.stores import Store
from tests.functional.journal.test_races import MANY, at_once

HOUR = 3600.0


@pytest.fixture
def end() -> float:
    """An hour from now."""
    return time.time() + HOUR


def test_what_nobody_counted_is_nought(journal: Journal, end: float) -> None:
    assert journal.counts(["account", "organisation"]) == [0, 0]
    assert journal.counts([]) == []
    assert journal.count([], end) == []


def test_each_counter_goes_up_by_one(journal: Journal, end: float) -> None:
    assert journal.count(["organisation", "account 1"], end) == [1, 1]
    assert journal.count(["account 2", "organisation"], end) == [1, 2]
    assert journal.count(["organisation"], end) == [3]
    assert journal.counts(["account 2", "nobody's", "organisation", "account 1"]) == [1, 0, 3, 1]


def test_a_counter_named_twice_counts_once(journal: Journal, end: float) -> None:
    assert journal.count(["a", "b", "a"], end) == [1, 1, 1]
    assert journal.count(["a", "a"], end) == [2, 2]
    assert journal.counts(["a", "b", "a"]) == [2, 1, 2]


def test_keys_are_free_text(journal: Journal, end: float) -> None:
    for number, key in enumerate(FREE_TEXT):
        for _ in range(number % 3 + 1):
            journal.count([key], end)
    assert journal.counts(FREE_TEXT) == [number % 3 + 1 for number in range(len(FREE_TEXT))]


def test_many_are_counted_and_read_together(journal: Journal, end: float) -> None:
    """More than any store takes in one request."""
    keys = [f"key {number}" for number in range(120)]
    assert journal.count(keys[::4], end) == [1] * 30
    assert journal.count(keys[-1:], end) == [1]
    assert journal.counts(keys) == [1, 0, 0, 0] * 29 + [1, 0, 0, 1]


def test_a_counter_vanishes_when_its_time_is_over(journal: Journal, later: Callable[[float], None], end: float) -> None:
    journal.count(["short", "long"], end)
    assert journal.count(["long"], end + HOUR) == [2]
    later(HOUR + 1)
    assert journal.counts(["short", "long"]) == [0, 2]
    assert journal.count(["short", "long"], end + 2 * HOUR) == [1, 3]
    assert journal.counts(["short", "long"]) == [1, 3]


def test_the_latest_end_that_was_given_holds(journal: Journal, later: Callable[[float], None], end: float) -> None:
    journal.count(["key"], end + HOUR)
    assert journal.count(["key"], end) == [2]
    later(HOUR + 1)
    assert journal.counts(["key"]) == [2]
    later(2 * HOUR + 1)
    assert journal.counts(["key"]) == [0]


def test_an_end_that_is_past_is_no_window(journal: Journal) -> None:
    assert [journal.count(["key"], time.time() - 1) for _ in range(2)] == [[1], [1]]
    assert journal.counts(["key"]) == [0]


def test_the_end_of_an_expired_counter_does_not_come_back(
    journal: Journal, later: Callable[[float], None], end: float
) -> None:
    journal.count(["key"], end)
    later(HOUR + 1)
    journal.count(["key"], end + 1.5)
    later(HOUR + 2)
    assert journal.counts(["key"]) == [0]


def test_many_who_count_at_once_lose_nothing(store: Store, end: float) -> None:
    rounds = 3

    def counting(number: int) -> Callable[[], list[list[int]]]:
        journal = store()
        return lambda: [journal.count(["organisation", f"account {number % 2}"], end) for _ in range(rounds)]

    results = at_once([counting(number) for number in range(MANY)])
    answers = [values for result in results if isinstance(result, list) for values in result]
    assert sorted(organisation for organisation, _ in answers) == list(range(1, rounds * MANY + 1)), results
    accounts = [rounds * MANY // 2] * 2
    assert store().counts(["organisation", "account 0", "account 1"]) == [rounds * MANY, *accounts]


def test_many_who_count_again_after_its_end_start_at_one_together(
    store: Store, later: Callable[[float], None], end: float
) -> None:
    for _ in range(3):
        store().count(["key"], end)
    later(HOUR + 1)
    journals = [store() for _ in range(MANY)]
    results = at_once([lambda journal=journal: journal.count(["key"], end + HOUR) for journal in journals])  # type: ignore[misc]
    assert sorted(map(str, results)) == [f"[{number}]" for number in range(1, MANY + 1)]
    assert store().counts(["key"]) == [MANY]
