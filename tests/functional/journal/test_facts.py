"""Standing facts: kept for a while or for good, taken by one, forgotten."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from stanch.errors import InvalidInput, Retryable
from stanch.journal import Journal
from tests.functional.journal.records import FREE_TEXT
from tests.functional.journal.stores import Store
from tests.functional.journal.test_bodies import ODD
from tests.functional.journal.test_races import MANY, at_once

HOUR = 3600.0


@pytest.fixture
def end() -> float:
    """An hour from now."""
    return time.time() + HOUR


def test_nothing_is_kept_at_first(journal: Journal) -> None:
    assert journal.kept("exemption") == {}
    assert journal.drop("exemption", "a role") is False


def test_facts_are_listed_by_kind(journal: Journal, end: float) -> None:
    assert journal.keep("exemption", "role A", {"reason": "migration", "by": "on-call"}, end) is True
    assert journal.keep("exemption", "role B", {"reason": "testing"}, None) is True
    assert journal.keep("pause", "role A", {}, end) is True
    assert journal.kept("exemption") == {
        "role A": {"reason": "migration", "by": "on-call"},
        "role B": {"reason": "testing"},
    }
    assert journal.kept("pause") == {"role A": {}}
    assert journal.kept("exempt") == {}


def test_a_later_fact_takes_the_place_of_an_earlier(
    journal: Journal, later: Callable[[float], None], end: float
) -> None:
    journal.keep("pause", "for good, then for an hour", {"n": 1}, None)
    journal.keep("pause", "for an hour, then for good", {"n": 1}, end)
    journal.keep("pause", "for an hour, then for two", {"n": 1}, end)
    assert journal.keep("pause", "for good, then for an hour", {"n": 2}, end) is True
    assert journal.keep("pause", "for an hour, then for good", {"n": 2}, None) is True
    assert journal.keep("pause", "for an hour, then for two", {"n": 2}, end + HOUR) is True
    assert sorted(value["n"] for value in journal.kept("pause").values()) == [2, 2, 2]
    later(HOUR + 1)
    assert set(journal.kept("pause")) == {"for an hour, then for good", "for an hour, then for two"}


def test_an_expired_fact_is_none(journal: Journal, later: Callable[[float], None], end: float) -> None:
    journal.keep("exemption", "short", {}, end)
    journal.keep("exemption", "long", {}, end + 0.5)
    later(HOUR + 0.25)
    assert journal.kept("exemption") == {"long": {}}
    assert journal.drop("exemption", "short") is False
    assert journal.drop("exemption", "long") is True


def test_what_was_never_live_is_not_answered(journal: Journal) -> None:
    assert journal.keep("exemption", "late", {}, time.time() - 0.001) is True
    assert journal.kept("exemption") == {}


def test_only_one_of_a_key_can_be_new(journal: Journal, later: Callable[[float], None], end: float) -> None:
    assert journal.keep("lease", "sweep", {"by": 1}, end, new=True) is True
    assert journal.keep("lease", "sweep", {"by": 2}, None, new=True) is False
    assert journal.kept("lease") == {"sweep": {"by": 1}}
    assert journal.keep("lease", "another", {"by": 3}, None, new=True) is True
    assert journal.keep("digest", "sweep", {"by": 4}, None, new=True) is True
    later(HOUR + 1)
    assert journal.keep("lease", "sweep", {"by": 5}, end + HOUR, new=True) is True
    assert journal.keep("lease", "sweep", {"by": 6}, end + HOUR, new=True) is False
    assert journal.keep("lease", "another", {"by": 7}, end + HOUR, new=True) is False
    assert journal.kept("lease") == {"sweep": {"by": 5}, "another": {"by": 3}}


def test_a_dropped_fact_is_forgotten(journal: Journal, end: float) -> None:
    journal.keep("pause", "all", {"secret": "of the reason"}, None)
    journal.keep("pause", "one", {}, end)
    assert journal.drop("pause", "all") is True
    assert journal.drop("pause", "all") is False
    assert journal.drop("exemption", "one") is False
    assert journal.kept("pause") == {"one": {}}
    assert journal.keep("pause", "all", {"again": True}, None, new=True) is True
    assert journal.kept("pause") == {"one": {}, "all": {"again": True}}


def test_keys_and_kinds_are_free_text(journal: Journal, end: float) -> None:
    for number, key in enumerate(FREE_TEXT):
        assert journal.keep("kind", key, {"n": number}, end, new=True) is True
        assert journal.keep(key, "key", {"n": number}, None, new=True) is True
    assert journal.kept("kind") == {key: {"n": number} for number, key in enumerate(FREE_TEXT)}
    assert [journal.kept(kind) for kind in FREE_TEXT] == [{"key": {"n": number}} for number in range(len(FREE_TEXT))]
    assert journal.drop("kind", FREE_TEXT[5]) is True
    assert set(journal.kept("kind")) == set(FREE_TEXT) - {FREE_TEXT[5]}


def test_a_value_comes_back_exactly(journal: Journal) -> None:
    value = dict(ODD)
    journal.keep("kind", "key", value, None)
    value["text"] = "changed after"
    assert journal.kept("kind") == {"key": ODD}


def test_a_value_takes_up_to_64_kilobytes(journal: Journal) -> None:
    largest = {"text": "x" * (65_536 - len('{"text":""}'))}
    longest = "k" * (65_536 - len('{"kind":"kind","key":""}'))
    assert journal.keep("kind", longest, largest, None) is True
    with pytest.raises(InvalidInput, match=r"value: takes 65537 bytes"):
        journal.keep("kind", "larger", {"text": largest["text"] + "x"}, None)
    with pytest.raises(InvalidInput, match=r"key: takes 65537 bytes"):
        journal.keep("kind", longest + "k", {}, None)
    with pytest.raises(TypeError):
        journal.keep("kind", "no JSON", {"at": object()}, None)
    assert journal.kept("kind") == {longest: largest}


def test_many_facts_are_listed_whole(journal: Journal) -> None:
    """More than one answer of the store can carry."""
    kept = {f"key {number}": {"text": str(number % 10) * 60_000} for number in range(20)}
    for key, value in kept.items():
        journal.keep("kind", key, value, None)
    assert journal.kept("kind") == kept


@pytest.mark.parametrize("before", ["nothing", "an expired one", "a dropped one"])
def test_of_many_who_keep_a_new_fact_one_does(
    store: Store, before: str, later: Callable[[float], None], end: float
) -> None:
    if before != "nothing":
        store().keep("lease", "sweep", {"by": "one before"}, end)
    if before == "a dropped one":
        store().drop("lease", "sweep")
    later(HOUR + 1)

    def keeping(number: int) -> Callable[[], bool]:
        journal = store()
        return lambda: journal.keep("lease", "sweep", {"by": number}, end + HOUR, new=True)

    results = at_once([keeping(number) for number in range(MANY)])
    assert results.count(True) == 1, results
    assert all(result is False or isinstance(result, Retryable) for result in results if result is not True), results
    assert store().kept("lease") == {"sweep": {"by": results.index(True)}}


def test_of_many_who_drop_a_fact_one_is_told_so(store: Store) -> None:
    store().keep("lease", "sweep", {}, None)
    journals = [store() for _ in range(MANY)]
    results = at_once([lambda journal=journal: journal.drop("lease", "sweep") for journal in journals])  # type: ignore[misc]
    assert results.count(True) == 1, results
    assert all(result is False or isinstance(result, Retryable) for result in results if result is not True), results
    assert store().kept("lease") == {}


def test_many_who_keep_different_facts_at_once_all_do(store: Store, end: float) -> None:
    journals = [store() for _ in range(MANY)]
    results = at_once(
        [
            lambda number=number, journal=journal: journal.keep("exemption", f"role {number}", {"n": number}, end)  # type: ignore[misc]
            for number, journal in enumerate(journals)
        ]
    )
    assert results == [True] * MANY
    assert store().kept("exemption") == {f"role {number}": {"n": number} for number in range(MANY)}
