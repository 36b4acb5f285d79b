"""Which playbooks a finding can match at all, found without asking each: the cost does not grow with their number.

Each playbook stands under the values of one field of its `when`, the one that tells it best from the others. Only playbooks of
which nothing can be looked up (suffixes, numbers, `anything-but` alone) are asked every time. The index is plain JSON, so that it is
made once, when a deployment is packaged, and not by every cold function.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from stanch.finding import Finding
from stanch.playbooks.fields import FIELDS, Field, always
from stanch.playbooks.wildcards import Glob

Json = dict[str, Any]
When = Mapping[str, Sequence[Any]]


class Key(NamedTuple):
    """A text that a value is, or only starts with."""

    start: bool
    text: str


class Way(NamedTuple):
    """How a playbook can be looked up: by these keys of this field. `sure`: what is found so matches the field's patterns and need not be asked again."""

    field: str
    sure: bool
    keys: tuple[Key, ...]


class _Table:
    """The playbooks that are looked up by one field in one way."""

    __slots__ = ("exact", "field", "fold", "starts", "sure")

    def __init__(self, field: str, sure: bool) -> None:
        self.field: Field = FIELDS[field]
        self.sure = field if sure else None
        self.fold = not sure or self.field.folds is always
        self.exact: dict[str, list[int]] = {}
        self.starts: dict[int, dict[str, list[int]]] = {}

    def add(self, keys: Sequence[Key], at: int) -> None:
        for start, text in keys:
            texts = self.starts.setdefault(len(text), {}) if start else self.exact
            texts.setdefault(text, []).append(at)

    def values(self, finding: Finding) -> Sequence[Any]:
        """What the finding has in the field."""
        read = self.field.read
        if self.field.of == "resource":
            return list({read(resource) for resource in finding.resources})
        value = read(finding)
        return value if isinstance(value, list) else (value,)


class Index:
    """Made once from the `when` of every playbook; a playbook is known by its position."""

    def __init__(self, whens: Mapping[int, When]) -> None:
        ways = {at: _ways(when) for at, when in whens.items()}
        crowd = Counter((way.field, key) for found in ways.values() for way in found for key in way.keys)
        self._tables: dict[tuple[str, bool], _Table] = {}
        self._rest: list[int] = []
        for at, found in ways.items():
            if found:
                best = min(found, key=lambda way: max(crowd[way.field, key] for key in way.keys))
                self._table(best.field, best.sure).add(best.keys, at)
            else:
                self._rest.append(at)

    def _table(self, field: str, sure: bool) -> _Table:
        if (field, sure) not in self._tables:
            self._tables[field, sure] = _Table(field, sure)
        return self._tables[field, sure]

    def as_json(self) -> Json:
        """What `from_json` takes."""
        tables = [
            {"field": field, "sure": sure, "exact": table.exact, "starts": list(table.starts.values())}
            for (field, sure), table in self._tables.items()
        ]
        return {"rest": self._rest, "tables": tables}

    @classmethod
    def from_json(cls, data: Json) -> Index:
        """The index as it was made. Raises KeyError, TypeError or ValueError for what is none."""
        made = cls({})
        made._rest = list(data["rest"])
        for each in data["tables"]:
            table = made._table(each["field"], bool(each["sure"]))
            table.exact = dict(each["exact"])
            table.starts = {len(next(iter(texts))): dict(texts) for texts in each["starts"]}
        return made

    def candidates(self, finding: Finding) -> dict[int, str | None]:
        """The positions of the playbooks that may match, in order, each with the field that is known to match already."""
        found: dict[int, str | None] = dict.fromkeys(self._rest)
        for table in self._tables.values():
            sure, exact = table.sure, table.exact
            for value in table.values(finding):
                if not isinstance(value, str):
                    continue
                text = value.casefold() if table.fold else value
                for at in exact.get(text, ()):
                    found[at] = sure
                for length, texts in table.starts.items():
                    for at in texts.get(text[:length], ()):
                        found[at] = sure
        return dict(sorted(found.items())) if len(found) > 1 else found


def _ways(when: When) -> list[Way]:
    found = []
    for name, field in FIELDS.items():
        if name in when and field.kind in ("text", "ip"):
            way = _way(field, when[name])
            if way is not None:
                found.append(way)
    return found


def _way(field: Field, patterns: Sequence[Any]) -> Way | None:
    """None if one of the patterns cannot be looked up. Where that proves nothing, the keys are without case and the patterns are tested afterwards."""
    sure = field.of == "finding" and field.folds in (None, always) and all(_whole(pattern) for pattern in patterns)
    keys = [_key(pattern, fold=not sure or field.folds is always) for pattern in patterns]
    return Way(field.name, sure, tuple(key for key in keys if key)) if keys and None not in keys else None


def _whole(pattern: Any) -> bool:
    """Whether the key that is made of it says all that it says."""
    return isinstance(pattern, str) or (isinstance(pattern, Mapping) and isinstance(pattern.get("prefix"), str))


def _key(pattern: Any, fold: bool) -> Key | None:
    if isinstance(pattern, str):
        return Key(False, pattern.casefold() if fold else pattern)
    if not isinstance(pattern, Mapping):
        return None
    ((name, operand),) = pattern.items()
    if name == "equals-ignore-case":
        return Key(False, operand.casefold())
    if name == "prefix":
        head = operand["equals-ignore-case"] if isinstance(operand, Mapping) else operand
    elif name == "wildcard":
        head = Glob(operand).head
    else:
        return None
    return Key(True, head.casefold() if fold else head) if head else None
