"""ARM resource ids, read strictly: they arrive in findings, and a dot segment in one would address another resource."""

from __future__ import annotations

import re
from urllib.parse import quote

from msgspec import Struct

from stanch.errors import InvalidInput

_SEGMENT = re.compile(r"[^/\\?#%&<>:*\x00-\x1f]{1,260}\Z")


class ArmId(Struct, frozen=True):
    """`/subscriptions/S/resourceGroups/G/providers/NAMESPACE/TYPE/NAME[/TYPE/NAME]…`, case as received.

    `types` and `names` run in parallel, the parent first. https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
    """

    subscription: str
    group: str
    namespace: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> ArmId:
        """Raises InvalidInput for whatever is not the id of one resource in a resource group."""
        parts = text.strip().rstrip("/").split("/")
        if parts[0] == "" and len(parts) >= 9 and len(parts) % 2 == 1:
            keys, values = [part.lower() for part in parts[1::2]], parts[2::2]
            rest = parts[7:]
            if keys[:3] == ["subscriptions", "resourcegroups", "providers"] and all(map(_sound, parts[1:])):
                return cls(values[0], values[1], values[2], tuple(rest[0::2]), tuple(rest[1::2]))
        raise InvalidInput("resource id", f"{text[:200]!r} is not the ARM id of a resource")

    @property
    def type(self) -> str:
        """`Microsoft.Compute/virtualMachines`, case as received."""
        return "/".join((self.namespace, *self.types))

    @property
    def name(self) -> str:
        return self.names[-1]

    @property
    def scope(self) -> str:
        """The resource group's id."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"

    @property
    def parent(self) -> ArmId:
        """The id of the resource that this one is part of: a rule's group, a subnet's network."""
        return ArmId(self.subscription, self.group, self.namespace, self.types[:-1], self.names[:-1])

    def is_a(self, wanted: str) -> bool:
        """Whether the resource is of this ARM type, whatever the case."""
        return self.type.lower() == wanted.lower()

    def __str__(self) -> str:
        pairs = "/".join(f"{kind}/{name}" for kind, name in zip(self.types, self.names, strict=True))
        return f"{self.scope}/providers/{self.namespace}/{pairs}"


def _sound(segment: str) -> bool:
    return _SEGMENT.match(segment) is not None and segment.strip(".") != ""


def segment(text: str) -> str:
    """One path segment out of foreign text (a user principal name), percent-encoded. Raises InvalidInput when it is empty or a dot segment."""
    if not text or not text.strip("."):
        raise InvalidInput("path", f"{text!r} names nothing")
    return quote(text, safe="@")
