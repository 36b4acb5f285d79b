"""What the stores have in common: the stored JSON, the columns that listings narrow by, and how reports are merged."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from datetime import UTC
from typing import Any, TypeVar

from msgspec.structs import replace

from stanch.action import Action
from stanch.errors import InvalidInput
from stanch.journal import OutboxItem, Query

T = TypeVar("T", str, list[str], list[dict[str, dict[str, str]]])

PREFIX = 12
"""Digits of the effect key that action ids start with, so that the id alone names the partition."""

OPEN = "open"
"""What the state column says while an action has no outcome."""

COLUMN = 200
"""Characters of a column that listings narrow by; two longer texts may share one, so `Query.fits` has the last word."""

REPORT_SCHEMA = 1
FACT_SCHEMA = 1

FACT = 64 * 1024
"""Bytes of JSON, in ASCII, that a standing fact's value may take, and its kind and key together as much."""

_STORED = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True)

_ACTION_ID = re.compile(r"[0-9A-Za-z._-]{1,100}")


def pack(action: Action) -> str:
    """The action as versioned JSON, in ASCII: control characters and lone surrogates survive every store and wire.

    Raises TypeError for what is no JSON: better before the write than a record that reads back as something else.
    """
    return _dump(action.as_json())


def unpack(text: str) -> Action:
    """The action that `pack` wrote, in this release or an earlier one."""
    return Action.from_json(json.loads(text))


def pack_report(item: OutboxItem) -> str:
    """The outbox item as versioned JSON."""
    return _dump(
        {
            "schema": REPORT_SCHEMA,
            "key": item.key,
            "report": item.report,
            "channels": item.channels,
            "created_at": item.created_at,
            "errors": item.errors,
        }
    )


def unpack_report(text: str) -> OutboxItem:
    """The outbox item that `pack_report` wrote."""
    data = json.loads(text)
    return OutboxItem(data["key"], data["report"], data["channels"], data["created_at"], data["errors"])


def pack_fact(kind: str, key: str, value: Mapping[str, Any]) -> str:
    """A standing fact as versioned JSON, with the text of its key. Raises InvalidInput if it is too large, TypeError for what is no JSON."""
    for place, part in (("key", {"kind": kind, "key": key}), ("value", value)):
        size = len(_dump(part))
        if size > FACT:
            raise InvalidInput(place, f"takes {size} bytes of JSON, and a standing fact's may take {FACT}")
    return _dump({"schema": FACT_SCHEMA, "kind": kind, "key": key, "value": value})


def unpack_fact(text: str) -> tuple[str, dict[str, Any]]:
    """Key and value of the fact that `pack_fact` wrote."""
    data = json.loads(text)
    return data["key"], data["value"]


def wall() -> float:
    """Seconds since the epoch by the wall clock: counters and facts expire by it, never by the time that a replay set."""
    return time.time()


def live(until: float | None) -> bool:
    """Whether what is kept until then, or for good, still holds."""
    return until is None or until > wall()


def _dump(value: Mapping[str, Any]) -> str:
    return _STORED.encode(value)


def batches(values: T, size: int) -> list[T]:
    """A list or a text in slices of at most `size`."""
    return [values[start : start + size] for start in range(0, len(values), size)]


def hashed(text: str) -> str:
    """A key of any characters and length as 64 hex digits, fit for every store."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def column(text: str) -> str:
    """Text from an event as a column to narrow by: short, without case and in ASCII, whatever it was made of."""
    return text.lower().encode("ascii", "backslashreplace").decode()[:COLUMN]


def nameable(action_id: str) -> bool:
    """Whether this could be the id of an action; anything else is in no store."""
    return _ACTION_ID.fullmatch(action_id) is not None


def tip(action: Action) -> str:
    """What tells one state of an action from the next: the last hash of its history."""
    return str(action.chain[-1]["hash"]) if action.chain else "-"


def check(action: Action, report: OutboxItem | None = None) -> None:
    """Raises InvalidInput if the action could not be found by its id alone, or its report not beside it."""
    if not action.id.startswith(action.effect[:PREFIX]) or not nameable(action.id):
        raise InvalidInput("action.id", f"{action.id!r} must start with the effect's {PREFIX} first digits")
    if report is not None and not report.key.startswith(action.id):
        raise InvalidInput("report.key", f"{report.key!r} must start with the action's id {action.id!r}")


def state(action: Action) -> str:
    """The column that listings narrow by: the outcome, or `open`."""
    return action.outcome.value if action.outcome else OPEN


def states(query: Query) -> list[str] | None:
    """The states that can fit the query; None means any."""
    if query.open_only:
        return [OPEN] if query.outcomes is None else []
    return None if query.outcomes is None else sorted(outcome.value for outcome in query.outcomes)


def earliest(query: Query) -> str | None:
    """The lower bound of `opened_at` as text, whole seconds: never above the query's `since`."""
    return None if query.since is None else query.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def merged(item: OutboxItem, stored: OutboxItem | None) -> OutboxItem:
    """What `sent` stores: a channel that has accepted the report stays so, whoever else delivers at the same time."""
    if stored is None:
        return item
    channels = {
        name: item.channels.get(name) or stored.channels.get(name) for name in {**stored.channels, **item.channels}
    }
    errors = {name: text for name, text in item.errors.items() if channels.get(name) is None}
    return replace(item, channels=channels, errors=errors)
