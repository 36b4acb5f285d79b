"""What stands is seen with the lock of an effect: as `kept` answers it at that moment, however often it was looked at before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from stanch.journal import Journal, Standing
from tests.functional.journal import stores
from tests.functional.journal.records import EFFECT
from tests.functional.journal.stores import Store

HOUR = 3600.0


def test_what_was_not_asked_for_is_not_answered(journal: Journal) -> None:
    journal.keep("exempt", "role A", {"by": "on-call"}, None)
    assert journal.look(EFFECT, None) == Standing()
    assert journal.look(EFFECT, None, "exempt") == Standing(facts={"role A": {"by": "on-call"}})
    assert journal.look(EFFECT, "marker", "pause") == Standing(facts={})


def test_every_change_by_anyone_is_seen_at_once(store: Store) -> None:
    mine, other = store(), store()

    def seen() -> object:
        return mine.look(EFFECT, None, "exempt").facts

    assert (seen(), seen()) == ({}, {})
    other.keep("exempt", "role A", {"by": 1}, None)
    assert (seen(), seen()) == ({"role A": {"by": 1}},) * 2
    other.keep("exempt", "role B", {"by": 2}, None, new=True)
    assert seen() == {"role A": {"by": 1}, "role B": {"by": 2}}
    other.keep("exempt", "role A", {"by": 3}, None)
    assert seen() == {"role A": {"by": 3}, "role B": {"by": 2}}
    mine.keep("pause", "all", {}, None)
    assert seen() == {"role A": {"by": 3}, "role B": {"by": 2}}
    other.drop("exempt", "role A")
    assert seen() == {"role B": {"by": 2}}
    mine.drop("exempt", "role B")
    other.keep("exempt", "role A", {"by": 1}, None)
    assert seen() == {"role A": {"by": 1}}


def test_what_expires_is_seen_no_more(journal: Journal, later: Callable[[float], None]) -> None:
    journal.keep("exempt", "short", {}, time.time() + HOUR)
    journal.keep("exempt", "long", {}, time.time() + 3 * HOUR)
    assert journal.look(EFFECT, None, "exempt").facts == {"short": {}, "long": {}}
    later(2 * HOUR)
    assert journal.look(EFFECT, None, "exempt").facts == {"long": {}}
    later(4 * HOUR)
    assert journal.look(EFFECT, None, "exempt").facts == {}


def test_nobody_who_looks_after_a_change_misses_it(store: Store) -> None:
    """Several look all the time while facts come and go; whoever begins to look after a fact was kept sees it."""
    writer, stopped, missed = store(), threading.Event(), []
    written: list[int] = [0]

    def look_on() -> None:
        journal = store()
        while not stopped.is_set():
            at_least = written[0]
            facts = journal.look(EFFECT, None, "exempt").facts or {}
            if len(facts) < at_least:
                missed.append((at_least, sorted(facts)))

    with ThreadPoolExecutor(3) as pool:
        looking = [pool.submit(look_on) for _ in range(3)]
        for number in range(12):
            writer.keep("exempt", f"role {number}", {}, None)
            written[0] = number + 1
        stopped.set()
        for each in looking:
            each.result()
    assert missed == []


def test_unchanged_facts_are_not_read_again(dynamodb_local: str) -> None:
    """One transaction a look on DynamoDB: a further query only where a fact of the kind has changed."""
    with stores.dynamodb(dynamodb_local) as store:
        journal, other = store(), store()
        asked: list[str] = []
        client = journal._table._client  # type: ignore[attr-defined]
        client.meta.events.register("before-call.dynamodb", lambda model, **_: asked.append(model.name))
        for _ in range(3):
            journal.look(EFFECT, None, "exempt")
        assert asked == ["TransactGetItems", "Query", "TransactGetItems", "TransactGetItems"]
        other.keep("exempt", "role A", {}, None)
        asked.clear()
        for _ in range(2):
            assert journal.look(EFFECT, None, "exempt").facts == {"role A": {}}
        assert asked == ["TransactGetItems", "Query", "TransactGetItems"]
        asked.clear()
        assert other.drop("exempt", "no such") is False
        journal.look(EFFECT, None, "exempt")
        assert asked == ["TransactWriteItems", "TransactGetItems"], "what was not dropped changes no edition"
