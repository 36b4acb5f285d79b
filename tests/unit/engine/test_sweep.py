"""What a sweep tells people: reports that do not get through, messages that were given up, and what is held."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from stanch.action import Outcome
from stanch.errors import AccessDenied, CloudError, Throttled
from stanch.restraint import EVERYWHERE, PAUSE
from stanch.sweep import Waiting
from stanch.sweep.undelivered import ENOUGH
from tests.unit.engine.bench import DEFAULT, Wall, finding
from tests.unit.engine.sweeping import Letters, Sweeping
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
