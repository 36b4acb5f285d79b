"""A bounded part of the figure `poison`: bent events at every entrance."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.proof.mutation import HUGE, NASTY, Mutation, kinds, made
from tests.proof.poison import CASES, NAMED, measure

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


BENT: dict[str, Mutation] = {
    "wrong type": (0, [("swap", 0, "")], "none", "none", 0),
    "null": (0, [("null", 0, "")], "none", "none", 0),
    "deep nesting": (0, [("replace", 0, NASTY[-1])], "none", "none", 0),
    "huge string": (0, [("replace", 0, HUGE)], "none", "none", 0),
    "duplicate key": (0, [], "none", "duplicate key", 0),
    "NaN": (0, [("replace", 0, float("nan"))], "none", "none", 0),
    "unicode": (0, [("replace", 0, "\ud800")], "none", "none", 0),
}


def test_each_way_of_bending_is_counted_by_its_name_and_changes_the_event() -> None:
    assert {name: kinds(mutation) for name, mutation in BENT.items()} == {name: {name} for name in NAMED}
    event = {"detail": {"id": "f-1"}}
    texts = {made([event], mutation)[1] for mutation in BENT.values()}
    assert len(texts - {json.dumps(event)}) == len(NAMED)
