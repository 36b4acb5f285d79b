"""Every write to AWS sent twice: the SDK sends again by itself what no answer came to, though it was done."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.action import Outcome
from stanch.clouds.aws_clients import Clients
from tests.contract.harness import Bench, all_scenarios
from tests.contract.recording import AWS_READS
from tests.contract.scenario import Scenario

AWS = [each for each in all_scenarios() if each.remediation.startswith("aws.")]


@pytest.fixture
def repeated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The writes that botocore sent again, as if their first answer had been lost."""
    sent: list[str] = []

    def again(attempts: int, operation: Any, **_: Any) -> float | None:
        if attempts > 1 or operation.name.startswith((*AWS_READS, "Assume")):
            return None
        sent.append(operation.name)
        return 0.0

    make = Clients._made

    def made(self: Clients, service: str, region: str) -> Any:
        client = make(self, service, region)
        client.meta.events.register_first("needs-retry", again)
        return client

    monkeypatch.setattr(Clients, "_made", made)
    return sent


@pytest.mark.parametrize("scenario", AWS, ids=lambda one: f"{one.remediation}: {one.name}")
def test_what_is_sent_twice_is_done_once_and_undone_once(scenario: Scenario, bench: Bench, repeated: list[str]) -> None:
    resource = scenario.expose(bench.world)
    before = scenario.snapshot(bench.world, resource)
    result = bench.act(scenario, resource)
    assert (result.outcome, result.reason) == (Outcome.ACTED, None)
    assert scenario.contained(bench.world, resource)
    errors = {step.change.id: step.error for step in bench.action(result).steps if step.error}
    assert (errors, bool(repeated)) == ({}, True)
    repeated.clear()
    undone = bench.undo(result.action_id or "").run()
    assert (undone.outcome, undone.reason, bool(repeated)) == (Outcome.UNDONE, "contract test", True)
    assert scenario.snapshot(bench.world, resource) == before
