"""The vault of the undo tests: sealed by an action, and open again."""

from __future__ import annotations

from stanch.action import Outcome
from stanch.result import Result
from tests.unit.engine.bench import Bench, finding, vault


def sealed(bench: Bench) -> Result:
    bench.vault()
    result = bench.deliver(finding(vault()))
    assert result.outcome is Outcome.ACTED
    return result


def assert_open_again(bench: Bench) -> None:
    """The vault is as it was; what cannot be undone (a photo, ended connections) stays."""
    assert bench.cloud.things == {
        "vault-1": {"barrier": "none", "alarm": "off", "connections": 0, "label": None, "photo": "taken", "tags": {}}
    }
