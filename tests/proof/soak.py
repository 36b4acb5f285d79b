"""Mixed traffic for a long time, to both deployments: memory, file descriptors, threads and open records do not grow.

The workers are single processes in the clouds' own runtimes that live from the first event to the last; what people do (approve, undo) is done beside them, as from the
command line. Each sample is taken between two events.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.proof import soak_aws, soak_azure
from tests.proof.figure import Figure, Size
from tests.proof.traffic import Traffic

SEED = 20261123
SECONDS: dict[Size, float] = {"bounded": 8.0, "full": 1800.0}
WARM: dict[Size, float] = {"bounded": 0.4, "full": 0.3}
"""The part of the time whose samples do not count: imports, clients and connections are made, caches filled."""

EACH: dict[Size, float] = {"bounded": 0.0, "full": 0.6}
"""Seconds of rest after an event; what two shared cores can bear beside the local clouds."""

SAMPLES = 120
MIX = {
    "act": 30,
    "no_op": 20,
    "older": 5,
    "malformed": 5,
    "throttled": 10,
    "approval": 8,
    "denial": 4,
    "undo": 8,
    "runbook": 6,
    "sweep": 4,
}
"""How often each kind of traffic comes, in parts of 100."""

LIMITS: dict[Size, dict[str, float]] = {
    "full": {"memory": 8.0, "handles": 2.0, "threads": 2.0, "open records": 2.0},
    "bounded": {"handles": 3.0, "threads": 2.0, "open records": 4.0},
}
"""How much may grow from the first counted sample to the last, by the line that fits them best: MiB, or how many. A leak of 16 KiB or of one handle in a hundred events
would show; a cache that is filled late, or a pool that takes one more thread, does not."""


@dataclass(slots=True)
class Course:
    """What was seen of one cloud."""

    traffic: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[tuple[float, dict[str, float]]]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def measure(size: Size, folder: Path) -> Figure:
    with ExitStack() as ends:
        traffics: list[Traffic] = []
        for name, opened in (("aws", soak_aws.traffic), ("azure", soak_azure.traffic)):
            place = folder / name
            place.mkdir()
            traffics.append(ends.enter_context(opened(place)))
        courses = _run(traffics, size)
    rows, failures = [], []
    for traffic, course in zip(traffics, courses, strict=True):
        failures += [f"{traffic.cloud}: {sentence}" for sentence in course.wrong]
        for of, samples in course.samples.items():
            for what, found in _grown(samples, WARM[size]).items():
                rows.append(
                    {"cloud": traffic.cloud, "of": of, "what": what, **found, "limit": LIMITS[size].get(what, "")}
                )
                limit = LIMITS[size].get(what)
                if limit is not None and found["growth"] > limit:
                    failures.append(f"{traffic.cloud}: {what} of {of} grew by {found['growth']}, more than {limit}")
    traffic_in_all = sum((course.traffic for course in courses), Counter[str]())
    return Figure(
        "Under mixed traffic of both clouds for half an hour, neither memory nor file descriptors nor threads nor open records grow.",
        sum(traffic_in_all.values()),
        failures,
        rows,
        [
            f"{SECONDS[size] / 60:g} minutes, the first {WARM[size]:.0%} of them not counted; growth is that of the line of least squares over the samples that count. "
            "Memory is resident, in MiB; open records are actions without an outcome and undelivered reports; no lock is left in the end. "
            f"Traffic (seed {SEED}): "
            + ", ".join(f"{times:,} {kind}" for kind, times in sorted(traffic_in_all.items()))
            + "."
        ],
    )


def _run(traffics: Sequence[Traffic], size: Size) -> list[Course]:
    """Every cloud's traffic in a thread of its own, at the same time."""
    courses, raised = [Course() for _ in traffics], list[BaseException]()

    def work(traffic: Traffic, course: Course, dice: random.Random) -> None:
        try:
            _traffic(traffic, course, dice, size)
        except BaseException as error:  # noqa: BLE001  # raised below, in the thread that asked
            raised.append(error)

    threads = [
        threading.Thread(target=work, args=(traffic, course, random.Random(SEED + number)))
        for number, (traffic, course) in enumerate(zip(traffics, courses, strict=True))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
    return courses


def _traffic(traffic: Traffic, course: Course, dice: random.Random, size: Size) -> None:
    kinds, every = list(MIX), SECONDS[size] / SAMPLES
    for kind in kinds:  # each once, so that every part of a worker is there before anything counts
        _one(traffic, course, kind)
    due = started = time.monotonic()
    while (now := time.monotonic()) < started + SECONDS[size]:
        _one(traffic, course, dice.choices(kinds, [MIX[kind] for kind in kinds])[0])
        if now >= due:
            due = max(due + every, now)
            for of, found in traffic.sample().items():
                course.samples.setdefault(of, []).append((now - started, found))
        time.sleep(EACH[size])
    if left := traffic.locks():
        course.wrong.append(f"{left} locks are left")


def _one(traffic: Traffic, course: Course, kind: str) -> None:
    does: Callable[[], str | None] = getattr(traffic, kind)
    wrong = does()
    course.traffic[kind] += 1
    if wrong is not None:
        course.wrong.append(f"{kind}: {wrong}")


def _grown(samples: Sequence[tuple[float, dict[str, float]]], warm: float) -> dict[str, dict[str, Any]]:
    """Of each thing measured: its first and last value that count, and how much the fitted line grows between them."""
    end = samples[-1][0]
    counted = [(at, found) for at, found in samples if at >= warm * end]
    grown = {}
    for what in counted[0][1]:
        points = [(at, found[what]) for at, found in counted]
        rise = _slope(points) * (points[-1][0] - points[0][0])
        grown[what] = {"first": points[0][1], "last": points[-1][1], "samples": len(points), "growth": round(rise, 2)}
    return grown


def _slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the line of least squares."""
    count = len(points)
    x, y = sum(at for at, _ in points) / count, sum(value for _, value in points) / count
    spread = sum((at - x) ** 2 for at, _ in points)
    return sum((at - x) * (value - y) for at, value in points) / spread if spread else 0.0
