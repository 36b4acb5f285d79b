"""Poison: mutated events and requests through the real handlers, by hypothesis and, where it runs, by atheris."""

from __future__ import annotations

import gc
import json
import os
import resource
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from stanch.cli.context import Context
from tests.proof.entrances import Entrance, judged
from tests.proof.figure import Figure, Size
from tests.proof.incoming import CORPUS, ROOT
from tests.proof.mutation import LARGEST, Mutation, kinds, made, mutations
from tests.proof.seeded import World, entered, writes

CLAIM = (
    "However an event, a request or a decision is bent, it is answered: no unhandled error, no write to any cloud, a reason for each refusal in the journal, "
    "and what nobody can read waits in the dead-letter queue."
)
CASES: dict[Size, int] = {"bounded": 25, "full": 5_000}
"""Events an entrance by each of the two; where atheris does not run, hypothesis makes its share."""

LEAST: dict[Size, int] = {"bounded": 12, "full": 10_000}
"""Events at an entrance, of both together."""

TURN = 500
"""Events of one run of hypothesis, which remembers everything that it made in it: some 10 KB an event."""

NAMED = ("wrong type", "null", "deep nesting", "huge string", "duplicate key", "NaN", "unicode")
"""Ways of bending that the whole figure has tried at every entrance."""

FUZZED: dict[Size, tuple[str, ...]] = {
    "bounded": ("guardduty",),
    "full": ("guardduty", "config", "sentinel", "runbook", "approval"),
}
"""Where atheris is sent, too: its process takes seconds to start."""

UNREADABLE: Mutation = (0, [], "deep", "none", 0)
"""Delivered first at every entrance: a few events by chance may all be readable."""

KEPT = 4
"""Objects of Python's that may be kept of an event, reasons in the tally included. Megabytes tell little: what the largest events took leaves holes in each thread's heap."""


@dataclass(slots=True)
class Tally:
    """What came of the events at one entrance."""

    name: str
    seeds: int
    hypothesis: int = 0
    atheris: int = 0
    malformed: int = 0
    again: int = 0
    slowest: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    reasons: set[tuple[str, str]] = field(default_factory=set)
    kinds: Counter[str] = field(default_factory=Counter)
    kept: float = 0.0

    def row(self) -> dict[str, Any]:
        told = ", ".join(f"{name} {count}" for name, count in self.outcomes.most_common())
        return {
            "entrance": self.name, "seeds": self.seeds, "hypothesis": self.hypothesis, "atheris": self.atheris, "refused as unreadable": self.malformed, "delivered again": self.again,
            "slowest, s of CPU": round(self.slowest, 1), "objects kept an event": round(self.kept, 2), "answers": told, "failed": len(self.failures),
        }  # fmt: skip


def measure(size: Size, folder: Path) -> Figure:
    fuzzing = bool(find_spec("atheris"))
    with entered(folder / "clouds") as world, ExitStack() as fuzzers, Watch(world.clouds) as watch:
        before = _megabytes("VmRSS")
        for door in world.doors if fuzzing else []:
            if door.name in FUZZED[size]:
                fuzzers.enter_context(_fuzzer(world, door, CASES[size], folder / door.name))
        tallies = [_at(door, CASES[size] if fuzzing else 2 * CASES[size]) for door in world.doors]
        fuzzers.close()
        grown = _megabytes("VmRSS") - before
        for tally in tallies if fuzzing else []:
            if tally.name in FUZZED[size]:
                _fuzzed(folder / tally.name, CASES[size], tally)
        lost = _unfiled(Path(os.environ["STANCH_JOURNAL"].partition("://")[2]), tallies)
    written = [f"written: {call}" for call in sorted(watch.found)]
    failures = [
        *(failure for tally in tallies for failure in tally.failures),
        *_untried(tallies, size),
        *written,
        *lost,
    ]
    failures += [
        f"{tally.name}: {tally.kept:.1f} objects are kept of every event" for tally in tallies if tally.kept > KEPT
    ]
    return Figure(
        CLAIM, sum(tally.hypothesis + tally.atheris for tally in tallies), failures, [tally.row() for tally in tallies], _notes(grown, tallies)
    )  # fmt: skip


class Watch:
    """Asks the clouds again and again what was written: they remember their latest calls only."""

    def __init__(self, clouds: Context) -> None:
        self.found: set[str] = set()
        self._clouds, self._over = clouds, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.found.update(writes(self._clouds))

    def _watch(self) -> None:
        while not self._over.wait(2):
            self.found.update(writes(self._clouds))


def _untried(tallies: list[Tally], size: Size) -> Iterator[str]:
    """What the figure claims to have tried and has not."""
    for tally in tallies:
        tried = tally.hypothesis + tally.atheris
        if tried < LEAST[size]:
            yield f"{tally.name}: only {tried} events"
        if size == "full" and (never := [kind for kind in NAMED if not tally.kinds[kind]]):
            yield f"{tally.name}: never tried {', '.join(never)}"


def _notes(grown: int, tallies: list[Tally]) -> list[str]:
    tried: Counter[str] = sum((tally.kinds for tally in tallies), Counter())
    bent = ", ".join(f"{kind} {count:,}" for kind, count in tried.most_common())
    corpus = "the sample events, and real and published ones of each source" if CORPUS.is_dir() else "the sample events"
    fuzzer = (
        ""
        if find_spec("atheris")
        else " atheris has no wheel for this interpreter or machine, so that hypothesis alone made the events."
    )
    return [
        "What the sample events name was contained before and stands beside it once more, exposed, with no finding at any source: every write is one too many, and the clouds' own "
        f"records of calls show none. Events go to the function directly and as messages of its queue.{fuzzer} At the end this process holds {grown} MB more than before; at most it held {_megabytes('VmHWM')} MB, of which the events of up to {LARGEST:,} characters are made.",
        f"Seeds are {corpus}, and requests and answers as people send them. How hypothesis bent them (one event in several ways): {bent}. atheris bends half of its units so and the bytes of the others, guided by the code that they reach.",
    ]  # fmt: skip


def _at(door: Entrance, cases: int) -> Tally:
    tally = Tally(door.name, len(door.seeds))
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):  # where metrics go
        _by_hypothesis(door, cases, tally)
    return tally


def _by_hypothesis(door: Entrance, cases: int, tally: Tally) -> None:
    def one(mutation: Mutation) -> None:
        event, text = made(door.seeds, mutation)
        verdict, took = judged(door, event, text)
        tally.hypothesis += 1
        tally.kinds.update(kinds(mutation))
        tally.outcomes.update(verdict.outcomes)
        tally.malformed += verdict.malformed
        tally.again += verdict.again
        tally.slowest = max(tally.slowest, took)
        tally.reasons.update(verdict.reasons)
        if verdict.wrong:
            tally.failures.append(f"{door.name}: {verdict.wrong} (hypothesis: {str(mutation)[:300]!a})")

    one(UNREADABLE)
    held = []
    # Failures are counted, not shrunk, so that all are seen; more than asked for may be tried.
    for first in range(0, cases, TURN):
        some = settings(
            max_examples=min(TURN, cases - first),
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        seed(first)(some(given(mutations)(one)))()
        held.append(_blocks())
    if len(held) > 1:  # what is loaded once is loaded in one turn, what leaks does so in all
        tally.kept = median(after - before for before, after in pairwise(held)) / TURN


@contextmanager
def _fuzzer(world: World, door: Entrance, cases: int, folder: Path) -> Iterator[None]:
    """A process of atheris beside this one; it has ended afterwards."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True)
    for number, event in enumerate(door.seeds):
        (corpus / str(number)).write_text(json.dumps(event))
    (folder / "waiting").write_text(json.dumps(world.waiting))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.proof.fuzzing", door.name, str(cases), str(folder)],
            cwd=ROOT, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=log,
        )  # fmt: skip
        try:
            yield
            process.wait()
        finally:
            process.kill()
            process.wait()


def _fuzzed(folder: Path, cases: int, tally: Tally) -> None:
    """What atheris left behind."""
    tally.atheris = len(_left(folder, "runs"))
    if tally.atheris < cases:
        tally.failures.append(
            f"{tally.name}: atheris ended after {tally.atheris} runs: {_left(folder, 'log')[-500:]!a}"
        )
    tally.outcomes.update(json.loads(_left(folder, "outcomes") or "{}"))
    tally.slowest = max(tally.slowest, float(_left(folder, "slowest") or 0))
    tally.failures += [f"{tally.name}: (atheris) {line[:500]}" for line in _left(folder, "failures").splitlines()]


def _left(folder: Path, name: str) -> str:
    return (folder / name).read_text("utf-8", "replace") if (folder / name).exists() else ""


def _unfiled(journal: Path, tallies: list[Tally]) -> list[str]:
    """The refusals that no report in the journal tells of."""
    with closing(sqlite3.connect(journal)) as connection:
        bodies = [json.loads(body) for (body,) in connection.execute("SELECT body FROM outbox")]
    reports = [body.get("report", body) for body in bodies]
    filed = {(str(report.get("source")), str(report.get("reason"))) for report in reports}
    wanted = {reason for tally in tallies for reason in tally.reasons}
    return [f"no report tells that {source} was refused: {reason[:200]!a}" for source, reason in sorted(wanted - filed)]


def _blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()


def _megabytes(what: str) -> int:
    """What this process holds (VmRSS) or the most that it ever held (VmHWM); elsewhere than on Linux the latter."""
    if sys.platform == "linux":
        (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{what}:")]
        return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 * 1024)
