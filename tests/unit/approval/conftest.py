"""A fresh desk for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.approval.desk import Desk
from tests.unit.engine.bench import FAST, Wall
from tests.unit.engine.toy import ToyCloud


@pytest.fixture
def desk() -> Iterator[Desk]:
    with tempfile.TemporaryDirectory(dir=FAST) as name:
        yield Desk(Path(name), ToyCloud(), Wall())
