"""The bounded part of the soak: every kind of traffic once, and no growth in what can be counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof import soak


@pytest.mark.timeout(180)
def test_mixed_traffic_leaves_no_handles_and_no_open_records(tmp_path: Path) -> None:
    figure = soak.measure("bounded", tmp_path)
    assert figure.failures == []
    assert figure.cases >= 2 * len(soak.MIX)
    assert {row["what"] for row in figure.table} == {"memory", "handles", "threads", "open records"}
    assert all(row["last"] == 0 for row in figure.table if row["what"] == "open records")
