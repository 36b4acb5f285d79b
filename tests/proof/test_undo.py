"""A part of the undo figure: every reversible remediation, undone whole, after a foreign change, by force, and interrupted at some of its calls."""

from __future__ import annotations

import pytest

from stanch.remediation import load
from tests.contract.harness import REGISTRY
from tests.proof.figure import Figure, measured_by
from tests.proof.undo import PLAIN, SAMPLE

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def figure(tmp_path_factory: pytest.TempPathFactory) -> Figure:
    return measured_by("undo")("bounded", tmp_path_factory.mktemp("undo"))


def test_undo_brings_back_exactly_what_was_there_or_touches_nothing(figure: Figure) -> None:
    assert figure.failures == []


def test_every_reversible_remediation_is_undone_and_interrupted(figure: Figure) -> None:
    assert {row["remediation"] for row in figure.table} == {
        name for name, entry in REGISTRY.items() if not load(entry).irreversible
    }
    for row in figure.table:
        assert row["interrupted"] == SAMPLE
        assert row["done and undone"] == 1
        assert row["refused after a foreign change"] == row["forced after a foreign change"]
    assert figure.cases == sum(row[what] for row in figure.table for what in (*PLAIN, "interrupted"))
