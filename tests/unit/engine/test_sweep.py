"""What a sweep tells people: reports that do not get through, messages that were given up, what is held, and findings that never arrived."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stanch.action import Outcome
from stanch.errors import AccessDenied, CloudError, Throttled
from stanch.finding import Finding
from stanch.restraint import EVERYWHERE, PAUSE
from stanch.sweep import Waiting
from stanch.sweep.undelivered import ENOUGH
from stanch.sweep.unheard import AGAIN, KIND, LIMIT
from tests.unit.engine.bench import DEFAULT, Wall, finding
from tests.unit.engine.failing import failing
from tests.unit.engine.sweeping import Held, Letters, Sweeping
from tests.unit.engine.toy import ToyCloud


@pytest.fixture
def bench(wall: Wall, folder: Path) -> Sweeping:
    return Sweeping(folder, ToyCloud(), wall)


def titles(bench: Sweeping, key: str) -> list[tuple[str, str | None]]:
    """Key and reason of the sweep's own reports since the last look."""
    return [(report.key, report.reason) for report in bench.news() if report.key.startswith(key)]


class TestUndelivered:
    def test_what_was_not_accepted_is_offered_again(self, bench: Sweeping) -> None:
        bench.channel.broken = True
        bench.door()
        result = bench.deliver()
        bench.wait(minutes=5)
        assert bench.swept("undelivered").done == 0
        bench.channel.broken = False
        assert bench.swept("undelivered").done == 1
        assert [report.key for report in bench.news()] == [f"{result.action_id}:acted:1"]
        assert bench.swept("undelivered").done == 0

    def test_what_may_be_on_its_way_is_left_to_whoever_sends_it(self, bench: Sweeping) -> None:
        bench.channel.broken = True
        bench.door()
        bench.deliver()
        bench.channel.broken = False
        assert (bench.swept("undelivered").done, bench.news()) == (0, [])
        bench.wait(minutes=3)
        assert bench.swept("undelivered").done == 1

    def test_a_silent_channel_is_asked_only_so_often(self, bench: Sweeping) -> None:
        bench.channel.broken = True
        for number in range(ENOUGH + 3):
            bench.deliver(finding(bench.door(f"door-{number}"), id=f"finding-{number}"))
        asked = []
        bench.wait(minutes=5)
        bench.channel.send = lambda report: asked.append(report) or _no_answer()  # type: ignore[method-assign,func-returns-value]
        bench.sweep()
        assert len(asked) == ENOUGH

    def test_one_that_refuses_a_report_may_take_the_next(self, bench: Sweeping) -> None:
        bench.channel.broken = True
        for number in range(ENOUGH + 3):
            bench.deliver(finding(bench.door(f"door-{number}"), id=f"finding-{number}"))

        def refuse(report: Any) -> None:
            raise CloudError("post", "413", "too large")

        asked: list[Any] = []
        bench.wait(minutes=5)
        bench.channel.send = lambda report: asked.append(report) or refuse(report)  # type: ignore[method-assign,func-returns-value]
        bench.sweep()
        assert len(asked) == ENOUGH + 3

    def test_after_a_day_the_other_channels_hear_of_it_once_a_day(self, bench: Sweeping) -> None:
        bench.channel.broken = True
        bench.door()
        result = bench.deliver()
        bench.wait(hours=23)
        bench.swept("undelivered")
        assert bench.news() == []
        bench.wait(hours=2)
        for _ in range(3):
            bench.swept("undelivered")
        (report,) = bench.news()
        assert str(report.reason).startswith(
            "1 reports are older than a day and not accepted by soc; the oldest is of "
        )
        assert report.not_done == [f"acted {result.action_id}:acted:1: soc: soc does not answer"]
        bench.wait(hours=24)
        bench.swept("undelivered")
        assert len([one for one in bench.news() if one.key.startswith("undelivered:")]) == 1

    def test_where_no_channel_is_left_the_sweep_itself_fails(self, bench: Sweeping) -> None:
        bench.channel.broken = bench.pager.broken = True
        bench.door()
        bench.deliver()
        bench.wait(hours=25)
        bench.swept("undelivered")  # the pager does not answer either, but nobody knows yet
        bench.wait(hours=25)
        found = bench.sweep()
        assert "no channel is left" in str(bench.row(found, "undelivered").errors)


def _no_answer() -> None:
    raise Throttled("slow down")


class TestDeadLetters:
    def test_one_report_when_there_are_some_and_it_is_news(self, bench: Sweeping) -> None:
        since = datetime(2026, 11, 20, 3, tzinfo=UTC)
        config, duty = Letters("config-dead", Waiting(0)), Letters("guardduty-dead", Waiting(3, since))
        bench.queues = [config, duty]
        assert bench.swept("dead letters").done == 3
        (report,) = bench.news()
        assert str(report.reason).startswith("3 messages were given up: their findings are not answered.")
        assert report.not_done == ["guardduty-dead: 3, the oldest of 2026-11-20T03:00:00Z"]
        bench.swept("dead letters")
        assert bench.news() == []
        config.found = Waiting(1)
        bench.swept("dead letters")
        assert [report.not_done for report in bench.news()] == [["config-dead: 1", report.not_done[0]]]

    def test_none_is_no_news_and_the_same_again_is(self, bench: Sweeping) -> None:
        queue = Letters("dead", Waiting(0))
        bench.queues = [queue]
        keys = []
        for count in (0, 1, 0, 1):
            queue.found = Waiting(count)
            bench.wait(minutes=5)
            bench.swept("dead letters")
            keys += [report.key for report in bench.news()]
        assert len(keys) == len(set(keys)) == 2

    def test_a_queue_that_cannot_be_asked_hides_no_other(self, bench: Sweeping) -> None:
        closed = Letters("closed", Waiting(2))
        bench.queues = [closed, Letters("open", Waiting(1))]
        bench.swept("dead letters")
        bench.news()
        closed.found = AccessDenied("GetQueueAttributes", "AccessDenied", "not yours")
        bench.queues = [closed, Letters("open", Waiting(2))]
        found = bench.sweep()
        assert "closed: GetQueueAttributes" in str(bench.row(found, "dead letters").errors)
        (report,) = [one for one in bench.news() if one.key.startswith("dead")]
        assert (str(report.reason)[:1], report.not_done) == ("4", ["open: 2"])


class TestHeld:
    def test_once_a_day_by_guard_with_the_oldest(self, bench: Sweeping) -> None:
        bench.playbooks = [replace(DEFAULT[0], exempt=replace(DEFAULT[0].exempt, names=("door-*",)))]
        first = bench.deliver(finding(bench.door("door-1")))
        bench.deliver(finding(bench.door("door-2"), id="finding-2"))
        bench.playbooks = DEFAULT
        bench.journal.keep(PAUSE, EVERYWHERE, {"by": "ann", "reason": "drill"}, None)
        bench.deliver(finding(bench.door("gate-1"), id="finding-3"))
        bench.news()
        assert bench.swept("held").done == 3
        (report,) = bench.news()
        assert str(report.reason).startswith(
            f"3 held in the last 30 days (exempt 2, kill switch 1); the oldest, {first.action_id}, since "
        )
        assert "`stanch actions ls --outcome held`" in str(report.reason)
        assert len(report.not_done) == 3
        bench.swept("held")
        assert titles(bench, "held:") == []
        bench.wait(hours=24)
        bench.swept("held")
        assert len(titles(bench, "held:")) == 1

    def test_what_went_on_since_is_not_held_any_more(self, bench: Sweeping) -> None:
        bench.journal.keep(PAUSE, EVERYWHERE, {"by": "ann", "reason": "drill"}, None)
        bench.door()
        assert bench.deliver().outcome is Outcome.HELD
        bench.journal.drop(PAUSE, EVERYWHERE)
        assert bench.deliver().outcome is Outcome.ACTED
        bench.news()
        assert bench.swept("held").done == 0
        assert bench.news() == []


def lost(bench: Sweeping, number: int = 1, age: float = 1.0, **more: Any) -> Finding:
    """A finding of `age` hours ago whose event never came."""
    at = datetime.now(UTC) - timedelta(hours=age)
    resource = bench.door(f"door-{number}")
    return finding(resource, id=f"finding-{number}", title=f"door {number}", last_seen=at, updated_at=at, **more)


class TestUnheard:
    def test_what_never_arrived_is_answered_as_if_it_had(self, bench: Sweeping) -> None:
        event = lost(bench)
        bench.surveys = [Held("doors of the house", [event])]
        (result,) = bench.swept("unheard").results
        assert (result.outcome, bench.cloud.writes()) == (Outcome.ACTED, ["Set door-1.front"])
        assert bench.deliver(event).action_id == result.action_id, (
            "the event, should it come after all, is the same finding"
        )

    def test_what_arrived_is_left_alone(self, bench: Sweeping) -> None:
        event = lost(bench)
        bench.deliver(event)
        bench.surveys = [Held("doors", [event])]
        calls = len(bench.cloud.calls)
        assert bench.swept("unheard").done == 0
        assert len(bench.cloud.calls) == calls

    def test_what_opened_again_since_our_answer_is_answered_again(self, bench: Sweeping) -> None:
        event = lost(bench)
        bench.deliver(event)
        bench.cloud.things["door-1"]["front"] = "open"
        bench.wait(hours=1)
        moment = datetime.now(UTC) + timedelta(minutes=30)
        bench.surveys = [Held("doors", [replace(event, version="2", last_seen=moment, updated_at=moment)])]
        assert [result.outcome for result in bench.swept("unheard").results] == [Outcome.ACTED]

    def test_an_event_gets_time_to_arrive(self, bench: Sweeping) -> None:
        bench.surveys = [Held("doors", [lost(bench, age=0.1)])]
        assert bench.swept("unheard").done == 0
        bench.wait(minutes=5)
        assert bench.swept("unheard").done == 1

    def test_what_stood_there_before_us_is_not_touched(self, bench: Sweeping) -> None:
        bench.surveys = [Held("doors", [lost(bench, age=30)])]
        assert bench.swept("unheard").done == 0
        assert (bench.actions(), bench.cloud.writes()) == ([], [])

    def test_what_was_lost_while_no_sweep_ran_is_at_least_told(self, bench: Sweeping) -> None:
        survey = Held("doors")
        bench.surveys = [survey]
        bench.swept("unheard")
        survey.found = [lost(bench, age=-10)]
        bench.wait(hours=50)
        (result,) = bench.swept("unheard").results
        assert (result.outcome, str(result.reason)[:5]) == (Outcome.HELD, "stale")
        bench.wait(minutes=5)
        assert bench.swept("unheard").done == 0

    def test_what_no_playbook_is_for_is_not_asked_about(self, bench: Sweeping) -> None:
        bench.surveys = [Held("doors", [lost(bench, type="Other:Door/Open")])]
        assert bench.swept("unheard").done == 0
        assert bench.cloud.calls == []

    def test_what_led_to_nothing_is_looked_at_once(self, bench: Sweeping) -> None:
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

    def test_so_many_at_once_and_the_rest_is_named_and_comes_next(self, bench: Sweeping) -> None:
        bench.surveys = [Held("doors", [lost(bench, number) for number in range(LIMIT + 2)])]
        assert bench.swept("unheard").done == LIMIT
        (report,) = [one for one in bench.news() if one.key.startswith("unheard:")]
        assert (
            report.reason == f"{LIMIT} findings that never reached us were answered, 2 more are left to the next sweeps"
        )
        assert report.not_done == [f"door {LIMIT}", f"door {LIMIT + 1}"]
        assert bench.swept("unheard").done == 2
        assert len(bench.cloud.writes()) == LIMIT + 2

    def test_what_is_unknown_makes_way_and_comes_again(self, bench: Sweeping) -> None:
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

    def test_in_the_end_what_stays_unknown_is_held(self, bench: Sweeping) -> None:
        bench.cloud.before.append(failing(Throttled("Describe: slow down"), verb="Describe"))
        bench.surveys = [Held("doors", [lost(bench, age=13)])]
        (result,) = bench.swept("unheard").results
        assert (result.outcome, "slow down" in str(result.reason)) == (Outcome.HELD, True)

    def test_a_source_that_cannot_be_asked_keeps_no_other_waiting(self, bench: Sweeping) -> None:
        denied = AccessDenied("DescribeConfigRules", "AccessDenied", "no role")
        bench.surveys = [Held("closed", error=denied), Held("doors", [lost(bench)])]
        found = bench.sweep()
        assert bench.row(found, "unheard").errors == ["closed: DescribeConfigRules: AccessDenied: no role"]
        assert bench.cloud.writes() == ["Set door-1.front"]
        assert set(bench.journal.kept("survey")) == {"doors"}


def test_an_observing_deployment_only_says_what_it_would_do(bench: Sweeping) -> None:
    bench.settings = replace(bench.settings, ceiling="observe")
    bench.surveys = [Held("doors", [lost(bench)])]
    assert [result.outcome for result in bench.swept("unheard").results] == [Outcome.PLANNED]
    assert bench.cloud.writes() == []
