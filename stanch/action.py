"""An action: one execution of a remediation on one resource, as the journal keeps it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from stanch.finding import Resource
from stanch.remediation import Change, Parameter, digest

SCHEMA = 1
"""Version of the stored JSON; later releases must read every earlier one."""


_EMPTY: tuple[Any, ...] = (None, "", [], {})


_HASHED = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str)


class Outcome(StrEnum):
    """The closed list of results in journal and reports."""

    ACTED = "acted"
    NO_OP = "no_op"
    PLANNED = "planned"
    AWAITING_APPROVAL = "awaiting_approval"
    HELD = "held"
    PARTIAL = "partial"
    UNVERIFIED = "unverified"
    FAILED = "failed"
    REJECTED = "rejected"
    UNMATCHED = "unmatched"
    UNDONE = "undone"
    EXPIRED = "expired"


class Status(StrEnum):
    """Where one change stands.."""

    PLANNED = "planned"
    APPLIED = "applied"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNDONE = "undone"


class Step(Struct):
    """One change of an action and what became of it."""

    change: Change
    status: Status = Status.PLANNED
    error: str | None = None
    at: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"change": self.change.as_json(), "status": self.status.value, "error": self.error, "at": self.at}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Step:
        return cls(Change.from_json(data["change"]), Status(data["status"]), data["error"], data["at"])


def stamp() -> str:
    """Wall-clock time of the journal, RFC 3339 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def effect_key(remediation: str, resource: Resource, params: Mapping[str, Any], declared: tuple[Parameter, ...]) -> str:
    """What one effect is: the remediation, the canonical resource and the identity parameters (64 hex digits)."""
    identity = {parameter.name: params.get(parameter.name) for parameter in declared if parameter.identity}
    return digest([remediation, resource.account.lower(), resource.key(), identity])


def new_action_id(effect: str) -> str:
    """Names the effect first, so that every store finds the action by its id alone, then the time in milliseconds (hex)."""
    return f"{effect[:12]}-{int(time.time() * 1000):011x}"


def action_id_of(effect: str, *what: Any) -> str:
    """An id of the same form that is the same for the same `what` (JSON): the journal takes it once, whoever else comes with it."""
    return f"{effect[:12]}-{digest(what)[:11]}"


class Action(Struct):
    """The record of one action. `outcome` is None while it is open; `chain` holds the hash-linked history of its states."""

    id: str
    effect: str
    remediation: str
    resource: Resource
    params: dict[str, Any]
    steps: list[Step]
    mode: str = "auto"
    playbook: str | None = None
    finding: dict[str, Any] | None = None
    source: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    outcome: Outcome | None = None
    reason: str | None = None
    requester: str = "stanch"
    justification: str | None = None
    attempt: int = 1
    policy: str = ""
    software: str = ""
    opened_at: str = field(default_factory=stamp)
    updated_at: str = field(default_factory=stamp)
    closed_at: str | None = None
    undo: dict[str, Any] | None = None
    approvals: list[dict[str, Any]] = field(default_factory=list)
    expires: dict[str, Any] | None = None
    chain: list[dict[str, Any]] = field(default_factory=list)

    @property
    def denied(self) -> bool:
        """Whether a person said no to it."""
        return self.outcome is Outcome.EXPIRED and any(entry.get("how") == "denied" for entry in self.approvals)

    def note(self, event: str, **details: Any) -> None:
        """Append to the hash chain: each entry's hash covers the one before it and, by `state`, the whole record as it stands.

        Whatever is stored must be noted last: the last entry's `state` is what the record is held to (`stanch.chain`).
        """
        self.updated_at = stamp()
        entry = {"at": self.updated_at, "event": event, "attempt": self.attempt, **details, "state": self.state()}
        entry["hash"] = linked(self.chain[-1]["hash"] if self.chain else self.id, entry)
        self.chain.append(entry)

    def state(self) -> str:
        """SHA-256 (hex) of the record without its history. What is empty does not count, so that a later release may add fields that are empty by default."""
        plain = self.as_json()
        return _sha256(
            {name: plain[name] for name in self.__struct_fields__ if name != "chain" and plain[name] not in _EMPTY}
        )

    def changes(self) -> list[dict[str, Any]]:
        """The `changes` field of results and reports."""
        return [
            {"target": step.change.target, "before": step.change.before, "after": step.change.after}
            for step in self.steps
        ]

    def as_json(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in self.__struct_fields__}
        return plain | {
            "schema": SCHEMA,
            "resource": self.resource.as_json(),
            "steps": [step.as_json() for step in self.steps],
            "outcome": self.outcome.value if self.outcome else None,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Action:
        """Reads every schema version so far; unknown fields of a later one are left out."""
        known = {name: data[name] for name in cls.__struct_fields__ if name in data}
        return cls(
            **known
            | {
                "resource": Resource.from_json(data["resource"]),
                "steps": [Step.from_json(step) for step in data["steps"]],
                "outcome": Outcome(data["outcome"]) if data["outcome"] else None,
            }
        )


def linked(before: str, entry: Mapping[str, Any]) -> str:
    """The hash of a history entry that follows the one with the hash `before` (the first follows the action's id)."""
    return _sha256([before, {name: value for name, value in entry.items() if name != "hash"}])


def _sha256(value: Any) -> str:
    """Over ASCII JSON: what an event brings along may hold lone surrogates, which are no UTF-8."""
    return hashlib.sha256(_HASHED.encode(value).encode()).hexdigest()


def opened(action: Action) -> datetime:
    """When the action was opened, as a time."""
    return datetime.fromisoformat(action.opened_at)
