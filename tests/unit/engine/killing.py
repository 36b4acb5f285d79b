"""A delivery killed at each of its calls in turn, each time on a bench of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from stanch.finding import Resource
from tests.unit.engine.bench import Bench, finding
from tests.unit.engine.failing import Fuse, Killed

B = TypeVar("B", bound=Bench)

MAKERS: dict[str, Callable[[Bench], Resource]] = {"door": Bench.door, "vault": Bench.vault}
ENOUGH = 8
"""A whole run has more calls than that."""


@dataclass(frozen=True)
class Death(Generic[B]):
    """What was left at call `k`: the bench, the resource, and the cloud as it was found."""

    bench: B
    resource: Resource
    found: dict[str, Any]
    k: int


def deaths(make: Callable[[Path], B], folder: Path, kind: str, after: bool) -> Iterator[Death[B]]:
    """One death a call, before or after it took effect, until a run gets through; that one is the last."""
    for k in range(100):
        place = folder / str(k)
        place.mkdir()
        bench = make(place)
        resource = MAKERS[kind](bench)
        found = bench.cloud.snapshot()
        fuse = Fuse(bench, k, after)
        with contextlib.suppress(Killed):
            bench.deliver(finding(resource))
        fuse.lit = False
        yield Death(bench, resource, found, k)
        if not fuse.burnt:
            assert k > ENOUGH
            return
    raise AssertionError("the run never ended")
