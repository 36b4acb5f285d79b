from __future__ import annotations

from typing import Any

import pytest

from remediations.azure import quarantine
from remediations.azure.isolate_vm import IsolateVm
from stanch.clouds.azure_ids import ArmId
from stanch.errors import Conflict
from stanch.finding import Resource
from tests.contract.azure_world import AzureWorld
from tests.contract.scenarios.azure.isolate_vm import DENY, SSH
from tests.unit.remediations.azure.conftest import ACTION, Make, apply_all, undo_all, writes


def machine(world: AzureWorld, *groups: str | None, **more: Any) -> Resource:
    """A machine with one interface for each of the given security groups."""
    place = world.group()
    subnet = world.subnet(place)
    nics = [world.interface(place, subnet, group) for group in groups or (None,)]
    return Resource("Microsoft.Compute/virtualMachines", world.machine(place, nics, **more).id, world.account)


def tags(world: AzureWorld, resource: Resource) -> Any:
    place = ArmId.parse(resource.id)
    return world.compute.virtual_machines.get(place.group, place.name).tags


def put_interface(world: AzureWorld, nic_id: str, **properties: Any) -> None:
    place = ArmId.parse(nic_id)
    body = world.network.network_interfaces.get(place.group, place.name).as_dict(exclude_readonly=True)
    body["properties"] |= properties
    world.network.network_interfaces.begin_create_or_update(place.group, place.name, body).result()


def test_the_group_comes_first_then_interfaces_then_the_flush_then_evidence(world: AzureWorld, make: Make) -> None:
    resource = machine(world, None, None, data_disks=1)
    plan = make(IsolateVm).plan(resource, {})
    assert [change.id.partition(":")[0] for change in plan.changes] == [
        "group", "interface", "interface", "flush", "tag", "snapshot", "snapshot"
    ]  # fmt: skip
    assert [change.garnish for change in plan.changes] == [False] * 4 + [True] * 3
    assert all(change.requires == ("group",) for change in plan.changes[1:4])
    world.server.state.calls.clear()
    apply_all(make(IsolateVm, purpose="act"), plan)
    nics = [change.id.rpartition("/")[2] for change in plan.changes[1:3]]
    group = f"PUT stanch-{ACTION}"
    snapshots = [f"{group}-os", f"{group}-lun0"]
    assert writes(world) == [group, *(f"PUT {nic}" for nic in nics), group, "PATCH default", *snapshots]


def test_the_flush_is_what_is_left_when_it_alone_is_missing(world: AzureWorld, make: Make) -> None:
    resource = machine(world)
    plan = make(IsolateVm).plan(resource, {})
    act = make(IsolateVm, purpose="act")
    for change in plan.changes[:2]:
        act.apply(change)
    left = make(IsolateVm).plan(resource, {})
    assert [change.id for change in left.changes if not change.garnish] == [f"flush:stanch-{ACTION}"]
    act.apply(left.changes[0])
    assert make(IsolateVm).plan(resource, {}).reason == "every interface is in a quarantine group already"


def test_putting_the_group_again_does_not_stop_the_flush(world: AzureWorld, make: Make) -> None:
    resource = machine(world)
    plan = make(IsolateVm).plan(resource, {})
    apply_all(make(IsolateVm, purpose="act"), plan)
    make(IsolateVm, purpose="act").apply(plan.changes[0])
    place = ArmId.parse(plan.changes[0].data["group"])
    assert world.network.network_security_groups.get(place.group, place.name).properties.flush_connection is True


def test_a_group_that_is_put_late_does_not_stop_the_flush(
    world: AzureWorld, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One stood still after it had seen that there is no group; another did everything meanwhile."""
    resource = machine(world)
    plan = make(IsolateVm).plan(resource, {})
    apply_all(make(IsolateVm, purpose="act"), plan)
    late = make(IsolateVm, purpose="act")
    monkeypatch.setattr(late._group, "read", lambda data: None)
    with pytest.raises(Conflict):
        late.apply(plan.changes[0])
    place = ArmId.parse(plan.changes[0].data["group"])
    assert world.network.network_security_groups.get(place.group, place.name).properties.flush_connection is True


def test_a_group_that_only_looks_like_ours_does_not_count(world: AzureWorld, make: Make) -> None:
    place = world.group()
    rules = [{"name": "in", "properties": {**DENY, "direction": "Inbound"}}, {"name": "ssh", "properties": SSH}]
    body: Any = {"location": "westeurope", "properties": {"securityRules": rules, "flushConnection": True}}
    fake = world.network.network_security_groups.begin_create_or_update(place, "stanch-fake", body).result()
    plan = make(IsolateVm).plan(machine(world, fake.id), {})
    assert [change.id.partition(":")[0] for change in plan.changes][:2] == ["group", "interface"]
    assert plan.changes[1].before == fake.id.lower()


@pytest.mark.parametrize(
    ("name", "rules", "isolates"),
    [
        ("stanch-a", [{**DENY, "direction": "Inbound"}, {**DENY, "direction": "Outbound"}], True),
        ("STANCH-A", [{**DENY, "direction": "inbound", "access": "deny"}, {**DENY, "direction": "Outbound"}], True),
        ("locked", [{**DENY, "direction": "Inbound"}, {**DENY, "direction": "Outbound"}], False),
        ("stanch-a", [{**DENY, "direction": "Inbound"}], False),
        ("stanch-a", [{**DENY, "direction": "Inbound", "priority": 200}, {**DENY, "direction": "Outbound"}], False),
        ("stanch-a", [{**DENY, "direction": "Inbound", "protocol": "Tcp"}, {**DENY, "direction": "Outbound"}], False),
        ("stanch-a", [{**DENY, "direction": "Inbound", "sourceAddressPrefix": "Internet"}, {**DENY, "direction": "Outbound"}], False),
        ("stanch-a", [], False),
    ],
)  # fmt: skip
def test_what_isolates(name: str, rules: list[dict[str, Any]], isolates: bool) -> None:
    listed = [{"name": str(number), "properties": each} for number, each in enumerate(rules)]
    group = {
        "id": f"/x/providers/Microsoft.Network/networkSecurityGroups/{name}",
        "properties": {"securityRules": listed},
    }
    assert quarantine.isolates(group) is isolates


def test_an_interface_that_somebody_changed_since_the_plan_is_not_overwritten(world: AzureWorld, make: Make) -> None:
    resource = machine(world)
    plan = make(IsolateVm).plan(resource, {})
    nic = plan.changes[1].data["interface"]
    put_interface(world, nic, enableIPForwarding=True)
    act = make(IsolateVm, purpose="act")
    act.apply(plan.changes[0])
    with pytest.raises(Conflict):
        act.apply(plan.changes[1])
    resumed = make(IsolateVm, purpose="act")
    assert resumed.read(plan.changes[1]) == plan.changes[1].before
    resumed.apply(plan.changes[1])
    place = ArmId.parse(nic)
    after = world.network.network_interfaces.get(place.group, place.name).properties
    assert after.enable_ip_forwarding is True
    assert after.network_security_group.id.endswith(f"stanch-{ACTION}")


def test_whatever_else_an_interface_has_survives(world: AzureWorld, make: Make) -> None:
    resource = machine(world)
    plan = make(IsolateVm).plan(resource, {})
    place = ArmId.parse(plan.changes[1].data["interface"])
    before = world.network.network_interfaces.get(place.group, place.name).as_dict(exclude_readonly=True)
    apply_all(make(IsolateVm, purpose="act"), plan)
    after = world.network.network_interfaces.get(place.group, place.name).as_dict(exclude_readonly=True)
    assert after["properties"].pop("networkSecurityGroup")["id"] == plan.changes[0].data["group"]
    assert after == before
    undo_all(make(IsolateVm, purpose="undo"), plan)
    assert world.network.network_interfaces.get(place.group, place.name).as_dict(exclude_readonly=True) == before


@pytest.mark.parametrize("earlier", [{}, {"stanch:action": "earlier"}])
def test_the_tags_are_as_they_were(world: AzureWorld, make: Make, earlier: dict[str, str]) -> None:
    resource = machine(world, tags={"team": "payments", **earlier})
    plan = make(IsolateVm).plan(resource, {})
    apply_all(make(IsolateVm, purpose="act"), plan)
    assert tags(world, resource) == {"team": "payments", "stanch:action": ACTION}
    undo_all(make(IsolateVm, purpose="undo"), plan)
    assert tags(world, resource) == {"team": "payments", **earlier}


def test_snapshots_bear_the_action_and_outlive_undo(world: AzureWorld, make: Make) -> None:
    resource = machine(world, data_disks=1)
    plan = make(IsolateVm).plan(resource, {})
    apply_all(make(IsolateVm, purpose="act"), plan)
    undo_all(make(IsolateVm, purpose="undo"), plan)
    place = ArmId.parse(resource.id)
    found = {each.name: each for each in world.compute.snapshots.list_by_resource_group(place.group)}
    assert set(found) == {f"stanch-{ACTION}-os", f"stanch-{ACTION}-lun0"}
    disk = found[f"stanch-{ACTION}-os"]
    assert disk.tags == {"stanch:action": ACTION}
    assert disk.properties.creation_data.source_resource_id.endswith(f"{place.name}-os")
    assert disk.properties.incremental is True


def test_the_plan_warns_of_what_is_around_the_machine(world: AzureWorld, make: Make) -> None:
    network = f"/subscriptions/{world.account}/resourceGroups/g/providers/Microsoft.Network"
    scale_set = (
        f"/subscriptions/{world.account}/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/nodes"
    )
    resource = machine(world, identity={"type": "SystemAssigned"})
    nic = make(IsolateVm).plan(resource, {}).changes[1].data["interface"]
    place = ArmId.parse(nic)
    address = world.network.network_interfaces.get(place.group, place.name).as_dict(exclude_readonly=True)[
        "properties"
    ]["ipConfigurations"]
    address[0]["properties"]["loadBalancerBackendAddressPools"] = [
        {"id": f"{network}/loadBalancers/lb/backendAddressPools/web"}
    ]
    put_interface(world, nic, ipConfigurations=address)
    record = world.server.state.get(resource.id)
    assert record is not None
    record.properties["virtualMachineScaleSet"] = {"id": scale_set}
    record.properties["storageProfile"]["osDisk"]["diffDiskSettings"] = {"option": "Local"}
    plan = make(IsolateVm).plan(resource, {})
    assert plan.facts == {"load_balanced": True, "managed_identity": True}
    assert "health probes fail, so load balancers take it out of web" in plan.breaks
    assert "scale set nodes may replace it as unhealthy, evidence included" in plan.breaks
    assert "tokens that its identities obtained stay valid until they expire" in plan.not_done
    assert any(said.startswith("no snapshot can be taken of") for said in plan.not_done)
    assert not [change for change in plan.changes if change.id.startswith("snapshot")]


def test_an_interface_that_is_gone_is_neither_as_found_nor_as_left(world: AzureWorld, make: Make) -> None:
    resource = machine(world)
    plan = make(IsolateVm).plan(resource, {})
    apply_all(make(IsolateVm, purpose="act"), plan)
    world.server.state.drop(plan.changes[1].data["interface"])
    assert make(IsolateVm, purpose="undo").read(plan.changes[1]) == "gone"
