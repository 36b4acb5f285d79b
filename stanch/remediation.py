"""The contract of a remediation: what it declares, what it plans, how its changes are made and unmade.

A remediation reads in `plan` and `read`, and writes in `apply` and `undo`, one change at a time. It never compares, journals,
retries or catches: `stanch.transaction` does that once for all of them, and `stanch.clouds` translates what the SDKs raise.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Generic, Literal, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from stanch import clock
from stanch.errors import PolicyError
from stanch.finding import Resource

State = Any
"""The value a change replaces, as JSON; None means that the thing does not exist."""

SessionT = TypeVar("SessionT")

ParameterType = Literal["string", "strings", "integer", "boolean", "timestamp", "ports"]


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str, ensure_ascii=False)


def canonical(value: Any) -> str:
    """JSON with sorted keys and no blanks: the form that is hashed and compared."""
    return _CANONICAL.encode(value)


def digest(value: Any) -> str:
    """SHA-256 (hex) of the canonical JSON."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


class Parameter(Struct, frozen=True):
    """One typed parameter of a remediation.

    `identity` parameters join the effect key: two actions that differ in one are different effects. `ports` is a list of numbers or
    `from-to` strings; `timestamp` is RFC 3339.
    """

    name: str
    type: ParameterType
    help: str
    default: Any = None
    identity: bool = False


class Permissions(Struct, frozen=True):
    """The permissions a remediation declares: IAM actions (`iam:UpdateAccessKey`), ARM operations (`Microsoft.Network/…/write`) or
    Graph permissions (`User.EnableDisableAccount.All`). `dependent` maps those that no call of ours shows to the reason they are needed.
    """

    plan: frozenset[str]
    apply: frozenset[str]
    undo: frozenset[str] = frozenset()
    dependent: Mapping[str, str] = field(default_factory=dict)


class Change(Struct, frozen=True):
    """One reversible write.

    `id` is stable within the plan (`status`, `rule:sgr-0abc`), `target` names in words what is written, `before` and `after` are the
    states as `read` returns them. `data` carries what the write needs and is no state. `requires` names changes that must have been applied first.
    A `garnish` change (a tag, a snapshot) may fail without failing the action; a `transient` one is a step on the way (its after-state is meant to be replaced by a
    later change), so it is neither verified nor undone. A change whose `reversible` is False is left as it is by undo, and undo says so.
    """

    id: str
    target: str
    before: State
    after: State
    data: Mapping[str, Any] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    garnish: bool = False
    transient: bool = False
    reversible: bool = True

    def became(self, after: State) -> Change:
        """The same change with the after-state that was really reached (ids of what was created)."""
        return replace(self, after=after)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id, "target": self.target, "before": self.before, "after": self.after, "data": dict(self.data),
            "requires": list(self.requires), "garnish": self.garnish, "transient": self.transient, "reversible": self.reversible,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Change:
        return cls(**{**data, "requires": tuple(data["requires"])})


class Plan(Struct, frozen=True):
    """What would be written, and what a person should know before it is.

    `aliases` are further names of the resource and of every principal or resource the changes hit, as read live (ARNs with paths, names,
    user principal names): protection and exemptions match on them. `tags` are the live tags, None where they could not be read. `facts` are what `unless:` may ask for
    (`live.website`). `breaks` says what is likely to break here, `not_done` what stays open. An empty plan carries the `reason`.
    """

    resource: Resource
    changes: tuple[Change, ...] = ()
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] | None = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    breaks: tuple[str, ...] = ()
    not_done: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def contained(self) -> bool:
        """Nothing is left to do but garnish."""
        return all(change.garnish for change in self.changes)

    def digest(self, action_id: str = "") -> str:
        """What an approval is bound to: the writes, not the words, whatever id the action that names things bears."""
        writes = [[change.id, change.target, change.before, change.after] for change in self.changes]
        return digest([self.resource.key(), canonical(writes).replace(action_id or "\0", "$action")])

    def as_json(self, action_id: str = "") -> dict[str, Any]:
        return {
            "resource": self.resource.as_json(), "changes": [change.as_json() for change in self.changes], "aliases": list(self.aliases),
            "tags": None if self.tags is None else dict(self.tags), "facts": dict(self.facts), "breaks": list(self.breaks),
            "not_done": list(self.not_done), "reason": self.reason, "digest": self.digest(action_id),
        }  # fmt: skip


class Remediation(ABC, Generic[SessionT]):
    """One response to one resource type. Made anew for each action, with a session of the resource's account."""

    id: ClassVar[str]
    title: ClassVar[str]
    resource_type: ClassVar[str]
    countermeasure: ClassVar[str]
    """D3FEND technique id (https://d3fend.mitre.org), such as `D3-CR`."""
    disruption: ClassVar[str]
    """What is likely to break, one sentence for the approver."""
    permissions: ClassVar[Permissions]
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    facts: ClassVar[Mapping[str, str]] = {}
    """The facts that plans carry, each with its meaning; `unless: {live.NAME: …}` may ask for them."""
    irreversible: ClassVar[str] = ""
    """Why it cannot be undone; empty when it can."""
    undo_delay_hours: ClassVar[int] = 0
    """Undo before this many hours have passed re-arms what was cut off, and is refused without force."""

    rearms: ClassVar[str] = ""
    """What undoing hands back to whoever took it (a key, a sign-in): then only a person undoes it, never a lease. Empty for the others."""

    def __init__(self, session: SessionT, action_id: str) -> None:
        self.session = session
        self.action_id = action_id

    @abstractmethod
    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        """Read live state and say what would be written. A resource that is gone is an empty plan with reason 'gone'."""

    def left(self, resource: Resource, params: Mapping[str, Any], changes: Sequence[Change]) -> Plan:
        """What is still to be done now that `changes` were made: the second look. A whole plan, unless the remediation can tell from less."""
        return self.plan(resource, params)

    @abstractmethod
    def read(self, change: Change) -> State:
        """The live state of what `change` writes, in the shape of its before and after."""

    @abstractmethod
    def apply(self, change: Change) -> Change:
        """Make the change: set the absolute after-state; when it is there already, do nothing harmful. Returns it with the after-state reached."""

    def halfway(self, change: Change, live: State) -> bool:
        """Whether `live`, which is neither before nor after, is what `apply` leaves where it ended between two calls of its own: `apply` may go on from it, `undo` may take it away."""
        return False

    @abstractmethod
    def undo(self, change: Change) -> None:
        """Set the absolute before-state. Called only when the live state equals the after-state, or was left halfway to it."""


@cache
def load(entry: str) -> type[Remediation[Any]]:
    """The class behind a registry entry `module:Class`, imported on use."""
    module, _, name = entry.partition(":")
    found: type[Remediation[Any]] = getattr(importlib.import_module(module), name)
    return found


def bind(declared: tuple[Parameter, ...], given: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Defaults filled in and types checked. Raises PolicyError naming the parameter."""
    known = {parameter.name: parameter for parameter in declared}
    for name in given:
        if name not in known:
            raise PolicyError(f"{place}.{name}", f"no such parameter; there is {', '.join(known) or 'none'}")
    return {
        name: _checked(parameter, given.get(name, parameter.default), f"{place}.{name}")
        for name, parameter in known.items()
    }


def _checked(parameter: Parameter, given: Any, place: str) -> Any:
    if given is None:
        return None
    value: Any = list(given) if isinstance(given, tuple) else given
    kinds: dict[str, type | tuple[type, ...]] = {
        "string": str,
        "timestamp": str,
        "integer": int,
        "boolean": bool,
        "strings": (list, tuple),
        "ports": (list, tuple),
    }
    fits = isinstance(value, kinds[parameter.type]) and not (parameter.type == "integer" and isinstance(value, bool))
    if not fits:
        raise PolicyError(place, f"must be of type {parameter.type}, not {value!r}")
    if parameter.type == "timestamp":
        try:
            clock.parse(value)
        except ValueError as error:
            raise PolicyError(place, f"must be an RFC 3339 time, not {value!r}") from error
    if parameter.type == "ports":
        for port in value:
            port_range(port, place)
    if parameter.type == "strings" and not all(isinstance(item, str) for item in value):
        raise PolicyError(place, f"must hold texts only, not {value!r}")
    return value


def port_range(port: Any, place: str) -> tuple[int, int]:
    """A port (22) or a range of ports ("5900-5903") as its ends. Raises PolicyError."""
    first, dash, last = str(port).partition("-")
    numbers = (first, last) if dash else (first,)
    if isinstance(port, bool) or not all(number.isascii() and number.isdigit() for number in numbers):
        raise PolicyError(place, f"{port!r} is neither a port nor a range such as 5900-5903")
    ends = int(first), int(last or first)
    if not 0 <= ends[0] <= ends[1] <= 65535:
        raise PolicyError(place, f"{port!r} is no range within 0-65535")
    return ends
