"""Cases: one event of a resource of its own, during whose handling the process dies at one place."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stanch.finding import Resource
from tests.faults.dying import KILLED

ROOT = Path(__file__).parent.parent.parent
SERIES = [("sdk", "after"), ("journal", "after")]
"""A death before a call is one after the call before it, to everybody else: that of each call by itself is `tests.proof.crash`'s."""
MOST = 60
"""Calls that no run comes near; a run that never completes ends here."""


@dataclass
class Case:
    """`at` is where the process died (None: it ended well); `world` and `resource` are what it acted on."""

    series: tuple[str, str]
    k: int
    event: dict[str, Any]
    world: Any
    resource: Resource
    before: Any
    exit_code: int = 0
    calls: list[str] = field(default_factory=list)

    @property
    def where(self) -> str:
        kind, when = self.series
        last = [call.partition(" ")[2] for call in self.calls if call.startswith(kind)]
        return f"{when} {kind} call {self.k} ({last[-1] if last else 'none'})"


class Dying:
    """The process whose forks die."""

    def __init__(self, cloud: str, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.dying", cloud],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=dict(environment),
        )  # fmt: skip

    def handle(self, case: dict[str, Any]) -> int:
        """The exit code of the fork that handled it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline() or -1)

    def stop(self) -> None:
        with self._process:  # closes its standard input, at which it leaves
            pass


@contextmanager
def dying(cloud: str, environment: Mapping[str, str]) -> Iterator[Dying]:
    found = Dying(cloud, environment)
    try:
        yield found
    finally:
        found.stop()


def run_series(process: Dying, series: tuple[str, str], make: Callable[[tuple[str, str], int], Case], folder: Path) -> list[Case]:  # fmt: skip
    """A case for every call of a run, until one ends by itself."""
    cases = []
    for k in range(MOST):
        case = make(series, k)
        log = folder / f"{'-'.join(series)}-{k}.calls"
        log.touch()
        case.exit_code = process.handle({"event": case.event, "at": {"series": series, "k": k}, "log": str(log)})
        case.calls = log.read_text().splitlines()
        cases.append(case)
        if case.exit_code != KILLED:
            break
    return cases


def run_all(
    cloud: str, environment: Mapping[str, str], make: Callable[[tuple[str, str], int], Case], folder: Path
) -> dict[tuple[str, str], list[Case]]:
    """Every series, two at a time."""
    found: dict[tuple[str, str], list[Case]] = {}

    def some(mine: list[tuple[str, str]]) -> None:
        with dying(cloud, environment) as process:
            for series in mine:
                found[series] = run_series(process, series, make, folder)

    threads = [threading.Thread(target=some, args=(SERIES[half::2],)) for half in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
