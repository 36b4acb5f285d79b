"""A cloud in a dict: sessions with permissions, things with attributes, and calls that tests may make fail or fatal."""

from __future__ import annotations

import threading
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from stanch.errors import AccessDenied, Gone, Refused
from stanch.finding import Finding, Resource

ACCOUNT = "111122223333"
HOME = "444455556666"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a session. `verb` is Describe, Set, Create or Delete; sessions themselves are asked for with Assume."""

    purpose: str
    verb: str
    thing: str
    name: str = ""
    value: Any = None

    @property
    def write(self) -> bool:
        return self.verb in ("Set", "Create", "Delete")


Hook = Callable[[Call], None]


class ToyCloud:
    """Everything lives in `things`: id → attributes. `before` and `after` are called around each call and may raise."""

    name = "aws"

    def __init__(self) -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self.behind: dict[tuple[str, str], list[Resource]] = {}
        self.calls: list[Call] = []
        self.before: list[Hook] = []
        self.after: list[Hook] = []
        self.own_names: tuple[str, ...] = ()
        self._lock = threading.RLock()

    def session(self, resource: Resource, purpose: Any, action_id: str, permissions: frozenset[str]) -> ToySession:
        self.run(Call(purpose, "Assume", resource.account), lambda: None)
        if resource.account == HOME:
            raise Refused("wrong account", f"the resource is in account {resource.account}")
        return ToySession(self, purpose, permissions)

    def resolve(self, finding: Finding, resource: Resource | None, wanted: str) -> list[Resource]:
        name = resource.id if resource else ""
        self.run(Call("read", "Resolve", name), lambda: None)
        return self.behind.get((name, wanted), [])

    def own(self) -> tuple[str, ...]:
        return self.own_names

    def run(self, call: Call, effect: Callable[[], Any]) -> Any:
        """Let the call happen between its hooks; a call that raised before its effect counts as not made."""
        for hook in list(self.before):
            hook(call)
        with self._lock:
            answer = effect()
            self.calls.append(call)
        for hook in list(self.after):
            hook(call)
        return answer

    def writes(self) -> list[str]:
        """Every write that took effect, as `Verb thing.name`."""
        return [f"{call.verb} {call.thing}{'.' + call.name if call.name else ''}" for call in self.calls if call.write]

    def snapshot(self) -> dict[str, dict[str, Any]]:
        return deepcopy(self.things)


class ToySession:
    """Calls of one purpose, held to its permissions."""

    def __init__(self, cloud: ToyCloud, purpose: str, permissions: frozenset[str]) -> None:
        self._cloud, self._purpose, self._permissions = cloud, purpose, permissions

    def describe(self, thing: str) -> dict[str, Any] | None:
        """A copy of its attributes, None where there is no such thing."""
        found = self._call("Describe", thing, lambda: deepcopy(self._cloud.things.get(thing)))
        return dict(found) if found is not None else None

    def set(self, thing: str, name: str, value: Any) -> None:
        def effect() -> None:
            if thing not in self._cloud.things:
                raise Gone("Set", "NoSuchThing", thing)
            self._cloud.things[thing][name] = value

        self._call("Set", thing, effect, name, value)

    def create(self, thing: str, **attributes: Any) -> None:
        self._call("Create", thing, lambda: self._cloud.things.setdefault(thing, attributes))

    def delete(self, thing: str) -> None:
        self._call("Delete", thing, lambda: self._cloud.things.pop(thing, None))

    def _call(self, verb: str, thing: str, effect: Callable[[], Any], name: str = "", value: Any = None) -> Any:
        if f"toy:{verb}" not in self._permissions:
            raise AccessDenied(f"toy:{verb}", "AccessDenied", f"a session to {self._purpose} does not allow it")
        return self._cloud.run(Call(self._purpose, verb, thing, name, value), effect)
