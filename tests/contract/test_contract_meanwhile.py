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
from tests.contract.worlds import AwsWorld

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


SSH = next(each for each in all_scenarios() if each.name == "ssh and remote desktop over IPv4 and IPv6")


def made_anew(world: AwsWorld, resource: Resource, changed: bool) -> None:
    """Whoever opened the rule revokes it and opens it again: the same under another id, or told otherwise."""
    ec2, group = world.client("ec2"), resource.id.rpartition("/")[2]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    (old,) = [one for one in rules if (one.get("CidrIpv4"), one["FromPort"]) == ("0.0.0.0/0", 22)]
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[old["SecurityGroupRuleId"]])
    said = "mine" if changed else old["Description"]
    again = {
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": said}],
    }
    marked = [{"ResourceType": "security-group-rule", "Tags": old["Tags"]}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[again], TagSpecifications=marked)


@pytest.mark.parametrize("changed", [False, True], ids=["the same rule", "another rule"])
@pytest.mark.parametrize("scenario", [SSH], ids=["ssh"])
def test_a_rule_that_was_made_anew_between_plan_and_write_is_closed_if_it_is_the_same(
    scenario: Scenario, bench: Bench, changed: bool
) -> None:
    resource = scenario.expose(bench.world)
    done: list[str] = []

    def meanwhile(purpose: str, call: str) -> Any:
        if call == "ec2:RevokeSecurityGroupIngress" and not done:
            done.append(call)
            made_anew(bench.world, resource, changed)
        return None

    bench.cloud.faults.append(meanwhile)
    result = bench.act(scenario, resource)
    assert result.outcome is (Outcome.UNVERIFIED if changed else Outcome.ACTED), result.reason
    assert scenario.contained(bench.world, resource) is not changed


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
