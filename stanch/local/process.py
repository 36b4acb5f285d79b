"""The one loopback process that holds the local clouds between commands: started on demand, found again by its state folder."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from stanch.errors import Refused, Unreachable

ROOT = Path(__file__).parent.parent.parent
START_TIMEOUT = 30.0


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


class LocalProcess:
    """The local clouds of one state folder (default `.stanch/`, or STANCH_LOCAL_STATE)."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or Path(os.environ.get("STANCH_LOCAL_STATE", ".stanch"))).resolve()
        self._file = self.folder / "process.json"
        self.journal = self.folder / "journal.sqlite"
        self._owner = self.folder / "journal.instance"

    def running(self) -> Running | None:
        """The process if it is alive and answers, else None."""
        try:
            found = Running(**json.loads(self._file.read_text()))
            _ask(found.aws)
        except (OSError, ValueError, TypeError, http.client.HTTPException):
            return None
        return found

    def ensure(self) -> Running:
        """The running process, started if need be.

        Raises Refused when the journal belongs to clouds that no longer run: its actions could neither be verified nor undone.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            found = self.running() or self._start()
            if self.journal.exists() and self._owner.read_text() != found.instance:
                raise Refused(
                    "journal",
                    f"{self.journal} records changes to local clouds that no longer run; `stanch local reset` sets both aside and begins anew",
                )
            self._owner.write_text(found.instance)
            return found

    def stop(self) -> bool:
        """End the process and set its journal aside under its instance's name. False if none was running."""
        found = self.running()
        if found is not None:
            os.kill(found.pid, signal.SIGTERM)
            self._gone(found.pid)
        self._file.unlink(missing_ok=True)
        self._set_aside()
        return found is not None

    def _set_aside(self) -> None:
        if self.journal.exists():
            name = self._owner.read_text()[:8] if self._owner.exists() else "unknown"
            for suffix in ("", "-wal", "-shm"):
                part = self.journal.with_name(self.journal.name + suffix)
                if part.exists():
                    part.rename(self.folder / f"journal-{name}.sqlite{suffix}")
        self._owner.unlink(missing_ok=True)

    def _start(self) -> Running:
        self._file.unlink(missing_ok=True)
        log = (self.folder / "process.log").open("wb")
        child = subprocess.Popen(  # noqa: S603  # our own module under our own interpreter
            [sys.executable, "-m", "stanch.local.serve", str(self.folder)],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and child.poll() is None:
            if self._file.exists() and (found := self.running()):
                return found
            time.sleep(0.05)
        raise Unreachable(f"the local clouds did not start; see {self.folder / 'process.log'}")

    @staticmethod
    def _gone(pid: int) -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.02)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _ask(url: str) -> None:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port or 80, timeout=5)
    try:
        connection.request("GET", "/stanch/aws/health")
        if connection.getresponse().status != 200:
            raise OSError(f"{url} is not the local cloud")
    finally:
        connection.close()
