"""A figure that is measured part by part: each takes the place of what was known of it, and what was never measured is named."""

from __future__ import annotations

from typing import Any

from remediations import aws, azure
from stanch.remediation import load
from tests.proof import page
from tests.proof.parts import merged, parts


def measured(part: str, when: str, cases: int, *failures: str) -> dict[str, Any]:
    return {
        "claim": "It holds.", "cases": cases, "failures": [f"{part} (a situation): {text}" for text in failures],
        "table": [{"remediation": part, "cases": cases}], "notes": [], "when": when, "seconds": 2.0, "machine": "2 cores",
    }  # fmt: skip


def test_parts_are_added_in_their_order_and_what_is_missing_is_named() -> None:
    found = merged(merged(None, measured("b", "2026-01-02", 5), "abc"), measured("a", "2026-01-03", 7), "abc")
    assert [(row["remediation"], row["cases"], row["measured"]) for row in found["table"]] == [
        ("a", 7, "2026-01-03"),
        ("b", 5, "2026-01-02"),
    ]
    assert (found["cases"], found["seconds"], found["missing"]) == (12, 4.0, ["c"])
    assert "only its bounded part by `make test`: duplicates," in page.page({"crash": found})
    assert "crash of c.\n" in page.page({"crash": found})


def test_a_part_measured_again_leaves_nothing_of_what_it_was() -> None:
    both = merged(
        merged(None, measured("a", "2026-01-02", 5, "lost"), "ab"), measured("b", "2026-01-02", 5, "lost"), "ab"
    )
    again = merged(both, measured("a", "2026-01-04", 6), "ab")
    assert (again["cases"], again["failures"], again["missing"]) == (11, ["b (a situation): lost"], [])


def test_a_part_that_is_none_any_more_is_forgotten() -> None:
    known = merged(None, measured("gone", "2026-01-02", 5, "lost"), ["gone"])
    assert merged(known, measured("a", "2026-01-04", 6), "a")["cases"] == 6
    assert merged(known, measured("a", "2026-01-04", 6), "a")["failures"] == []


def test_every_remediation_is_a_part_of_the_crash_matrix_and_every_reversible_one_of_undo() -> None:
    assert set(parts("crash")) == {*aws.REGISTRY, *azure.REGISTRY}
    reversible = [name for name, entry in {**aws.REGISTRY, **azure.REGISTRY}.items() if not load(entry).irreversible]
    assert sorted(parts("undo")) == sorted(reversible)
    assert parts("fencing") == ()
