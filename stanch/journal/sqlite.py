"""The journal of a laptop: one SQLite file, shared by any number of threads and processes."""

from __future__ import annotations

from collections.abc import Iterator
from sqlite3 import Connection

from stanch.action import Action
from stanch.errors import Busy, Fenced
from stanch.journal import LAST, Lease, OutboxItem, Query, Standing
from stanch.journal.sqlite_facts import SqliteFacts, live_facts
from stanch.journal.sqlite_file import SqliteFile
from stanch.journal.stored import (
    check,
    column,
    earliest,
    hashed,
    merged,
    nameable,
    pack,
    pack_report,
    state,
    states,
    tip,
    unpack,
    unpack_report,
)


class SqliteJournal(SqliteFacts):
    """`stanch.journal.Journal` in the file at `path`. Markers never expire: a laptop's are few.

    Raises, beside what the protocol says, CloudError for a file that is no journal and InvalidInput for one of a later release.
    """

    def __init__(self, path: str) -> None:
        super().__init__(SqliteFile(path))

    def look(self, effect: str, marker: str | None, kind: str | None = None) -> Standing:
        with self._file.reading() as connection:
            lease = _lease(connection, effect)
            earlier = _marked(connection, effect, marker) if marker is not None else None
            return Standing(
                lease,
                _action(connection, lease.action_id) if lease else None,
                _action(connection, earlier) if earlier else None,
                _marked(connection, effect, LAST),
                None if kind is None else live_facts(connection, kind),
            )

    def open(self, action: Action, lease: Lease, marker: str | None, seen: Standing | None = None) -> None:
        check(action)
        with self._file.writing() as connection:
            _lock(connection, lease)
            if not _insert(connection, action):
                raise Busy(f"there is an action {action.id} already")
            if seen is not None and _marked(connection, action.effect, LAST) != seen.last:
                raise Busy("another action on the same resource came first")
            _mark(connection, action, marker)
            _mark(connection, action, LAST)

    def reopen(self, action: Action, lease: Lease, known: Action | None = None, *markers: str) -> None:
        check(action)
        with self._file.writing() as connection:
            _lock(connection, lease)
            if known is not None:
                stored = _action(connection, known.id)
                if stored is None or tip(stored) != tip(known):
                    raise Busy(f"action {known.id} has changed meanwhile")
            _save(connection, action)
            for marker in markers:
                _mark(connection, action, marker)

    def claim(self, stale: Lease, lease: Lease) -> None:
        with self._file.writing() as connection:
            if _lease(connection, stale.effect) != stale:
                raise Busy(
                    f"the lock of action {stale.action_id} was renewed, freed or taken over by another invocation"
                )
            _renew(connection, lease)

    def record(self, action: Action, lease: Lease) -> None:
        check(action)
        with self._file.writing() as connection:
            _fence(connection, lease)
            _renew(connection, lease)
            _save(connection, action)

    def close(self, action: Action, lease: Lease, report: OutboxItem | None) -> None:
        check(action, report)
        with self._file.writing() as connection:
            _fence(connection, lease)
            connection.execute("DELETE FROM locks WHERE effect = ?", (lease.effect,))
            _save(connection, action)
            _put(connection, report)

    def note(self, action: Action, marker: str | None, report: OutboxItem | None) -> bool:
        check(action, report)
        with self._file.writing() as connection:
            fresh = _insert(connection, action)
            if fresh:
                _mark(connection, action, marker)
                _put(connection, report)
            return fresh

    def file(self, report: OutboxItem) -> bool:
        with self._file.writing() as connection:
            fresh = _report(connection, report.key) is None
            if fresh:
                _put(connection, report)
            return fresh

    def filed(self, key: str) -> OutboxItem | None:
        with self._file.reading() as connection:
            return _report(connection, key)

    def get(self, action_id: str) -> Action | None:
        if not nameable(action_id):
            return None
        with self._file.reading() as connection:
            return _action(connection, action_id)

    def find(self, query: Query) -> Iterator[Action]:
        clause, values = _narrowed(query)
        with self._file.reading() as connection:
            rows = connection.execute(
                f"SELECT id FROM actions WHERE {clause} ORDER BY opened_at DESC, id DESC",  # noqa: S608  (fixed clauses, bound values)
                values,
            ).fetchall()
        for (action_id,) in rows:
            action = self.get(action_id)
            if action and query.fits(action):
                yield action

    def pending(self) -> Iterator[OutboxItem]:
        with self._file.reading() as connection:
            rows = connection.execute("SELECT body FROM outbox WHERE pending ORDER BY created_at, key").fetchall()
        yield from (unpack_report(body) for (body,) in rows)

    def sent(self, item: OutboxItem) -> None:
        with self._file.writing() as connection:
            _put(connection, merged(item, _report(connection, item.key)))


def _lease(connection: Connection, effect: str) -> Lease | None:
    row = connection.execute(
        "SELECT effect, action_id, attempt, until FROM locks WHERE effect = ?", (effect,)
    ).fetchone()
    return Lease(*row) if row else None


def _lock(connection: Connection, lease: Lease) -> None:
    stored = _lease(connection, lease.effect)
    if stored:
        raise Busy(f"action {stored.action_id} holds the lock of this effect")
    values = (lease.effect, lease.action_id, lease.attempt, lease.until)
    connection.execute("INSERT INTO locks VALUES (?, ?, ?, ?)", values)


def _renew(connection: Connection, lease: Lease) -> None:
    connection.execute(
        "UPDATE locks SET action_id = ?, attempt = ?, until = ? WHERE effect = ?",
        (lease.action_id, lease.attempt, lease.until, lease.effect),
    )


def _fence(connection: Connection, lease: Lease) -> None:
    stored = _lease(connection, lease.effect)
    if stored is None or (stored.action_id, stored.attempt) != (lease.action_id, lease.attempt):
        raise Fenced(f"attempt {lease.attempt} of action {lease.action_id} no longer holds the lock of its effect")


def _action(connection: Connection, action_id: str) -> Action | None:
    row = connection.execute("SELECT body FROM actions WHERE id = ?", (action_id,)).fetchone()
    return unpack(row[0]) if row else None


def _row(action: Action) -> tuple[str | None, ...]:
    account = column(action.resource.account)
    playbook = None if action.playbook is None else column(action.playbook)
    return action.id, action.opened_at, account, playbook, state(action), pack(action)


def _insert(connection: Connection, action: Action) -> bool:
    return connection.execute("INSERT OR IGNORE INTO actions VALUES (?, ?, ?, ?, ?, ?)", _row(action)).rowcount == 1


def _save(connection: Connection, action: Action) -> None:
    connection.execute("INSERT OR REPLACE INTO actions VALUES (?, ?, ?, ?, ?, ?)", _row(action))


def _mark(connection: Connection, action: Action, marker: str | None) -> None:
    if marker is not None:
        values = (action.effect, hashed(marker), action.id)
        connection.execute("INSERT OR REPLACE INTO markers VALUES (?, ?, ?)", values)


def _marked(connection: Connection, effect: str, marker: str) -> str | None:
    row = connection.execute(
        "SELECT action_id FROM markers WHERE effect = ? AND marker = ?", (effect, hashed(marker))
    ).fetchone()
    return row[0] if row else None


def _report(connection: Connection, key: str) -> OutboxItem | None:
    row = connection.execute("SELECT body FROM outbox WHERE key = ?", (hashed(key),)).fetchone()
    return unpack_report(row[0]) if row else None


def _put(connection: Connection, item: OutboxItem | None) -> None:
    if item is not None:
        values = (hashed(item.key), item.created_at, bool(item.pending), pack_report(item))
        connection.execute("INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?)", values)


def _narrowed(query: Query) -> tuple[str, list[str]]:
    wanted = {
        "opened_at >= ?": earliest(query),
        "account = ?": None if query.account is None else column(query.account),
        "playbook = ?": None if query.playbook is None else column(query.playbook),
    }
    clauses = {clause: value for clause, value in wanted.items() if value is not None}
    among = states(query)
    if among is None:
        return " AND ".join(["TRUE", *clauses]), list(clauses.values())
    return " AND ".join([*clauses, f"state IN ({', '.join('?' * len(among))})"]), [*clauses.values(), *among]
