"""One figure of the proof: what was claimed, how many cases were tried, what failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any, Literal

Size = Literal["bounded", "full"]
"""`bounded` is what the test suite can afford, `full` what `make proof` publishes."""

FIGURES: dict[str, str] = {
    "crash": "tests.proof.crash",
    "duplicates": "tests.proof.duplicates",
    "fencing": "tests.proof.fencing",
    "undo": "tests.proof.undo",
    "writeback": "tests.proof.writeback",
    "poison": "tests.proof.poison",
    "kill": "tests.proof.kill",
    "storm": "tests.proof.storm",
    "security": "tests.proof.security",
    "soak": "tests.proof.soak",
}
"""The name of each figure and the module that measures it with its `measure`, in the order of the page."""


@dataclass(frozen=True, slots=True)
class Figure:
    """`cases` is how many were tried, `failures` a sentence for each that did not hold, `table` the figures by row (every row has the same columns)."""

    claim: str
    cases: int
    failures: list[str] = field(default_factory=list)
    table: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


Measure = Callable[..., Figure]
"""Takes the size, an empty folder (a Path) for its files and, where the figure has parts, the name of one that alone is to be measured; leaves no process behind. Raises nothing for a case that fails: that is a failure of the figure."""


def measured_by(name: str) -> Measure:
    """The function that measures a figure. Raises KeyError for an unknown name."""
    found: Measure = import_module(FIGURES[name]).measure
    return found
