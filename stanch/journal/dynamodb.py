"""The journal on AWS: one DynamoDB table, every write a transaction, every read that decides something strongly consistent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stanch.action import Action
from stanch.errors import Busy, Fenced, Throttled
from stanch.journal import LAST, Lease, OutboxItem, Query, Standing
from stanch.journal.dynamodb_client import ConditionFailed, DynamoTable
from stanch.journal.dynamodb_facts import DynamoFacts
from stanch.journal.dynamodb_index import listed, undelivered
from stanch.journal.dynamodb_table import (
    action_items,
    action_key,
    edition_key,
    lease_of,
    lock_item,
    lock_key,
    marker_item,
    marker_key,
    report_items,
    report_key,
)
from stanch.journal.stored import batches, check, merged, nameable, tip, unpack, unpack_report

AT_ONCE = 25
"""Bodies that listings load at a time."""

TRIES = 10
"""How often `sent` starts over because others deliver the same report."""

Write = dict[str, dict[str, Any]]

_ABSENT = {"ConditionExpression": "attribute_not_exists(pk)"}


class DynamoJournal(DynamoFacts):
    """`stanch.journal.Journal` in a table made from `table_definition`.

    `client` is a botocore DynamoDB client: its maker chooses account, region and timeouts. Raises, beside what the protocol says, CloudError for a table that is
    missing or a record that is too large for one transaction (4 MB).
    """

    def __init__(self, client: Any, table: str) -> None:
        super().__init__(DynamoTable(client, table))

    def look(self, effect: str, marker: str | None, kind: str | None = None) -> Standing:
        marked = [] if marker is None else [marker_key(effect, marker)]
        asked = [] if kind is None else [edition_key(kind)]
        found = self._table.together(lock_key(effect), marker_key(effect, LAST), *marked, *asked)
        lock, last, earlier = (*found[: 2 + len(marked)], None)[:3]
        ids = [item["action_id"]["S"] for item in (lock, earlier) if item]
        actions = self._actions(ids)
        return Standing(
            lease_of(effect, lock) if lock else None,
            actions[0] if lock else None,
            actions[-1] if earlier else None,
            last["action_id"]["S"] if last else None,
            None if kind is None else self._as_of(kind, found[-1]),
        )

    def open(self, action: Action, lease: Lease, marker: str | None, seen: Standing | None = None) -> None:
        check(action)
        last = _put(marker_item(action, LAST), _is_last(seen))
        try:
            self._table.write(_put(lock_item(lease), _ABSENT), *_new(action, marker), last)
        except ConditionFailed as error:
            raise Busy(
                f"another action of this effect came first, or there is an action {action.id} already"
            ) from error

    def reopen(self, action: Action, lease: Lease, known: Action | None = None, *markers: str) -> None:
        check(action)
        first, *parts = action_items(action)
        marked = [_put(marker_item(action, marker)) for marker in markers]
        try:
            self._table.write(
                _put(lock_item(lease), _ABSENT), _put(first, _state_of(known)), *map(_put, parts), *marked
            )
        except ConditionFailed as error:
            raise Busy(f"the lock of this effect is held, or action {action.id} has changed meanwhile") from error

    def claim(self, stale: Lease, lease: Lease) -> None:
        same = _holds(stale)
        same["ConditionExpression"] += " AND #until = :until"
        same["ExpressionAttributeNames"] = {"#until": "until"}
        same["ExpressionAttributeValues"][":until"] = lock_item(stale)["until"]
        try:
            self._table.write(_put(lock_item(lease), same))
        except ConditionFailed as error:
            raise Busy(f"the lock of action {stale.action_id} was renewed, freed or taken over") from error

    def record(self, action: Action, lease: Lease) -> None:
        check(action)
        try:
            self._table.write(_put(lock_item(lease), _holds(lease)), *map(_put, action_items(action)))
        except ConditionFailed as error:
            raise _fenced(lease) from error

    def close(self, action: Action, lease: Lease, report: OutboxItem | None) -> None:
        check(action, report)
        free: Write = {"Delete": {"Key": lock_key(lease.effect), **_holds(lease)}}
        filed = report_items(report) if report else []
        try:
            self._table.write(free, *map(_put, action_items(action)), *map(_put, filed))
        except ConditionFailed as error:
            raise _fenced(lease) from error

    def note(self, action: Action, marker: str | None, report: OutboxItem | None) -> bool:
        check(action, report)
        return self._table.written(*_new(action, marker), *map(_put, report_items(report) if report else []))

    def file(self, report: OutboxItem) -> bool:
        head, *parts = report_items(report)
        return self._table.written(_put(head, _ABSENT), *map(_put, parts))

    def _replaced(self, item: OutboxItem, version: Mapping[str, str] | None) -> bool:
        """Write the report if the stored one is of this version (None: if there is none)."""
        same = {"ConditionExpression": "version = :version", "ExpressionAttributeValues": {":version": version}}
        head, *parts = report_items(item)
        return self._table.written(_put(head, same if version else _ABSENT), *map(_put, parts))

    def filed(self, key: str) -> OutboxItem | None:
        found = self._table.bodies([report_key(key)])[0]
        return unpack_report(found[1]) if found else None

    def get(self, action_id: str) -> Action | None:
        return self._actions([action_id])[0] if nameable(action_id) else None

    def _actions(self, ids: Sequence[str]) -> list[Action | None]:
        found = self._table.bodies([action_key(action_id) for action_id in ids])
        return [unpack(entry[1]) if entry else None for entry in found]

    def find(self, query: Query) -> Iterator[Action]:
        for ids in listed(self._table, query):
            for batch in batches(ids, AT_ONCE):
                yield from (action for action in self._actions(batch) if action and query.fits(action))

    def pending(self) -> Iterator[OutboxItem]:
        for keys in batches(undelivered(self._table), AT_ONCE):
            reports = [unpack_report(entry[1]) for entry in self._table.bodies(keys) if entry]
            yield from (report for report in reports if report.pending)

    def sent(self, item: OutboxItem) -> None:
        # Most often nobody has touched the report since it was filed, so that it need not be read first.
        filed = report_items(OutboxItem(item.key, item.report, dict.fromkeys(item.channels), item.created_at))[0]
        if self._replaced(item, filed["version"]):
            return
        for _ in range(TRIES):
            stored = self._table.bodies([report_key(item.key)])[0]
            now = merged(item, unpack_report(stored[1]) if stored else None)
            if self._replaced(now, stored[0]["version"] if stored else None):
                return
        raise Throttled(f"too many deliver the report {item.key} at once")


def _put(item: Mapping[str, Any], condition: Mapping[str, Any] | None = None) -> Write:
    return {"Put": {"Item": item, **(condition or {})}}


def _state_of(known: Action | None) -> dict[str, Any] | None:
    """The condition that the stored action is still in the state of `known`."""
    if known is None:
        return None
    return {
        "ConditionExpression": "#head = :head",
        "ExpressionAttributeNames": {"#head": "head"},
        "ExpressionAttributeValues": {":head": {"S": tip(known)}},
    }


def _is_last(seen: Standing | None) -> dict[str, Any] | None:
    """The condition that the effect's last action is the one that was seen."""
    if seen is None:
        return None
    if seen.last is None:
        return _ABSENT
    return {
        "ConditionExpression": "action_id = :last",
        "ExpressionAttributeValues": {":last": {"S": seen.last}},
    }


def _new(action: Action, marker: str | None) -> list[Write]:
    first, *parts = action_items(action)
    marked = [] if marker is None else [_put(marker_item(action, marker))]
    return [_put(first, _ABSENT), *map(_put, parts), *marked]


def _holds(lease: Lease) -> dict[str, Any]:
    """The condition that the stored lock is of this action and attempt."""
    stored = lock_item(lease)
    return {
        "ConditionExpression": "action_id = :id AND attempt = :attempt",
        "ExpressionAttributeValues": {":id": stored["action_id"], ":attempt": stored["attempt"]},
    }


def _fenced(lease: Lease) -> Fenced:
    return Fenced(f"attempt {lease.attempt} of action {lease.action_id} no longer holds the lock of its effect")
