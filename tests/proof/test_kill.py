"""The bounded part of the figure about killed workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof import kill


@pytest.mark.timeout(180)
def test_a_killed_worker_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    figure = kill.measure("bounded", tmp_path)
    assert figure.failures == []
    assert figure.cases == 2 * kill.EVENTS["bounded"]
    assert [row["cloud"] for row in figure.table] == ["AWS", "Azure"]
    assert all(row["kills"] for row in figure.table)
