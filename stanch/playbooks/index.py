"""Which playbooks a finding can match at all, found without asking each: the cost does not grow with their number.

Each playbook stands under the values of one field of its `when`, the one that tells it best from the others. Only playbooks of
which nothing can be looked up (suffixes, numbers, `anything-but` alone) are asked every time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stanch.finding import Finding
from stanch.playbooks.fields import FIELDS, Field
from stanch.playbooks.wildcards import Glob

Key = tuple[str, bool, str]
"""Field name, whether the text is only how a value starts, and the text, without case: the patterns themselves are tested later."""


def keys(field: str, patterns: Iterable[Any]) -> list[Key] | None:
    """Under what the patterns can be looked up; None if one of them cannot."""
    found = [_key(field, pattern) for pattern in patterns]
    return None if None in found else [key for key in found if key]


def _key(field: str, pattern: Any) -> Key | None:
    if isinstance(pattern, str):
        return field, False, pattern.casefold()
    if not isinstance(pattern, Mapping):
        return None
    ((name, operand),) = pattern.items()
    if name == "equals-ignore-case":
        return field, False, operand.casefold()
    if name == "prefix":
        head = operand["equals-ignore-case"] if isinstance(operand, Mapping) else operand
    elif name == "wildcard":
        head = Glob(operand).head
    else:
        return None
    return (field, True, head.casefold()) if head else None


class Index:
    """Made once from the `when` of every playbook; a playbook is known by its position."""

    def __init__(self, whens: Sequence[Mapping[str, Sequence[Any]]]) -> None:
        ways = [self._ways(when) for when in whens]
        crowd = Counter(key for way in ways for found in way for key in found)
        self._exact: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._starts: dict[str, dict[int, dict[str, list[int]]]] = defaultdict(dict)
        self._rest: list[int] = []
        for at, way in enumerate(ways):
            if not way:
                self._rest.append(at)
                continue
            best = min(way, key=lambda found: max(crowd[key] for key in found))
            for field, start, text in best:
                if start:
                    self._starts[field].setdefault(len(text), defaultdict(list))[text].append(at)
                else:
                    self._exact[field][text].append(at)
        self._fields: list[Field] = [FIELDS[name] for name in dict.fromkeys((*self._exact, *self._starts))]

    @staticmethod
    def _ways(when: Mapping[str, Sequence[Any]]) -> list[list[Key]]:
        fields = [name for name in FIELDS if name in when and FIELDS[name].kind in ("text", "ip")]
        return [found for name in fields if (found := keys(name, when[name]))]

    def candidates(self, finding: Finding) -> list[int]:
        """The positions of the playbooks that may match, in order."""
        found = set(self._rest)
        for field in self._fields:
            exact, starts = self._exact.get(field.name, {}), self._starts.get(field.name, {})
            for value in _values(field, finding):
                found.update(exact.get(value, ()))
                for length, texts in starts.items():
                    found.update(texts.get(value[:length], ()))
        return sorted(found)


def _values(field: Field, finding: Finding) -> set[str]:
    read = [field.read(resource) for resource in finding.resources] if field.of == "resource" else [field.read(finding)]
    flat = [item for value in read for item in (value if isinstance(value, list) else (value,))]
    return {value.casefold() for value in flat if isinstance(value, str)}
