"""Strict reading of JSON: what an attacker or a broken pipe may have put into an event's text.

Limits come before parsing, so that no text can exhaust memory or the stack. Duplicate keys and numbers that JSON cannot hold are refused:
two readers would see two different events (RFC 8259, sections 4 and 6).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from stanch.errors import MalformedEvent

MAX_BYTES = 1024 * 1024
"""The largest event, in bytes of UTF-8. EventBridge, SNS and SQS carry at most 1 MiB."""

MAX_FILE_BYTES = 64 * MAX_BYTES
"""The largest file of events, in bytes of UTF-8."""

MAX_DEPTH = 64
"""How many objects and arrays may stand within each other."""

# The closing quote is optional so that a broken string is read once, not once for every quote in it.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_LINE = re.compile(r"\n(?=[\[{])")
_BLANK = re.compile(r"[\s\ufeff]*")


def load(text: str | bytes, place: str, *, max_bytes: int = MAX_BYTES) -> Any:
    """The one JSON value in `text`. `place` names it in errors.

    A UTF-8 byte order mark is skipped. Raises MalformedEvent for empty text, another encoding, more than `max_bytes` bytes or MAX_DEPTH
    levels, a key that stands twice in one object, NaN, Infinity, a number beyond a double or beyond 64 bits, or anything else that is not JSON.
    """
    content = _checked(text, place, max_bytes)
    try:
        return _decoder(place).decode(content)
    except json.JSONDecodeError as error:
        raise _not_json(error, place) from None


def load_many(text: str | bytes, place: str) -> list[tuple[str, Any]]:
    """The events in `text`, each with its place: one object, an array of events, or objects one after another (JSON lines).

    A lone event keeps `place`; of several, the n-th is `place#n`. In a sequence, a broken value after the first stands as the MalformedEvent
    that it caused, so that one bad line does not hide the events after it. Raises MalformedEvent as `load` does, for a file
    without events, and where nothing can be read at all. The limit of MAX_BYTES is one event's; a file may have MAX_FILE_BYTES.
    """
    content = _checked(text, place, MAX_FILE_BYTES)
    values = list(_values(content, place))
    if len(values) == 1 and isinstance(values[0], MalformedEvent):
        raise values[0]
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0]
        if not values:
            raise MalformedEvent(place, "holds an empty array, so no event")
    elif len(values) == 1:
        return [(place, values[0])]
    return [(f"{place}#{number}", value) for number, value in enumerate(values, 1)]


def _checked(text: str | bytes, place: str, max_bytes: int) -> str:
    if len(text) > max_bytes:
        raise MalformedEvent(place, f"is larger than {max_bytes} bytes")
    content = _decoded(text, place) if isinstance(text, bytes) else text
    content = content[_skip(content, 0) :]
    if not content:
        raise MalformedEvent(place, "is empty")
    depth = 0
    for token in _TOKEN.finditer(content):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > MAX_DEPTH:
            raise MalformedEvent(place, f"has more than {MAX_DEPTH} objects and arrays within each other")
    return content


def _decoded(text: bytes, place: str) -> str:
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise MalformedEvent(place, "is UTF-16; JSON events are UTF-8")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedEvent(place, f"is not UTF-8 text (byte {error.start})") from None


def _values(content: str, place: str) -> Iterator[Any]:
    """Each value of a sequence, or the error that stands in its place; reading goes on where the next line begins a value."""
    position, number = 0, 0
    while position < len(content):
        number += 1
        here = f"{place}#{number}" if number > 1 else place
        try:
            value, end = _decoder(here).raw_decode(content, position)
            # An array at the start is the file's list of events; anything else is one event.
            if end - position > MAX_BYTES and not isinstance(value, list):
                value = MalformedEvent(here, f"is larger than {MAX_BYTES} bytes")
            yield value
        except (json.JSONDecodeError, MalformedEvent) as error:
            yield _not_json(error, here) if isinstance(error, json.JSONDecodeError) else error
            line = _LINE.search(content, position)
            end = line.end() if line else len(content)
        position = _skip(content, end)


def _skip(content: str, position: int) -> int:
    blank = _BLANK.match(content, position)
    return blank.end() if blank else position


def _not_json(error: json.JSONDecodeError, place: str) -> MalformedEvent:
    return MalformedEvent(place, f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}")


@lru_cache(64)
def _decoder(place: str) -> json.JSONDecoder:
    def refuse(text: str) -> Any:
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        raise MalformedEvent(place, f"holds the number {shown}, which JSON cannot hold")

    def real(text: str) -> float:
        value = float(text)
        return value if math.isfinite(value) else refuse(text)

    def whole(text: str) -> int:
        # Twenty digits and a sign hold any 64-bit number; int() itself refuses thousands of digits.
        value = int(text) if len(text) <= 21 else 2**64
        return value if -(2**63) <= value < 2**64 else refuse(text)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise MalformedEvent(place, f"has the key {twice[:80]!r} twice in one object")
        return found

    return json.JSONDecoder(object_pairs_hook=unique, parse_float=real, parse_int=whole, parse_constant=refuse)
