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
