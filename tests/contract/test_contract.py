"""The contract of every remediation, held against the registry: a remediation that fails here is not fit to be registered."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from stanch.action import Outcome, Status
from stanch.errors import Drifted, Refused, Retryable
from stanch.remediation import load
from stanch.transaction import compare
from tests.contract.conftest import make_bench
from tests.contract.harness import REGISTRY, Bench, all_scenarios
from tests.contract.scenario import Scenario

SCENARIOS = all_scenarios()
each_scenario = pytest.mark.parametrize(
    "scenario", SCENARIOS, ids=lambda scenario: f"{scenario.remediation}: {scenario.name}"
)
first_of_each = pytest.mark.parametrize(
    "scenario",
    list({scenario.remediation: scenario for scenario in reversed(SCENARIOS)}.values()),
    ids=lambda scenario: scenario.remediation,
)


def test_every_remediation_has_a_scenario() -> None:
    assert {scenario.remediation for scenario in SCENARIOS} == set(REGISTRY)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_the_declaration_is_whole(name: str) -> None:
    found = load(REGISTRY[name])
    assert found.id == name
    assert found.__doc__, "what it does, with the source of each fact"
    assert found.title, "a title"
    assert found.resource_type.startswith(("AWS::", "Microsoft."))
    assert found.countermeasure.startswith("D3-"), "a D3FEND technique"
    assert found.disruption.endswith("."), "one sentence for the approver"
    assert found.permissions.plan, "planning reads"
    assert found.permissions.apply, "applying writes"
    assert bool(found.permissions.undo) != bool(found.irreversible)
    module = REGISTRY[name].partition(":")[0].rpartition(".")[2]
    assert name.endswith(f".{module}") or name.rpartition(".")[2].startswith(module.partition("_")[0]), (
        "the file is guessed from the id"
    )


@each_scenario
def test_planning_writes_nothing(scenario: Scenario, bench: Bench) -> None:
    resource = scenario.expose(bench.world)
    before = scenario.snapshot(bench.world, resource)
    assert not scenario.contained(bench.world, resource), "the scenario must begin exposed"
    result, plan, _ = bench.request(scenario, resource).preview()
    assert result.outcome is Outcome.PLANNED
    assert plan.changes
    assert bench.cloud.writes() == []
    assert scenario.snapshot(bench.world, resource) == before


@each_scenario
def test_it_contains_and_undo_restores_exactly(scenario: Scenario, bench: Bench) -> None:
    resource = scenario.expose(bench.world)
    before = scenario.snapshot(bench.world, resource)
    result = bench.act(scenario, resource)
    assert (result.outcome, result.reason) == (Outcome.ACTED, None)
    assert scenario.contained(bench.world, resource)
    assert all(step.status is Status.APPLIED for step in bench.action(result).steps), [
        s.error for s in bench.action(result).steps
    ]

    again, plan, _ = bench.request(scenario, resource).preview()
    assert again.outcome is Outcome.NO_OP, plan.changes

    undone = bench.undo(result.action_id or "").run()
    assert (undone.outcome, undone.reason) == (Outcome.UNDONE, "contract test")
    assert scenario.snapshot(bench.world, resource) == before
    with pytest.raises(Refused, match="undone"):
        bench.undo(result.action_id or "").run()
    assert [report.outcome for report in bench.channel.reports] == ["acted", "undone"]


@each_scenario
def test_applying_twice_is_harmless(scenario: Scenario, bench: Bench) -> None:
    resource = scenario.expose(bench.world)
    result = bench.act(scenario, resource)
    contained = scenario.snapshot(bench.world, resource)
    action = bench.action(result)
    actor = bench.deployment.bind(load(REGISTRY[scenario.remediation]), resource, "act", action.id)
    for step in action.steps:
        if not step.change.transient:
            actor.apply(step.change)
    assert scenario.snapshot(bench.world, resource) == contained
    assert scenario.contained(bench.world, resource)


@each_scenario
def test_undo_after_a_foreign_change_touches_nothing(scenario: Scenario, bench: Bench) -> None:
    if scenario.drift is None:
        assert any(other.drift for other in SCENARIOS if other.remediation == scenario.remediation), (
            "one scenario of it drifts"
        )
        return
    resource = scenario.expose(bench.world)
    result = bench.act(scenario, resource)
    scenario.drift(bench.world, resource)
    writes = list(bench.cloud.writes())
    deleted = scenario.drift is scenario.remove
    drifted = None if deleted else scenario.snapshot(bench.world, resource)
    action = bench.action(result)
    declared = load(REGISTRY[scenario.remediation])
    with pytest.raises(Drifted):
        compare(action, bench.deployment.bind(declared, action.resource, "undo", action.id), force=False)
    with pytest.raises(Refused):
        bench.undo(action.id, force=False).run()
    assert bench.cloud.writes() == writes
    assert deleted or scenario.snapshot(bench.world, resource) == drifted


@each_scenario
def test_a_gone_resource_is_a_no_op(scenario: Scenario, bench: Bench) -> None:
    if scenario.remove is None:
        assert load(REGISTRY[scenario.remediation]).resource_type == "AWS::::Account", "only an account cannot be gone"
        return
    resource = scenario.expose(bench.world)
    scenario.remove(bench.world, resource)
    result = bench.act(scenario, resource)
    assert (result.outcome, result.reason) == (Outcome.NO_OP, "gone")
    assert bench.cloud.writes() == []


@each_scenario
def test_a_protected_resource_is_never_touched(scenario: Scenario, bench: Bench) -> None:
    resource = scenario.expose(bench.world)
    before = scenario.snapshot(bench.world, resource)
    bench.protect(resource.id)
    result = bench.act(scenario, resource)
    assert result.outcome is Outcome.HELD
    assert (result.reason or "").startswith("protected: ")
    assert bench.cloud.writes() == []
    assert scenario.snapshot(bench.world, resource) == before


@first_of_each
def test_every_alias_protects(scenario: Scenario, bench: Bench) -> None:
    resource = scenario.expose(bench.world)
    _, plan, _ = bench.request(scenario, resource).preview()
    for alias in plan.aliases:
        bench.protect(alias)
        assert bench.act(scenario, resource).outcome is Outcome.HELD
    assert bench.cloud.writes() == []


@first_of_each
def test_a_denied_read_fails_and_a_throttled_one_comes_again(scenario: Scenario, bench: Bench) -> None:
    resource = scenario.expose(bench.world)
    bench.cloud.faults.append(_answering(scenario, 403))
    denied = bench.act(scenario, resource)
    assert denied.outcome is Outcome.FAILED
    assert "the plan could not be made" in (denied.reason or "")
    bench.cloud.faults[:] = [_answering(scenario, 429)]
    with pytest.raises(Retryable):
        bench.act(scenario, resource)
    bench.cloud.faults.clear()
    assert bench.cloud.writes() == []
    assert bench.act(scenario, resource).outcome is Outcome.ACTED


@first_of_each
def test_a_denied_write_is_said_and_not_called_done(scenario: Scenario, bench: Bench) -> None:
    resource = scenario.expose(bench.world)
    before = scenario.snapshot(bench.world, resource)
    bench.cloud.faults.append(_answering(scenario, 403, purposes=("act",)))
    result = bench.act(scenario, resource)
    assert result.outcome is Outcome.FAILED
    assert result.reason
    assert scenario.snapshot(bench.world, resource) == before
    assert [report.outcome for report in bench.channel.reports] == ["failed"]


def _answering(scenario: Scenario, status: int, purposes: tuple[str, ...] = ("read", "act", "undo")) -> Any:
    if scenario.remediation.startswith("aws."):
        from tests.contract.faulty import aws_answer

        return aws_answer(status, purposes)
    from tests.contract.faulty import azure_answer

    return azure_answer(status, purposes)


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_permissions_are_exactly_what_was_called(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over all scenarios of a remediation the calls need what it declares: nothing less, nothing more."""
    used: dict[str, set[str]] = defaultdict(set)
    declared = load(REGISTRY[name])
    for number, scenario in enumerate(scenario for scenario in SCENARIOS if scenario.remediation == name):
        folder = tmp_path / str(number)
        folder.mkdir()
        bench = make_bench(scenario, request, folder, monkeypatch)
        resource = scenario.expose(bench.world)
        result = bench.act(scenario, resource)
        action = bench.action(result)
        actor = bench.deployment.bind(declared, resource, "act", action.id)
        for step in action.steps:  # what a resumed attempt does
            if not step.change.transient:
                actor.read(step.change)
        bench.undo(result.action_id or "").run()
        for purpose, calls in bench.cloud.calls.items():
            used[purpose] |= set(calls)
    permissions = declared.permissions
    assert dict(used) == {"read": set(permissions.plan), "act": set(permissions.apply), "undo": set(permissions.undo)}
