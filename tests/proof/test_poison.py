"""A bounded part of the figure `poison`: bent events at every entrance."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.proof.poison import CASES, measure

pytestmark = pytest.mark.timeout(600)


def test_bent_events_are_answered_and_change_nothing(tmp_path: Path) -> None:
    # In a process of its own: that of the test suite holds what other tests left, and the figure judges memory.
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        figure = process.submit(measure, "bounded", tmp_path).result()
    assert figure.failures == [], figure.notes
    assert [row["entrance"] for row in figure.table] == ["guardduty", "config", "sentinel", "runbook", "approval"]
    for row in figure.table:
        assert row["hypothesis"] >= CASES["bounded"] // 2  # hypothesis may find that it has tried all it can think of
        assert row["refused as unreadable"] > 0 or row["entrance"] == "approval"  # a page has a status for each defect
