"""ARM's paths: scopes, resource types and names, collections and actions."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from stanch.local.azure.errors import ArmError


@dataclass(frozen=True, slots=True)
class Target:
    """What a path addresses.

    `scope` is the id that the last `/providers/` stands under ('' for the tenant), `types` and `names` what follows it. A type without a name (`tail`) is a collection
    to GET or an action to POST. Without a `namespace` the target is the scope itself: a subscription or a resource group.
    """

    subscription: str | None
    group: str | None
    scope: str
    namespace: str | None
    types: tuple[str, ...]
    names: tuple[str, ...]
    tail: str | None

    @property
    def type(self) -> str:
        """The type of the named resource, case as given; without names that of the collection's parent."""
        return "/".join((self.namespace or "", *self.types))

    @property
    def id(self) -> str:
        """The id of the named resource, case as given."""
        pairs = "".join(f"/{kind}/{name}" for kind, name in zip(self.types, self.names, strict=True))
        return f"{self.scope}/providers/{self.namespace}{pairs}" if self.namespace else self.scope


def parse(path: str) -> Target:
    """Raises ArmError 404 for a path that ARM does not route."""
    parts = [part for part in unquote(path).split("/") if part]
    subscription = group = None
    at = 0
    if parts[:1] and parts[0].lower() == "subscriptions":
        parts[0] = "subscriptions"
        subscription, at = (parts[1], 2) if len(parts) > 1 else (None, 1)
        if parts[at : at + 1] and parts[at].lower() == "resourcegroups" and len(parts) > at + 1:
            parts[at] = "resourceGroups"
            group, at = parts[at + 1], at + 2
    blocks = [index for index in range(at, len(parts)) if parts[index].lower() == "providers"]
    if not blocks:
        tail = parts[at] if len(parts) == at + 1 else None
        if len(parts) > at + 1 or (subscription is None and at == 0):
            raise ArmError(404, "NotFound", f"The path '{path}' was not found.")
        return Target(subscription, group, _joined(parts[:at]), None, (), (), tail)
    last = blocks[-1]
    if last + 1 >= len(parts) or blocks[0] != at:
        raise ArmError(404, "InvalidResourceNamespace", f"The path '{path}' names no resource provider.")
    rest = parts[last + 2 :]
    pairs = len(rest) // 2
    return Target(
        subscription, group, _joined(parts[:last]), parts[last + 1],
        tuple(rest[0 : 2 * pairs : 2]), tuple(rest[1 : 2 * pairs : 2]), rest[-1] if len(rest) % 2 else None,
    )  # fmt: skip


def _joined(parts: list[str]) -> str:
    return "".join(f"/{part}" for part in parts)
