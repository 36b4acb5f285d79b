"""An apply that ends between two calls of its own leaves nothing behind that undo does not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stanch.action import Outcome, Status
from tests.contract.faulty import aws_answer
from tests.contract.harness import Bench, all_scenarios
from tests.contract.scenario import Scenario

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
