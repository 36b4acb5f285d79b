"""Pauses and exemptions by people: with a reason, for a time, traced and told, and never cut short by the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from stanch import standing
from stanch.action import Outcome
from stanch.errors import InvalidInput, Refused
from stanch.notify.text import text
from stanch.restraint import EXEMPT, PAUSE
from tests.unit.engine.bench import Bench, finding

Clock = Callable[[float], None]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Moves the clock by which facts expire, and people decide, by so many seconds from now."""

    def move(seconds: float) -> None:
        at = time.time() + seconds
        monkeypatch.setattr("stanch.journal.sqlite_facts.wall", lambda: at)
        monkeypatch.setattr("stanch.standing.time", type("Clock", (), {"time": staticmethod(lambda: at)}))

    return move


class TestPause:
    def test_everything_until_somebody_resumes_it(self, bench: Bench, later: Clock) -> None:
        bench.door()
        decided = standing.pause(bench.journal, None, "alice", "outage", None)
        assert (decided.what, decided.subject, decided.until) == ("pause", "*", None)
        later(30 * 86400)
        assert bench.deliver().reason == "kill switch: alice paused everything: outage"
        standing.resume(bench.journal, None, "bob", "it is over")
        assert bench.deliver().outcome is Outcome.ACTED

    def test_a_group_for_an_hour(self, bench: Bench, later: Clock) -> None:
        decided = standing.pause(bench.journal, "prod", "alice", "release", 3600, {"prod", "sandbox"})
        assert decided.until is not None
        assert timedelta(minutes=59) < datetime.fromisoformat(decided.until) - datetime.now(UTC) <= timedelta(hours=1)
        assert set(bench.journal.kept(PAUSE)) == {"prod"}
        later(3601)
        assert bench.journal.kept(PAUSE) == {}

    def test_a_group_that_does_not_exist_is_named(self, bench: Bench) -> None:
        with pytest.raises(InvalidInput, match="there is no group 'prd'; there is prod, sandbox"):
            standing.pause(bench.journal, "prd", "alice", "release", 60, {"sandbox", "prod"})
        with pytest.raises(InvalidInput, match="there is none"):
            standing.pause(bench.journal, "prd", "alice", "release", 60, ())
        assert bench.journal.kept(PAUSE) == {}

    @pytest.mark.parametrize(("first", "second"), [(None, 60), (7200, 3600)])
    def test_a_longer_one_is_not_cut_short(self, bench: Bench, first: int | None, second: int) -> None:
        standing.pause(bench.journal, None, "alice", "outage", first)
        until = bench.journal.kept(PAUSE)["*"]["until"] or "somebody ends it"
        with pytest.raises(Refused, match=f"^stands: alice did so until {until} already: outage; end that first"):
            standing.pause(bench.journal, None, "bob", "just a minute", second)
        assert bench.journal.kept(PAUSE)["*"]["by"] == "alice"

    def test_one_that_lasts_as_long_is_replaced(self, bench: Bench, later: Clock) -> None:
        later(0)
        standing.pause(bench.journal, None, "alice", "outage", 60)
        standing.pause(bench.journal, None, "bob", "the same outage", 60)
        assert bench.journal.kept(PAUSE)["*"]["by"] == "bob"

    @pytest.mark.parametrize(("first", "second"), [(60, 3600), (60, None), (None, None)])
    def test_a_shorter_one_is_replaced(self, bench: Bench, first: int | None, second: int | None) -> None:
        standing.pause(bench.journal, None, "alice", "outage", first)
        if first is None:
            with pytest.raises(Refused):
                standing.pause(bench.journal, None, "bob", "it lasts", second)
            return
        standing.pause(bench.journal, None, "bob", "it lasts", second)
        assert bench.journal.kept(PAUSE)["*"]["by"] == "bob"

    def test_resuming_what_is_not_paused_says_what_is(self, bench: Bench) -> None:
        standing.pause(bench.journal, "prod", "alice", "release", None)
        with pytest.raises(Refused, match="everything is not paused; paused are: prod"):
            standing.resume(bench.journal, None, "bob", "go on")
        with pytest.raises(Refused, match="sandbox is not paused; paused are: prod"):
            standing.resume(bench.journal, "sandbox", "bob", "go on")
        assert [each.what for each in standing.listing(bench.journal)] == ["pause"]


class TestExempt:
    def test_a_resource_for_a_day(self, bench: Bench, later: Clock) -> None:
        bench.door()
        decided = standing.exempt(bench.journal, "door-*", "alice", "migration", 86400)
        assert bench.deliver().reason == f"exempted: alice exempted door-* until {decided.until}: migration"
        later(86401)
        assert bench.deliver().outcome is Outcome.ACTED

    @pytest.mark.parametrize("pattern", ["", "*", "**", "  ", "*/*", "*:*", "?*"])
    def test_everything_is_no_resource(self, bench: Bench, pattern: str) -> None:
        with pytest.raises(InvalidInput, match="means everything"):
            standing.exempt(bench.journal, pattern, "alice", "migration", 60)
        assert bench.journal.kept(EXEMPT) == {}

    def test_it_can_be_ended_early(self, bench: Bench) -> None:
        bench.door()
        standing.exempt(bench.journal, "door-1", "alice", "migration", 86400)
        standing.end_exemption(bench.journal, "door-1", "alice", "it is done")
        assert bench.deliver().outcome is Outcome.ACTED
        with pytest.raises(Refused, match="no exemption of door-1 stands; there is none"):
            standing.end_exemption(bench.journal, "door-1", "alice", "again")


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_each_needs_a_reason(bench: Bench, reason: str) -> None:
    journal = bench.journal
    standing.pause(journal, None, "alice", "outage", None), standing.exempt(journal, "door-1", "alice", "ours", 60)
    before = standing.listing(journal)
    asks: tuple[Callable[[], object], ...] = (
        lambda: standing.pause(journal, "prod", "bob", reason, 60),
        lambda: standing.resume(journal, None, "bob", reason),
        lambda: standing.exempt(journal, "door-2", "bob", reason, 60),
        lambda: standing.end_exemption(journal, "door-1", "bob", reason),
    )
    for ask in asks:
        with pytest.raises(Refused, match="reason: say why"):
            ask()
    assert standing.listing(journal) == before


@pytest.mark.parametrize("seconds", [0, -1, standing.LONGEST + 1])
def test_a_time_out_of_range(bench: Bench, seconds: int) -> None:
    with pytest.raises(InvalidInput, match="for: must be between a second and 30 days"):
        standing.exempt(bench.journal, "door-1", "alice", "ours", seconds)
    with pytest.raises(InvalidInput):
        standing.pause(bench.journal, None, "alice", "outage", seconds)


@pytest.mark.parametrize("seconds", [1, standing.LONGEST])
def test_the_shortest_and_the_longest_time(bench: Bench, later: Clock, seconds: int) -> None:
    later(0)
    decided = standing.exempt(bench.journal, "door-1", "alice", "ours", seconds)
    span = datetime.fromisoformat(str(decided.until)) - datetime.fromisoformat(decided.at)
    assert abs(span - timedelta(seconds=seconds)) < timedelta(seconds=2)


class TestListing:
    def test_the_trace_holds_what_was_decided_and_no_more(self, bench: Bench) -> None:
        decided = standing.exempt(bench.journal, "door-1", "alice", " ours ", 60)
        (trace,) = bench.journal.kept(standing.TRACE).values()
        assert trace == {
            "what": "exempt", "subject": "door-1", "by": "alice", "reason": "ours", "at": decided.at, "until": decided.until,
        }  # fmt: skip

    def test_since_a_moment_is_from_that_moment_on(self, bench: Bench) -> None:
        decided = standing.exempt(bench.journal, "door-1", "alice", "ours", 60)
        moment = datetime.fromisoformat(decided.at)
        assert [each.subject for each in standing.listing(bench.journal, moment)] == ["door-1"]
        assert standing.listing(bench.journal, moment + timedelta(milliseconds=1)) == []

    def test_who_when_why_and_whether_it_stands(self, bench: Bench, later: Clock) -> None:
        journal = bench.journal
        standing.pause(journal, None, "alice", "outage", None)
        time.sleep(0.002)  # the journal tells times apart by milliseconds
        standing.exempt(journal, "door-1", "bob", "ours", 60)
        time.sleep(0.002)  # the journal tells times apart by milliseconds
        standing.resume(journal, None, "carol", "it is over")
        time.sleep(0.002)  # the journal tells times apart by milliseconds
        standing.exempt(journal, "door-2", "dave", "ours too", 86400)
        found = standing.listing(journal)
        assert [(each.what, each.subject, each.by, each.reason, each.stands) for each in found] == [
            ("exempt", "door-2", "dave", "ours too", True), ("resume", "*", "carol", "it is over", False),
            ("exempt", "door-1", "bob", "ours", True), ("pause", "*", "alice", "outage", False),
        ]  # fmt: skip
        later(3600)
        assert [each.stands for each in standing.listing(journal)] == [True, False, False, False], (
            "the trace outlives it"
        )
        assert standing.listing(journal, datetime.now(UTC) + timedelta(seconds=1)) == []

    def test_the_same_again_is_another_decision(self, bench: Bench) -> None:
        for number in range(3):
            standing.exempt(bench.journal, "door-1", "alice", f"reason {number}", 60 + number)
            time.sleep(0.002)
        found = standing.listing(bench.journal)
        assert [(each.reason, each.stands) for each in found] == [
            ("reason 2", True),
            ("reason 1", False),
            ("reason 0", False),
        ]

    def test_a_crash_before_the_trace_loses_nothing_that_stands(self, bench: Bench) -> None:
        keep = bench.journal.keep

        def dying(kind: str, *given: object, **more: object) -> object:
            if kind == standing.TRACE:
                raise KeyboardInterrupt
            return keep(kind, *given, **more)

        setattr(bench.journal, "keep", dying)  # noqa: B010  # the watched journal hands on what it does not name
        with pytest.raises(KeyboardInterrupt):
            standing.pause(bench.journal, "prod", "alice", "outage", None)
        (found,) = standing.listing(bench.journal)
        assert (found.what, found.subject, found.by, found.stands) == ("pause", "prod", "alice", True)


class TestTold:
    def test_the_channels_are_told_once(self, bench: Bench) -> None:
        decided = standing.pause(bench.journal, "prod", "alice", "release", 3600)
        assert standing.tell(bench.deployment, decided) == ["soc"]
        assert standing.tell(bench.deployment, decided) == []
        (report,) = bench.channel.reports
        assert (report.outcome, report.title, report.requester) == ("held", "Paused: prod", "alice")
        assert report.reason == f"alice until {decided.until}: release"
        assert report.undo == "stanch resume --group prod --reason 'why'"

    def test_each_in_words(self, bench: Bench) -> None:
        journal = bench.journal
        made = [
            standing.pause(journal, None, "alice", "outage", None),
            standing.resume(journal, None, "alice", "over"),
            standing.exempt(journal, "door-1", "alice", "ours", 60),
            standing.end_exemption(journal, "door-1", "alice", "done"),
        ]
        told = [standing.report(each, "azure") for each in made]
        assert [(report.outcome, report.title) for report in told] == [
            ("held", "Paused: everything"), ("undone", "Resumed: everything"),
            ("held", "Exempted: door-1"), ("undone", "No longer exempt: door-1"),
        ]  # fmt: skip
        assert told[0].reason == "alice until somebody resumes it: outage"
        assert "stanch resume --reason 'why'" in text(told[0])
        assert "unknown" not in text(told[0]), "it is of no account"
        assert [text(report).splitlines()[:2] for report in told[:2]] == [
            ["IN FORCE: Paused: everything", "Stanch does not act by itself there until this ends; people's own runs and undos go on."],
            ["ENDED: Resumed: everything", "Stanch acts by itself there again."],
        ]  # fmt: skip
        assert len({report.key for report in told}) == 4
        assert [report.reason for report in told[1:]] == [
            "alice: over", f"alice until {made[2].until}: ours", "alice: done",
        ]  # fmt: skip
        assert [report.undo for report in told] == [
            "stanch resume --reason 'why'", None, "stanch exempt door-1 --end --reason 'why'", None,
        ]  # fmt: skip
        assert [(report.at, report.account, report.cloud) for report in told] == [
            (each.at, "", "azure") for each in made
        ]

    def test_what_people_write_is_inert(self, bench: Bench) -> None:
        decided = standing.exempt(
            bench.journal, "x\r\nBcc: all@corp.example", "alice", "[log in](https://evil.example/)\u202e", 60
        )
        shown = text(standing.report(decided, "aws"))
        assert "https://evil" not in shown
        assert "\u202e" not in shown
        assert not any(line.startswith("Bcc:") for line in shown.splitlines())

    def test_a_channel_that_fails_loses_nothing(self, bench: Bench) -> None:
        bench.channel.broken = True
        decided = standing.pause(bench.journal, None, "alice", "outage", None)
        assert standing.tell(bench.deployment, decided) == []
        bench.channel.broken = False
        assert bench.drain() == 1
        assert bench.deliver(finding()).outcome is not Outcome.ACTED
