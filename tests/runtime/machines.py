"""What ARM says of the machine of a Sentinel incident, asked with Microsoft's own clients."""

from __future__ import annotations

import uuid
from typing import Any

from stanch.sources import sentinel
from tests.contract.azure_world import AzureWorld
from tests.runtime import events
from tests.runtime.azure_stack import AzureStack

GROUP = "rg-web"
ISOLATE = "azure.compute.isolate_vm"


def planted(azure: AzureStack) -> tuple[str, dict[str, Any]]:
    """A machine that mines, reachable by all the world, and the incident about it."""
    name = f"vm-{uuid.uuid4().hex[:8]}"
    event = events.mining_machine(name)
    azure.plant(event, sentinel.parse)
    assert not isolated(azure, name)
    azure.quiet()
    return name, event


def isolated(azure: AzureStack, name: str) -> bool:
    """Whether nothing may enter or leave any of the machine's interfaces."""
    world = AzureWorld(azure.cloud)
    machine = world.compute.virtual_machines.get(GROUP, name)
    nics = [nic.id.rpartition("/")[2] for nic in machine.network_profile.network_interfaces]
    assert len(nics) == 2
    return all(_closed(world, world.network.network_interfaces.get(GROUP, nic)) for nic in nics)


def _closed(world: AzureWorld, nic: Any) -> bool:
    if nic.network_security_group is None:
        return False
    group = world.network.network_security_groups.get(GROUP, nic.network_security_group.id.rpartition("/")[2])
    first: dict[str, Any] = {}
    for rule in sorted(group.security_rules, key=lambda rule: rule.priority):
        first.setdefault(rule.direction, rule)
    return {
        way: (rule.access, rule.source_address_prefix, rule.destination_address_prefix) for way, rule in first.items()
    } == {
        "Inbound": ("Deny", "*", "*"),
        "Outbound": ("Deny", "*", "*"),
    }
