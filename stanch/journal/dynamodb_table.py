"""The DynamoDB table under the AWS journal: its definition, its keys and how its items look.

| item | pk | sk | attributes |
|---|---|---|---|
| effect lock | effect[:12] | `lock#EFFECT` | action_id, attempt, until, expires_at |
| marker | effect[:12] | `marker#EFFECT#HASH` | action_id, expires_at; the one of the effect's last action stays |
| action | id[:12] | `action#ID` | day, opened_at, account, playbook, state, version; body, or the number of parts |
| report | key[:12], or a hash of the key | `report#HASH` | created_at, version; body, or the number of parts; pending while undelivered |
| part of a large one | the same | `part#SK#N` | version, body |
| counter | a hash of the key | `counter` | counted, until, expires_at |
| standing fact | a hash of the kind | `fact#HASH` | body; until, expires_at where it has an end |
| edition of a kind of facts | a hash of the kind | `edition` | edition: another one with every change of a fact |

Item limits: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html (400 KB an item, 4 MB and 100 items a transaction).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from stanch.action import Action
from stanch.journal import LAST, Lease, OutboxItem
from stanch.journal.stored import PREFIX, batches, column, hashed, nameable, pack, pack_fact, pack_report, state, tip

Item = dict[str, dict[str, str]]
"""An item or a key as DynamoDB writes it: attribute → {type: value}."""

PART = 300_000
"""Characters (ASCII, so bytes) of a stored body above which it is cut into parts."""

BY_DAY, BY_PENDING = "by_day", "by_pending"
LOCK_DAYS, MARKER_DAYS = 14, 90
"""After how many days DynamoDB may drop a lock that a crash left, and a marker: far beyond any redelivery."""

TIME_TO_LIVE = {"Enabled": True, "AttributeName": "expires_at"}


def table_definition(name: str) -> dict[str, Any]:
    """The arguments of CreateTable. Time to live is switched on apart from it, with `TIME_TO_LIVE`."""
    listed = ["account", "playbook", "state"]
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _schema("pk", "sk"),
        "AttributeDefinitions": [
            {"AttributeName": attribute, "AttributeType": "S"}
            for attribute in ("pk", "sk", "day", "opened_at", "pending", "created_at")
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": BY_DAY,
                "KeySchema": _schema("day", "opened_at"),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": listed},
            },
            {
                "IndexName": BY_PENDING,
                "KeySchema": _schema("pending", "created_at"),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
        ],
    }


def _schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def create_table(client: Any, name: str) -> None:
    """Make the table with its time to live: for tests and laptops; deployed, the template does. Raises what botocore raises."""
    client.create_table(**table_definition(name))
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    client.update_time_to_live(TableName=name, TimeToLiveSpecification=TIME_TO_LIVE)


def lock_key(effect: str) -> Item:
    return _key(effect[:PREFIX], f"lock#{effect}")


def marker_key(effect: str, marker: str) -> Item:
    return _key(effect[:PREFIX], f"marker#{effect}#{hashed(marker)}")


def action_key(action_id: str) -> Item:
    return _key(action_id[:PREFIX], f"action#{action_id}")


def report_key(key: str) -> Item:
    """Beside the action that the key starts with; other reports have a partition each."""
    digest = hashed(key)
    return _key(key[:PREFIX] if nameable(key[:PREFIX]) else digest, f"report#{digest}")


def counter_key(key: str) -> Item:
    """A partition for each, so that no counter slows another."""
    return _key(hashed(key), "counter")


def fact_key(kind: str, key: str) -> Item:
    """The facts of a kind share a partition, so that they are listed in one query."""
    return _key(hashed(kind), f"fact#{hashed(key)}")


def edition_key(kind: str) -> Item:
    """Where one item tells whether any fact of the kind has changed."""
    return _key(hashed(kind), "edition")


def part_keys(head: Item) -> list[Item]:
    """The keys of the parts that an action's or a report's item is continued in."""
    count = int(head["parts"]["N"]) if "parts" in head else 0
    return [_key(head["pk"]["S"], f"part#{head['sk']['S']}#{number}") for number in range(count)]


def _key(pk: str, sk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def key_of(item: Item) -> tuple[str, str]:
    """What tells two items apart."""
    return item["pk"]["S"], item["sk"]["S"]


def lock_item(lease: Lease) -> Item:
    return {
        **lock_key(lease.effect),
        "action_id": {"S": lease.action_id},
        "attempt": {"N": str(lease.attempt)},
        "until": {"N": repr(lease.until)},
        "expires_at": _in_days(LOCK_DAYS),
    }


def lease_of(effect: str, item: Item) -> Lease:
    return Lease(effect, item["action_id"]["S"], int(item["attempt"]["N"]), float(item["until"]["N"]))


def marker_item(action: Action, marker: str) -> Item:
    end = {} if marker == LAST else {"expires_at": _in_days(MARKER_DAYS)}
    return {**marker_key(action.effect, marker), "action_id": {"S": action.id}, **end}


def _in_days(days: int) -> dict[str, str]:
    """Epoch seconds (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html)."""
    return {"N": str(int(time.time()) + days * 86400)}


def fact_item(kind: str, key: str, value: Mapping[str, Any], until: float | None) -> Item:
    return {
        **fact_key(kind, key),
        "body": {"S": pack_fact(kind, key, value)},
        **({} if until is None else {"until": number(until), "expires_at": whole(until)}),
    }


def edition_item(kind: str) -> Item:
    """An edition that there was never before."""
    return {**edition_key(kind), "edition": {"S": uuid4().hex}}


def number(seconds: float) -> dict[str, str]:
    return {"N": repr(float(seconds))}


def whole(seconds: float) -> dict[str, str]:
    """For the time to live, which knows whole seconds: rounded up, so that nothing live is dropped."""
    return {"N": str(math.ceil(seconds))}


def action_items(action: Action) -> list[Item]:
    """The action's item, followed by its parts where it is large."""
    head = {
        **action_key(action.id),
        "day": {"S": action.opened_at[:10]},
        "opened_at": {"S": action.opened_at},
        "account": {"S": column(action.resource.account)},
        "state": {"S": state(action)},
        "head": {"S": tip(action)},
    }
    if action.playbook is not None:
        head["playbook"] = {"S": column(action.playbook)}
    return _with_body(head, pack(action))


def report_items(item: OutboxItem) -> list[Item]:
    """The report's item, followed by its parts where it is large; `pending` puts it on the index of the undelivered."""
    head = {**report_key(item.key), "created_at": {"S": item.created_at}}
    if item.pending:
        head["pending"] = {"S": "pending"}
    return _with_body(head, pack_report(item))


def _with_body(head: Item, body: str) -> list[Item]:
    """All items carry one version, so that a reader sees a mixture of two writes for what it is."""
    version = {"version": {"S": hashed(body)}}
    if len(body) <= PART:
        return [{**head, **version, "body": {"S": body}}]
    texts = batches(body, PART)
    head = {**head, **version, "parts": {"N": str(len(texts))}}
    return [head, *({**key, **version, "body": {"S": text}} for key, text in zip(part_keys(head), texts, strict=True))]


def body_of(head: Item, parts: Sequence[Item | None]) -> str | None:
    """The body of an item with its parts; None if a writer came between the reads."""
    if "body" in head:
        return head["body"]["S"]
    texts = [part["body"]["S"] for part in parts if part and part["version"] == head["version"]]
    return "".join(texts) if len(texts) == int(head["parts"]["N"]) else None
