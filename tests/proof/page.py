"""docs/proof.md, made of the results that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.proof.figure import FIGURES

HEAD = """# Proof

<!-- made by `make proof` from tests/proof/results/ -->

What is claimed, how often it was tried, how often it failed. The method is SQLite's: fail every operation in turn until the run passes. Everything runs against the
local clouds and the real stores (DynamoDB Local, Azurite), with the SDKs and the handlers as deployed; a part of each figure is measured by `make test` too.
"""


def page(results: dict[str, Any]) -> str:
    """The whole page: a summary, then each figure that was measured."""
    found = {name: results[name] for name in FIGURES if name in results}
    rows = [
        {
            "figure": f"[{name}](#{name})",
            "claim": each["claim"],
            "cases": each["cases"],
            "failed": len(each["failures"]),
            "measured": each["when"],
        }
        for name, each in found.items()
    ]
    missing = [name for name in FIGURES if name not in found]
    missing += [f"{name} of {part}" for name, each in found.items() for part in each.get("missing", [])]
    open_still = (
        [f"Not measured in full yet, only its bounded part by `make test`: {', '.join(missing)}."] if missing else []
    )
    sections = [section(name, each) for name, each in found.items()]
    return "\n\n".join([HEAD, table(rows), *open_still, *sections]) + "\n"


def section(name: str, figure: dict[str, Any]) -> str:
    """One figure: its claim, its table, what failed, and the command that measures it."""
    parts = [
        f"## {name}",
        figure["claim"],
        f"`make proof FIGURE={name}` on {figure['when']} ({figure['machine']}, {figure['seconds']:,.0f} s): "
        f"**{figure['cases']:,} cases, {len(figure['failures'])} failed**.",
    ]
    if figure["table"]:
        parts.append(table(figure["table"]))
    parts += figure["notes"]
    if figure["failures"]:
        parts.append("\n".join(f"- FAILED: {failure}" for failure in figure["failures"]))
    return "\n\n".join(parts)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """A Markdown table with the columns of its first row."""
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(row[column]) for column in columns) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    text = f"{value:,}" if isinstance(value, int | float) else str(value)
    return text.replace("|", "\\|")
