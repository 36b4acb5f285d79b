"""Security groups that open administrative ports to the Internet, each beside rules that must stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stanch.clouds.azure_ids import ArmId
from stanch.finding import Resource
from tests.contract.azure_world import AzureWorld
from tests.contract.scenario import Scenario

REMEDIATION = "azure.network.revoke_nsg_rule"


def rule(priority: int, sources: str | list[str], ports: str | list[str], **more: Any) -> dict[str, Any]:
    """An inbound allow rule; a string takes the singular form, a list the augmented one."""
    return {
        "protocol": "Tcp", "access": "Allow", "direction": "Inbound", "priority": priority,
        "sourcePortRange": "*", "destinationAddressPrefix": "*",
        ("sourceAddressPrefix" if isinstance(sources, str) else "sourceAddressPrefixes"): sources,
        ("destinationPortRange" if isinstance(ports, str) else "destinationPortRanges"): ports,
        **more,
    }  # fmt: skip


SOUND = {
    "web": rule(200, "Internet", "443", description="the shop"),
    "bastion": rule(210, "10.9.0.0/16", "22"),
    "balancer": rule(220, "AzureLoadBalancer", "*", protocol="*"),
    "no-ssh-out": rule(200, "*", "22", direction="Outbound", access="Deny"),
    "ping": rule(230, "*", "*", protocol="Icmp"),
}

Rules = dict[str, dict[str, Any]]
"""A rule's live properties by its name."""


def exposing(rules: Rules) -> Callable[[AzureWorld], Resource]:
    def expose(world: AzureWorld) -> Resource:
        name = world.group()
        group = world.security_group(name, {**SOUND, **rules})
        world.machine(name, [world.interface(name, world.subnet(name), group.id)])
        return Resource("Microsoft.Network/networkSecurityGroups", group.id, world.account)

    return expose


def live(world: AzureWorld, resource: Resource) -> Rules:
    """The group's rules as they are, without what is empty."""
    place = ArmId.parse(resource.id)
    found = world.network.network_security_groups.get(place.group, place.name).properties.security_rules
    return {
        each.name: {
            key: value for key, value in each.properties.as_dict().items() if value != [] and key != "provisioningState"
        }
        for each in found
    }


def expecting(expected: Rules) -> Callable[[AzureWorld, Resource], bool]:
    """Contained means: exactly these rules beside the sound ones. `+` stands for the name of a rule that Stanch made."""

    def contained(world: AzureWorld, resource: Resource) -> bool:
        found = {("+" if name.startswith("stanch-") else name): body for name, body in live(world, resource).items()}
        return found == {**SOUND, **expected}

    return contained


def drift(world: AzureWorld, resource: Resource) -> None:
    """Somebody writes each of the exposing rules anew, for one address."""
    place = ArmId.parse(resource.id)
    for name in ("open", "also-open"):
        body: Any = {"properties": rule(120 + len(name), "198.51.100.7", "22")}
        world.network.security_rules.begin_create_or_update(place.group, place.name, name, body).result()


def remove(world: AzureWorld, resource: Resource) -> None:
    place = ArmId.parse(resource.id)
    for nic in world.network.network_security_groups.get(place.group, place.name).properties.network_interfaces or []:
        where = ArmId.parse(nic.id)
        body = world.network.network_interfaces.get(where.group, where.name).as_dict(exclude_readonly=True)
        del body["properties"]["networkSecurityGroup"]
        world.network.network_interfaces.begin_create_or_update(where.group, where.name, body).result()
    world.network.network_security_groups.begin_delete(place.group, place.name).result()


def scenario(name: str, rules: Rules, expected: Rules, **more: Any) -> Scenario:
    return Scenario(name, REMEDIATION, exposing(rules), expecting(expected), live, drift, remove, **more)


SCENARIOS = [
    scenario("SSH from anywhere", {"open": rule(100, "*", "22", description="temporary", protocol="*")}, {}),
    scenario(
        "an augmented rule keeps its private source",
        {"open": rule(100, ["Internet", "10.0.0.0/8"], ["3389"])},
        {"open": rule(100, ["10.0.0.0/8"], ["3389"])},
    ),
    scenario(
        "a range is split",
        {"open": rule(100, "0.0.0.0/0", ["20-25", "443"])},
        {"open": rule(100, "0.0.0.0/0", ["20-21", "23-25", "443"])},
    ),
    scenario(
        "two halves of the Internet and IPv6",
        {"open": rule(100, ["0.0.0.0/1", "128.0.0.0/1"], "22"), "also-open": rule(101, "2000::/3", "5985")},
        {},
    ),
    scenario(
        "Internet and a private network on good and bad ports",
        {"open": rule(110, ["Internet", "10.0.0.0/8"], ["22", "443"])},
        {"open": rule(110, ["Internet", "10.0.0.0/8"], ["443"]), "+": rule(111, ["10.0.0.0/8"], ["22"])},
    ),
    scenario(
        "ports of one's own",
        {"open": rule(100, "Any", "8080-8090"), "ssh": rule(101, "*", "22")},
        {"open": rule(100, "Any", ["8080", "8082-8090"]), "ssh": rule(101, "*", "22")},
        params={"ports": [8081]},
    ),
]
