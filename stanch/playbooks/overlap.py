"""Whether one finding can match two playbooks. Says yes where it cannot tell: a note too many is better than a surprise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stanch.playbooks.fields import Field, find
from stanch.playbooks.model import Conditions, Playbook
from stanch.playbooks.numeric import pairs, possible
from stanch.playbooks.patterns import SCALARS, compile_patterns
from stanch.playbooks.wildcards import Glob, meet


def overlap(one: Playbook, other: Playbook) -> bool:
    """Whether some finding (and, where both ask for one, some resource) may satisfy both."""
    for name in set(one.when) & set(other.when):
        field = find(name)
        if field is not None and not field.many and not _common(field, one.when[name], other.when[name]):
            return False
    return not (_shut_out(one.when, other.unless) or _shut_out(other.when, one.unless))


def _common(field: Field, left: Sequence[Any], right: Sequence[Any]) -> bool:
    if field.choices:
        first, second = compile_patterns(left), compile_patterns(right)
        return any(first(choice) and second(choice) for choice in field.choices)
    return any(_meet(field, a, b) for a in left for b in right)


def _meet(field: Field, a: Any, b: Any) -> bool:
    fold = field.folds is not None
    for exact, pattern in ((a, b), (b, a)):
        if exact is None or isinstance(exact, SCALARS):
            return compile_patterns([pattern], fold=fold)(exact)
    left, right = _glob(a, fold), _glob(b, fold)
    if left and right:
        return meet(left, right)
    if "numeric" in a and "numeric" in b:
        return possible([*pairs(a["numeric"]), *pairs(b["numeric"])], field.low, field.high, field.whole)
    return bool(a.get("exists", True) == b.get("exists", True))


def _glob(pattern: Mapping[str, Any], fold: bool) -> Glob | None:
    ((name, operand),) = pattern.items()
    if name not in ("prefix", "suffix", "wildcard", "equals-ignore-case"):
        return None
    ignore = isinstance(operand, Mapping) or name == "equals-ignore-case"
    text = str(operand["equals-ignore-case"] if isinstance(operand, Mapping) else operand)
    if ignore and not fold:
        return Glob("*")  # over-approximated: without case on one side only
    text = text.casefold() if fold else text
    if name == "wildcard":
        return Glob(text)
    escaped = text.replace("\\", "\\\\").replace("*", "\\*")
    return Glob({"prefix": f"{escaped}*", "suffix": f"*{escaped}", "equals-ignore-case": escaped}[name])


def _shut_out(when: Conditions, unless: Conditions) -> bool:
    """Whether the other's `unless` refuses all that this `when` lets through."""
    for name, refused in unless.items():
        field = find(name)
        if field is None or name not in when or field.of != "finding":
            continue
        if all(_covered(pattern, refused, field.folds is not None) for pattern in when[name]):
            return True
    return False


def _covered(pattern: Any, refused: Sequence[Any], fold: bool) -> bool:
    if isinstance(pattern, SCALARS):
        return compile_patterns(refused, fold=fold)(pattern)
    if isinstance(pattern, Mapping) and isinstance(pattern.get("prefix"), str):
        starts = [
            item["prefix"] for item in refused if isinstance(item, Mapping) and isinstance(item.get("prefix"), str)
        ]
        return any(pattern["prefix"].startswith(start) for start in starts)
    return pattern in refused
