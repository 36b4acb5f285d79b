"""Tolerant access to an event's fields, with the place of each for errors.

Sources spell the same field in camelCase, PascalCase or snake_case, write numbers and booleans as strings, put JSON into strings, and send
one object where a list is due. All of that is read alike; what means something else is refused with its place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from msgspec import Struct

from stanch import clock
from stanch.errors import MalformedEvent
from stanch.sources.loading import MAX_DEPTH, load

_SURROGATE = re.compile("[\ud800-\udfff]")
_ABSENT = (None, "", "None")
_EMPTY_DATE = "0001-01-01T"
SHORT = 64
"""Characters of a name that is worth remembering: long ones are not kept, for an attacker may write any number of them."""

OBJECT = (dict, Mapping)
"""For isinstance: that a dict is a Mapping takes ten times as long to find out as that it is a dict."""

NUMBER = (int, float)

_CONTRADICTED = object()

_PLACEHOLDER = re.compile(r"\$\{|\{\{|<[^<>]*>")


def fold(name: str) -> str:
    """The name without letter case, underscores and hyphens: `accountId`, `AccountId` and `account_id` are one."""
    return _folded(name) if len(name) <= SHORT else name.replace("_", "").replace("-", "").lower()


@lru_cache(4096)
def _folded(name: str) -> str:
    """The same names come with every event."""
    return name.replace("_", "").replace("-", "").lower()


def shown(value: object) -> str:
    """A value for an error's sentence: short, on one line, control characters escaped."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def stamp(moment: datetime | None) -> str:
    """A time as part of a finding's version: to the millisecond, empty where there is none."""
    return moment.isoformat(timespec="milliseconds") if moment else ""


def clean(value: object, place: str = "", depth: int = 0) -> Any:
    """A copy of plain JSON values. Half surrogate pairs become U+FFFD, for no store or channel can encode them.

    Raises MalformedEvent for what is no JSON value and for more than MAX_DEPTH levels.
    """
    if isinstance(value, str):  # most of what an event holds
        return value if value.isascii() else _SURROGATE.sub("\ufffd", value)
    if (
        value is None
        or (isinstance(value, int) and -(2**63) <= value < 2**64)
        or (isinstance(value, float) and math.isfinite(value))
    ):
        return value
    if depth >= MAX_DEPTH:
        raise MalformedEvent(place or "event", f"has more than {MAX_DEPTH} objects and arrays within each other")
    if isinstance(value, list):
        return [clean(item, f"{place}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, OBJECT) and all([isinstance(key, str) for key in value]):  # noqa: C419  (the cheaper one)
        return {
            key if key.isascii() else clean(key): (
                item if type(item) is str and item.isascii() else clean(item, _join(place, key), depth + 1)
            )
            for key, item in value.items()
        }
    raise MalformedEvent(place or "event", f"holds {shown(value)}, which is no JSON value")


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


class Node(Struct, frozen=True):
    """One value of an event and its place, a JSON path such as `detail.resource.accessKeyDetails`."""

    value: Any
    place: str = ""
    _fields: dict[str, Any] = {}
    _found: dict[str, Node] = {}

    @property
    def present(self) -> bool:
        """There is something here: neither missing nor null nor empty text."""
        return self.value is not None and self.value != ""

    def malformed(self, reason: str) -> MalformedEvent:
        """The error to raise about this value."""
        return MalformedEvent(self.place or "event", reason)

    def mapping(self) -> Mapping[str, Any]:
        """The object here; absent is empty. Reads JSON in a string and a list of one. Raises MalformedEvent for anything else."""
        value = self.decoded().value
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, OBJECT):
            return value
        if value in _ABSENT:
            return {}
        raise self.malformed(f"must be an object, not {shown(value)}")

    def decoded(self) -> Node:
        """The JSON inside a string that holds an object or a list, else this node itself."""
        if isinstance(self.value, str) and self.value.lstrip()[:1] in ("{", "["):
            return Node(clean(load(self.value, self.place or "event"), self.place), self.place)
        return self

    def get(self, name: str) -> Node:
        """The field `name`, however it is spelt; its place bears the name asked for.

        Raises MalformedEvent where two spellings of it contradict each other.
        """
        node = self._found.get(name)
        if node is None:
            node = self._found[name] = Node(self._field(name), _join(self.place, name))
        return node

    def _field(self, name: str) -> Any:
        if self.value is None:
            return None
        if not self._fields:
            self._read()
        found = self._fields.get(fold(name))
        if found is _CONTRADICTED:
            raise Node(None, _join(self.place, name)).malformed(
                "stands here in two spellings that contradict each other"
            )
        return found

    def _read(self) -> None:
        """Keep every field under its folded name."""
        for key, item in self.mapping().items():
            if item is not None:
                folded = fold(key)
                first = self._fields.setdefault(folded, item)
                if first is not item and first != item:
                    self._fields[folded] = _CONTRADICTED

    def at(self, *path: str) -> Node:
        """The field at the end of `path`."""
        node = self
        for name in path:
            node = node.get(name)
        return node

    def first(self, *names: str) -> Node:
        """The first of the fields that is present, else the first as a missing one."""
        found = [self.get(name) for name in names]
        return next((node for node in found if node.present), found[0])

    def items(self) -> Iterator[Node]:
        """The members of a list; one object or value counts as a list of one, an object with the keys 0, 1, … as a list."""
        value = self.decoded().value
        if isinstance(value, Mapping) and value and all(key.isdecimal() for key in value):
            value = list(value.values())
        if isinstance(value, list):
            yield from (Node(item, f"{self.place}[{index}]") for index, item in enumerate(value) if item is not None)
        elif value not in _ABSENT:
            yield Node(value, self.place)

    def text(self) -> str | None:
        """The text here, without blanks around it; a number becomes its digits. None where it is absent or empty."""
        if isinstance(self.value, str):
            return self.value.strip() or None
        if isinstance(self.value, bool) or not isinstance(self.value, int | float | None):
            raise self.malformed(f"must be text, not {shown(self.value)}")
        if isinstance(self.value, float) and self.value.is_integer():
            return str(int(self.value))
        return None if self.value is None else str(self.value)

    def required(self) -> str:
        """The text here. Raises MalformedEvent where it is absent."""
        text = self.text()
        if text is None:
            raise self.malformed("is missing")
        return text

    def matching(self, pattern: re.Pattern[str], what: str) -> str | None:
        """The text here, which must match `pattern` as a whole. Raises MalformedEvent saying that it is no `what`."""
        text = self.text()
        if text is not None and not pattern.fullmatch(text):
            kind = "is a placeholder, not" if _PLACEHOLDER.search(text) else "is not"
            raise self.malformed(f"{kind} {what}: {shown(text)}")
        return text

    def number(self) -> float | None:
        """The number here, also when written as text. None where it is absent."""
        if self.value in _ABSENT:
            return None
        try:
            value = math.nan if isinstance(self.value, bool | list | Mapping) else float(self.value)
        except (ValueError, OverflowError):
            value = math.nan
        if not math.isfinite(value):
            raise self.malformed(f"must be a number, not {shown(self.value)}")
        return value

    def count(self) -> int:
        """How often something happened: the number here, at least 1, and 1 where it is absent."""
        return max(1, int(self.number() or 1))

    def flag(self) -> bool:
        """The boolean here, also when written as text; absent is False."""
        if self.value in _ABSENT:
            return False
        known = {"true": True, "1": True, "false": False, "0": False}
        text = str(self.value).strip().lower()
        if isinstance(self.value, Mapping | list) or text not in known:
            raise self.malformed(f"must be true or false, not {shown(self.value)}")
        return known[text]

    def moment(self) -> datetime | None:
        """The time here in UTC: RFC 3339, or seconds or milliseconds since 1970. Absent, and .NET's empty date in year 1, are None."""
        if self.value in _ABSENT or str(self.value).startswith(_EMPTY_DATE):
            return None
        try:
            moment = clock.parse(self.value) if isinstance(self.value, str) else self._since_epoch()
            if moment.year < 1970:
                return None
            return moment.astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            raise self.malformed(f"is no time: {shown(self.value)}") from None

    def _since_epoch(self) -> datetime:
        seconds = self.number() or 0.0
        # A number of this size counted in seconds would lie beyond the year 5138.
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
