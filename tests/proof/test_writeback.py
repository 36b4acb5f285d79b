"""The bounded part of the figure about our own events."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof import writeback


@pytest.mark.timeout(180)
def test_nothing_is_done_because_of_what_we_wrote_ourselves(tmp_path: Path) -> None:
    figure = writeback.measure("bounded", tmp_path)
    assert figure.failures == []
    assert {row["cloud"] for row in figure.table} == {"AWS", "Azure"}
    assert sum(row["actions"] for row in figure.table) == 0
    assert figure.cases > 50
