"""A fresh toy cloud and deployment for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanch import containment, deployment, transaction, undo
from tests.unit.engine.bench import Bench, Wall
from tests.unit.engine.toy import ToyCloud


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """The clock that leases are judged by."""
    clock = Wall()
    for module in (containment, deployment, transaction, undo):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def bench(wall: Wall, tmp_path: Path) -> Bench:
    return Bench(tmp_path, ToyCloud(), wall)
