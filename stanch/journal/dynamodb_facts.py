"""What the AWS journal keeps beside its actions: counters and standing facts. Time to live drops what has expired, up to days late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from stanch.errors import Throttled
from stanch.journal.dynamodb_client import ConditionFailed, DynamoTable
from stanch.journal.dynamodb_table import Item, counter_key, edition_item, fact_item, fact_key, key_of, number, whole
from stanch.journal.stored import hashed, live, unpack_fact, wall

TRIES = 5
"""How often the ways to count are gone through: another round is needed only where the counter expires or begins meanwhile."""

_UNTIL = {"ExpressionAttributeNames": {"#until": "until"}}

_COUNTING = (
    (
        "SET #until = :until, expires_at = :expires_at ADD counted :one",
        "attribute_not_exists(pk) OR (#until > :now AND #until <= :until)",
    ),
    ("ADD counted :one", "#until > :now AND #until > :until"),
    ("SET #until = :until, expires_at = :expires_at, counted = :one", "#until <= :now"),
)
"""Update and condition for a counter that is new or to live longer, for one that lives longer anyway, and for one that has expired."""


class DynamoFacts:
    """The methods of `stanch.journal.Journal` about counters and facts."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table
        self._editions: dict[str, tuple[str, list[Item]]] = {}

    def count(self, keys: Sequence[str], expires_at: float) -> list[int]:
        counted = {key: self._add(key, expires_at) for key in dict.fromkeys(keys)}
        return [counted[key] for key in keys]

    def _add(self, key: str, until: float) -> int:
        for update, condition in _COUNTING * TRIES:
            values = {":one": {"N": "1"}, ":until": number(until), ":expires_at": whole(until), ":now": number(wall())}
            with suppress(ConditionFailed):
                after = self._table.update(
                    counter_key(key),
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    # DynamoDB refuses values that the expressions do not use.
                    ExpressionAttributeValues={
                        name: value for name, value in values.items() if name in update + condition
                    },
                    **_UNTIL,
                )
                return int(after["counted"]["N"])
        raise Throttled("too many count at once as the counter expires")

    def counts(self, keys: Sequence[str]) -> list[int]:
        found = self._table.items([counter_key(key) for key in keys])
        items = [found.get(key_of(counter_key(key))) for key in keys]
        return [int(item["counted"]["N"]) if item and live(_until(item)) else 0 for item in items]

    def keep(self, kind: str, key: str, value: Mapping[str, Any], until: float | None, *, new: bool = False) -> bool:
        free = {
            "ConditionExpression": "attribute_not_exists(pk) OR #until <= :now",
            "ExpressionAttributeValues": {":now": number(wall())},
            **_UNTIL,
        }
        put = {"Put": {"Item": fact_item(kind, key, value, until), **(free if new else {})}}
        return self._table.written(put, {"Put": {"Item": edition_item(kind)}})

    def kept(self, kind: str) -> dict[str, dict[str, Any]]:
        return _live(self._rows(kind))

    def _as_of(self, kind: str, edition: Item | None) -> dict[str, dict[str, Any]]:
        """As `kept`, where the kind's edition was read in a transaction just now: facts that were read after the same edition before have not changed since.

        A transaction's read sees all or nothing of each write (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-isolation), so that
        facts read after an edition are never older than it.
        """
        current = edition["edition"]["S"] if edition else ""
        known = self._editions.get(kind)
        if known is None or known[0] != current:
            known = self._editions[kind] = current, self._rows(kind)
        return _live(known[1])

    def _rows(self, kind: str) -> list[Item]:
        return self._table.rows(
            "query",
            ConsistentRead=True,
            KeyConditionExpression="pk = :kind AND begins_with(sk, :fact)",
            ExpressionAttributeValues={":kind": {"S": hashed(kind)}, ":fact": {"S": "fact#"}},
        )

    def drop(self, kind: str, key: str) -> bool:
        there = {
            "ConditionExpression": "attribute_exists(pk) AND (attribute_not_exists(#until) OR #until > :now)",
            "ExpressionAttributeValues": {":now": number(wall())},
            **_UNTIL,
        }
        return self._table.written(
            {"Delete": {"Key": fact_key(kind, key), **there}}, {"Put": {"Item": edition_item(kind)}}
        )


def _live(rows: Sequence[Item]) -> dict[str, dict[str, Any]]:
    return dict(unpack_fact(row["body"]["S"]) for row in rows if live(_until(row)))


def _until(item: Item) -> float | None:
    return float(item["until"]["N"]) if "until" in item else None
