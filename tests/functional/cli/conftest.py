"""Local clouds for the tests of the command: one for the whole folder, and empty ones for those that stop, kill or fill them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stanch.local.process import LocalProcess
from tests.functional.cli.command import Stanch


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stanch]:
    """Clouds that all tests share: each test uses an event, or ids, that no other one uses."""
    folder = tmp_path_factory.mktemp("clouds")
    yield Stanch(folder)
    LocalProcess(folder).reset()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Stanch]:
    """Clouds of one test, not started yet."""
    folder = tmp_path / "state"
    yield Stanch(folder)
    LocalProcess(folder).reset()
