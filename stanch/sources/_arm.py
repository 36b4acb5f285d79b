"""Azure resource ids: checked, taken apart, and their types spelt as Azure spells them.

An id is `/subscriptions/{id}[/resourceGroups/{name}][/providers/{namespace}/{type}/{name}…]`, case-insensitive, in name-value pairs
(https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules). Whatever would mean something else in a URL is refused.
"""

from __future__ import annotations

import re

from msgspec import Struct

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SEGMENT = re.compile(r"[\w.()~@:,+=!'$ -]{1,260}")
_EMPTY_GUID = "00000000-0000-0000-0000-000000000000"

_TYPES = {
    known.lower(): known
    for known in (
        "Microsoft.Resources/subscriptions", "Microsoft.Resources/resourceGroups", "Microsoft.Compute/virtualMachines",
        "Microsoft.Compute/virtualMachineScaleSets", "Microsoft.Compute/virtualMachineScaleSets/virtualMachines", "Microsoft.Compute/disks",
        "Microsoft.HybridCompute/machines", "Microsoft.Network/networkSecurityGroups", "Microsoft.Network/networkSecurityGroups/securityRules",
        "Microsoft.Network/networkInterfaces", "Microsoft.Network/virtualNetworks", "Microsoft.Network/virtualNetworks/subnets",
        "Microsoft.Network/publicIPAddresses", "Microsoft.Network/applicationGateways", "Microsoft.Network/azureFirewalls",
        "Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults", "Microsoft.Sql/servers", "Microsoft.Sql/servers/databases",
        "Microsoft.ContainerService/managedClusters", "Microsoft.ContainerRegistry/registries", "Microsoft.Web/sites",
        "Microsoft.DocumentDB/databaseAccounts", "Microsoft.ManagedIdentity/userAssignedIdentities",
        "Microsoft.OperationalInsights/workspaces", "Microsoft.SecurityInsights/Incidents", "Microsoft.SecurityInsights/Entities",
    )
}  # fmt: skip


def guid(text: str | None) -> str | None:
    """The text if it is a GUID other than the empty one."""
    return text if text and _GUID.fullmatch(text) and text != _EMPTY_GUID else None


class ArmId(Struct, frozen=True):
    """A checked Azure resource id. `id` is as received, `type` in Azure's own letters where known, `scope` the id of what an extension extends."""

    id: str
    subscription: str
    type: str
    name: str
    scope: str | None


def parse(text: str) -> ArmId:
    """Take an Azure resource id apart. Raises ValueError saying what is wrong with it."""
    parts = text.rstrip("/").split("/")
    if not text.startswith("/") or len(parts) < 3 or parts[1].lower() != "subscriptions":
        raise ValueError("is not an Azure resource id, which begins with /subscriptions/")
    for part in parts[1:]:
        if not _SEGMENT.fullmatch(part) or part in (".", "..") or part != part.strip():
            raise ValueError(f"is not an Azure resource id: {part[:40]!a} cannot be a part of one")
    if len(parts) % 2 == 0:
        raise ValueError("is not an Azure resource id: its parts do not come in pairs")
    if not _GUID.fullmatch(parts[2]):
        raise ValueError(f"is not an Azure resource id: {parts[2][:40]!a} is no subscription id")
    kind, name, last = _kind(parts[3:])
    spelt = _TYPES.get(kind.lower(), kind)
    scope = "/".join(parts[: 3 + last]) if last else None
    return ArmId("/".join(parts), parts[2].lower(), spelt, name or parts[2], scope)


def _kind(parts: list[str]) -> tuple[str, str, int]:
    """The type and name that `parts` after the subscription spell, and where the last provider begins (0 if it extends no resource)."""
    group = bool(parts) and parts[0].lower() == "resourcegroups"
    rest = parts[2:] if group else parts
    if not rest:
        return (
            ("Microsoft.Resources/resourceGroups", parts[1], 0)
            if group
            else ("Microsoft.Resources/subscriptions", "", 0)
        )
    providers = [index for index in range(0, len(rest), 2) if rest[index].lower() == "providers"]
    ends = [*providers[1:], len(rest)]
    if not providers or providers[0] != 0 or any(end - start < 4 for start, end in zip(providers, ends, strict=True)):
        raise ValueError("is not an Azure resource id: it names no provider with a type and a name")
    last = providers[-1]
    kind = "/".join([rest[last + 1], *rest[last + 2 :: 2]])
    return kind, rest[-1], (last + (2 if group else 0)) if len(providers) > 1 else 0
