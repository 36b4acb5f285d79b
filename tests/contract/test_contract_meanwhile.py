"""Somebody writes beside us between the plan and the write: what the plan is about still stands, so it is done all the same."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.action import Outcome
from stanch.clouds.azure_ids import ArmId
from stanch.finding import Resource
from tests.contract.azure_world import AzureWorld
from tests.contract.harness import Bench, all_scenarios
from tests.contract.scenario import Scenario
from tests.contract.scenarios.azure.revoke_nsg_rule import rule

NSG = next(each for each in all_scenarios() if each.name == "SSH from anywhere")
SPLIT = next(each for each in all_scenarios() if each.name == "Internet and a private network on good and bad ports")
VM = next(each for each in all_scenarios() if each.remediation == "azure.compute.isolate_vm")


def a_rule(world: AzureWorld, resource: Resource) -> None:
    """A rule beside, which gives all rules of the group another entity tag."""
    place = ArmId.parse(resource.id)
    body: Any = {"properties": rule(300, "10.1.0.0/16", "8443")}
    world.network.security_rules.begin_create_or_update(place.group, place.name, "beside", body).result()


def a_tag(world: AzureWorld, resource: Resource) -> None:
    """A tag on each interface of the machine."""
    place = ArmId.parse(resource.id)
    machine = world.compute.virtual_machines.get(place.group, place.name)
    for each in machine.properties.network_profile.network_interfaces:
        where = ArmId.parse(each.id)
        body = world.network.network_interfaces.get(where.group, where.name).as_dict(exclude_readonly=True)
        body["tags"] = {**(body.get("tags") or {}), "team": "shop"}
        world.network.network_interfaces.begin_create_or_update(where.group, where.name, body).result()


CASES = [
    pytest.param(NSG, a_rule, "/securityrules/", id="a rule"),
    pytest.param(SPLIT, a_rule, "/securityrules/open", id="a rule that is split"),
    pytest.param(VM, a_tag, "/networkinterfaces/", id="a machine"),
]


@pytest.mark.parametrize(("scenario", "beside", "where"), CASES)
def test_what_somebody_writes_beside_it_keeps_nothing_open(
    scenario: Scenario, bench: Bench, beside: Any, where: str
) -> None:
    resource = scenario.expose(bench.world)
    writes: list[str] = []

    def meanwhile(purpose: str, call: str) -> Any:
        method, _, path = call.partition(" ")
        if purpose == "act" and method != "GET" and where in path.lower() and not writes:
            writes.append(call)
            beside(bench.world, resource)
        return None

    bench.cloud.faults.append(meanwhile)
    result = bench.act(scenario, resource)
    assert (result.outcome, result.reason, len(writes)) == (Outcome.ACTED, None, 1)
    assert [step.error for step in bench.action(result).steps if step.error] == []
    assert bench.undo(result.action_id or "", force=False).run().outcome is Outcome.UNDONE
