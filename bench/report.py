"""The results as a table for the terminal, and as a page with a plot for the docs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path

from bench.goals import Results, Row, Spread

WIDTH, BAR, LEFT = 760, 18, 330
WHAT_PAYS = Path(__file__).parent / "what_pays.md"
"""Written by hand where a step is measured: a run of the benchmark knows what is, not what was."""


def text(results: Results) -> str:
    """The table in plain text."""
    lines = [f"{'goal':8} {'value':>9}  {'quartiles':17} {'aim':>9}  what"]
    for row in results.rows:
        spread = f"{_figure(row.value.low)}–{_figure(row.value.high)}"
        lines.append(
            f"{_verdict(row):8} {_figure(row.value.median):>9}  {spread:17} {_aim(row):>9}  {row.group}: {row.what} ({row.unit})"
        )
    lines += [f"{'':8} {share:>9.1%}  {'':17} {'':>9}  replay: {part}" for part, share in results.profile.items()]
    return "\n".join(lines)


def page(results: Results) -> str:
    """docs/performance.md."""
    machine = results.machine
    took = f", {machine['minutes']} minutes" if "minutes" in machine else ""
    missed = [row for row in results.rows if row.met is False]
    parts = [
        "# Performance",
        "<!-- made by `make bench` from bench/results.json -->",
        f"Measured on {machine['when']} on a machine of {machine['cores']} cores (load {machine['load']} at the start), Python {machine['python']}, "
        f"{machine['rounds']} rounds{took}. Every side runs in a process of its own against one TLS stub on loopback that knows AWS and Azure; ratios are taken round by "
        "round, so that what disturbs the machine disturbs both sides. The figures are medians with their quartiles.",
        "The *hand-written* function has global boto3 clients and makes two calls: UpdateAccessKey and Publish. *Powertools* adds idempotency to it. *Cloud Custodian* is its "
        "own Lambda archive with a guard-duty policy; as released the action fails before it writes, so the benchmark mends the list it expects. Ours is the packaged "
        "function with everything on: playbooks, guardrails, confirmation, journal, second look, report.",
        _goals(results.rows),
        f"{len(missed)} of {sum(row.goal is not None for row in results.rows)} goals are missed."
        if missed
        else "Every goal is met.",
        "## Beside the hand-written function",
        "![Each figure in units of its goal](performance.svg)",
        "## In figures",
        _absolute(results),
        "## API calls an event",
        _calls(results),
        *_profile(results),
        WHAT_PAYS.read_text(encoding="utf-8").strip(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _goals(rows: Sequence[Row]) -> str:
    head = "| | what | value | quartiles | goal | |\n|---|---|---|---|---|---|"
    lines = [
        f"| {row.group} | {row.what}{f' ({row.note})' if row.note else ''} | **{_figure(row.value.median)}** {row.unit} "
        f"| {_figure(row.value.low)} – {_figure(row.value.high)} | {_aim(row)} | {_verdict(row)} |"
        for row in rows
    ]
    return "\n".join([head, *lines])


def _absolute(results: Results) -> str:
    columns = list(dict.fromkeys(name for figures in results.absolute.values() for name in figures))
    head = f"| | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}"
    lines = [
        f"| {side} | {' | '.join(_figure(figures[name]) if name in figures else '' for name in columns)} |"
        for side, figures in results.absolute.items()
    ]
    return "\n".join([head, *lines])


def _calls(results: Results) -> str:
    lines = [
        f"| {name} | **{len(calls)}** | {', '.join(_counted(calls))} |"
        for name, calls in sorted(results.calls.items(), key=_by_kind)
    ]
    return "\n".join(["| | calls | which, in order of their first |", "|---|---|---|", *lines])


def _by_kind(entry: tuple[str, list[str]]) -> str:
    return entry[0].rpartition(", ")[2]


def _counted(calls: Sequence[str]) -> list[str]:
    return [name if times == 1 else f"{name} ×{times}" for name, times in Counter(calls).items()]


def _profile(results: Results) -> list[str]:
    if not results.profile:
        return []
    shares = sorted(results.profile.items(), key=lambda each: -each[1])
    table = "\n".join(
        ["| part | share of the work |", "|---|---|", *(f"| {name} | {share:.0%} |" for name, share in shares)]
    )
    about = (
        "Every thread of the process that replays is looked at every five milliseconds; who is at work is told by the innermost of these packages in its stack, "
        "and a thread that waits for an answer counts to the clouds."
    )
    return ["## Replay: where the time goes", about, table]


def plot(results: Results) -> str:
    """docs/performance.svg: bars in units of their goal; what ends left of the line meets it (right of it, where more is better)."""
    rows = [row for row in results.rows if row.goal and row.unit == "×"]
    most = max([1.2, *(row.value.high / (row.goal or 1) for row in rows)])
    scale = (WIDTH - LEFT - 60) / min(most, 3.0)
    height = len(rows) * (BAR + 8) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="11" role="img">'
    ]
    parts.append("<title>Each figure in units of its goal</title>")
    for at, row in enumerate(rows):
        parts += _bar(row, 20 + at * (BAR + 8), scale)
    line = LEFT + scale
    parts.append(
        f'<line x1="{line:.1f}" x2="{line:.1f}" y1="14" y2="{height - 8}" stroke="#333" stroke-dasharray="4 3"/><text x="{line:.1f}" y="10" text-anchor="middle" fill="#333">goal</text>'
    )
    return "".join([*parts, "</svg>\n"])


def _bar(row: Row, y: int, scale: float) -> list[str]:
    goal = row.goal or 1.0
    colour = "#2f855a" if row.met else "#c05621"
    value = Spread(
        *(min(part / goal, 3.0) for part in (row.value.median, row.value.low, row.value.high)), row.value.rounds
    )
    middle = y + BAR / 2
    label = escape(f"{row.group}: {row.what}")
    label = label if len(label) <= 58 else label[:57] + "…"
    return [
        f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end" fill="#333">{label}</text>',
        f'<rect x="{LEFT}" y="{y}" width="{value.median * scale:.1f}" height="{BAR}" fill="{colour}" opacity="0.85"/>',
        f'<line x1="{LEFT + value.low * scale:.1f}" x2="{LEFT + value.high * scale:.1f}" y1="{middle}" y2="{middle}" stroke="#000"/>',
        f'<text x="{LEFT + value.high * scale + 6:.1f}" y="{middle + 4}" fill="#333">{_figure(row.value.median)}</text>',
    ]


def _verdict(row: Row) -> str:
    return {None: "", True: "met", False: "MISSED"}[row.met]


def _aim(row: Row) -> str:
    if row.goal is None:
        return ""
    return f"{'≤' if row.better == 'below' else '≥'} {_figure(row.goal)}"


def _figure(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value else "0"
