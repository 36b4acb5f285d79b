"""The `numeric` operator: `["=", 1]`, `[">", 0, "<=", 5]`; two comparisons must both hold."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def pairs(operand: Sequence[Any]) -> list[tuple[str, float]]:
    return [(operand[at], operand[at + 1]) for at in range(0, len(operand), 2)]


def compare(operand: Sequence[Any], value: float) -> bool:
    return all(COMPARISONS[sign](value, bound) for sign, bound in pairs(operand))


def wrong_numeric(operand: Any) -> str | None:
    """Why this is no comparison, or None."""
    if not isinstance(operand, list | tuple) or len(operand) not in (2, 4):
        return f'needs one or two comparisons such as [">", 0, "<=", 5], not {operand!r}'
    for sign, bound in pairs(operand):
        if not isinstance(sign, str) or sign not in COMPARISONS:
            return f"{sign!r} is no comparison; there is {', '.join(COMPARISONS)}"
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not math.isfinite(bound):
            return f"{bound!r} is no number to compare with"
    return None


def possible(comparisons: Sequence[tuple[str, float]], low: float, high: float, whole: bool) -> bool:
    """Whether some number (a whole one if `whole`) between `low` and `high`, both included, satisfies all comparisons."""
    below, above = (high, True), (low, True)
    for sign, bound in comparisons:
        if sign in ("<", "<=", "="):
            below = min(below, (bound, sign != "<"))
        if sign in (">", ">=", "="):
            above = max(above, (bound, sign != ">"), key=lambda edge: (edge[0], not edge[1]))
    (top, top_in), (bottom, bottom_in) = below, above
    if whole:
        first = (
            bottom if math.isinf(bottom) else math.floor(bottom) + (not (bottom_in and bottom == math.floor(bottom)))
        )
        last = top if math.isinf(top) else math.ceil(top) - (not (top_in and top == math.ceil(top)))
        return first <= last
    return bottom < top or (bottom == top and top_in and bottom_in)
