"""What people type, made into values: durations, times, parameters of remediations, paths in an event."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from stanch import clock
from stanch.errors import InvalidInput, MalformedEvent
from stanch.remediation import Parameter
from stanch.sources.loading import load

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=3660)


def duration(text: str, option: str = "--since") -> timedelta:
    """`45s`, `30m`, `2h`, `7d`. Raises InvalidInput naming the option."""
    parts = re.fullmatch(r"(\d{1,9})([smhd])", text.strip(), re.ASCII)
    found = timedelta(**{_UNITS[parts[2]]: int(parts[1])}) if parts else None
    if found is None or found > _LONGEST:
        raise InvalidInput(option, f"{text!r} is not like 30m, 2h or 7d")
    return found


def moment(text: str | None) -> datetime | None:
    """`--now` as a time in UTC; None stays None. Raises InvalidInput."""
    if text is None:
        return None
    try:
        return clock.parse(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput("--now", f"{text!r} is no RFC 3339 time, such as 2026-11-20T03:00:00Z") from error


def parameters(declared: Sequence[Parameter], remediation: str, texts: Sequence[str]) -> dict[str, Any]:
    """The `k=v` of `--with` by the types that the remediation declares. Raises InvalidInput."""
    kinds = {parameter.name: parameter.type for parameter in declared}
    found: dict[str, Any] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or name not in kinds:
            known = ", ".join(f"{parameter.name}=({parameter.type})" for parameter in declared) or "no parameter"
            raise InvalidInput("--with", f"{text!r}: {remediation} takes {known}")
        if name in found:
            raise InvalidInput("--with", f"{name} is given twice")
        found[name] = _typed(kinds[name], name, value)
    return found


def _typed(kind: str, name: str, value: str) -> Any:
    if kind == "boolean":
        if value.lower() not in ("true", "false"):
            raise InvalidInput("--with", f"{name} must be true or false, not {value!r}")
        return value.lower() == "true"
    if kind == "integer":
        if not re.fullmatch(r"-?\d{1,18}", value, re.ASCII):
            raise InvalidInput("--with", f"{name} must be a whole number, not {value!r}")
        return int(value)
    if kind == "timestamp":
        try:
            return clock.iso(clock.parse(value))
        except (ValueError, OverflowError) as error:
            raise InvalidInput(
                "--with", f"{name} must be an RFC 3339 time, such as 2026-11-20T03:00:00Z, not {value!r}"
            ) from error
    if kind == "ports":
        return [_port(part.strip(), name) for part in value.split(",")]
    return [part.strip() for part in value.split(",")] if kind == "strings" else value


def _port(text: str, name: str) -> int | str:
    ends = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", text, re.ASCII)
    numbers = [int(end) for end in ends.groups() if end] if ends else []
    if not numbers or max(numbers) > 65535 or numbers != sorted(numbers):
        raise InvalidInput("--with", f"{name} must be ports or ranges, such as 22,8000-8080, not {text!r}")
    return numbers[0] if len(numbers) == 1 else text


def changed(raw: Any, texts: Sequence[str]) -> tuple[Any, list[str]]:
    """A copy of the event with each `path=value` of `--set` in it (the value is JSON, else text), and the paths that were not there before.

    Raises InvalidInput for a path that leads nowhere: only its last part may be new, and only in an object.
    """
    raw, new = json.loads(json.dumps(raw)), []
    for text in texts:
        path, separator, given = text.partition("=")
        if not separator or not path:
            raise InvalidInput("--set", f"{text!r} is not path=value, such as detail.severity=8")
        *way, last = path.split(".")
        try:
            node = raw
            for part in way:
                node = node[_step(node, part)]
            step = _step(node, last)
            if isinstance(node, Mapping) and step not in node:
                new.append(path)
            node[step] = _value(given)
        except (LookupError, TypeError, ValueError) as error:
            raise InvalidInput("--set", f"the event has no {path}") from error
    return raw, new


def _step(node: Any, part: str) -> Any:
    return int(part) if isinstance(node, list) else part


def _value(text: str) -> Any:
    try:
        return load(text, "--set")
    except MalformedEvent:
        return text
