from __future__ import annotations

from typing import Any

import pytest

from remediations.azure.revoke_nsg_rule import RevokeNsgRule
from stanch.clouds.azure_ids import ArmId
from stanch.errors import Conflict, InvalidInput
from stanch.finding import Resource
from tests.contract.azure_world import AzureWorld
from tests.contract.scenarios.azure.revoke_nsg_rule import live, rule
from tests.unit.remediations.azure.conftest import ACTION, Make, apply_all, undo_all, writes


def exposed(world: AzureWorld, rules: dict[str, Any], **properties: Any) -> Resource:
    group = world.security_group(world.group(), rules, **properties)
    return Resource("Microsoft.Network/networkSecurityGroups", group.id, world.account)


def rewrite(world: AzureWorld, resource: Resource, name: str, body: dict[str, Any]) -> None:
    place = ArmId.parse(resource.id)
    written: Any = {"properties": body}
    world.network.security_rules.begin_create_or_update(place.group, place.name, name, written).result()


def test_several_rules_of_one_group_go_and_come_back(world: AzureWorld, make: Make) -> None:
    asg = {"destinationApplicationSecurityGroups": [], "description": "for the weekend"}
    rules = {f"open{number}": rule(100 + number, "*", ["22", "443"], **asg) for number in range(3)}
    resource = exposed(world, rules)
    before = live(world, resource)
    plan = make(RevokeNsgRule).plan(resource, {})
    apply_all(make(RevokeNsgRule, purpose="act"), plan)
    assert [each["destinationPortRanges"] for each in live(world, resource).values()] == [["443"]] * 3
    undo_all(make(RevokeNsgRule, purpose="undo"), plan)
    assert live(world, resource) == before
    assert before["open0"]["description"] == "for the weekend"


def test_a_rule_that_somebody_changed_since_the_plan_is_not_overwritten(world: AzureWorld, make: Make) -> None:
    resource = exposed(world, {"open": rule(100, "*", "22")})
    plan = make(RevokeNsgRule).plan(resource, {})
    rewrite(world, resource, "open", rule(100, "198.51.100.7", "22"))
    world.server.state.calls.clear()
    with pytest.raises(Conflict):
        make(RevokeNsgRule, purpose="act").apply(plan.changes[0])
    assert live(world, resource)["open"]["sourceAddressPrefix"] == "198.51.100.7"


def test_a_resumed_attempt_goes_by_what_it_read(world: AzureWorld, make: Make) -> None:
    """Another rule of the group was written since the plan; ours is as planned."""
    resource = exposed(world, {"open": rule(100, "*", "22"), "web": rule(200, "*", "443")})
    plan = make(RevokeNsgRule).plan(resource, {})
    rewrite(world, resource, "web", rule(200, "*", "8443"))
    resumed = make(RevokeNsgRule, purpose="act")
    assert resumed.read(plan.changes[0]) == plan.changes[0].before
    resumed.apply(plan.changes[0])
    assert set(live(world, resource)) == {"web"}


def test_a_rule_of_ours_bears_the_action_and_goes_with_undo(world: AzureWorld, make: Make) -> None:
    resource = exposed(world, {"mixed": rule(100, ["*", "10.0.0.0/8"], ["22", "443"])})
    before = live(world, resource)
    plan = make(RevokeNsgRule).plan(resource, {})
    apply_all(make(RevokeNsgRule, purpose="act"), plan)
    assert set(live(world, resource)) == {"mixed", f"stanch-{ACTION}-101"}
    assert make(RevokeNsgRule).plan(resource, {}).contained
    undo_all(make(RevokeNsgRule, purpose="undo"), plan)
    assert live(world, resource) == before


def test_a_rule_is_cut_only_once_its_sound_sources_have_one_of_their_own(world: AzureWorld, make: Make) -> None:
    plan = make(RevokeNsgRule).plan(exposed(world, {"mixed": rule(100, ["*", "10.0.0.0/8"], ["22", "443"])}), {})
    ours, cut = plan.changes
    assert (ours.requires, cut.id, cut.requires) == ((), "rule:mixed", (ours.id,))


def test_a_rule_that_a_broken_off_attempt_made_is_not_made_again(world: AzureWorld, make: Make) -> None:
    resource = exposed(world, {"mixed": rule(100, ["*", "10.0.0.0/8"], ["22", "443"])})
    make(RevokeNsgRule, purpose="act").apply(make(RevokeNsgRule).plan(resource, {}).changes[0])
    again = make(RevokeNsgRule).plan(resource, {})
    assert [change.id for change in again.changes] == ["rule:mixed"]
    apply_all(make(RevokeNsgRule, purpose="act"), again)
    assert make(RevokeNsgRule).plan(resource, {}).contained
    assert set(live(world, resource)) == {"mixed", f"stanch-{ACTION}-101"}


def test_what_is_lost_is_said(world: AzureWorld, make: Make) -> None:
    mixed = {
        "mixed": rule(101, ["*", "10.0.0.0/8"], ["22", "443"]),
        "a": rule(100, "10.0.0.0/8", "80"),
        "b": rule(102, "10.0.0.0/8", "81"),
    }
    plan = make(RevokeNsgRule).plan(exposed(world, mixed), {})
    assert [change.id for change in plan.changes] == ["rule:mixed"]
    assert "rule mixed: 10.0.0.0/8 can no longer reach 22 through it" in plan.breaks


def test_the_plan_says_who_is_behind_the_group(world: AzureWorld, make: Make) -> None:
    resource = exposed(world, {"open": rule(100, "*", "22")})
    unused = make(RevokeNsgRule).plan(resource, {})
    assert unused.facts == {"in_use": False}
    assert unused.breaks == ("no subnet and no interface uses the group",)
    group = world.group()
    nic = world.interface(group, world.subnet(group, resource.id), resource.id)
    used = make(RevokeNsgRule).plan(resource, {})
    assert used.facts == {"in_use": True}
    assert used.breaks == (f"the group filters default, {nic.name}",)
    assert nic.id in used.aliases
    assert used.tags == {"team": "payments"}


def test_open_connections_are_mentioned_unless_the_group_cuts_them(world: AzureWorld, make: Make) -> None:
    lasting = make(RevokeNsgRule).plan(exposed(world, {"open": rule(100, "*", "22")}), {})
    flushed = make(RevokeNsgRule).plan(exposed(world, {"open": rule(100, "*", "22")}, flushConnection=True), {})
    assert lasting.not_done == ("connections that are open already live on until they end",)
    assert flushed.not_done == ()


@pytest.mark.parametrize("given", [["ssh"], ["25-20"], [70000]])
def test_ports_that_are_none_are_refused(world: AzureWorld, make: Make, given: list[Any]) -> None:
    with pytest.raises(InvalidInput, match="ports"):
        make(RevokeNsgRule).plan(exposed(world, {}), {"ports": given})


def test_another_kind_of_resource_is_refused(world: AzureWorld, make: Make) -> None:
    wrong = f"/subscriptions/{world.account}/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v"
    with pytest.raises(InvalidInput, match="not the id of"):
        make(RevokeNsgRule).plan(Resource("Microsoft.Network/networkSecurityGroups", wrong, world.account), {})


def test_nothing_to_do_says_why(world: AzureWorld, make: Make) -> None:
    resource = exposed(world, {"web": rule(100, "*", "443"), "bastion": rule(110, "10.0.0.0/8", "22")})
    world.server.state.calls.clear()
    plan = make(RevokeNsgRule).plan(resource, {})
    assert (plan.changes, plan.reason) == ((), "no inbound rule lets the Internet reach these ports")
    assert writes(world) == []
