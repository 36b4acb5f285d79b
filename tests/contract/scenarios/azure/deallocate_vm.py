"""A running machine."""

from __future__ import annotations

from typing import Any

from stanch.clouds.azure_ids import ArmId
from stanch.finding import Resource
from tests.contract.azure_world import AzureWorld
from tests.contract.scenario import Scenario

REMEDIATION = "azure.compute.deallocate_vm"


def running(world: AzureWorld) -> Resource:
    group = world.group()
    machine = world.machine(group, [world.interface(group, world.subnet(group))])
    return Resource("Microsoft.Compute/virtualMachines", machine.id, world.account)


def lower_case(world: AzureWorld) -> Resource:
    """The Activity Log writes ids in small letters."""
    found = running(world)
    return Resource(found.type, found.id.lower(), found.account)


def snapshot(world: AzureWorld, resource: Resource) -> Any:
    place = ArmId.parse(resource.id)
    view = world.compute.virtual_machines.instance_view(place.group, place.name)
    return [status.code for status in view.statuses if status.code.startswith("PowerState/")]


def contained(world: AzureWorld, resource: Resource) -> bool:
    return bool(snapshot(world, resource) == ["PowerState/deallocated"])


def drift(world: AzureWorld, resource: Resource) -> None:
    """Somebody starts the machine and shuts it down."""
    place = ArmId.parse(resource.id)
    world.compute.virtual_machines.begin_start(place.group, place.name).result()
    world.compute.virtual_machines.begin_power_off(place.group, place.name).result()


def remove(world: AzureWorld, resource: Resource) -> None:
    place = ArmId.parse(resource.id)
    world.compute.virtual_machines.begin_delete(place.group, place.name).result()


SCENARIOS = [
    Scenario("a running machine", REMEDIATION, running, contained, snapshot, drift, remove),
    Scenario("an id in small letters", REMEDIATION, lower_case, contained, snapshot, drift, remove),
]
