"""What only a file can suffer: killed processes, other writers, other files."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from stanch.errors import AccessDenied, CloudError, InvalidInput, Throttled, Unreachable
from stanch.journal import Query, Standing, sqlite_file
from stanch.journal.sqlite import SqliteJournal
from stanch.journal.sqlite_file import SqliteFile
from tests.functional.journal.records import EFFECT, MARKER, a_lease, an_action, closed

PRELUDE = """
import os, sys
from stanch.journal import sqlite
from stanch.journal.sqlite import SqliteJournal
from tests.functional.journal.records import *
action = an_action()
def die(*_):
    os._exit(9)
"""
"""`die` ends the process at once, without any cleaning up, as a kill does."""


def child(path: Path, script: str) -> subprocess.Popen[str]:
    root = Path(__file__).parents[3]
    return subprocess.Popen(
        [sys.executable, "-c", f"{PRELUDE}\njournal = SqliteJournal({str(path)!r})\n{script}"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, errors = process.communicate(timeout=60)
    return process.returncode, output + errors


def test_a_process_killed_after_opening_leaves_its_lock_to_be_claimed(tmp_path: Path) -> None:
    script = "journal.open(action, a_lease(action), MARKER)\ndie()"
    assert ended(child(tmp_path / "j", script)) == (9, "")
    journal, action = SqliteJournal(str(tmp_path / "j")), an_action()
    assert journal.look(EFFECT, MARKER) == Standing(a_lease(action), action, action, action.id)
    journal.claim(a_lease(action), a_lease(action, 2))
    journal.close(closed(action), a_lease(action, 2), None)
    assert journal.look(EFFECT, MARKER) == Standing(None, None, action, action.id)


@pytest.mark.parametrize("where", ["_insert", "_mark"])
def test_a_process_killed_while_opening_leaves_nothing(tmp_path: Path, where: str) -> None:
    script = f"sqlite.{where} = die\njournal.open(action, a_lease(action), MARKER)"
    assert ended(child(tmp_path / "j", script)) == (9, "")
    journal, action = SqliteJournal(str(tmp_path / "j")), an_action()
    assert journal.look(EFFECT, MARKER) == Standing(None, None, None)
    assert list(journal.find(Query())) == []
    journal.open(action, a_lease(action), MARKER)
    assert journal.look(EFFECT, MARKER).open == action


@pytest.mark.parametrize("where", ["_save", "_put"])
def test_a_process_killed_while_closing_leaves_the_action_open(tmp_path: Path, where: str) -> None:
    script = f"""
journal.open(action, a_lease(action), None)
sqlite.{where} = die
journal.close(closed(an_action()), a_lease(action), a_report(action.id))
"""
    assert ended(child(tmp_path / "j", script)) == (9, "")
    journal, action = SqliteJournal(str(tmp_path / "j")), an_action()
    assert journal.look(EFFECT, None) == Standing(a_lease(action), action, None, action.id)
    assert list(journal.pending()) == []


def test_a_process_killed_after_closing_has_filed_its_report(tmp_path: Path) -> None:
    script = """
journal.open(action, a_lease(action), None)
journal.close(closed(action), a_lease(action), a_report(action.id))
die()
"""
    assert ended(child(tmp_path / "j", script)) == (9, "")
    journal = SqliteJournal(str(tmp_path / "j"))
    assert journal.look(EFFECT, None).lease is None
    assert [item.key for item in journal.pending()] == [an_action().id]


def test_processes_that_start_together_on_no_file_share_one(tmp_path: Path) -> None:
    script = """
for number in range({0}, {0} + 10):
    noted = an_action(number)
    assert journal.note(noted, None, a_report(noted.id))
"""
    processes = [child(tmp_path / "new/folder/j", script.format(number)) for number in (10, 20, 30, 40)]
    assert [ended(process) for process in processes] == [(0, "")] * 4
    journal = SqliteJournal(str(tmp_path / "new/folder/j"))
    assert len(list(journal.find(Query()))) == 40
    assert len(list(journal.pending())) == 40


def test_another_writer_who_does_not_let_go_means_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, action = SqliteJournal(str(tmp_path / "j")), an_action()
    monkeypatch.setattr(sqlite_file, "WAIT", 0.05)
    with closing(sqlite3.connect(tmp_path / "j", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Throttled, match="the journal is busy: database is locked"):
            journal.open(action, a_lease(action), None)
        assert journal.look(EFFECT, None) == Standing(None, None, None)
    journal.open(action, a_lease(action), None)
    assert journal.look(EFFECT, None).lease == a_lease(action)


def test_a_new_journal_waits_for_whoever_makes_it_at_the_same_moment(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "j", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = threading.Timer(0.2, other.execute, ["COMMIT"])
        done.start()
        assert SqliteJournal(str(tmp_path / "j")).look(EFFECT, None) == Standing(None, None, None)
        done.join()


def test_a_new_journal_does_not_wait_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "WAIT", 0.05)
    with closing(sqlite3.connect(tmp_path / "j", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Throttled):
            SqliteJournal(str(tmp_path / "j"))


def test_readers_go_on_while_one_writes(tmp_path: Path) -> None:
    journal, action = SqliteJournal(str(tmp_path / "j")), an_action()
    journal.note(action, None, None)
    with closing(sqlite3.connect(tmp_path / "j", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        other.execute("DELETE FROM actions")
        assert journal.get(action.id) == action


def test_whichever_thread_lets_a_journal_go_its_log_is_folded_into_the_file(tmp_path: Path) -> None:
    made: list[SqliteFile] = []
    maker = threading.Thread(target=lambda: made.append(SqliteFile(str(tmp_path / "j"))))
    maker.start()
    maker.join()
    assert len(made) == 1
    made.clear()
    assert [path.name for path in tmp_path.iterdir()] == ["j"]


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="cannot be reached: SQLITE_CANTOPEN: unable to open"):
        SqliteJournal(str(tmp_path))


def test_a_path_below_a_file_cannot_be_reached(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(Unreachable, match="cannot be made"):
        SqliteJournal(str(tmp_path / "file/j"))


def test_another_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, and no journal at all\n" * 100)
    with pytest.raises(CloudError) as refused:
        SqliteJournal(str(path))
    assert (refused.value.operation, refused.value.code) == ("journal", "SQLITE_NOTADB")
    assert refused.value.message == "file is not a database"
    assert path.read_text() == "these are my notes, and no journal at all\n" * 100


def test_a_file_that_may_not_be_written_is_denied(tmp_path: Path) -> None:
    with pytest.raises(AccessDenied) as denied, SqliteFile(str(tmp_path / "j")).writing() as connection:
        connection.executescript("PRAGMA query_only = ON; DELETE FROM locks")
    assert (denied.value.operation, denied.value.code) == ("journal", "SQLITE_READONLY")
    assert denied.value.message == "attempt to write a readonly database"


def test_an_error_that_sqlite_has_no_code_for_is_named_by_its_kind(tmp_path: Path) -> None:
    with pytest.raises(CloudError) as failed, SqliteFile(str(tmp_path / "j")).reading() as connection:
        connection.execute("SELECT ?")
    assert failed.value.code == "ProgrammingError"


def test_a_journal_of_a_later_release_is_refused(tmp_path: Path) -> None:
    SqliteJournal(str(tmp_path / "j"))
    with closing(sqlite3.connect(tmp_path / "j")) as later:
        later.execute("PRAGMA user_version = 3")
    with pytest.raises(InvalidInput, match="layout 3"):
        SqliteJournal(str(tmp_path / "j"))


def test_opening_a_journal_waits_for_nobody_who_writes(tmp_path: Path) -> None:
    SqliteJournal(str(tmp_path / "j"))
    with closing(sqlite3.connect(tmp_path / "j", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert SqliteJournal(str(tmp_path / "j")).kept("pause") == {}


FIRST_LAYOUT = """
PRAGMA journal_mode = WAL;
CREATE TABLE locks (effect TEXT PRIMARY KEY, action_id TEXT NOT NULL, attempt INTEGER NOT NULL, until REAL NOT NULL);
CREATE TABLE actions (id TEXT PRIMARY KEY, opened_at TEXT NOT NULL, account TEXT NOT NULL, playbook TEXT, state TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX actions_by_time ON actions (opened_at, id);
CREATE TABLE markers (effect TEXT, marker TEXT, action_id TEXT NOT NULL, PRIMARY KEY (effect, marker));
CREATE TABLE outbox (key TEXT PRIMARY KEY, created_at TEXT NOT NULL, pending INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX outbox_pending ON outbox (created_at, key) WHERE pending;
PRAGMA user_version = 1;
"""
"""The layout of the first release, before there were counters and facts."""


def test_a_journal_of_the_first_layout_keeps_its_actions_and_gains_what_it_lacks(tmp_path: Path) -> None:
    action = an_action()
    row = (action.id, action.opened_at, "111122223333", None, "open", json.dumps(action.as_json()))
    with closing(sqlite3.connect(tmp_path / "j")) as first:
        first.executescript(FIRST_LAYOUT)
        first.execute("INSERT INTO actions VALUES (?, ?, ?, ?, ?, ?)", row)
        first.execute("INSERT INTO locks VALUES (?, ?, 1, 1800000000.123456)", (EFFECT, action.id))
        first.commit()
    journal = SqliteJournal(str(tmp_path / "j"))
    assert journal.count(["key"], 2e9) == [1]
    assert journal.keep("pause", "all", {"reason": "maintenance"}, None) is True
    again = SqliteJournal(str(tmp_path / "j"))
    assert again.counts(["key"]) == [1]
    assert again.kept("pause") == {"all": {"reason": "maintenance"}}
    assert again.look(EFFECT, None) == Standing(a_lease(action), action, None)


def test_what_expired_is_swept_out_of_the_file(tmp_path: Path, later: Callable[[float], None]) -> None:
    journal = SqliteJournal(str(tmp_path / "j"))
    now = time.time()
    journal.count(["hour 1", "hour 2"], now + 10)
    journal.keep("pause", "all", {}, now + 10)
    later(11)
    journal.count(["hour 3"], now + 20)
    journal.keep("exempt", "a role", {}, None)
    with closing(sqlite3.connect(tmp_path / "j")) as file:
        assert file.execute("SELECT count(*) FROM counters").fetchone() == (1,)
        assert file.execute("SELECT count(*) FROM facts").fetchone() == (1,)


def test_processes_that_count_together_lose_nothing(tmp_path: Path) -> None:
    script = """
for _ in range(20):
    journal.count(["key", "another"], 2e9)
"""
    processes = [child(tmp_path / "j", script) for _ in range(3)]
    assert [ended(process) for process in processes] == [(0, "")] * 3
    assert SqliteJournal(str(tmp_path / "j")).counts(["key", "another"]) == [60, 60]


def test_memory_is_no_journal() -> None:
    with pytest.raises(InvalidInput, match=r"^journal: a journal needs a file"):
        SqliteJournal(":memory:")
