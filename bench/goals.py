"""What is measured against what: one line a goal, whether it is met or not."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several rounds with their quartiles."""

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        ordered = sorted(values)
        if len(ordered) < 2:
            return cls(ordered[0], ordered[0], ordered[0], 1)
        low, _, high = statistics.quantiles(ordered, n=4, method="inclusive")
        return cls(statistics.median(ordered), low, high, len(ordered))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. Without a `goal` it only tells; `better` says which side of the goal is good."""

    group: str
    what: str
    value: Spread
    unit: str = "×"
    goal: float | None = None
    better: Literal["below", "above"] = "below"
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value.median <= self.goal if self.better == "below" else self.value.median >= self.goal

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Row:
        known = {name: each for name, each in data.items() if name != "met"}
        return cls(**{**known, "value": Spread(**data["value"])})


@dataclass(slots=True)
class Results:
    """Everything of one run: the machine, the rows, and absolute figures for reading (milliseconds, MiB)."""

    machine: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    absolute: dict[str, dict[str, float]] = field(default_factory=dict)
    calls: dict[str, list[str]] = field(default_factory=dict)
    profile: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "machine": self.machine,
            "rows": [row.as_json() for row in self.rows],
            "absolute": self.absolute,
            "calls": self.calls,
            "profile": self.profile,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Results:
        rows = [Row.from_json(row) for row in data["rows"]]
        return cls(data["machine"], rows, data["absolute"], data["calls"], data["profile"])


def ratio(values: Sequence[float], others: Sequence[float]) -> Spread:
    """Round by round: what disturbs the machine in a round disturbs both."""
    return Spread.of([value / other for value, other in zip(values, others, strict=True)])
