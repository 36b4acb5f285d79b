"""The command, run in this process as `stanch` runs it, or as a process of its own; and what the clouds were asked meanwhile."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from stanch.cli.main import main
from stanch.local.process import LocalProcess, Running

ROOT = Path(__file__).parents[3]
EVENTS = ROOT / "events"
FIELDS = {
    "event": (str, type(None)), "source": (str, type(None)), "finding": (dict, type(None)), "resource": (dict, type(None)),
    "playbook": (str, type(None)), "remediation": (str, type(None)), "outcome": (str,), "reason": (str, type(None)),
    "action_id": (str, type(None)), "changes": (list,), "notified": (list,), "ms": (dict,),
}  # fmt: skip
"""The object of `--output json`: every field and the types that it may have."""


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The objects on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def row(self) -> dict[str, Any]:
        """The only object on stdout."""
        (row,) = self.rows
        return row


class Stanch:
    """The command on local clouds of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *args: str | Path, stdin: bytes = b"", **env: str) -> Ran:
        """Run it in this process; environment, streams and wirings are as before afterwards."""
        out, err = _stream(), _stream()
        with _in_place(
            ["stanch", *map(str, args)], _stream(stdin), out, err, {"STANCH_LOCAL_STATE": str(self.folder), **env}
        ):
            try:
                main()
                code: Any = 0
            except SystemExit as ended:
                code = ended.code
        return Ran(int(code or 0), _text(out), _text(err))

    def json(self, *args: str | Path, **more: Any) -> Ran:
        """The same with `--output json`."""
        return self(*args, "--output", "json", **more)

    def process(self, *args: str | Path, stdin: bytes = b"", **env: str) -> Ran:
        """Run it as a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "stanch", *map(str, args)], cwd=ROOT, env=self.environment(**env), input=stdin, capture_output=True, timeout=60, check=False
        )  # fmt: skip
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def environment(self, **env: str) -> dict[str, str]:
        """What a process of its own finds."""
        return {**_outside(), "STANCH_LOCAL_STATE": str(self.folder), **env}

    @property
    def running(self) -> Running:
        found = LocalProcess(self.folder).running()
        assert found is not None, "no local clouds run"
        return found

    @contextmanager
    def watched(self) -> Iterator[list[str]]:
        """The writes to resources that were asked of both clouds within; telling people and assuming a role is none."""
        running, writes = self.running, list[str]()
        azure = {"url": f"{running.azure}/stanch/azure/calls", "verify": running.ca, "timeout": 10}
        aws = {"url": f"{running.aws}/stanch/aws/calls", "timeout": 10}
        requests.delete(**aws)
        requests.delete(**azure)
        yield writes
        writes += [
            f"{call['service']}:{call['operation']}"
            for call in requests.get(**aws).json()["calls"]
            if call["write"] and call["service"] != "sns"
        ]
        asked = [f"{call['method']} {call['path']}" for call in requests.get(**azure).json()["calls"]]
        # Sentinel lists what belongs to an incident by POST (https://learn.microsoft.com/rest/api/securityinsights/incidents/list-alerts).
        writes += [
            call for call in asked if not call.startswith("GET ") and not call.endswith(("/alerts", "/entities"))
        ]


def check(row: Mapping[str, Any]) -> None:
    """The object is exactly as INTERFACE has it."""
    assert set(row) == set(FIELDS)
    for name, kinds in FIELDS.items():
        assert isinstance(row[name], kinds), (name, row[name])
    if row["finding"] is not None:
        assert set(row["finding"]) == {"id", "type", "title", "severity", "account", "region"}
        assert row["finding"]["severity"] in range(6)
    if row["resource"] is not None:
        assert set(row["resource"]) == {"type", "id"}
    for change in row["changes"]:
        assert set(change) == {"target", "before", "after"}
    assert set(row["ms"]) == {"to_contained", "total"}
    assert all(isinstance(name, str) for name in row["notified"])
    assert (row["reason"] is None) is (row["outcome"] == "acted")


def event(name: str) -> dict[str, Any]:
    """A sample event."""
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return found


def _outside() -> dict[str, str]:
    """The environment as an engineer's shell has it: nothing of Stanch, no terminal settings."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STANCH_", "AWS_")) and name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")
    }


def _stream(content: bytes = b"") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


@contextmanager
def _in_place(argv: list[str], stdin: Any, out: Any, err: Any, env: Mapping[str, str]) -> Iterator[None]:
    from handlers.aws import wiring as aws
    from handlers.azure import wiring as azure

    before = dict(os.environ)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("argv", argv), ("stdin", stdin), ("stdout", out), ("stderr", err)):
            patch.setattr(sys, name, value)
        os.environ.clear()
        os.environ.update({**_outside(), **env})
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            aws.reset()
            azure.reset()
