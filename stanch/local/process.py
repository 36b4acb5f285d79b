"""The one loopback process that holds the local clouds between commands: started on demand, found again by its state folder."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from stanch.errors import InvalidInput, Refused, StanchError, Unreachable
from stanch.journal import Query
from stanch.journal.sqlite import SqliteJournal
from stanch.local.environment import without_foreign

ROOT = Path(__file__).parent.parent.parent
START_TIMEOUT = 60.0
ENDING = 1.0
"""Seconds; the longest that a process that was killed holds its lock."""

ALIVE = "alive"
"""The file that the running process keeps locked: the lock goes with the process, however it ends."""

_children: list[subprocess.Popen[bytes]] = []
"""Processes that outlive the command that started them; kept, because a forgotten Popen warns."""


@dataclass(frozen=True, slots=True)
class Running:
    """What `process.json` says of the running process. `instance` ties the journal to the clouds whose changes it records."""

    pid: int
    instance: str
    aws: str
    azure: str
    teams: str
    ca: str
    identity_header: str
    topic: str
    started: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """What `stop` found: whether a process ran, and where the journal is now (None: there was none)."""

    ran: bool
    journal: Path | None


class LocalProcess:
    """The local clouds of one state folder (default `.stanch/`, or STANCH_LOCAL_STATE)."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or Path(os.environ.get("STANCH_LOCAL_STATE") or ".stanch")).resolve()
        self._file = self.folder / "process.json"
        self.journal = self.folder / "journal.sqlite"
        self._owner = self.folder / "journal.instance"

    def running(self) -> Running | None:
        """The process if it is alive, else None. Raises Unreachable if it is alive and does not answer."""
        if not self._alive():
            return None
        try:
            found = Running(**json.loads(self._file.read_text()))
        except (OSError, ValueError, TypeError):
            return None  # it is about to say where it listens
        try:
            _ask(found.aws)
        except (OSError, http.client.HTTPException) as error:
            if self._ends():
                return None
            raise Unreachable(
                f"the local clouds (process {found.pid}) do not answer: {error}; `stanch local stop` ends them"
            ) from error
        return found

    def ensure(self) -> Running:
        """The running process, started if need be.

        Raises Refused when the journal belongs to clouds that no longer run: its actions could neither be verified nor undone. Raises InvalidInput for a
        folder that cannot be written, Unreachable if the process does not start.
        """
        with self._locked():
            found = self.running()
            foreign = self.journal.exists() and (found is None or self._owned() != found.instance)
            if foreign and self._tells_nothing():
                self._set_aside()
            elif foreign:
                raise Refused(
                    "journal",
                    f"{self.journal} tells of changes to local clouds that no longer run, so they could neither be verified nor undone; "
                    "`stanch local stop` sets it aside, `stanch local reset` deletes it, and the next command begins anew",
                )
            found = found or self._start()
            self._owner.write_text(found.instance)
            SqliteJournal(str(self.journal))  # made by one, so that two commands at once do not meet in it
            return found

    def stop(self) -> Stopped:
        """End the process and set its journal aside under its instance's name. Harmless where none runs."""
        if not self.folder.exists():
            return Stopped(False, None)
        with self._locked():
            ran = self._alive()
            if ran:
                self._end()
            self._file.unlink(missing_ok=True)
            return Stopped(ran, self._set_aside())

    def reset(self) -> None:
        """End the process and delete the folder with everything in it."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _tells_nothing(self) -> bool:
        try:
            return next(iter(SqliteJournal(str(self.journal)).find(Query())), None) is None
        except StanchError:
            return False  # what cannot be read may tell a lot

    def _owned(self) -> str:
        return self._owner.read_text() if self._owner.exists() else ""

    def _alive(self) -> bool:
        """Whether a process holds the lock. A shared lock asks, so that two who ask at once do not take each other for it."""
        try:
            with (self.folder / ALIVE).open() as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def _ends(self) -> bool:
        """Whether it is just ending: its connections may be gone a moment before its lock is."""
        deadline = time.monotonic() + ENDING
        while self._alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _end(self) -> None:
        """Ask it to end, and make it if it does not."""
        try:
            pid = int(json.loads(self._file.read_text())["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            return  # a process whose file is gone ends by itself
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            if self._gone(pid):
                return

    def _set_aside(self) -> Path | None:
        aside = None
        if self.journal.exists():
            aside = self.folder / f"journal-{self._owned()[:8] or int(time.time())}.sqlite"
            for suffix in ("", "-wal", "-shm"):  # SQLite's own files beside the journal
                part = self.journal.with_name(self.journal.name + suffix)
                if part.exists():
                    part.rename(aside.with_name(aside.name + suffix))
        self._owner.unlink(missing_ok=True)
        return aside

    def _start(self) -> Running:
        self._file.unlink(missing_ok=True)
        with (self.folder / "process.log").open("wb") as log:
            child = subprocess.Popen(  # noqa: S603  # our own module under our own interpreter
                [sys.executable, "-m", "stanch.local.serve", str(self.folder)],
                cwd=ROOT, env=without_foreign(os.environ), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        _children.append(child)
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and child.poll() is None:
            if self._file.exists() and (found := self.running()):
                return found
            time.sleep(0.05)
        child.kill()
        child.wait()
        raise Unreachable(
            f"the local clouds did not start: {self._last_words()}; the whole story is in {self.folder / 'process.log'}"
        )

    def _last_words(self) -> str:
        try:
            lines = (self.folder / "process.log").read_text(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1] if lines else f"nothing was said within {START_TIMEOUT:.0f} seconds"

    def _gone(self, pid: int) -> bool:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for child in _children:
                child.poll()  # a child of ours stays a zombie until it is asked for
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.02)
        return False

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One command at a time starts, stops or adopts the clouds of a folder."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = (self.folder / "lock").open("w")
        except OSError as error:
            raise InvalidInput(
                "STANCH_LOCAL_STATE", f"{self.folder} cannot hold the local clouds' state: {error}"
            ) from error
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _ask(url: str) -> None:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port or 80, timeout=10)
    try:
        connection.request("GET", "/stanch/aws/health")
        if connection.getresponse().status != 200:
            raise OSError(f"{url} is not the local cloud")
    finally:
        connection.close()
