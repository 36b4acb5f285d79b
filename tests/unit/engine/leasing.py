"""Actions on a lease."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from stanch import expiry
from stanch.action import Outcome
from stanch.playbooks.limits import Expires
from tests.unit.engine.bench import of_type, playbook
from tests.unit.engine.sweeping import Sweeping
from tests.unit.engine.toy_remediations import CloseDoor

HOURS = 10
REMIND = playbook("doors", CloseDoor.id, when=of_type(CloseDoor), expires=Expires(HOURS * 3600))
UNDO = replace(REMIND, expires=Expires(HOURS * 3600, "undo"))


def acted(bench: Sweeping) -> str:
    """An action that stands on a lease; its id."""
    result = bench.deliver()
    assert result.outcome is Outcome.ACTED
    bench.news()
    return str(result.action_id)


def told(bench: Sweeping) -> list[tuple[str, str]]:
    return [(report.key, report.outcome) for report in bench.news()]


def extend(bench: Sweeping, action: str, hours: float = 5, reason: str = "still needed") -> Any:
    return expiry.extend(bench.deployment, action, "ann@corp.example", int(hours * 3600), reason)
