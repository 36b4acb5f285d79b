"""One browser for all tests here; a fresh desk and site for each."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.approval.browser import phone
from tests.functional.approval.server import Site, serving
from tests.unit.approval.desk import ALICE, Desk
from tests.unit.engine.bench import FAST, Wall
from tests.unit.engine.toy import ToyCloud


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with phone(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture
def site() -> Iterator[Site]:
    """Alice is signed in, unless the test says otherwise."""
    with tempfile.TemporaryDirectory(dir=FAST) as name, serving(Desk(Path(name), ToyCloud(), Wall())) as found:
        found.caller = ALICE
        yield found
