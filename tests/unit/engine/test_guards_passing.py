"""A guard that lets pass says so under its own name, which people read in `stanch explain`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stanch import restraint, standing
from stanch.errors import InvalidInput
from stanch.guardrails import Verdict
from stanch.playbooks.limits import Freeze
from stanch.playbooks.model import Policy
from stanch.remediation import Plan
from stanch.restraint import Restraint, Subject
from tests.unit.engine.bench import Bench, door
from tests.unit.engine.toy_remediations import CloseDoor

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_what_restrains_nothing(bench: Bench) -> None:
    subject = Subject(Plan(door()), CloseDoor.id, "effect")
    restrained = Restraint(Policy(()), bench.journal)
    assert restrained.verdicts(subject, NOW) == [
        Verdict(name, "pass") for name in ("exempted", "flapping", "freeze", "budget", "kill switch")
    ]
    assert restrained.spend(subject) == Verdict("budget", "pass")
    assert restraint.frozen([Freeze("x", "auto")], NOW, None, None) == Verdict("freeze", "pass")


def test_what_is_no_group_or_no_resource_names_its_place(bench: Bench) -> None:
    with pytest.raises(InvalidInput, match=r"^group: there is no group 'prd'"):
        standing.pause(bench.journal, "prd", "alice", "release", 60, {"prod"})
    with pytest.raises(InvalidInput, match=r"^resource: '\*' means everything"):
        standing.exempt(bench.journal, "*", "alice", "migration", 60)
