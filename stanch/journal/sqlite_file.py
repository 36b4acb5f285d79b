"""The SQLite file under the laptop's journal: its layout, its connections, its errors."""

from __future__ import annotations

import sqlite3
import time
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from stanch.errors import AccessDenied, CloudError, InvalidInput, StanchError, Throttled, Unreachable

VERSION = 2
"""Layout of the file, kept in `user_version`. An earlier one gains what it lacks when it is opened: 2 brought counters and facts."""

WAIT = 10.0
"""Seconds to wait for another writer before the call counts as throttled."""

_LAYOUT = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS locks (effect TEXT PRIMARY KEY, action_id TEXT NOT NULL, attempt INTEGER NOT NULL, until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS actions (id TEXT PRIMARY KEY, opened_at TEXT NOT NULL, account TEXT NOT NULL, playbook TEXT, state TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS actions_by_time ON actions (opened_at, id);
CREATE TABLE IF NOT EXISTS markers (effect TEXT, marker TEXT, action_id TEXT NOT NULL, PRIMARY KEY (effect, marker));
CREATE TABLE IF NOT EXISTS outbox (key TEXT PRIMARY KEY, created_at TEXT NOT NULL, pending INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS outbox_pending ON outbox (created_at, key) WHERE pending;
CREATE TABLE IF NOT EXISTS counters (key TEXT PRIMARY KEY, counted INTEGER NOT NULL, until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS facts (kind TEXT, key TEXT, until REAL, body TEXT NOT NULL, PRIMARY KEY (kind, key));
PRAGMA user_version = {VERSION};
COMMIT;
"""

_PRIMARY = 0xFF
"""Masks the primary result code out of an extended one (https://www.sqlite.org/rescode.html#pve)."""

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DENIED = {sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_AUTH}
_BROKEN = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL}


class SqliteFile:
    """The file at `path`, made with its folders where missing.

    Every call opens its own connection: SQLite's are bound to a thread and must not cross a fork. WAL lets readers go on while one
    writes (https://www.sqlite.org/wal.html); `synchronous=FULL` makes each commit durable before anything is done on its strength.
    """

    def __init__(self, path: str) -> None:
        if path == ":memory:":
            raise InvalidInput("journal", "a journal needs a file: memory is gone with each connection")
        self._path = Path(path)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unreachable(f"the journal's folder {self._path.parent} cannot be made: {error}") from error
        with self.reading() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                raise InvalidInput(path, f"is a journal of layout {version}; this release reads up to {VERSION}")
        if version < VERSION:
            with self._connected() as connection:
                _log_ahead(connection)
                connection.executescript(_LAYOUT)
        # Whoever closes the last connection copies the whole log into the file and waits for the disk: with this one open that happens once, not at every call.
        kept = sqlite3.connect(self._path, check_same_thread=False)
        kept.execute("PRAGMA user_version").fetchone()
        weakref.finalize(self, kept.close)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection on which everything is read as of one moment."""
        with self._connected() as connection:
            connection.execute("BEGIN")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: the write lock is taken first, so that what is read inside still holds at the commit. An exception rolls it back."""
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=WAIT, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
        except sqlite3.Error as error:
            raise _translated(error) from error


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log. SQLite does not wait here for another writer, as two that switch would wait for each other: so we come again."""
    end = time.monotonic() + WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY not in _BUSY or time.monotonic() > end:
                raise
        time.sleep(0.01)


def _translated(error: sqlite3.Error) -> StanchError:
    """https://www.sqlite.org/rescode.html"""
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if code in _BUSY:
        return Throttled(f"the journal is busy: {error}")
    if code in _DENIED:
        return AccessDenied("journal", name, str(error))
    if code in _BROKEN:
        return Unreachable(f"the journal cannot be reached: {name}: {error}")
    return CloudError("journal", name, str(error))
