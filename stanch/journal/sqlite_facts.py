"""What a laptop's journal keeps beside its actions: counters and standing facts. Whoever writes sweeps out what has expired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from sqlite3 import Connection
from typing import Any

from stanch.journal.sqlite_file import SqliteFile
from stanch.journal.stored import hashed, pack_fact, unpack_fact, wall

_KEEP = "INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?)"
_KEEP_NEW = "INSERT INTO facts VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"


class SqliteFacts:
    """The methods of `stanch.journal.Journal` about counters and facts."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def count(self, keys: Sequence[str], expires_at: float) -> list[int]:
        with self._file.writing() as connection:
            connection.execute("DELETE FROM counters WHERE until <= ?", (wall(),))
            counted = {key: _add(connection, key, expires_at) for key in dict.fromkeys(keys)}
        return [counted[key] for key in keys]

    def counts(self, keys: Sequence[str]) -> list[int]:
        now = wall()
        with self._file.reading() as connection:
            rows = [
                connection.execute(
                    "SELECT counted FROM counters WHERE key = ? AND until > ?", (hashed(key), now)
                ).fetchone()
                for key in keys
            ]
        return [row[0] if row else 0 for row in rows]

    def keep(self, kind: str, key: str, value: Mapping[str, Any], until: float | None, *, new: bool = False) -> bool:
        row = (hashed(kind), hashed(key), until, pack_fact(kind, key, value))
        with self._file.writing() as connection:
            connection.execute("DELETE FROM facts WHERE until <= ?", (wall(),))
            return connection.execute(_KEEP_NEW if new else _KEEP, row).rowcount == 1

    def kept(self, kind: str) -> dict[str, dict[str, Any]]:
        with self._file.reading() as connection:
            return live_facts(connection, kind)

    def drop(self, kind: str, key: str) -> bool:
        with self._file.writing() as connection:
            connection.execute("DELETE FROM facts WHERE until <= ?", (wall(),))
            dropped = connection.execute("DELETE FROM facts WHERE kind = ? AND key = ?", (hashed(kind), hashed(key)))
            return dropped.rowcount == 1


def live_facts(connection: Connection, kind: str) -> dict[str, dict[str, Any]]:
    """The facts of a kind that have not expired."""
    rows = connection.execute(
        "SELECT body FROM facts WHERE kind = ? AND (until IS NULL OR until > ?)", (hashed(kind), wall())
    ).fetchall()
    return dict(unpack_fact(body) for (body,) in rows)


def _add(connection: Connection, key: str, until: float) -> int:
    rows = connection.execute(
        "INSERT INTO counters VALUES (?, 1, ?) ON CONFLICT (key) DO UPDATE"
        " SET counted = counted + 1, until = max(until, excluded.until) RETURNING counted",
        (hashed(key), until),
    ).fetchall()
    counted: int = rows[0][0]
    return counted
