"""The bounded part of the figure about duplicates."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof import duplicates


@pytest.mark.timeout(180)
def test_many_deliveries_write_and_tell_what_one_does(tmp_path: Path) -> None:
    figure = duplicates.measure("bounded", tmp_path)
    assert figure.failures == []
    assert {row["store"] for row in figure.table} == set(duplicates.BOUNDED)
    assert figure.cases == sum(row["rounds"] for row in figure.table) == 14
