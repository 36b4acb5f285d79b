"""Findings that never arrived: sources that may lose events are asked what they hold, in turn and within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from stanch.action import Outcome
from stanch.errors import AccessDenied, Throttled
from stanch.finding import Finding
from stanch.sweep.unheard import AGAIN, KIND, LIMIT
from tests.unit.engine.bench import Wall, finding
from tests.unit.engine.failing import failing
from tests.unit.engine.sweeping import Held, Sweeping
from tests.unit.engine.toy import ToyCloud


@pytest.fixture
def bench(wall: Wall, folder: Path) -> Sweeping:
    return Sweeping(folder, ToyCloud(), wall)


def lost(bench: Sweeping, number: int = 1, age: float = 1.0, **more: Any) -> Finding:
    """A finding of `age` hours ago whose event never came."""
    at = datetime.now(UTC) - timedelta(hours=age)
    resource = bench.door(f"door-{number}")
    return finding(resource, id=f"finding-{number}", title=f"door {number}", last_seen=at, updated_at=at, **more)


def test_what_never_arrived_is_answered_as_if_it_had(bench: Sweeping) -> None:
    event = lost(bench)
    bench.surveys = [Held("doors of the house", [event])]
    (result,) = bench.swept("unheard").results
    assert (result.outcome, bench.cloud.writes()) == (Outcome.ACTED, ["Set door-1.front"])
    assert bench.deliver(event).action_id == result.action_id, (
        "the event, should it come after all, is the same finding"
    )


def test_what_arrived_is_left_alone(bench: Sweeping) -> None:
    event = lost(bench)
    bench.deliver(event)
    bench.surveys = [Held("doors", [event])]
    calls = len(bench.cloud.calls)
    assert bench.swept("unheard").done == 0
    assert len(bench.cloud.calls) == calls


def test_what_opened_again_since_our_answer_is_answered_again(bench: Sweeping) -> None:
    event = lost(bench)
    bench.deliver(event)
    bench.cloud.things["door-1"]["front"] = "open"
    bench.wait(hours=1)
    moment = datetime.now(UTC) + timedelta(minutes=30)
    bench.surveys = [Held("doors", [replace(event, version="2", last_seen=moment, updated_at=moment)])]
    assert [result.outcome for result in bench.swept("unheard").results] == [Outcome.ACTED]


def test_an_event_gets_time_to_arrive(bench: Sweeping) -> None:
    bench.surveys = [Held("doors", [lost(bench, age=0.1)])]
    assert bench.swept("unheard").done == 0
    bench.wait(minutes=5)
    assert bench.swept("unheard").done == 1


def test_what_stood_there_before_us_is_not_touched(bench: Sweeping) -> None:
    bench.surveys = [Held("doors", [lost(bench, age=30)])]
    assert bench.swept("unheard").done == 0
    assert (bench.actions(), bench.cloud.writes()) == ([], [])


def test_what_was_lost_while_no_sweep_ran_is_at_least_told(bench: Sweeping) -> None:
    survey = Held("doors")
    bench.surveys = [survey]
    bench.swept("unheard")
    survey.found = [lost(bench, age=-10)]
    bench.wait(hours=50)
    (result,) = bench.swept("unheard").results
    assert (result.outcome, str(result.reason)[:5]) == (Outcome.HELD, "stale")
    bench.wait(minutes=5)
    assert bench.swept("unheard").done == 0


def test_what_no_playbook_is_for_is_not_asked_about(bench: Sweeping) -> None:
    bench.surveys = [Held("doors", [lost(bench, type="Other:Door/Open")])]
    assert bench.swept("unheard").done == 0
    assert bench.cloud.calls == []


def test_what_led_to_nothing_is_looked_at_once(bench: Sweeping) -> None:
    event = lost(bench)
    bench.cloud.things["door-1"]["front"] = "shut"
    bench.surveys = [Held("doors", [event])]
    assert bench.swept("unheard").done == 1
    calls = len(bench.cloud.calls)
    for action in bench.actions():
        assert action.outcome is Outcome.NO_OP
    bench.wait(minutes=5)
    bench.swept("unheard")
    assert len(bench.cloud.calls) == calls


def test_so_many_at_once_and_the_rest_is_named_and_comes_next(bench: Sweeping) -> None:
    bench.surveys = [Held("doors", [lost(bench, number) for number in range(LIMIT + 2)])]
    assert bench.swept("unheard").done == LIMIT
    (report,) = [one for one in bench.news() if one.key.startswith("unheard:")]
    assert report.reason == f"{LIMIT} findings that never reached us were answered, 2 more are left to the next sweeps"
    assert report.not_done == [f"door {LIMIT}", f"door {LIMIT + 1}"]
    assert bench.swept("unheard").done == 2
    assert len(bench.cloud.writes()) == LIMIT + 2


def test_what_is_unknown_makes_way_and_comes_again(bench: Sweeping) -> None:
    event = lost(bench)
    slow = failing(Throttled("Describe: slow down"), verb="Describe")
    bench.cloud.before.append(slow)
    bench.surveys = [Held("doors", [event])]
    assert "slow down" in str(bench.sweep().errors)
    bench.cloud.before.remove(slow)
    assert bench.swept("unheard").done == 0, "for a while others come first"
    kept = bench.journal.kept(KIND)
    assert kept == {event.id: {"version": "1"}}
    assert AGAIN < 3600
    bench.journal.drop(KIND, event.id)  # as if that time were over
    assert bench.swept("unheard").done == 1


def test_in_the_end_what_stays_unknown_is_held(bench: Sweeping) -> None:
    bench.cloud.before.append(failing(Throttled("Describe: slow down"), verb="Describe"))
    bench.surveys = [Held("doors", [lost(bench, age=13)])]
    (result,) = bench.swept("unheard").results
    assert (result.outcome, "slow down" in str(result.reason)) == (Outcome.HELD, True)


def test_a_source_that_cannot_be_asked_keeps_no_other_waiting(bench: Sweeping) -> None:
    denied = AccessDenied("DescribeConfigRules", "AccessDenied", "no role")
    bench.surveys = [Held("closed", error=denied), Held("doors", [lost(bench)])]
    found = bench.sweep()
    assert bench.row(found, "unheard").errors == ["closed: DescribeConfigRules: AccessDenied: no role"]
    assert bench.cloud.writes() == ["Set door-1.front"]
    assert set(bench.journal.kept("survey")) == {"doors"}


def test_time_is_given_first_to_what_was_not_asked_for_longest(bench: Sweeping) -> None:
    asked: list[str] = []

    class Named(Held):
        def findings(self, wanted: Callable[[Finding], bool]) -> Iterator[Finding]:
            asked.append(self.name)
            return super().findings(wanted)

    bench.surveys = [Named("one"), Named("two"), Named("three")]
    bench.journal.keep("survey", "one", {"at": "2026-11-20T00:00:00Z"}, None)
    bench.journal.keep("survey", "two", {"at": "2026-11-19T00:00:00Z"}, None)
    bench.swept("unheard")
    assert asked == ["three", "two", "one"]


def test_an_observing_deployment_only_says_what_it_would_do(bench: Sweeping) -> None:
    bench.settings = replace(bench.settings, ceiling="observe")
    bench.surveys = [Held("doors", [lost(bench)])]
    assert [result.outcome for result in bench.swept("unheard").results] == [Outcome.PLANNED]
    assert bench.cloud.writes() == []
