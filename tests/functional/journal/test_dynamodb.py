"""What the table holds, as someone sees it who does not go through the journal."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stanch.journal import Query
from stanch.journal.dynamodb import DynamoJournal
from stanch.journal.dynamodb_table import create_table, table_definition
from tests.functional.journal.records import EFFECT, MARKER, a_lease, a_report, an_action, closed
from tests.functional.journal.stores import dynamodb_client

DAY = 86400


@pytest.fixture
def table(dynamodb_local: str) -> Iterator[tuple[Any, str]]:
    """A client and the name of a table of our own."""
    name = f"journal-{uuid.uuid4().hex[:8]}"
    with closing(dynamodb_client(dynamodb_local)) as client:
        create_table(client, name)
        yield client, name


def items(table: tuple[Any, str]) -> dict[str, dict[str, Any]]:
    """Every item by its kind."""
    client, name = table
    return {item["sk"]["S"].split("#")[0]: item for item in client.scan(TableName=name)["Items"]}


def test_locks_and_markers_expire_and_nothing_else_does(table: tuple[Any, str]) -> None:
    journal, action, before = DynamoJournal(*table), an_action(), int(time.time())
    journal.open(action, a_lease(action, until=12.5), MARKER)
    journal.file(a_report("key"))
    found = items(table)
    assert set(found) == {"lock", "marker", "action", "report"}
    assert 0 <= int(found["lock"]["expires_at"]["N"]) - before - 14 * DAY <= 60
    assert 0 <= int(found["marker"]["expires_at"]["N"]) - before - 90 * DAY <= 60
    assert "expires_at" not in found["action"]
    assert "expires_at" not in found["report"]
    client, name = table
    described = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


def test_counters_and_facts_expire_when_they_were_told_to_and_not_before(table: tuple[Any, str]) -> None:
    journal, end = DynamoJournal(*table), int(time.time()) + DAY
    journal.count(["key"], end + 0.5)
    assert items(table)["counter"]["expires_at"] == {"N": str(end + 1)}
    journal.count(["key"], end + 60)
    assert items(table)["counter"]["expires_at"] == {"N": str(end + 60)}
    journal.count(["key"], end)
    assert items(table)["counter"]["expires_at"] == {"N": str(end + 60)}
    journal.keep("pause", "all", {}, end + 0.001)
    assert items(table)["fact"]["expires_at"] == {"N": str(end + 1)}
    journal.keep("pause", "all", {}, None)
    assert "expires_at" not in items(table)["fact"]


def test_what_the_journal_needs_to_count_and_keep(table: tuple[Any, str]) -> None:
    """Each call as the service authorises it: a transaction by the writes in it."""
    client, _ = table
    journal, asked = DynamoJournal(*table), set()

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        writes = [verb for write in params.get("TransactItems", []) for verb in write]
        asked.update(f"{verb}Item" for verb in writes) if writes else asked.add(model.name)

    client.meta.events.register("before-parameter-build.dynamodb", note)
    journal.count(["key"], time.time() - 1)
    journal.count(["key"], time.time() + DAY)
    journal.counts(["key"])
    journal.keep("pause", "all", {}, None, new=True)
    journal.kept("pause")
    journal.drop("pause", "all")
    assert asked == {"UpdateItem", "BatchGetItem", "PutItem", "Query", "DeleteItem"}


def test_the_items_of_an_effect_share_its_partition(table: tuple[Any, str]) -> None:
    journal, action = DynamoJournal(*table), an_action(evidence={"raw": "x" * 400_000})
    journal.open(action, a_lease(action), MARKER)
    assert {item["pk"]["S"] for item in items(table).values()} == {"0123456789ab"}
    assert set(items(table)) == {"lock", "marker", "action", "part"}
    journal.close(closed(action), a_lease(action), a_report(f"{action.id}:acted:1"))
    assert {item["pk"]["S"] for item in items(table).values()} == {"0123456789ab"}
    assert set(items(table)) == {"marker", "action", "part", "report"}


def test_delivered_reports_leave_the_index_of_the_undelivered(table: tuple[Any, str]) -> None:
    journal, (client, name) = DynamoJournal(*table), table
    journal.file(a_report("key"))
    assert client.scan(TableName=name, IndexName="by_pending")["Count"] == 1
    journal.sent(a_report("key", sns="now", teams="now"))
    assert client.scan(TableName=name, IndexName="by_pending")["Count"] == 0
    assert client.scan(TableName=name)["Count"] == 1


def test_only_actions_are_on_the_index_by_day(table: tuple[Any, str]) -> None:
    journal, (client, name) = DynamoJournal(*table), table
    action = an_action(playbook="leaked-key")
    journal.open(action, a_lease(action), MARKER)
    assert client.scan(TableName=name, IndexName="by_day")["Items"] == [
        {
            "pk": {"S": "0123456789ab"},
            "sk": {"S": "action#0123456789ab-00000000001"},
            "day": {"S": "2026-03-01"},
            "opened_at": {"S": "2026-03-01T10:00:00.000Z"},
            "account": {"S": "111122223333"},
            "playbook": {"S": "leaked-key"},
            "state": {"S": "open"},
        }
    ]


@pytest.mark.parametrize("days", [0, 2, 30, 31])
def test_a_listing_asks_for_its_days_and_reads_the_whole_index_where_they_are_many(table: tuple[Any, str], days: int) -> None:  # fmt: skip
    """From tomorrow on, for another machine's clock may be ahead."""
    client, _ = table
    asked: list[str] = []

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        asked.append(params["ExpressionAttributeValues"][":day"]["S"] if model.name == "Query" else model.name)

    client.meta.events.register("provide-client-params.dynamodb", note)
    now = datetime.now(UTC)
    assert list(DynamoJournal(*table).find(Query(since=now - timedelta(days=days)))) == []
    every = [(now + timedelta(days=1 - back)).date().isoformat() for back in range(days + 2)]
    assert asked == (every if days < 31 else ["Scan"])


@pytest.mark.parametrize("name", ["Etc/GMT+12", "Etc/GMT-14"])
def test_the_days_of_a_listing_are_those_of_utc(table: tuple[Any, str], zone: Callable[[str], None], name: str) -> None:
    """In one of the two zones it is another day."""
    client, _ = table
    asked: list[str] = []
    client.meta.events.register(
        "provide-client-params.dynamodb.Query",
        lambda params, **_: asked.append(params["ExpressionAttributeValues"][":day"]["S"]),
    )
    zone(name)
    now = datetime.now(UTC)
    assert list(DynamoJournal(*table).find(Query(since=now))) == []
    assert asked == [(now + timedelta(days=1)).date().isoformat(), now.date().isoformat()]


def test_a_write_between_the_reads_of_a_large_record_is_noticed(table: tuple[Any, str]) -> None:
    client, _ = table
    journal, action = DynamoJournal(*table), an_action(evidence={"parts": ["0" * 50_000] * 16})
    journal.open(action, a_lease(action), None)
    writes = iter("12")

    def write_after_the_head_was_read(**_: Any) -> None:
        digit = next(writes, None)
        if digit:
            action.evidence = {"parts": [digit * 50_000] * 16}
            journal.record(action, a_lease(action))

    client.meta.events.register("after-call.dynamodb.BatchGetItem", write_after_the_head_was_read)
    kept = journal.get(action.id)
    assert kept is not None
    assert kept.evidence == {"parts": ["2" * 50_000] * 16}


def test_the_definition_is_of_one_table_with_two_indexes() -> None:
    definition = table_definition("journal")
    assert definition["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert [index["IndexName"] for index in definition["GlobalSecondaryIndexes"]] == ["by_day", "by_pending"]
    assert definition["BillingMode"] == "PAY_PER_REQUEST"


def test_the_reserved_words_of_the_expressions_are_aliased(table: tuple[Any, str]) -> None:
    """DynamoDB refuses a bare `until`; the journal's own condition on it holds and fails where it should."""
    client, name = table
    journal, action = DynamoJournal(*table), an_action()
    journal.open(action, a_lease(action), None)
    with pytest.raises(client.exceptions.ClientError, match="reserved keyword: until"):
        client.delete_item(
            TableName=name,
            Key={"pk": {"S": EFFECT[:12]}, "sk": {"S": f"lock#{EFFECT}"}},
            ConditionExpression="until = :until",
            ExpressionAttributeValues={":until": {"N": "1"}},
        )
    journal.claim(a_lease(action), a_lease(action, 2))
    assert journal.look(EFFECT, None).lease == a_lease(action, 2)
