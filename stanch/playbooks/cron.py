"""The five fields of a cron line: minute, hour, day of month, month, day of week (0 or 7 is Sunday)."""

from __future__ import annotations

from msgspec import Struct

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: at for at, name in enumerate(MONTHS, 1)}),
    ("day of week", 0, 7, dict(zip(DAYS, range(7), strict=True))),
)


class Cron(Struct, frozen=True):
    """The numbers that each field allows. `days` and `weekdays` are None for `*`: if both are given, either suffices."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int] | None
    months: frozenset[int]
    weekdays: frozenset[int] | None


def parse(text: str) -> Cron:
    """A cron line, as crontab(5) has it. Raises ValueError saying which field is wrong."""
    words = text.split()
    if len(words) != len(_FIELDS):
        raise ValueError(f"{text!r} has {len(words)} fields; cron has five: minute hour day month weekday")
    found = [_field(word, *field) for word, field in zip(words, _FIELDS, strict=True)]
    return Cron(
        minutes=found[0],
        hours=found[1],
        days=None if words[2] == "*" else found[2],
        months=found[3],
        weekdays=None if words[4] == "*" else frozenset(day % 7 for day in found[4]),
    )


def _field(word: str, name: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in word.split(","):
        span, slash, step = part.partition("/")
        if slash and not (step.isdecimal() and int(step)):
            raise ValueError(f"{part!r} has no step that the {name} could take")
        if span == "*":
            first, last = low, min(high, 6) if name == "day of week" else high
        else:
            start, dash, end = span.partition("-")
            first = _number(start, name, low, high, names)
            last = _number(end, name, low, high, names) if dash else (high if slash else first)
        if last < first:
            raise ValueError(f"{span!r} runs backwards")
        found |= set(range(first, last + 1, int(step) if slash else 1))
    return frozenset(found)


def _number(word: str, name: str, low: int, high: int, names: dict[str, int]) -> int:
    value = names.get(word.upper(), int(word) if word.isdecimal() else -1)
    if not low <= value <= high:
        raise ValueError(f"{word!r} is no {name} ({low} to {high})")
    return value
