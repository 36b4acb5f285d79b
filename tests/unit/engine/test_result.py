"""What `--output json` prints of a result is an interface."""

from __future__ import annotations

from stanch.action import Outcome
from stanch.result import Result
from tests.unit.engine.bench import ACCOUNT, Bench, door, finding
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
