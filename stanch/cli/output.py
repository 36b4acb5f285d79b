"""What a command prints: data on stdout, talk on stderr; colour only on a terminal and never with NO_COLOR."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

from stanch.cli.context import Context

FAILURES = frozenset({"failed", "partial", "unverified", "rejected"})
UNWRAPPED = 10_000
"""Columns where nobody said how many there are: a line that goes into a pipe or a file stays one line."""


def console(stderr: bool = False) -> Console:
    """A console for stdout or stderr that shows text as it is: no markup, no emoji, nothing highlighted."""
    stream = sys.stderr if stderr else sys.stdout
    terminal = stream.isatty()
    plain = not terminal or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    columns = os.environ.get("COLUMNS", "")
    width = None if terminal else int(columns) if columns.isdecimal() and int(columns) else UNWRAPPED
    return Console(
        file=stream, force_terminal=terminal, color_system=None if plain else "auto", width=width, highlight=False, markup=False, emoji=False
    )  # fmt: skip


def put(*shown: str | Text) -> None:
    """Data on stdout, broken to its width; nothing trails a line."""
    out = console()
    for one in shown or ("",):
        for line in (Text(one) if isinstance(one, str) else one).wrap(out, out.width):
            line.rstrip()
            out.print(line, soft_wrap=True)


def line(text: str, style: str = "") -> None:
    """A line on stdout that is not broken, however long: a command that is to be copied."""
    console().print(Text(text, style), soft_wrap=True)


def say(message: str) -> None:
    """Talk, on stderr."""
    console(stderr=True).print(Text(message), soft_wrap=True)


def headline(context: Context, output: str, ceiling: bool = False) -> None:
    """The first line: on stdout in text, on stderr in JSON."""
    console(stderr=output == "json").print(Text(context.headline(ceiling), "dim"), soft_wrap=True)


def lines(rows: Iterable[Any]) -> None:
    """One JSON object a line, at once."""
    for row in rows:
        sys.stdout.write(json.dumps(row, default=str, ensure_ascii=False) + "\n")
        sys.stdout.flush()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C waits for the end of the block: what it cut in two would be told twice or not at all. For the main thread."""
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed and before is not signal.SIG_IGN:  # a job in the background ignores it
        raise KeyboardInterrupt


def tally(rows: Sequence[dict[str, Any]]) -> None:
    """How many of each outcome, on stderr."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["outcome"]] = counts.get(row["outcome"], 0) + 1
    told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    say(f"{len(rows)} result{'' if len(rows) == 1 else 's'}: {told or 'nothing'}")


def exit_code(rows: Iterable[dict[str, Any]]) -> int:
    """1 if something failed, else 0: refusals and unmatched events are handled."""
    return int(any(row["outcome"] in FAILURES for row in rows))
