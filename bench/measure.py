"""One run of one side: a fresh process, its times and its calls."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.environments import BENCH, interpreter
from bench.events import ACCOUNT
from bench.stub.process import Call, RunningStub


@dataclass(frozen=True, slots=True)
class Side:
    """Whoever is measured. `contains` is the call that contains; `first` is imported before the handler's module (a Function app's entry);
    `account` is where the resources of its events lie."""

    name: str
    path: tuple[Path, ...]
    handler: str
    contains: str
    env: Mapping[str, str] = field(default_factory=dict)
    first: str = ""
    context: bool = True
    folder: Path | None = None
    account: str = ACCOUNT


@dataclass(frozen=True, slots=True)
class Run:
    """Times in seconds. `spawned` is before the process was started; `marks` are start, end and CPU of each event; `cpu` is that of the whole process."""

    spawned: float
    ready: float
    marks: tuple[tuple[float, float, float], ...]
    cpu: float
    peak: int
    modules: tuple[str, ...]
    calls: tuple[Call, ...]
    contains: str
    answer: Any

    @property
    def reported(self) -> float:
        """From the start of the process to the end of its first event."""
        return self.marks[0][1] - self.spawned

    @property
    def contained(self) -> float:
        """From the start of the process until the stub had the call that contains."""
        return self.containing().received - self.spawned

    def of_event(self, number: int) -> list[Call]:
        """The calls made for one event, in order."""
        start, end, _ = self.marks[number]
        return [call for call in self.calls if start <= call.received <= end]

    def containing(self, number: int = 0) -> Call:
        """The call that contained the event's resource. Raises RuntimeError where there is none: a run that did not contain measures nothing."""
        found = [call for call in self.of_event(number) if call.name == self.contains]
        if not found:
            seen = ", ".join(call.name for call in self.of_event(number))
            raise RuntimeError(f"not contained; calls: {seen}; answer: {str(self.answer)[:2000]}")
        return found[0]

    def depth(self, number: int = 0) -> int:
        """How many round trips stand one after the other up to and with the call that contains."""
        last = self.containing(number)
        depths: dict[Call, int] = {}
        for call in sorted(self.of_event(number), key=lambda call: call.received):
            before = [depths[other] for other in depths if other.answered <= call.received]
            depths[call] = 1 + max(before, default=0)
            if call is last:
                break
        return depths[last]


def run(side: Side, stub: RunningStub, events: Sequence[Any], *, moment: datetime, delay: float = 0.0, program: str | None = None) -> Run:  # fmt: skip
    """Start the side's process, give it the events one after the other, and collect what it and the stub saw. `program`: another Python than the deployed one."""
    stub.begin(moment, delay, side.account)
    with tempfile.TemporaryDirectory(prefix="stanch-bench-") as name:
        folder = Path(name)
        (folder / "events.json").write_text(json.dumps(events))
        spec = {
            "path": [str(path) for path in side.path],
            "first": side.first,
            "handler": side.handler,
            "events": str(folder / "events.json"),
            "context": side.context,
        }
        (folder / "spec.json").write_text(json.dumps(spec))
        command = [
            program or interpreter(),
            "-I",
            "-B",
            str(BENCH / "child.py"),
            str(folder / "spec.json"),
            str(folder / "out.json"),
        ]
        env = environment(stub) | {name: value.replace("STUB", stub.url) for name, value in side.env.items()}
        spawned = time.monotonic()
        done = subprocess.run(command, env=env, cwd=side.folder or folder, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{side.name}: {done.stderr[-3000:]}")
        out = json.loads((folder / "out.json").read_text())
    marks = tuple((start, end, cpu) for start, end, cpu in out["events"])
    return Run(
        spawned,
        out["ready"],
        marks,
        out["cpu"],
        out["peak"],
        tuple(out["modules"]),
        tuple(stub.calls()),
        side.contains,
        out["answer"],
    )


def environment(stub: RunningStub) -> dict[str, str]:
    """What every side's process has: credentials as Lambda gives them, and the stub as its cloud."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "ASIAEXAMPLEEXAMPLE00",
        "AWS_SECRET_ACCESS_KEY": "x" * 40,
        "AWS_SESSION_TOKEN": "t" * 300,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": stub.url,
        "AWS_CA_BUNDLE": str(stub.bundle),
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "REQUESTS_CA_BUNDLE": str(stub.bundle),
        "SSL_CERT_FILE": str(stub.bundle),
        "TOPIC": "arn:aws:sns:eu-west-1:111122223333:reports",
    }


def now() -> datetime:
    """The moment of a round's events, whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)
