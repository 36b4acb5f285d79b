"""A part of the fencing figure: every remediation overtaken at some of its calls, on all three journals, and with clocks that differ."""

from __future__ import annotations

import pytest

from tests.proof.fencing import ALONE, JOURNALS, PAUSES
from tests.proof.figure import Figure, measured_by

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def figure(tmp_path_factory: pytest.TempPathFactory) -> Figure:
    return measured_by("fencing")("bounded", tmp_path_factory.mktemp("fencing"))


def test_nothing_is_doubled_by_whoever_comes_late(figure: Figure) -> None:
    assert figure.failures == []


def test_it_was_tried_on_every_journal_and_with_every_clock(figure: Figure) -> None:
    tried = {(row["what"], row["journal"]) for row in figure.table}
    assert {journal for _, journal in tried} == set(JOURNALS.values())
    assert {what for what, _ in tried} == {*PAUSES, *ALONE}
    assert sum(row["refused to go on"] for row in figure.table) > 0
