"""What `--output json` prints of a result is an interface."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest

from stanch.action import Outcome
from stanch.result import Result
from tests.unit.engine.bench import ACCOUNT, Bench, door, finding
from tests.unit.engine.failing import denied, failing
from tests.unit.engine.toy_remediations import CloseDoor

FINDING = {
    "id": "finding-1", "type": "Toy:Door/Open", "title": "A door is open", "severity": 4, "account": ACCOUNT, "region": "eu-west-1",
}  # fmt: skip


def test_of_an_action(bench: Bench) -> None:
    bench.door()
    result = bench.deliver()
    shown = result.as_json()
    assert shown == {
        "event": None,
        "source": "toy",
        "finding": FINDING,
        "resource": {"type": CloseDoor.resource_type, "id": "door-1"},
        "playbook": "doors",
        "remediation": CloseDoor.id,
        "outcome": "acted",
        "reason": None,
        "action_id": bench.actions()[0].id,
        "changes": [{"target": "front of door-1", "before": "open", "after": "shut"}],
        "notified": ["soc"],
        "ms": {"to_contained": result.to_contained, "total": result.total},
    }
    assert result.to_contained is not None
    assert result.total is not None
    assert 0 < result.to_contained <= result.total


def test_how_long_containment_took_is_in_milliseconds_and_told_of_what_was_contained(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From when the engine begins with the resource to when its changes are made."""
    ticks = itertools.cycle([10.0, 11.23456])
    monkeypatch.setattr("stanch.execution.time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    whole = itertools.cycle([10.0, 12.34567])
    monkeypatch.setattr("stanch.responder.time", SimpleNamespace(perf_counter=lambda: next(whole)))
    bench.door()
    result = bench.deliver()
    assert (result.to_contained, result.total) == (1234.6, 2345.7)
    bench.door("door-2")
    bench.cloud.before.append(failing(denied(), verb="Set"))
    assert bench.deliver(finding(door("door-2"))).to_contained is None


def test_of_a_finding_that_led_to_no_action() -> None:
    result = Result.of_finding(finding(), Outcome.UNMATCHED, "no playbook wants it")
    assert (result.outcome, result.reason, result.source, result.finding) == (
        "unmatched",
        "no playbook wants it",
        "toy",
        FINDING,
    )
    assert result.resource == {"type": CloseDoor.resource_type, "id": "door-1"}
    other = Result.of_finding(finding(), Outcome.HELD, "sample", door("door-2"))
    assert other.resource == {"type": CloseDoor.resource_type, "id": "door-2"}


def test_of_a_finding_that_names_no_resource() -> None:
    assert Result.of_finding(finding(resources=()), Outcome.REJECTED, "it names nothing").resource is None
