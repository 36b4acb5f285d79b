"""Leases on containment: people are reminded; by itself only what is harmless is undone, and only where it still stands as it was left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from stanch import chain, expiry
from stanch.action import Outcome
from stanch.clock import parse
from stanch.decision import Decision, Identity, Request
from stanch.errors import InvalidInput
from tests.unit.engine.bench import Wall, door
from tests.unit.engine.failing import killed_in
from tests.unit.engine.leasing import HOURS, REMIND, acted, told
from tests.unit.engine.sweeping import Sweeping
from tests.unit.engine.toy import ToyCloud


@pytest.fixture
def bench(wall: Wall, folder: Path) -> Sweeping:
    found = Sweeping(folder, ToyCloud(), wall, playbooks=[REMIND])
    found.door()
    return found


class TestBeginning:
    def test_it_runs_once_the_action_has_acted(self, bench: Sweeping) -> None:
        lease = bench.the(acted(bench)).expires
        assert lease is not None
        assert (lease["after"], lease["then"], lease["reminded"]) == (HOURS * 3600, "remind", [])
        assert parse(lease["at"]) - parse(lease["since"]) == timedelta(hours=HOURS)
        assert abs(parse(lease["since"]) - datetime.now(UTC)) < timedelta(seconds=30)

    def test_the_report_says_until_when_and_what_follows(self, bench: Sweeping) -> None:
        lease = bench.action(bench.deliver()).expires
        assert lease is not None
        (report,) = bench.news()
        assert report.lease == f"{lease['at']}; then people are asked whether it may end"

    def test_what_only_waits_has_none_yet(self, bench: Sweeping) -> None:
        bench.playbooks = [replace(REMIND, mode="approve")]
        action = str(bench.deliver().action_id)
        assert not expiry.runs(bench.the(action))
        bench.wait(hours=11)
        assert bench.swept("leases").done == 0
        person = Identity("ann@corp.example", "subject-ann")
        Decision(bench.deployment, Request(action, person, "seen")).approve()
        assert expiry.runs(bench.the(action))

    def test_a_person_may_ask_for_one(self, bench: Sweeping) -> None:
        bench.playbooks = []
        result = bench.runbook(door(), expires=4 * 3600).apply()
        lease = bench.action(result).expires or {}
        assert (lease["after"], lease["then"]) == (4 * 3600, "remind")
        assert bench.action(bench.runbook(bench.door("door-2")).apply()).expires is None

    @pytest.mark.parametrize("seconds", [0, -1, expiry.LONGEST + 1])
    def test_what_is_no_time_is_refused(self, bench: Sweeping, seconds: int) -> None:
        with pytest.raises(InvalidInput, match="expires"):
            bench.runbook(door(), expires=seconds)

    @pytest.mark.parametrize(
        ("given", "seconds"), [("4h", 14400), ("90s", 90), ("30m", 1800), ("2d", 172800), (60, 60)]
    )
    def test_times_as_people_write_them(self, given: Any, seconds: int) -> None:
        assert expiry.duration(given, "expires") == seconds

    @pytest.mark.parametrize("seconds", [1, expiry.LONGEST])
    def test_the_shortest_and_the_longest(self, seconds: int) -> None:
        assert expiry.duration(seconds, "expires") == seconds

    @pytest.mark.parametrize("given", ["4", "h", "-4h", "4 h", "0h", "999999999d", True, 1.5, None, "4h\n", "٤h"])
    def test_what_is_no_time_at_all(self, given: Any) -> None:
        with pytest.raises(InvalidInput, match="expires"):
            expiry.duration(given, "expires")

    def test_killed_before_it_ended_it_still_runs(self, bench: Sweeping) -> None:
        with killed_in(bench, "close"):
            bench.deliver()
        bench.lapse()
        bench.swept("crashed")
        (action,) = bench.actions()
        assert expiry.runs(action)
        bench.wait(hours=5, minutes=1)
        assert bench.swept("leases").done == 1


class TestReminding:
    def test_to_the_moment(self, bench: Sweeping) -> None:
        record = bench.the(acted(bench))
        record.expires = {**(record.expires or {}), "since": "2026-11-23T00:00:00Z", "at": "2026-11-23T10:00:00Z"}
        half = datetime(2026, 11, 23, 5, tzinfo=UTC)
        assert expiry.due(record, half - timedelta(microseconds=1)) is None
        assert expiry.due(record, half) == 0.5

    def test_at_half_at_nine_tenths_and_at_the_end(self, bench: Sweeping) -> None:
        action = acted(bench)
        keys = []
        for hours in (4.9, 0.2, 3.8, 0.2, 0.8, 0.2, 5.0):
            bench.wait(hours=hours)
            bench.swept("leases")
            keys.append([key for key, outcome in told(bench) if outcome == "acted"])
            bench.swept("leases")
            assert told(bench) == []
        assert keys == [[], [f"{action}:lease:0"], [], [f"{action}:lease:1"], [], [f"{action}:lease:2"], []]
        assert [each["part"] for each in (bench.the(action).expires or {})["reminded"]] == [0.5, 0.9, 1.0]
        assert (bench.outcome(action), bench.cloud.writes()) == (Outcome.ACTED, ["Set door-1.front"])
        assert chain.verify(bench.the(action)) == []

    def test_it_says_what_happens_next(self, bench: Sweeping) -> None:
        action = acted(bench)
        end = (bench.the(action).expires or {})["at"]
        bench.wait(hours=5, minutes=1)
        bench.swept("leases")
        (soon,) = bench.news()
        assert (
            soon.reason
            == f"50% of its lease are over; at {end} people are asked once more: `stanch extend {action}` lets it stand longer"
        )
        bench.wait(hours=5)
        bench.swept("leases")
        (last,) = bench.news()
        assert str(last.reason).startswith(f"its lease ended at {end}. It stands until somebody undoes it")
        assert last.undo == f"stanch undo {action} --apply --reason 'why'"

    def test_a_sweep_that_comes_late_tells_the_last_only(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.wait(hours=11)
        bench.swept("leases")
        assert told(bench) == [(f"{action}:lease:0", "acted")]
        bench.wait(hours=1)
        assert bench.swept("leases").done == 0

    def test_killed_in_the_middle_people_hear_of_it_once(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.wait(hours=5, minutes=1)
        with killed_in(bench, "reopen"):
            bench.sweep()
        bench.wait(minutes=5)
        bench.swept("leases")
        assert told(bench) == [(f"{action}:lease:0", "acted")]
        assert len((bench.the(action).expires or {})["reminded"]) == 1

    def test_killed_before_the_lock_was_freed_the_lease_runs_on_as_it_was(self, bench: Sweeping) -> None:
        action = acted(bench)
        end = (bench.the(action).expires or {})["at"]
        bench.wait(hours=5, minutes=1)
        with killed_in(bench, "close"):
            bench.sweep()
        assert [lock[0] for lock in bench.locks()] == [action]
        bench.wait(hours=4)
        assert bench.swept("leases").done == 1
        lease = bench.the(action).expires or {}
        assert (lease["at"], [each["part"] for each in lease["reminded"]]) == (end, [0.5, 0.9])
        assert bench.locks() == []

    def test_what_was_undone_is_forgotten(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.undo(action).run()
        bench.news()
        bench.wait(hours=11)
        assert bench.swept("leases").done == 0
        assert (told(bench), bench.journal.kept(expiry.KIND)) == ([], {})
