"""Which rules a security group must have for a finding to be true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from stanch.local.aws.checks import ANYWHERE, COMMON_PORTS
from stanch.local.aws.seeding.scene import Scene


class Opening(NamedTuple):
    """One inbound rule; ports are None with protocol -1. `source` is an address range, a group id or a prefix list id."""

    protocol: str
    first: int | None
    last: int | None
    source: str


INNOCENT = Opening("tcp", 443, 443, "10.0.0.0/8")
"""Stands in every seeded group beside what offends: a containment that takes it too took too much."""

_BRUTE_FORCE_PORTS = {"SSHBruteForce": 22, "RDPBruteForce": 3389, "WinRMBruteForce": 5985}
_RULE_PORTS: dict[str, tuple[int, ...]] = {
    "INCOMING_SSH_DISABLED": (22,), "RESTRICTED_INCOMING_TRAFFIC": COMMON_PORTS, "VPC_SG_PORT_RESTRICTION_CHECK": (22, 3389),
    "VPC_SG_OPEN_ONLY_TO_AUTHORIZED_PORTS": (22, 3389),
}  # fmt: skip
_EPHEMERAL = 49152


def of_group(scene: Scene, group_id: str) -> list[Opening]:
    """The rules of a group that the finding names: its configuration item's, else those that its Config rule forbids."""
    if scene.item.get("resourceId") == group_id:
        return list(_of_item(scene.item.get("configuration")))
    if scene.guardduty:
        return of_instance(scene)
    return [*_anywhere(_RULE_PORTS.get(scene.rule or "", (22,))), INNOCENT]


def of_instance(scene: Scene) -> list[Opening]:
    """The rules of an attacked instance's groups: the ports that were reached from outside."""
    return [*_anywhere(_reached_ports(scene)), INNOCENT]


def _anywhere(ports: Iterable[int]) -> list[Opening]:
    return [Opening("tcp", port, port, source) for port in ports for source in ANYWHERE]


def _reached_ports(scene: Scene) -> list[int]:
    action = scene.guardduty.get("Service", {}).get("Action", {})
    probes = action.get("PortProbeAction", {}).get("PortProbeDetails", [])
    ports = [one.get("LocalPortDetails", {}).get("Port") for one in probes]
    connection = action.get("NetworkConnectionAction", {})
    if connection.get("ConnectionDirection") == "INBOUND":
        ports.append(connection.get("LocalPortDetails", {}).get("Port"))
    role = scene.guardduty.get("Service", {}).get("ResourceRole", "TARGET")
    named = [port for name, port in _BRUTE_FORCE_PORTS.items() if name in scene.finding.type and role == "TARGET"]
    return sorted({port for port in (*ports, *named) if port and 0 < port < _EPHEMERAL})


def _of_item(configuration: Any) -> Iterator[Opening]:
    """Config's spelling of a group: `ipv4Ranges` of objects or `ipRanges` of texts, and the rest as in the API."""
    if not isinstance(configuration, Mapping):
        return
    for permission in configuration.get("ipPermissions") or []:
        protocol = str(permission.get("ipProtocol"))
        first, last = (None, None) if protocol == "-1" else (permission.get("fromPort"), permission.get("toPort"))
        for source in dict.fromkeys(_sources(permission)):
            yield Opening(protocol, first, last, source)


def _sources(permission: Mapping[str, Any]) -> Iterator[str]:
    spelt = (("ipv4Ranges", "cidrIp"), ("ipRanges", "cidrIp"), ("ipv6Ranges", "cidrIpv6"), ("userIdGroupPairs", "groupId"),
             ("prefixListIds", "prefixListId"))  # fmt: skip
    for name, key in spelt:
        for one in permission.get(name) or []:
            source = one.get(key) if isinstance(one, Mapping) else one
            if source:
                yield str(source)
