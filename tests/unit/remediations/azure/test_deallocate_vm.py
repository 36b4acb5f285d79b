from __future__ import annotations

from collections.abc import Iterator

import pytest

from remediations.azure.deallocate_vm import LOST, DeallocateVm
from stanch.action import Action, Status, Step
from stanch.clouds.azure_ids import ArmId
from stanch.errors import Unreachable
from stanch.finding import Resource
from stanch.transaction import compare
from tests.contract.azure_world import AzureWorld
from tests.unit.remediations.azure.conftest import Make, writes


@pytest.fixture
def machine(world: AzureWorld) -> Resource:
    group = world.group()
    made = world.machine(group, [world.interface(group, world.subnet(group))], identity={"type": "SystemAssigned"})
    return Resource("Microsoft.Compute/virtualMachines", made.id, world.account)


@pytest.fixture
def slow(world: AzureWorld, machine: Resource) -> Iterator[None]:
    """Once there is a machine: operations that do not end while a test looks."""
    usual = world.server.arm.seconds
    world.server.arm.seconds = 60.0
    yield
    world.server.arm.seconds = usual


def test_a_person_has_to_agree_because_memory_is_lost(machine: Resource, make: Make) -> None:
    plan = make(DeallocateVm).plan(machine, {})
    assert plan.facts["approve"] == LOST
    assert LOST not in plan.breaks, "the disruption says it already"
    assert "memory and temporary disk are lost" in DeallocateVm.disruption
    assert any("identities" in said for said in plan.not_done)


def test_a_stopped_machine_is_not_booted_by_undo(world: AzureWorld, machine: Resource, make: Make) -> None:
    place = ArmId.parse(machine.id)
    world.compute.virtual_machines.begin_power_off(place.group, place.name).result()
    change = make(DeallocateVm).plan(machine, {}).changes[0]
    assert (change.before, change.after, change.reversible) == ("stopped", "deallocated", False)
    assert any("undo leaves it deallocated" in said for said in make(DeallocateVm).plan(machine, {}).breaks)


def test_a_deallocated_machine_needs_nothing(world: AzureWorld, machine: Resource, make: Make) -> None:
    place = ArmId.parse(machine.id)
    world.compute.virtual_machines.begin_deallocate(place.group, place.name).result()
    plan = make(DeallocateVm).plan(machine, {})
    assert (plan.changes, plan.reason) == ((), "the machine is deallocated already")


@pytest.mark.usefixtures("slow")
def test_on_its_way_is_not_there_yet(world: AzureWorld, machine: Resource, make: Make) -> None:
    remediation = make(DeallocateVm)
    change = remediation.plan(machine, {}).changes[0]
    place = ArmId.parse(machine.id)
    world.compute.virtual_machines.begin_deallocate(place.group, place.name, polling=False)
    assert remediation.read(change) == "deallocating"
    assert remediation.halfway(change, "deallocating")
    late = make(DeallocateVm).plan(machine, {})
    assert not late.contained
    assert (late.changes[0].before, late.changes[0].reversible) == ("deallocating", False)
    assert remediation.read(late.changes[0]) == "deallocating"


@pytest.mark.usefixtures("slow")
def test_a_starting_machine_counts_as_running(world: AzureWorld, machine: Resource, make: Make) -> None:
    place = ArmId.parse(machine.id)
    world.compute.virtual_machines.begin_start(place.group, place.name, polling=False)
    change = make(DeallocateVm).plan(machine, {}).changes[0]
    assert (change.before, change.reversible) == ("running", True)


def test_an_ephemeral_disk_is_said_to_forbid_it(world: AzureWorld, machine: Resource, make: Make) -> None:
    record = world.server.state.get(machine.id)
    assert record is not None
    record.properties["storageProfile"]["osDisk"]["diffDiskSettings"] = {"option": "Local"}
    plan = make(DeallocateVm).plan(machine, {})
    assert plan.facts["ephemeral"] is True
    assert "Azure refuses to deallocate a machine with an ephemeral system disk" in plan.breaks


def test_a_gone_machine_is_neither_state(world: AzureWorld, machine: Resource, make: Make) -> None:
    change = make(DeallocateVm).plan(machine, {}).changes[0]
    world.server.state.drop(machine.id)
    assert make(DeallocateVm).read(change) == "gone"
    assert make(DeallocateVm).plan(machine, {}).reason == "gone"


@pytest.mark.usefixtures("slow")
def test_an_attempt_that_finds_the_machine_on_its_way_does_not_send_it_again(world: AzureWorld, machine: Resource, make: Make) -> None:  # fmt: skip
    change = make(DeallocateVm).plan(machine, {}).changes[0]
    place = ArmId.parse(machine.id)
    world.compute.virtual_machines.begin_deallocate(place.group, place.name, polling=False)
    sent = writes(world)
    resumed = make(DeallocateVm, purpose="act")
    assert resumed.halfway(change, resumed.read(change))
    with pytest.raises(Unreachable, match="not there yet"):
        resumed.apply(change)
    assert writes(world) == sent


@pytest.mark.usefixtures("slow")
def test_a_machine_that_still_goes_down_is_not_taken_for_undone(world: AzureWorld, machine: Resource, make: Make) -> None:  # fmt: skip
    change = make(DeallocateVm).plan(machine, {}).changes[0]
    place = ArmId.parse(machine.id)
    world.compute.virtual_machines.begin_deallocate(place.group, place.name, polling=False)
    action = Action("0" * 12 + "-1", "0" * 64, DeallocateVm.id, machine, {}, [Step(change, Status.PLANNED)])
    undoing = make(DeallocateVm, purpose="undo")
    assert [(step.change.id, write) for step, write in compare(action, undoing, force=False)] == [("power", True)]
    sent = writes(world)
    with pytest.raises(Unreachable, match="still being deallocated"):
        undoing.undo(change)
    assert writes(world) == sent
