"""What the storage table holds, as someone sees it who does not go through the journal."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.data.tables import TableClient

from stanch.errors import Fenced
from stanch.journal import OutboxItem
from stanch.journal.table_storage import TableJournal
from stanch.journal.table_storage_rows import report_key
from tests.functional.journal.records import EFFECT, FREE_TEXT, MARKER, a_lease, a_report, an_action
from tests.functional.journal.stores import table_client
from tests.tools.azurite import Azurite


@pytest.fixture
def table(azurite: Azurite) -> Iterator[TableClient]:
    """A client for a table of our own."""
    with table_client(azurite.endpoint("table"), f"journal{uuid.uuid4().hex[:8]}") as client:
        client.create_table()
        yield client


def rows(table: TableClient, kind: str) -> int:
    """How many entities of a kind there are, live or not."""
    return sum(entity["RowKey"].startswith(f"{kind}-") for entity in table.list_entities())


@pytest.mark.parametrize("key", FREE_TEXT, ids=range(len(FREE_TEXT)))
def test_a_report_s_keys_are_such_as_the_service_takes(key: str) -> None:
    """The emulator takes more: https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model."""
    assert all(re.fullmatch(r"[0-9A-Za-z._-]{1,512}", part) for part in report_key(key).values())


def test_expired_counters_are_swept_out_when_another_begins(table: TableClient, later: Callable[[float], None]) -> None:
    journal, now = TableJournal(table), time.time()
    journal.count([f"hour 1, account {number}" for number in range(13)], now + 10)
    journal.count(["year"], now + 1000)
    later(11)
    assert journal.count(["year"], now + 1000) == [2]
    assert rows(table, "counter") == 14
    assert journal.count(["hour 2", "year"], now + 20) == [1, 3]
    assert rows(table, "counter") == 2


def test_expired_and_dropped_facts_are_swept_out_of_their_kind(
    table: TableClient, later: Callable[[float], None]
) -> None:
    journal, now = TableJournal(table), time.time()
    for key in ("expired", "dropped", "for good"):
        journal.keep("exemption", key, {"reason": "a secret one"}, now + 10 if key == "expired" else None)
    journal.keep("pause", "expired", {}, now + 10)
    journal.drop("exemption", "dropped")
    assert sum("a secret one" in str(entity) for entity in table.list_entities()) == 2
    later(11)
    assert rows(table, "fact") == 4
    journal.keep("exemption", "another", {}, None)
    assert rows(table, "fact") == 3
    assert set(journal.kept("exemption")) == {"for good", "another"}


@pytest.fixture
def calls(table: TableClient, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests that a journal in the table makes, by the client's method."""
    made: list[str] = []

    def counting(name: str) -> Callable[..., Any]:
        method = getattr(table, name)

        def counted(*args: Any, **options: Any) -> Any:
            made.append(name)
            return method(*args, **options)

        return counted

    for name in ("get_entity", "query_entities", "submit_transaction"):
        monkeypatch.setattr(table, name, counting(name))
    return made


def test_an_action_takes_one_query_and_one_transaction_a_step(table: TableClient, calls: list[str]) -> None:
    journal, action = TableJournal(table), an_action()
    journal.look(EFFECT, MARKER)
    journal.open(action, a_lease(action), MARKER)
    journal.record(action, a_lease(action, 1, 1_900_000_000.0))
    report = a_report(f"{action.id}:1")
    journal.close(action, a_lease(action, 1, 1_900_000_000.0), report)
    report.channels = dict.fromkeys(report.channels, "now")
    journal.sent(report)
    assert calls == ["query_entities", *["submit_transaction"] * 4]
    assert journal.filed(report.key) == report
    assert journal.look(EFFECT, None).lease is None


def test_an_attempt_is_fenced_by_the_next_one_of_its_own_process(table: TableClient) -> None:
    """The process remembers the next attempt's entity tag too: it must not lend it to the one before."""
    journal, action = TableJournal(table), an_action()
    first, second = a_lease(action), a_lease(action, 2, 1_900_000_000.0)
    journal.open(action, first, None)
    journal.claim(first, second)
    with pytest.raises(Fenced):
        journal.record(action, first)
    with pytest.raises(Fenced):
        journal.close(action, first, None)
    assert journal.look(EFFECT, None).lease == second
    journal.close(action, second, None)
    assert journal.look(EFFECT, None).lease is None


def test_a_remembered_tag_that_is_outdated_costs_a_read_and_no_more(table: TableClient, calls: list[str]) -> None:
    here, there, action = TableJournal(table), TableJournal(table), an_action()
    here.open(action, a_lease(action), None)
    there.record(action, a_lease(action, 1, 1_900_000_000.0))
    calls.clear()
    here.record(action, a_lease(action, 1, 1_950_000_000.0))
    assert calls == ["submit_transaction", "get_entity", "get_entity", "submit_transaction"]
    assert here.look(EFFECT, None).lease == a_lease(action, 1, 1_950_000_000.0)


def test_what_another_process_told_meanwhile_stays_told(table: TableClient) -> None:
    here, there = TableJournal(table), TableJournal(table)
    here.file(OutboxItem("key", {}, {"mail": None, "chat": None}, "2026-03-01T10:00:00.000Z"))
    there.sent(OutboxItem("key", {}, {"mail": "there", "chat": None}, "2026-03-01T10:00:00.000Z"))
    here.sent(OutboxItem("key", {}, {"mail": None, "chat": "here"}, "2026-03-01T10:00:00.000Z"))
    filed = here.filed("key")
    assert filed is not None
    assert filed.channels == {"mail": "there", "chat": "here"}


def test_a_channel_that_is_not_mentioned_is_not_forgotten(table: TableClient) -> None:
    journal = TableJournal(table)
    journal.file(OutboxItem("key", {}, {"mail": None, "chat": None}, "2026-03-01T10:00:00.000Z"))
    journal.sent(OutboxItem("key", {}, {"mail": "now"}, "2026-03-01T10:00:00.000Z"))
    filed = journal.filed("key")
    assert filed is not None
    assert filed.channels == {"mail": "now", "chat": None}
