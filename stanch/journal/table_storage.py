"""The journal on Azure: one table of a storage account. Every write is one entity group transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from azure.data.tables import TableClient, TableEntity
from msgspec import structs

from stanch.action import Action
from stanch.concurrent import Begun
from stanch.errors import Busy, Fenced, Throttled
from stanch.journal import LAST, Lease, OutboxItem, Query, Standing
from stanch.journal.stored import check, column, earliest, merged, nameable, states, tip, unpack, unpack_report
from stanch.journal.table_storage_client import (
    TRIES,
    ConditionFailed,
    Etags,
    Operation,
    StorageTable,
    create,
    delete,
    etag_of,
    pause,
    put,
    replace,
)
from stanch.journal.table_storage_facts import TableFacts
from stanch.journal.table_storage_rows import (
    ACTIONS,
    REPORTS,
    Entity,
    action_entities,
    action_key,
    lease_of,
    lock_entity,
    lock_key,
    marker_entity,
    marker_key,
    report_entities,
    report_key,
)

FEW = 8
"""States that are worth naming in a filter: it may hold 15 comparisons (https://learn.microsoft.com/rest/api/storageservices/querying-tables-and-entities)."""


class TableJournal(TableFacts):
    """`stanch.journal.Journal` in a table. Storage tables know neither second indexes nor expiry: listings scan, on the server, and markers stay.

    Raises, beside what the protocol says, CloudError for a table that is missing or a record that is too large for one transaction (4 MiB).
    """

    def __init__(self, table_client: TableClient) -> None:
        super().__init__(StorageTable(table_client))
        self._held, self._filed, self._last = Etags(), Etags(), Etags()

    def look(self, effect: str, marker: str | None, kind: str | None = None) -> Standing:
        if kind is None:
            return self._look(effect, marker)
        facts = Begun(lambda: self.kept(kind))
        try:
            return structs.replace(self._look(effect, marker), facts=facts.result())
        finally:
            facts.end()

    def _look(self, effect: str, marker: str | None) -> Standing:
        keys = [lock_key(effect), marker_key(effect, LAST), *([] if marker is None else [marker_key(effect, marker)])]
        lock, last, earlier = (*self._table.either(*keys), None)[:3]
        if last:
            self._last.keep(last["action_id"], etag_of(last))
        return Standing(
            lease_of(effect, lock) if lock else None,
            self.get(lock["action_id"]) if lock else None,
            self.get(earlier["action_id"]) if earlier else None,
            last["action_id"] if last else None,
        )

    def open(self, action: Action, lease: Lease, marker: str | None, seen: Standing | None = None) -> None:
        check(action)
        head, *rest = _new(action, marker)
        try:
            last = self._follows(marker_entity(action, LAST), seen)
            self._holds(lease, self._table.write(head[1], create(lock_entity(lease)), head, *rest, last))
        except ConditionFailed as error:
            raise Busy(
                f"another action of this effect came first, or there is an action {action.id} already"
            ) from error

    def _follows(self, ours: Entity, seen: Standing | None) -> Operation:
        """Write who is last, if the one before is who was seen. Raises ConditionFailed where it is not."""
        if seen is None:
            return put(ours)
        if seen.last is None:
            return create(ours)
        etag = self._last.take(seen.last)
        if etag is None:
            stored = self._table.get(ours)
            if stored is None or stored["action_id"] != seen.last:
                raise ConditionFailed("another action is the last one")
            etag = etag_of(stored)
        return replace(ours, etag)

    def reopen(self, action: Action, lease: Lease, known: Action | None = None, *markers: str) -> None:
        check(action)
        first, *parts = action_entities(action)
        marked = [put(marker_entity(action, marker)) for marker in markers]
        try:
            own = put(first) if known is None else replace(first, etag_of(self._unchanged(known)))
            self._holds(lease, self._table.write(first, create(lock_entity(lease)), own, *map(put, parts), *marked))
        except ConditionFailed as error:
            raise Busy(f"the lock of this effect is held, or action {action.id} has changed meanwhile") from error

    def _unchanged(self, known: Action) -> TableEntity:
        """The stored action's entity. Raises ConditionFailed if it is in another state than `known`."""
        stored = self._table.get(action_key(known.id))
        if stored is None or stored.get("head") != tip(known):
            raise ConditionFailed("the stored action is in another state")
        return stored

    def claim(self, stale: Lease, lease: Lease) -> None:
        stored = self._table.get(lock_key(stale.effect))
        ours = lock_entity(lease)
        try:
            if stored is None or lease_of(stale.effect, stored) != stale:
                raise ConditionFailed("the stored lock is another")
            self._holds(lease, self._table.write(ours, replace(ours, etag_of(stored))))
        except ConditionFailed as error:
            raise Busy(f"the lock of action {stale.action_id} was renewed, freed or taken over") from error

    def record(self, action: Action, lease: Lease) -> None:
        check(action)
        self._holds(lease, self._hold(lease, action, lambda etag: replace(lock_entity(lease), etag), None))

    def close(self, action: Action, lease: Lease, report: OutboxItem | None) -> None:
        check(action, report)
        written = self._hold(lease, action, lambda etag: delete(lock_key(lease.effect), etag), report)
        if report is not None:
            self._files(report, written)

    def _holds(self, lease: Lease, written: Mapping[str, str]) -> None:
        """Remember the tag of the lock as this attempt wrote it: any other attempt, of whatever process, gives it another."""
        self._held.keep(_holder(lease), written.get(lock_key(lease.effect)["RowKey"]))

    def _files(self, report: OutboxItem, written: Mapping[str, str]) -> None:
        if not any(report.channels.values()):
            self._filed.keep(_told(report), written.get(report_key(report.key)["RowKey"]))

    def _hold(
        self, lease: Lease, action: Action, lock: Callable[[str], Operation], report: OutboxItem | None
    ) -> dict[str, str]:
        """Write the lock, the action and the report, if the stored lock is this lease's. Raises Fenced."""
        entities = [*action_entities(action), *(report_entities(report) if report else [])]
        remembered = self._held.take(_holder(lease))
        for attempt in range(TRIES):
            etag = remembered or self._lock_of(lease)
            try:
                return self._table.write(entities[0], lock(etag), *map(put, entities))
            except ConditionFailed:
                if remembered is None:
                    pause(attempt)
                remembered = None
        raise Throttled(f"too many write action {action.id} at once")

    def _lock_of(self, lease: Lease) -> str:
        """The tag of the stored lock. Raises Fenced if it is not this lease's."""
        stored = self._table.get(lock_key(lease.effect))
        if stored is None or (stored["action_id"], stored["attempt"]) != (lease.action_id, lease.attempt):
            raise Fenced(f"attempt {lease.attempt} of action {lease.action_id} no longer holds its effect's lock")
        return etag_of(stored)

    def note(self, action: Action, marker: str | None, report: OutboxItem | None) -> bool:
        check(action, report)
        return self._fresh(report, *_new(action, marker), *map(put, report_entities(report) if report else []))

    def file(self, report: OutboxItem) -> bool:
        head, *parts = report_entities(report)
        return self._fresh(report, create(head), *map(put, parts))

    def _fresh(self, report: OutboxItem | None, first: Operation, *others: Operation) -> bool:
        try:
            written = self._table.write(first[1], first, *others)
        except ConditionFailed:
            return False
        if report is not None:
            self._files(report, written)
        return True

    def filed(self, key: str) -> OutboxItem | None:
        found = self._table.body(report_key(key))
        return unpack_report(found[1]) if found else None

    def get(self, action_id: str) -> Action | None:
        found = self._table.body(action_key(action_id)) if nameable(action_id) else None
        return unpack(found[1]) if found else None

    def find(self, query: Query) -> Iterator[Action]:
        condition, parameters = _narrowed(query)
        rows = self._table.rows(condition, ["PartitionKey", "RowKey", "opened_at"], **parameters)
        for row in sorted(rows, key=lambda row: (row["opened_at"], row["RowKey"]), reverse=True):
            found = self._table.body(row)
            action = unpack(found[1]) if found else None
            if action and query.fits(action):
                yield action

    def pending(self) -> Iterator[OutboxItem]:
        rows = self._table.rows(f"{REPORTS} and pending eq true", ["PartitionKey", "RowKey", "created_at"])
        for row in sorted(rows, key=lambda row: (row["created_at"], row["RowKey"])):
            found = self._table.body(row)
            report = unpack_report(found[1]) if found else None
            if report and report.pending:
                yield report

    def sent(self, item: OutboxItem) -> None:
        remembered = self._filed.take(_told(item))
        if remembered is not None and self._sent(item, remembered):
            return  # nobody has written it since we filed it, so there is nothing to merge
        for attempt in range(TRIES):
            stored = self._table.body(report_key(item.key))
            known = merged(item, unpack_report(stored[1]) if stored else None)
            if self._sent(known, etag_of(stored[0]) if stored else None):
                return
            pause(attempt)
        raise Throttled(f"too many deliver the report {item.key} at once")

    def _sent(self, item: OutboxItem, etag: str | None) -> bool:
        head, *parts = report_entities(item)
        return self._table.written(head, replace(head, etag) if etag else create(head), *map(put, parts))


def _holder(lease: Lease) -> tuple[str, str, int]:
    return lease.effect, lease.action_id, lease.attempt


def _told(report: OutboxItem) -> tuple[str, frozenset[str]]:
    """The report and for whom it is: told of the same channels that it was filed for, there is nothing to merge."""
    return report.key, frozenset(report.channels)


def _new(action: Action, marker: str | None) -> list[Operation]:
    head, *parts = action_entities(action)
    marked = [] if marker is None else [put(marker_entity(action, marker))]
    return [create(head), *map(put, parts), *marked]


def _narrowed(query: Query) -> tuple[str, dict[str, str]]:
    """The OData filter that leaves out what cannot fit, and its parameters."""
    wanted = {
        "opened_at ge @since": ("since", earliest(query)),
        "account eq @account": ("account", None if query.account is None else column(query.account)),
        "playbook eq @playbook": ("playbook", None if query.playbook is None else column(query.playbook)),
    }
    clauses = [ACTIONS, *(clause for clause, (_, value) in wanted.items() if value is not None)]
    parameters = {name: value for name, value in wanted.values() if value is not None}
    among = states(query)
    if among is not None and len(among) <= FEW:
        named = {f"state{number}": name for number, name in enumerate(among)}
        clauses.append("( " + (" or ".join(f"state eq @{name}" for name in named) or "state eq ''") + " )")
        parameters |= named
    return " and ".join(clauses), parameters
