"""Ports as security rules write them (`*`, `22`, `5985-5986`) and as intervals that can be cut."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stanch.errors import InvalidInput

Interval = tuple[int, int]
"""First and last port, both included."""

HIGHEST = 65535


def parse(text: Any) -> Interval:
    """One port or range. Raises InvalidInput for what is neither."""
    first, dash, last = str(text).strip().partition("-")
    if str(text).strip() == "*":
        return (0, HIGHEST)
    ends = (first.strip(), last.strip() if dash else first.strip())
    if not all(end.isascii() and end.isdigit() for end in ends):
        raise InvalidInput("ports", f"{text!r} is neither a port nor a range of ports")
    low, high = int(ends[0]), int(ends[1])
    if not 0 <= low <= high <= HIGHEST:
        raise InvalidInput("ports", f"{text!r} is no range between 0 and {HIGHEST}")
    return (low, high)


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same ports in ascending order, without overlaps or neighbours."""
    merged: list[Interval] = []
    for low, high in sorted(intervals):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def cut(interval: Interval, away: Iterable[Interval]) -> list[Interval]:
    """What is left of `interval` without the ports in `away`."""
    left, start = [], interval[0]
    for low, high in union(away):
        if high < start or low > interval[1]:
            continue
        if low > start:
            left.append((start, low - 1))
        start = high + 1
    return [*left, (start, interval[1])] if start <= interval[1] else left


def meet(intervals: Iterable[Interval], others: Iterable[Interval]) -> list[Interval]:
    """The ports that are in both."""
    second = list(others)
    return union(
        (max(low, first), min(high, last)) for low, high in intervals for first, last in second
        if max(low, first) <= min(high, last)
    )  # fmt: skip


def text(interval: Interval) -> str:
    """As a security rule writes it."""
    low, high = interval
    return "*" if interval == (0, HIGHEST) else str(low) if low == high else f"{low}-{high}"
