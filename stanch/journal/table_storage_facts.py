"""What the Azure journal keeps beside its actions: counters and standing facts. Whoever adds one sweeps out what has expired: storage tables do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from azure.data.tables import TableEntity

from stanch.errors import Throttled
from stanch.journal.stored import batches, hashed, live, unpack_fact, wall
from stanch.journal.table_storage_client import TRIES, StorageTable, create, delete, etag_of, pause, put, replace
from stanch.journal.table_storage_rows import COUNTERS, FACTS, Entity, body_of, counter_key, fact_entity, fact_key

FEW = 14
"""Counters in one query, whose filter may hold 15 comparisons (https://learn.microsoft.com/rest/api/storageservices/querying-tables-and-entities)."""

SWEPT = 100
"""Entities that one transaction may delete; what expired beyond them goes next time."""


class TableFacts:
    """The methods of `stanch.journal.Journal` about counters and facts."""

    def __init__(self, table: StorageTable) -> None:
        self._table = table

    def count(self, keys: Sequence[str], expires_at: float) -> list[int]:
        counted: dict[str, int] = {}
        for batch in batches(list(dict.fromkeys(keys)), FEW):
            counted |= self._add(batch, float(expires_at))
        return [counted[key] for key in keys]

    def _add(self, keys: list[str], until: float) -> dict[str, int]:
        for attempt in range(TRIES):
            stored = self._counters(keys)
            if attempt == 0 and None in stored:
                self._sweep(COUNTERS)
            ours = [_counter(key, entity, until) for key, entity in zip(keys, stored, strict=True)]
            writes = [
                create(entity) if old is None else replace(entity, etag_of(old))
                for entity, old in zip(ours, stored, strict=True)
            ]
            if self._table.written(ours[0], *writes):
                return {key: entity["counted"] for key, entity in zip(keys, ours, strict=True)}
            pause(attempt)
        raise Throttled("too many count at once")

    def counts(self, keys: Sequence[str]) -> list[int]:
        distinct = list(dict.fromkeys(keys))
        stored = [entity for batch in batches(distinct, FEW) for entity in self._counters(batch)]
        found = dict(zip(distinct, map(_counted, stored), strict=True))
        return [found[key] for key in keys]

    def _counters(self, keys: list[str]) -> list[TableEntity | None]:
        return self._table.either(*map(counter_key, keys))

    def keep(self, kind: str, key: str, value: Mapping[str, Any], until: float | None, *, new: bool = False) -> bool:
        ours = fact_entity(kind, key, value, until)
        self._sweep(ours["PartitionKey"])
        for attempt in range(TRIES):
            stored = self._table.get(ours) if new else None
            if stored is not None and live(stored.get("until")):
                return False
            write = put(ours) if not new else create(ours) if stored is None else replace(ours, etag_of(stored))
            if self._table.written(ours, write):
                return True
            pause(attempt)
        raise Throttled("too many keep this fact at once")

    def kept(self, kind: str) -> dict[str, dict[str, Any]]:
        rows = self._table.rows(FACTS, partition=hashed(kind))
        return dict(unpack_fact(body_of([row]) or "") for row in rows if live(row.get("until")))

    def drop(self, kind: str, key: str) -> bool:
        """An expired fact without a body takes its place: unlike a deletion it can be known as ours when its answer is lost."""
        ours = {**fact_key(kind, key), "until": 0.0}
        for attempt in range(TRIES):
            stored = self._table.get(ours)
            if stored is None or not live(stored.get("until")):
                return False
            if self._table.written(ours, replace(ours, etag_of(stored))):
                return True
            pause(attempt)
        raise Throttled("too many write this fact at once")

    def _sweep(self, partition: str) -> None:
        """Delete what has expired. If another takes one of them over or deletes it meanwhile, all stay for the next time."""
        expired = self._table.rows("PartitionKey eq @partition and until le @now", partition=partition, now=wall())
        deletions = [delete(entity, etag_of(entity)) for entity in expired[:SWEPT]]
        if deletions:
            self._table.written(deletions[0][1], *deletions)


def _counted(entity: TableEntity | None) -> int:
    return int(entity["counted"]) if entity is not None and live(entity["until"]) else 0


def _counter(key: str, stored: TableEntity | None, until: float) -> Entity:
    """The counter one higher, to live as long as anyone who counted asked for."""
    counted = _counted(stored)
    ends = max(until, stored["until"]) if stored is not None and counted else until
    return {**counter_key(key), "counted": counted + 1, "until": ends}
