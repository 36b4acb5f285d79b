"""Work on the local clouds in processes of its own, so that what a measurement turns (the clock, the SDKs' hooks, the environment) is turned nowhere else."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tests.contract.harness import all_scenarios
from tests.contract.scenario import Scenario
from tests.proof.lab import FAST, Lab, local
from tests.proof.wall import Wall

Make = Callable[[], Lab]
"""A new case of a job's scenario: everything anew but the local cloud."""


@dataclass(frozen=True, slots=True)
class Job:
    """`work` is a function of a module; it is given the maker of its scenario's cases and `payload`. All of it is pickled, and so is what it returns."""

    work: Callable[[Make, Any], Any]
    scenario: int
    payload: Any = None


def firsts() -> list[tuple[int, Scenario]]:
    """The first scenario of each remediation, with its number among all."""
    return list({each.remediation: (at, each) for at, each in reversed(list(enumerate(all_scenarios())))}.values())[
        ::-1
    ]


def done(jobs: Sequence[Job], workers: int) -> list[Any]:
    """What each job returned, in order."""
    with tempfile.TemporaryDirectory(prefix="proof-", dir=FAST) as folder:
        spawned = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=spawned, initializer=_begin, initargs=(folder,)) as pool:
            return list(pool.map(_do, jobs))


@dataclass
class _Process:
    """What a worker keeps between jobs: the clouds it started, which end with it."""

    folder: Path
    wall: Wall
    names: Iterator[int]
    clouds: dict[str, Any]
    open: ExitStack


_HERE: list[_Process] = []


def _begin(folder: str) -> None:
    opened, wall = ExitStack(), Wall()
    opened.enter_context(wall.shown())
    place = Path(tempfile.mkdtemp(dir=folder))
    _HERE[:] = [_Process(place, wall, count(), {}, opened)]


def _do(job: Job) -> Any:
    here, scenario = _HERE[0], all_scenarios()[job.scenario]
    name = scenario.remediation.partition(".")[0]
    if name not in here.clouds:
        here.clouds[name] = here.open.enter_context(local(name, here.folder / name))
    cloud = here.clouds[name]
    cloud.forget()
    return job.work(lambda: Lab(cloud, here.folder / str(next(here.names)), scenario, here.wall), job.payload)
