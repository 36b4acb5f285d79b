"""What the benchmark makes of its measurements: verdicts, ratios by round, the page, and whose work a stack is."""

from __future__ import annotations

import sys
from types import FrameType

import pytest

from bench import replay, report
from bench.goals import Results, Row, Spread, ratio
from bench.measure import Run
from bench.playbooks import policy
from bench.stub.process import Call

MACHINE = {"when": "2026-01-02", "cores": "2", "load": "0.1", "python": "3.13.0", "rounds": "3", "minutes": "8.0"}


def results(*rows: Row) -> Results:
    return Results(
        MACHINE, list(rows), {"ours": {"cold ms": 1.0}}, {"ours, cold": ["iam:GetUser", "sns:Publish", "iam:GetUser"]}
    )


@pytest.mark.parametrize(
    ("value", "better", "met"),
    [(0.9, "below", True), (0.91, "below", False), (0.9, "above", True), (0.89, "above", False)],
)
def test_a_goal_is_met_by_the_median(value: float, better: str, met: bool) -> None:
    assert Row("cold", "x", Spread.of([0.0, value, 9.0]), goal=0.9, better=better).met is met  # type: ignore[arg-type]


def test_a_row_without_a_goal_has_no_verdict() -> None:
    assert Row("cold", "x", Spread.of([1.0])).met is None


def test_ratios_are_taken_round_by_round() -> None:
    assert ratio([1.0, 20.0, 3.0], [2.0, 40.0, 6.0]) == Spread(0.5, 0.5, 0.5, 3)
    with pytest.raises(ValueError, match="zip"):
        ratio([1.0, 2.0], [1.0])


def test_the_page_says_what_is_missed_counts_the_calls_and_holds_what_pays() -> None:
    missed = Row("cold", "too slow", Spread.of([2.0]), goal=1.0)
    page = report.page(results(missed, Row("warm", "fine", Spread.of([0.5]), goal=1.0)))
    assert "1 of 2 goals are missed." in page
    assert "| cold | too slow | **2** × | 2 – 2 | ≤ 1 | MISSED |" in page
    assert "| ours, cold | **3** | iam:GetUser ×2, sns:Publish |" in page
    assert report.WHAT_PAYS.read_text(encoding="utf-8").strip() in page
    assert "Every goal is met." in report.page(results(Row("warm", "fine", Spread.of([0.5]), goal=1.0)))


def test_the_plot_has_a_bar_for_each_goal_and_escapes_names() -> None:
    plot = report.plot(results(Row("a", "<b> & c", Spread.of([0.5]), goal=1.0), Row("d", "no goal", Spread.of([1.0]))))
    assert plot.count("<rect") == 1
    assert "&lt;b&gt; &amp; c" in plot


def test_results_survive_their_file() -> None:
    whole = results(Row("cold", "x", Spread.of([1.0, 2.0]), goal=1.0, better="above", note="y"))
    assert Results.from_json(whole.as_json()) == whole


def run(*calls: Call) -> Run:
    return Run(0.0, 0.1, ((0.1, 1.0, 0.1),), 0.1, 1, (), calls, "contain", None)


def test_calls_at_once_are_one_round_trip() -> None:
    beside = Call("read", 0.2, 0.3), Call("read", 0.21, 0.3), Call("open", 0.31, 0.4), Call("contain", 0.41, 0.5)
    assert run(*beside).depth() == 3
    assert run(*beside, Call("report", 0.6, 0.7)).depth() == 3


def test_a_run_that_did_not_contain_measures_nothing() -> None:
    with pytest.raises(RuntimeError, match="not contained; calls: read"):
        run(Call("read", 0.2, 0.3)).containing()


def test_only_the_last_of_many_playbooks_is_for_the_event() -> None:
    assert [playbook.id for playbook in policy(50).playbooks].count("wanted") == 1


def _frame(path: str, name: str, inner: str) -> FrameType:
    """A frame in a file of that name, below which another runs."""
    scope: dict[str, FrameType] = {}
    code = compile(inner, path, "exec")
    exec(code, {"sys": sys, "scope": scope})
    return scope[name]


def test_a_stack_is_the_work_of_the_innermost_package_in_it() -> None:
    ours = _frame("/tree/stanch/responder.py", "frame", "scope['frame'] = sys._getframe()")
    assert replay._part(ours) == replay.OURS
    journal = _frame("/tree/stanch/journal/sqlite.py", "frame", "scope['frame'] = sys._getframe()")
    assert replay._part(journal) == "journal (SQLite)"
    idle = _frame("/lib/threading.py", "frame", "def wait(): scope['frame'] = sys._getframe()\nwait()")
    assert replay._part(idle) is None
