"""What the storage table holds, as someone sees it who does not go through the journal."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from azure.data.tables import TableClient

from stanch.journal.table_storage import TableJournal
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
