"""How the Azure journal's table looks. Everything of one effect shares a partition, so that it can be written in one entity group transaction.

| entity | PartitionKey | RowKey | properties |
|---|---|---|---|
| effect lock | effect[:12] | `lock-EFFECT` | action_id, attempt, until |
| marker | effect[:12] | `marker-EFFECT-HASH` | action_id |
| action | id[:12] | `action-ID` | opened_at, account, playbook, state, version, body00 … , parts |
| report | key[:12], or a hash of the key | `report-HASH` | created_at, pending, version, body00 … , parts |
| further part of a large one | the same | `part-ROWKEY-N` | version, body00 … |
| counter | `counters` | `counter-HASH` | counted, until |
| standing fact | a hash of the kind | `fact-HASH` | body00 … ; until where it has an end |

Limits: https://learn.microsoft.com/azure/storage/tables/scalability-targets (1 MiB an entity, 100 entities and 4 MiB a transaction) and
https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model (64 KiB a string, in UTF-16).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stanch.action import Action
from stanch.journal import Lease, OutboxItem
from stanch.journal.stored import PREFIX, batches, column, hashed, nameable, pack, pack_fact, pack_report, state, tip

Entity = dict[str, Any]

PROPERTY = 32_000
"""Characters of a body in one property: 62.5 KiB of UTF-16."""

ROW = 14 * PROPERTY
"""Characters of a body in one entity: 875 KiB of UTF-16, which leaves room for keys and columns."""

ACTIONS = "RowKey ge 'action-' and RowKey lt 'action.'"
REPORTS = "RowKey ge 'report-' and RowKey lt 'report.'"
FACTS = "PartitionKey eq @partition and RowKey ge 'fact-' and RowKey lt 'fact.'"
"""Filters by kind: '.' follows '-'."""

COUNTERS = "counters"
"""The partition of all counters, so that several are read in one query and written in one transaction."""


def lock_key(effect: str) -> Entity:
    return _key(effect[:PREFIX], f"lock-{effect}")


def marker_key(effect: str, marker: str) -> Entity:
    return _key(effect[:PREFIX], f"marker-{effect}-{hashed(marker)}")


def action_key(action_id: str) -> Entity:
    return _key(action_id[:PREFIX], f"action-{action_id}")


def report_key(key: str) -> Entity:
    """Beside the action that the key starts with; other reports have a partition each."""
    digest = hashed(key)
    return _key(key[:PREFIX] if nameable(key[:PREFIX]) else digest, f"report-{digest}")


def counter_key(key: str) -> Entity:
    return _key(COUNTERS, f"counter-{hashed(key)}")


def fact_key(kind: str, key: str) -> Entity:
    """The facts of a kind share a partition, so that they are listed in one query."""
    return _key(hashed(kind), f"fact-{hashed(key)}")


def part_keys(head: Mapping[str, Any]) -> list[Entity]:
    """The keys of the entities that an action or a report is continued in."""
    return [_key(head["PartitionKey"], f"part-{head['RowKey']}-{number}") for number in range(head["parts"])]


def _key(partition: str, row: str) -> Entity:
    return {"PartitionKey": partition, "RowKey": row}


def lock_entity(lease: Lease) -> Entity:
    return {**lock_key(lease.effect), "action_id": lease.action_id, "attempt": lease.attempt, "until": lease.until}


def lease_of(effect: str, entity: Mapping[str, Any]) -> Lease:
    return Lease(effect, entity["action_id"], entity["attempt"], float(entity["until"]))


def marker_entity(action: Action, marker: str) -> Entity:
    return {**marker_key(action.effect, marker), "action_id": action.id}


def fact_entity(kind: str, key: str, value: Mapping[str, Any], until: float | None) -> Entity:
    end = {} if until is None else {"until": float(until)}
    return _with_body({**fact_key(kind, key), **end}, pack_fact(kind, key, value))[0]


def action_entities(action: Action) -> list[Entity]:
    """The action's entity, followed by its further parts where it is large."""
    head = {
        **action_key(action.id),
        "opened_at": action.opened_at,
        "account": column(action.resource.account),
        "state": state(action),
        "head": tip(action),
    }
    if action.playbook is not None:
        head["playbook"] = column(action.playbook)
    return _with_body(head, pack(action))


def report_entities(item: OutboxItem) -> list[Entity]:
    """The report's entity, followed by its further parts where it is large."""
    head = {**report_key(item.key), "created_at": item.created_at, "pending": bool(item.pending)}
    return _with_body(head, pack_report(item))


def _with_body(head: Entity, body: str) -> list[Entity]:
    """All entities carry one version, so that a reader sees a mixture of two writes for what it is."""
    first, *rest = batches(body, ROW)
    head = {**head, "parts": len(rest)}
    version = {"version": hashed(body)}
    further = zip(part_keys(head), rest, strict=True)
    return [
        {**head, **version, **_properties(first)},
        *({**key, **version, **_properties(text)} for key, text in further),
    ]


def _properties(text: str) -> Entity:
    return {f"body{number:02}": piece for number, piece in enumerate(batches(text, PROPERTY))}


def body_of(entities: Sequence[Mapping[str, Any] | None]) -> str | None:
    """The body of an entity and its further parts; None if a writer came between the reads."""
    texts = []
    for entity in entities:
        if entity is None or entity["version"] != (entities[0] or {}).get("version"):
            return None
        texts += [entity[name] for name in sorted(entity) if name.startswith("body")]
    return "".join(texts)
