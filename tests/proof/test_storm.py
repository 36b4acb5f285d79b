"""The bounded part of the storm."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof import storm


@pytest.mark.timeout(180)
def test_a_storm_stays_within_its_budget_and_every_finding_is_answered(tmp_path: Path) -> None:
    figure = storm.measure("bounded", tmp_path)
    assert figure.failures == []
    (row,) = figure.table
    assert (row["findings"], row["summaries"]) == (storm.FINDINGS["bounded"], 1)
    assert 0 < row["writes"] <= storm.BUDGET["bounded"]
