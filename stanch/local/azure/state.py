"""Everything the stand-in remembers, in memory and behind one lock."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

TENANT = "00000000-0000-0000-0000-000000000009"
"""The one tenant of the laptop's Azure."""


def now() -> str:
    """The time as ARM writes it."""
    return datetime.now(UTC).isoformat()


@dataclass
class Operation:
    """A long-running operation: in progress until `ready`, then succeeded, or failed with `error`. `record` is what it changes, None where it deletes."""

    id: str
    ready: float
    record: Record | None = None
    error: dict[str, Any] | None = None
    started: str = field(default_factory=now)

    @property
    def done(self) -> bool:
        return time.monotonic() >= self.ready

    @property
    def status(self) -> str:
        return "InProgress" if not self.done else "Failed" if self.error else "Succeeded"


@dataclass
class Record:
    """One ARM resource. `body` is what the provider stores; `hidden` what it knows and does not show as such (a power state)."""

    id: str
    type: str
    body: dict[str, Any]
    etag: str = ""
    hidden: dict[str, Any] = field(default_factory=dict)
    pending: Operation | None = None

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]

    @property
    def properties(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body.setdefault("properties", {})
        return found

    @property
    def location(self) -> str:
        return str(self.body.get("location", ""))

    @property
    def provisioning(self) -> str:
        return "Updating" if self.pending and not self.pending.done else "Succeeded"

    def touch(self) -> None:
        """A new entity tag, as after every write."""
        self.etag = str(uuid.uuid4())


@dataclass
class Fault:
    """An answer that was arranged for a test: `times` requests that fit fail, before (`after` False) or after they took effect.

    `status` 0 drops the connection without an answer. `late` lets a long-running operation be accepted and fail while it is polled.
    """

    method: str
    path: str
    status: int
    code: str = "InternalServerError"
    message: str = "arranged"
    times: int = 1
    retry_after: int | None = None
    after: bool = False
    late: bool = False


class State:
    """Resources by id without case, users, operations, arranged faults and the log of requests."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.numbers = itertools.count(1)
        self.clear()

    def clear(self) -> None:
        """As on the first day; issued tokens stay valid."""
        self.records: dict[str, Record] = {}
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.users: dict[str, dict[str, Any]] = {}
        self.incident_parts: dict[str, dict[str, list[Any]]] = {}
        self.operations: dict[str, Operation] = {}
        self.faults: list[Fault] = []
        self.calls: deque[dict[str, Any]] = deque(maxlen=20_000)

    def get(self, resource_id: str) -> Record | None:
        return self.records.get(resource_id.lower())

    def put(self, record: Record) -> Record:
        record.touch()
        self.records[record.id.lower()] = record
        return record

    def drop(self, resource_id: str) -> None:
        self.records.pop(resource_id.lower(), None)

    def of_type(self, wanted: str, under: str = "") -> Iterator[Record]:
        """Records of a type within a scope, in order of creation."""
        kind, prefix = wanted.lower(), f"{under.lower()}/"
        return (
            record
            for key, record in list(self.records.items())
            if record.type.lower() == kind and key.startswith(prefix)
        )

    def begin(self, seconds: float, record: Record | None, error: dict[str, Any] | None = None) -> Operation:
        """A new long-running operation."""
        operation = Operation(str(uuid.uuid4()), time.monotonic() + seconds, record, error)
        self.operations[operation.id] = operation
        if record is not None and error is None:
            record.pending = operation
        return operation
