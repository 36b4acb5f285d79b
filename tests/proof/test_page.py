"""The page of the proof says what was measured, and what was not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.proof import page
from tests.proof.figure import FIGURES

MEASURED = {"claim": "It holds.", "cases": 1200, "failures": [], "table": [{"what": "a|b", "cases": 1200}], "notes": ["A note."], "when": "2026-01-02", "seconds": 3.0, "machine": "2 cores"}  # fmt: skip


def test_what_was_not_measured_is_named() -> None:
    text = page.page({"undo": MEASURED})
    others = [name for name in FIGURES if name != "undo"]
    assert f"Not measured in full yet, only its bounded part by `make test`: {', '.join(others)}." in text
    assert "Not measured" not in page.page(dict.fromkeys(FIGURES, MEASURED))


def test_a_figure_says_its_command_its_day_and_what_failed() -> None:
    text = page.section("undo", {**MEASURED, "failures": ["one thing"]})
    assert "`make proof FIGURE=undo` on 2026-01-02 (2 cores, 3 s): **1,200 cases, 1 failed**." in text
    assert "| a\\|b | 1,200 |" in text
    assert "- FAILED: one thing" in text


def _kept() -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text()) for path in (Path(__file__).with_name("results")).glob("*.json")}


@pytest.mark.parametrize("name", sorted(_kept()))
def test_no_published_figure_failed(name: str) -> None:
    assert name in FIGURES
    assert _kept()[name]["failures"] == []


def test_the_published_page_is_made_of_the_results() -> None:
    published = Path(__file__).parent.parent.parent / "docs" / "proof.md"
    assert published.read_text() == page.page(_kept())
