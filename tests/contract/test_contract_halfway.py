"""An apply that ends between two calls of its own leaves nothing behind that undo does not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stanch.action import Outcome, Status
from stanch.errors import Unreachable
from tests.contract.faulty import aws_answer
from tests.contract.harness import Bench, all_scenarios
from tests.contract.scenario import Scenario
from tests.contract.scenarios.aws.isolate_instance import groups, interfaces

CUT = next(each for each in all_scenarios() if each.name == "open connections cut")
ONE = next(each for each in all_scenarios() if each.remediation == "aws.ec2.isolate_instance")


def denied(operation: str) -> Callable[[str, str], Any]:
    refuse = aws_answer(403, ("act",))
    return lambda purpose, name: refuse(purpose, name) if name == operation else None


@pytest.mark.parametrize("scenario", [ONE], ids=lambda scenario: scenario.remediation)
def test_a_group_that_was_made_and_could_not_be_closed_goes_with_the_undo(scenario: Scenario, bench: Bench) -> None:
    resource = scenario.expose(bench.world)
    before = scenario.snapshot(bench.world, resource)
    bench.cloud.faults.append(denied("ec2:RevokeSecurityGroupEgress"))
    result = bench.act(scenario, resource)
    assert result.outcome is Outcome.FAILED
    assert bench.action(result).steps[0].status is Status.FAILED
    assert scenario.snapshot(bench.world, resource) != before, "the group is there"
    assert bench.undo(result.action_id or "", force=False).run().outcome is Outcome.UNDONE
    assert scenario.snapshot(bench.world, resource) == before


@pytest.mark.parametrize("scenario", [CUT], ids=lambda scenario: scenario.name)
def test_an_open_group_that_could_not_be_dropped_is_told_and_goes_with_the_undo(
    scenario: Scenario, bench: Bench
) -> None:
    resource = scenario.expose(bench.world)
    before = scenario.snapshot(bench.world, resource)
    refuse = denied("ec2:DeleteSecurityGroup")
    bench.cloud.faults.append(refuse)
    result = bench.act(scenario, resource)
    assert result.outcome is Outcome.ACTED
    assert scenario.contained(bench.world, resource)
    steps = {step.change.id.partition(":")[0]: step for step in bench.action(result).steps}
    assert steps["drop"].status is Status.FAILED
    assert "ec2:delete_security_group" in (steps["drop"].error or "")
    bench.cloud.faults.remove(refuse)
    assert bench.undo(result.action_id or "", force=False).run().outcome is Outcome.UNDONE
    assert scenario.snapshot(bench.world, resource) == before


@pytest.mark.parametrize("scenario", [CUT], ids=lambda scenario: scenario.name)
def test_an_interface_that_could_not_be_closed_again_is_told_and_goes_back_with_the_undo(
    scenario: Scenario, bench: Bench
) -> None:
    resource = scenario.expose(bench.world)
    before = scenario.snapshot(bench.world, resource)
    moves: list[str] = []

    def refuse(purpose: str, name: str) -> Any:
        moves.extend([name] if name == "ec2:ModifyNetworkInterfaceAttribute" else [])
        closing = name == "ec2:ModifyNetworkInterfaceAttribute" and len(moves) in (4, 6)
        return aws_answer(403, ("act",))(purpose, name) if closing else None

    bench.cloud.faults.append(refuse)
    result = bench.act(scenario, resource)
    assert result.outcome is Outcome.PARTIAL
    assert {step.change.id.partition(":")[0] for step in bench.action(result).steps if step.status is Status.FAILED} == {"cut"}  # fmt: skip
    assert {step.change.id.partition(":")[0] for step in bench.action(result).steps if step.status is Status.SKIPPED} == {"drop"}  # fmt: skip
    bench.cloud.faults.remove(refuse)
    assert bench.undo(result.action_id or "", force=False).run().outcome is Outcome.UNDONE
    assert scenario.snapshot(bench.world, resource) == before


@pytest.mark.parametrize("scenario", [CUT], ids=lambda scenario: scenario.name)
def test_an_undo_that_broke_off_between_the_groups_still_knows_of_the_open_one(
    scenario: Scenario, bench: Bench
) -> None:
    resource = scenario.expose(bench.world)
    before = scenario.snapshot(bench.world, resource)
    bench.cloud.faults[:] = [denied("ec2:DeleteSecurityGroup")]
    result = bench.act(scenario, resource)
    deleted: list[str] = []

    def breaks_off(purpose: str, name: str) -> Any:
        deleted.extend([name] if name == "ec2:DeleteSecurityGroup" else [])
        second = name == "ec2:DeleteSecurityGroup" and len(deleted) == 2
        return aws_answer(500, ("undo",))(purpose, name) if second else None

    bench.cloud.faults[:] = [breaks_off]
    with pytest.raises(Unreachable):
        bench.undo(result.action_id or "", force=False).run()
    assert bench.undo(result.action_id or "", force=False).run().outcome is Outcome.UNDONE
    assert scenario.snapshot(bench.world, resource) == before


@pytest.mark.parametrize("scenario", [CUT], ids=lambda scenario: scenario.name)
def test_an_interface_that_a_person_moved_after_a_crash_is_not_opened_to_cut_its_connections(
    scenario: Scenario, bench: Bench
) -> None:
    resource = scenario.expose(bench.world)
    ec2, moves = bench.world.client("ec2"), list[str]()

    def breaks_off(purpose: str, name: str) -> Any:
        moves.extend([name] if name == "ec2:ModifyNetworkInterfaceAttribute" else [])
        first_cut = name == "ec2:ModifyNetworkInterfaceAttribute" and len(moves) == 3
        return aws_answer(500, ("act",))(purpose, name) if first_cut else None

    bench.cloud.faults[:] = [breaks_off]
    with pytest.raises(Unreachable):
        bench.act(scenario, resource)
    bench.cloud.faults.clear()
    forensics: dict[str, str] = {}
    for each in interfaces(bench.world, resource):
        name, vpc = bench.world.unique("forensics"), each["VpcId"]
        forensics[each["NetworkInterfaceId"]] = group = ec2.create_security_group(GroupName=name, Description="by hand", VpcId=vpc)["GroupId"]  # fmt: skip
        ec2.modify_network_interface_attribute(NetworkInterfaceId=each["NetworkInterfaceId"], Groups=[group])
    result = bench.act(scenario, resource)
    assert (result.outcome, "drifted" in str(result.reason)) == (Outcome.PARTIAL, True)
    live = {each["NetworkInterfaceId"]: each["Groups"] for each in interfaces(bench.world, resource)}
    assert {name: [group["GroupId"] for group in groups] for name, groups in live.items()} == {
        name: [group] for name, group in forensics.items()
    }


@pytest.mark.parametrize("operation", ["AuthorizeSecurityGroupIngress", "DeleteSecurityGroup"])
@pytest.mark.parametrize("scenario", [CUT], ids=lambda scenario: scenario.name)
def test_an_open_group_that_broke_off_half_made_or_half_gone_is_gone_on_with(
    scenario: Scenario, bench: Bench, operation: str
) -> None:
    resource = scenario.expose(bench.world)
    before = scenario.snapshot(bench.world, resource)
    calls: list[str] = []

    def breaks_off(purpose: str, name: str) -> Any:
        calls.extend([name] if name == f"ec2:{operation}" else [])
        return aws_answer(500, ("act",))(purpose, name) if name == f"ec2:{operation}" and len(calls) == 2 else None

    bench.cloud.faults[:] = [breaks_off]
    with pytest.raises(Unreachable):
        bench.act(scenario, resource)
    result = bench.act(scenario, resource)
    assert (result.outcome, result.reason) == (Outcome.ACTED, None)
    assert scenario.contained(bench.world, resource)
    assert not [one for one in groups(bench.world, resource) if one["GroupName"].endswith("-open")]
    assert bench.undo(result.action_id or "", force=False).run().outcome is Outcome.UNDONE
    assert scenario.snapshot(bench.world, resource) == before
