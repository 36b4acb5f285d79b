"""Machines on the network: several interfaces in several resource groups, groups of their own and shared ones, a half-isolated one."""

from __future__ import annotations

from typing import Any

from stanch.clouds.azure_ids import ArmId
from stanch.finding import Resource
from tests.contract.azure_world import AzureWorld
from tests.contract.scenario import Scenario

REMEDIATION = "azure.compute.isolate_vm"

SSH = {
    "protocol": "Tcp", "access": "Allow", "direction": "Inbound", "priority": 300, "description": "bastion",
    "sourceAddressPrefix": "10.9.0.0/16", "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "22",
}  # fmt: skip
DENY = {
    "protocol": "*", "access": "Deny", "priority": 100,
    "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*",
}  # fmt: skip


def two_interfaces(world: AzureWorld) -> Resource:
    """One interface shares its group with a neighbour, the other is in another resource group and has none, but its subnet has."""
    group, elsewhere = world.group(), world.group("net")
    shared = world.security_group(group, {"ssh": SSH})
    subnet = world.subnet(group)
    first = world.interface(group, subnet, shared.id)
    second = world.interface(elsewhere, world.subnet(elsewhere, world.security_group(elsewhere, {"ssh": SSH}).id))
    neighbour = world.machine(group, [world.interface(group, subnet, shared.id)])
    machine = world.machine(group, [first, second], data_disks=2, identity={"type": "SystemAssigned"})
    return _resource(world, machine.id, neighbour=neighbour.id)


def upper_case(world: AzureWorld) -> Resource:
    """The finding writes the id in capitals, as some do."""
    group = world.group()
    own = world.security_group(group, {"ssh": SSH})
    machine = world.machine(group, [world.interface(group, world.subnet(group), own.id)])
    neighbour = world.machine(group, [world.interface(group, world.subnet(group), own.id)])
    return _resource(world, machine.id.upper(), neighbour=neighbour.id)


def half_isolated(world: AzureWorld) -> Resource:
    """An earlier action isolated one interface; a second one was attached since."""
    group = world.group()
    subnet, open_group = world.subnet(group), world.security_group(group, {"ssh": SSH})
    rules = [{"name": way, "properties": {**DENY, "direction": way}} for way in ("Inbound", "Outbound")]
    body: Any = {"location": "westeurope", "properties": {"securityRules": rules, "flushConnection": True}}
    name = world.unique("stanch-earlier")
    quarantine = world.network.network_security_groups.begin_create_or_update(group, name, body).result()
    nics = [world.interface(group, subnet, quarantine.id), world.interface(group, subnet, open_group.id)]
    neighbour = world.machine(group, [world.interface(group, subnet, open_group.id)])
    return _resource(world, world.machine(group, nics).id, neighbour=neighbour.id)


def _resource(world: AzureWorld, machine: str, neighbour: str) -> Resource:
    return Resource(
        "Microsoft.Compute/virtualMachines", machine, world.account, None, "affected", {"neighbour": neighbour}
    )


def _interfaces(world: AzureWorld, machine_id: str) -> list[Any]:
    place = ArmId.parse(machine_id)
    machine = world.compute.virtual_machines.get(place.group, place.name)
    ids = [ArmId.parse(nic.id) for nic in machine.properties.network_profile.network_interfaces]
    return [world.network.network_interfaces.get(each.group, each.name) for each in ids]


def _isolated(world: AzureWorld, nic: Any) -> bool:
    """Everything refused both ways at the first priority, and flows judged anew."""
    if nic.properties.network_security_group is None:
        return False
    place = ArmId.parse(nic.properties.network_security_group.id)
    group = world.network.network_security_groups.get(place.group, place.name).properties
    first = {
        rule.properties.direction: rule.properties for rule in group.security_rules if rule.properties.priority == 100
    }
    everything = all(
        (
            rule.access,
            rule.protocol,
            rule.source_address_prefix,
            rule.destination_address_prefix,
            rule.destination_port_range,
        )
        == ("Deny", "*", "*", "*", "*")
        for rule in first.values()
    )
    return set(first) == {"Inbound", "Outbound"} and everything and group.flush_connection is True


def contained(world: AzureWorld, resource: Resource) -> bool:
    """The machine is cut off, its neighbour is not."""
    own = [_isolated(world, nic) for nic in _interfaces(world, resource.id)]
    return all(own) and not any(_isolated(world, nic) for nic in _interfaces(world, resource.details["neighbour"]))


def snapshot(world: AzureWorld, resource: Resource) -> Any:
    """Interfaces and groups without their entity tags, and the machine's tags. Disk snapshots are evidence and stay."""
    place = ArmId.parse(resource.id)
    nics = [*_interfaces(world, resource.id), *_interfaces(world, resource.details["neighbour"])]
    groups = world.network.network_security_groups.list_all()
    tags = world.compute.virtual_machines.get(place.group, place.name).tags
    mine = [group for group in groups if ArmId.parse(group.id).group.lower() == place.group.lower()]
    return {
        "nics": [_plain(nic) for nic in nics],
        "groups": [_plain(group) for group in mine],
        "tags": dict(tags or {}),
    }


def _plain(model: Any) -> Any:
    return _without_etags(model.as_dict())


def _without_etags(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_etags(item) for key, item in value.items() if key not in ("etag", "resourceGuid")}
    return [_without_etags(item) for item in value] if isinstance(value, list) else value


def drift(world: AzureWorld, resource: Resource) -> None:
    """Somebody puts another group on the last interface."""
    nic = _interfaces(world, resource.id)[-1]
    place = ArmId.parse(nic.id)
    body = nic.as_dict(exclude_readonly=True)
    body["properties"]["networkSecurityGroup"] = {"id": world.security_group(place.group, {}).id}
    world.network.network_interfaces.begin_create_or_update(place.group, place.name, body).result()


def remove(world: AzureWorld, resource: Resource) -> None:
    place = ArmId.parse(resource.id)
    world.compute.virtual_machines.begin_delete(place.group, place.name).result()


SCENARIOS = [
    Scenario(name, REMEDIATION, expose, contained, snapshot, drift, remove)
    for name, expose in (
        ("two interfaces in two resource groups, a shared group", two_interfaces),
        ("an id in capitals", upper_case),
        ("one interface isolated before", half_isolated),
    )
]
