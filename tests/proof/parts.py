"""Figures that take long are measured part by part, each kept as soon as it is there: an interrupted run loses one part, and a new remediation is measured by itself."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from tests.proof.figure import FIGURES

PARTED = ("crash", "undo")
"""Whose modules have `parts`, the names of their parts, and whose `measure` takes one. The first column of the table names the part."""


def parts(name: str) -> Sequence[str]:
    """The parts of a figure; none where it is measured at once."""
    found: Sequence[str] = import_module(FIGURES[name]).parts() if name in PARTED else ()
    return found


def merged(before: dict[str, Any] | None, found: dict[str, Any], every: Sequence[str]) -> dict[str, Any]:
    """What was kept of a figure with the parts measured now in the place of what was known of them. `missing` are those of `every` part that were never measured."""
    now = {_part(row): row | {"measured": found["when"], "seconds": found["seconds"]} for row in found["table"]}
    old = {_part(row): row for row in (before or {}).get("table", []) if _part(row) in every}
    rows = old | now
    still = [text for text in (before or {}).get("failures", []) if text.partition(" ")[0] in old.keys() - now.keys()]
    table = [rows[part] for part in every if part in rows]
    return {
        **found, "table": table, "cases": sum(row["cases"] for row in table), "failures": still + found["failures"],
        "seconds": round(sum(row["seconds"] for row in table), 1), "missing": [part for part in every if part not in rows],
    }  # fmt: skip


def _part(row: dict[str, Any]) -> str:
    return str(next(iter(row.values())))
