"""What a command prints: data on stdout, talk on stderr; colour only on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stanch.action import Action
from stanch.cli.context import Context
from stanch.notify.text import text as report_text
from stanch.notify.untrusted import inert
from stanch.report import of_action

STYLES = {
    "acted": "bold green",
    "undone": "bold blue",
    "no_op": "dim",
    "unmatched": "dim",
    "planned": "cyan",
    "awaiting_approval": "bold yellow",
    "held": "yellow",
    "partial": "bold red",
    "unverified": "bold red",
    "failed": "bold red",
    "rejected": "red",
}
FAILURES = frozenset({"failed", "partial", "unverified", "rejected"})


def console(stderr: bool = False) -> Console:
    """A console that honours NO_COLOR and knows whether it is a terminal."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, highlight=False, soft_wrap=True, width=None if stream.isatty() else 200)


def say(message: str) -> None:
    """Talk, on stderr."""
    console(stderr=True).print(Text(message))


def headline(context: Context, output: str) -> None:
    """The first line: on stdout in text, on stderr in JSON."""
    console(stderr=output == "json").print(Text(context.headline()), style="dim")


def lines(rows: Iterable[Any]) -> None:
    """One JSON object a line."""
    for row in rows:
        sys.stdout.write(json.dumps(row, default=str, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def shown(change: dict[str, Any]) -> str:
    """`target: before → after`, short."""
    return f"{inert(str(change['target']), 80)}: {value(change['before'])} → {value(change['after'])}"


def value(state: Any) -> str:
    """A state in a few characters."""
    if state is None:
        return "none"
    return inert(state if isinstance(state, str) else json.dumps(state, default=str, ensure_ascii=False), 60)


def table(rows: Sequence[dict[str, Any]]) -> None:
    """One row an action: finding, resource, before → after, outcome, notified."""
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("outcome", "finding", "resource", "before → after", "notified", "action"):
        grid.add_column(name, overflow="fold")
    for row in rows:
        finding = row["finding"] or {}
        resource = row["resource"] or {}
        changes = [shown(change) for change in row["changes"]] or [inert(row["reason"] or "", 160)]
        grid.add_row(
            Text(row["outcome"], style=STYLES.get(row["outcome"], "")),
            Text(inert(finding.get("type") or row["event"] or "", 70)),
            Text(inert(resource.get("id", ""), 90)),
            Text("\n".join(changes[:3] + ([f"… and {len(changes) - 3} more"] if len(changes) > 3 else []))),
            Text(", ".join(row["notified"])),
            Text(row["action_id"] or ""),
        )
    console().print(grid)


def whole(action: Action, declared: Any, notified: Sequence[str]) -> None:
    """Everything about one action, state first."""
    console().print(Text(report_text(of_action(action, declared)).rstrip()))
    if notified:
        console().print(Text(f"{'Told':<14}{', '.join(notified)}"))


def tally(rows: Sequence[dict[str, Any]]) -> None:
    """How many of each outcome, on stderr."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["outcome"]] = counts.get(row["outcome"], 0) + 1
    say(f"{len(rows)} results: " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items())))


def exit_code(rows: Iterable[dict[str, Any]]) -> int:
    """1 if something failed, else 0: refusals and unmatched events are handled."""
    return int(any(row["outcome"] in FAILURES for row in rows))
