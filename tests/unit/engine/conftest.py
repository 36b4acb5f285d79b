"""A fresh toy cloud and deployment for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stanch import continuation, deployment, restraint, transaction, undo
from tests.unit.engine.bench import FAST, Bench, Wall
from tests.unit.engine.company import UNITS
from tests.unit.engine.doubles import Company
from tests.unit.engine.toy import ToyCloud
from tests.unit.playbooks.example import EXAMPLE


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """The clock that leases are judged by."""
    clock = Wall()
    for module in (continuation, deployment, restraint, transaction, undo):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where this test's journals lie."""
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        yield Path(name)


@pytest.fixture
def bench(wall: Wall, folder: Path) -> Bench:
    return Bench(folder, ToyCloud(), wall)


@pytest.fixture
def company(wall: Wall, folder: Path) -> Company:
    """The example's company: its organisation answers, and every deployment-wide ceiling is lifted."""
    made = Company(folder, ToyCloud(), wall, text=EXAMPLE)
    made.wiring = {"units_of": lambda account: UNITS.get(account, []), "tags_of": lambda account: {"Team": "payments"}}
    return made
