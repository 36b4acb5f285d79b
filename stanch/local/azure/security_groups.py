"""Microsoft.Network/networkSecurityGroups and their rules.

Limits of rules: https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview#security-rules
"""

from __future__ import annotations

import copy
import ipaddress
import re
from typing import Any

from stanch.local.azure.errors import ArmError
from stanch.local.azure.kinds import Request
from stanch.local.azure.network import INTERFACES, NetworkKind, PartKind, VirtualNetworks, part
from stanch.local.azure.state import Record, State

_DEFAULTS = (
    ("AllowVnetInBound", "Allow inbound traffic from all VMs in VNET", "VirtualNetwork", "VirtualNetwork", "Allow", 65000, "Inbound"),
    ("AllowAzureLoadBalancerInBound", "Allow inbound traffic from azure load balancer", "AzureLoadBalancer", "*", "Allow", 65001, "Inbound"),
    ("DenyAllInBound", "Deny all inbound traffic", "*", "*", "Deny", 65500, "Inbound"),
    ("AllowVnetOutBound", "Allow outbound traffic from all VMs to all VMs in VNET", "VirtualNetwork", "VirtualNetwork", "Allow", 65000, "Outbound"),
    ("AllowInternetOutBound", "Allow outbound traffic from all VMs to Internet", "*", "Internet", "Allow", 65001, "Outbound"),
    ("DenyAllOutBound", "Deny all outbound traffic", "*", "*", "Deny", 65500, "Outbound"),
)  # fmt: skip

_LISTS = ("sourcePortRanges", "destinationPortRanges", "sourceAddressPrefixes", "destinationAddressPrefixes")
_SINGLES = ("sourcePortRange", "destinationPortRange", "sourceAddressPrefix", "destinationAddressPrefix")
_GROUPS = {"sourceAddressPrefix": "sourceApplicationSecurityGroups", "destinationAddressPrefix": "destinationApplicationSecurityGroups"}  # fmt: skip
_TAG = re.compile(r"[A-Za-z][A-Za-z0-9.]*\Z")


def default_rules(record: Record) -> list[dict[str, Any]]:
    """The six rules that every group ends with."""
    return [
        part(record, SecurityGroups.type, "defaultSecurityRules", {"name": name}, {
            "description": text, "protocol": "*", "sourcePortRange": "*", "destinationPortRange": "*",
            "sourceAddressPrefix": source, "destinationAddressPrefix": destination, "access": access,
            "priority": priority, "direction": direction, **{name: [] for name in _LISTS},
        })
        for name, text, source, destination, access, priority, direction in _DEFAULTS
    ]  # fmt: skip


def checked_rules(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rules with each in range and no two of the same priority and direction. Raises ArmError 400."""
    seen: dict[tuple[int, str], str] = {}
    names: set[str] = set()
    for item in items:
        name, properties = str(item.get("name", "")), item.get("properties", {})
        _check(name, properties)
        key = (properties["priority"], properties["direction"].lower())
        if key in seen:
            raise _refused("SecurityRuleConflict", f"Security rule {seen[key]} conflicts with rule {name}. Rules cannot have the same Priority and Direction. To learn more, see aka.ms/nsgrules.")  # fmt: skip
        if name.lower() in names:
            raise _refused("InvalidRequestFormat", f"Additional details: the rule name {name} is used twice.")
        seen[key] = name
        names.add(name.lower())
    return [{"name": item["name"], "properties": _kept(item["properties"])} for item in items]


def _refused(code: str, message: str) -> ArmError:
    return ArmError(400, code, message, details=[])


def _check(name: str, properties: dict[str, Any]) -> None:
    missing = [field for field in ("priority", "direction", "access", "protocol") if field not in properties]
    if missing or not name:
        raise _refused("InvalidRequestFormat", f"Required property '{(missing or ['name'])[0]}' not found in security rule {name}.")  # fmt: skip
    if not 100 <= properties["priority"] <= 4096:
        raise _refused("SecurityRuleInvalidPriority", f"Security rule {name} has invalid priority. Value provided: {properties['priority']} Allowed range 100-4096.")  # fmt: skip
    for single in _SINGLES:
        plural = single + ("es" if single.endswith("x") else "s")
        values = [properties[single]] if properties.get(single) else properties.get(plural, [])
        if not values and not properties.get(_GROUPS.get(single, "")):
            raise _refused("InvalidRequestFormat", f"Security rule {name} must have {single} or {plural}.")
        for value in values:
            _check_ports(name, value) if "Port" in single else _check_prefix(name, value)


def _check_ports(name: str, value: str) -> None:
    ends = value.split("-")
    sound = value == "*" or (
        len(ends) <= 2 and all(end.isdecimal() and int(end) <= 65535 for end in ends) and int(ends[0]) <= int(ends[-1])
    )
    if not sound:
        raise _refused("SecurityRuleInvalidPortRange", f"Security rule {name} has invalid Port range. Value provided: {value}. Value should be an integer OR integer range with '-' delimiter. Valid range 0-65535.")  # fmt: skip


def _check_prefix(name: str, value: str) -> None:
    if value == "*" or _TAG.match(value):
        return
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise _refused("SecurityRuleInvalidAddressPrefix", f"Security rule {name} has invalid Address prefix. Value provided: {value}") from None  # fmt: skip


def _kept(properties: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in properties.items() if key != "provisioningState"}
    return kept | {name: kept.get(name, []) for name in _LISTS}


class SecurityGroups(NetworkKind):
    type = "Microsoft.Network/networkSecurityGroups"
    model = "network.NetworkSecurityGroup"

    def stored(self, request: Request, body: dict[str, Any], current: Record | None) -> dict[str, Any]:
        body = super().stored(request, body, current)
        body["properties"]["securityRules"] = checked_rules(body["properties"].get("securityRules", []))
        return body

    def shown(self, state: State, record: Record, version: str) -> dict[str, Any]:
        shown = super().shown(state, record, version)
        properties = shown["properties"]
        properties["securityRules"] = [RULES.part(state, record, rule) for rule in record.properties["securityRules"]]
        properties["defaultSecurityRules"] = default_rules(record)
        nics, subnets = users(state, record.id)
        if nics:
            properties["networkInterfaces"] = [{"id": nic} for nic in nics]
        if subnets:
            properties["subnets"] = [{"id": subnet} for subnet in subnets]
        return shown

    def release(self, request: Request, record: Record) -> None:
        nics, subnets = users(request.state, record.id)
        if nics or subnets:
            raise _refused("InUseNetworkSecurityGroupCannotBeDeleted", f"Network security group {record.id} cannot be deleted because it is in use by the following resources: {', '.join(nics + subnets)}. In order to delete the Network security group, remove the association with the resource(s). To learn how to do this, see aka.ms/deletensg.")  # fmt: skip


def users(state: State, group: str) -> tuple[list[str], list[str]]:
    """Ids of the interfaces and of the subnets that a group is put on."""
    wanted = group.lower()
    nics = [
        nic.id for nic in state.of_type(INTERFACES)
        if nic.properties.get("networkSecurityGroup", {}).get("id", "").lower() == wanted
    ]  # fmt: skip
    subnets = [
        f"{network.id}/subnets/{subnet['name']}"
        for network in state.of_type(VirtualNetworks.type)
        for subnet in network.properties["subnets"]
        if subnet["properties"].get("networkSecurityGroup", {}).get("id", "").lower() == wanted
    ]
    return nics, subnets


class SecurityRules(PartKind):
    type = "Microsoft.Network/networkSecurityGroups/securityRules"
    model = "network.SecurityRule"
    collection = "securityRules"

    def whole(self, request: Request, owner: Record, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return checked_rules(items)

    def part(self, state: State, owner: Record, item: dict[str, Any]) -> dict[str, Any]:
        return part(owner, self.owner.type, "securityRules", item, copy.deepcopy(item["properties"]))


RULES = SecurityRules()
RULES.owner = SecurityGroups()
