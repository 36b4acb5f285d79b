"""Leases on containment: people are reminded; by itself only what is harmless is undone, and only where it still stands as it was left."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stanch import chain, expiry
from stanch.action import Outcome
from stanch.clock import parse
from stanch.decision import Decision, Identity, Request
from stanch.deployment import Settings
from stanch.errors import Busy, InvalidInput, Refused, Unreachable
from stanch.playbooks.limits import Expires, Freeze
from stanch.restraint import EVERYWHERE, EXEMPT, PAUSE
from tests.unit.engine.bench import LEASE, Wall, door, finding, of_type, playbook
from tests.unit.engine.failing import Killed, failing
from tests.unit.engine.sweeping import Sweeping
from tests.unit.engine.toy import ToyCloud
from tests.unit.engine.toy_remediations import CloseDoor, RevokeBadges

HOURS = 10
REMIND = playbook("doors", CloseDoor.id, when=of_type(CloseDoor), expires=Expires(HOURS * 3600))
UNDO = replace(REMIND, expires=Expires(HOURS * 3600, "undo"))


@pytest.fixture
def bench(wall: Wall, folder: Path) -> Sweeping:
    found = Sweeping(folder, ToyCloud(), wall, playbooks=[REMIND])
    found.door()
    return found


def acted(bench: Sweeping) -> str:
    """An action that stands on a lease; its id."""
    result = bench.deliver()
    assert result.outcome is Outcome.ACTED
    bench.news()
    return str(result.action_id)


def told(bench: Sweeping) -> list[tuple[str, str]]:
    return [(report.key, report.outcome) for report in bench.news()]


def extend(bench: Sweeping, action: str, hours: float = 5, reason: str = "still needed") -> Any:
    return expiry.extend(bench.deployment, action, "ann@corp.example", int(hours * 3600), reason)


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
        def fuse(verb: str) -> None:
            if verb == "close":
                raise Killed

        bench.journal.before.append(fuse)
        with contextlib.suppress(Killed):
            bench.deliver()
        bench.journal.before.remove(fuse)
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

        def fuse(verb: str) -> None:
            if verb == "reopen":
                raise Killed

        bench.journal.before.append(fuse)
        with pytest.raises(Killed):
            bench.sweep()
        bench.journal.before.remove(fuse)
        bench.wait(minutes=5)
        bench.swept("leases")
        assert told(bench) == [(f"{action}:lease:0", "acted")]
        assert len((bench.the(action).expires or {})["reminded"]) == 1

    def test_killed_before_the_lock_was_freed_the_lease_runs_on_as_it_was(self, bench: Sweeping) -> None:
        action = acted(bench)
        end = (bench.the(action).expires or {})["at"]
        bench.wait(hours=5, minutes=1)

        def fuse(verb: str) -> None:
            if verb == "close":
                raise Killed

        bench.journal.before.append(fuse)
        with pytest.raises(Killed):
            bench.sweep()
        bench.journal.before.remove(fuse)
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


class TestExtending:
    def test_it_runs_longer_and_reminds_anew(self, bench: Sweeping) -> None:
        action = acted(bench)
        end = parse((bench.the(action).expires or {})["at"])
        bench.wait(hours=9, minutes=5)
        bench.swept("leases")
        bench.news()
        result = extend(bench, action, hours=5)
        lease = bench.the(action).expires or {}
        assert parse(lease["at"]) == end + timedelta(hours=5)
        assert str(result.reason).endswith("UTC: still needed")
        assert told(bench) == [(f"{action}:lease-until:{lease['at']}", "acted")]
        assert bench.the(action).chain[-1]["by"] == "ann@corp.example"
        assert chain.verify(bench.the(action)) == []
        bench.wait(hours=5, minutes=59)  # 15.07 h after the beginning, past the new end
        bench.swept("leases")
        assert told(bench) == [(f"{action}:lease:1", "acted")]

    def test_after_its_end_it_runs_from_now(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.journal.keep(expiry.KIND, action, {"at": "2020-01-01T00:00:00Z"}, None)
        record = bench.the(action)
        record.expires = {**(record.expires or {}), "since": "2020-01-01T00:00:00Z", "at": "2020-01-02T00:00:00Z"}
        expiry.amend(bench.deployment, record, "set back")
        bench.swept("leases")
        assert bench.journal.kept(expiry.KIND) == {}
        extend(bench, action, hours=2)
        lease = bench.the(action).expires or {}
        assert abs(parse(lease["at"]) - datetime.now(UTC) - timedelta(hours=2)) < timedelta(seconds=30)
        bench.wait(hours=1, minutes=30)
        assert bench.swept("leases").done == 1

    def test_what_is_refused(self, bench: Sweeping) -> None:
        action = acted(bench)
        with pytest.raises(Refused, match="unknown action"):
            extend(bench, "0" * 12 + "-1")
        with pytest.raises(Refused, match="say why"):
            extend(bench, action, reason=" ")
        with pytest.raises(InvalidInput, match=r"^for: must be between a second and 366 days"):
            extend(bench, action, hours=-1)
        bench.undo(action).run()
        with pytest.raises(Refused, match=r"\(undone\) stands on no lease"):
            extend(bench, action)
        without = bench.action(bench.runbook(bench.door("door-2")).apply())
        with pytest.raises(Refused, match="stands on no lease"):
            extend(bench, without.id)

    def test_not_while_somebody_is_at_it(self, bench: Sweeping) -> None:
        action = acted(bench)
        record = bench.the(action)
        bench.journal.reopen(record, bench.deployment.lease(record))
        with pytest.raises(Busy):
            extend(bench, action)
        assert (bench.the(action).expires or {})["at"] == (record.expires or {})["at"]


class TestUndoing:
    @pytest.fixture(autouse=True)
    def undo(self, bench: Sweeping) -> None:
        bench.playbooks = [UNDO]

    def test_what_is_harmless_is_undone_at_the_end(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.wait(hours=9, minutes=59)
        bench.swept("leases")
        assert bench.outcome(action) is Outcome.ACTED
        assert "it is undone by itself" in str(bench.news()[0].reason)
        bench.wait(minutes=2)
        (result,) = bench.swept("leases").results
        assert (result.action_id, result.outcome) == (action, Outcome.UNDONE)
        assert bench.cloud.things["door-1"]["front"] == "open"
        assert (bench.the(action).undo or {})["requester"] == "stanch (lease)"
        assert [outcome for _, outcome in told(bench)] == ["undone"]
        assert bench.journal.kept(expiry.KIND) == {}

    def test_the_finding_does_not_close_it_again(self, bench: Sweeping) -> None:
        acted(bench)
        bench.wait(hours=11)
        bench.swept("leases")
        again = bench.deliver(finding(version="2"))
        assert (again.outcome, "stanch (lease) undid" in str(again.reason)) == (Outcome.HELD, True)

    def assert_stays(self, bench: Sweeping, action: str, reason: str) -> None:
        """It is left to people, who hear why."""
        writes = bench.cloud.writes()
        bench.wait(hours=11)
        (result,) = bench.swept("leases").results
        assert "and it is not undone by itself: " in str(result.reason)
        assert reason in str(result.reason)
        assert (f"{action}:lease:0", "acted") in told(bench)
        assert (bench.outcome(action), bench.cloud.writes()) == (Outcome.ACTED, writes)
        bench.wait(hours=1)
        assert bench.swept("leases").done == 0

    def test_not_what_somebody_changed_since(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.cloud.things["door-1"]["front"] = "ajar"
        self.assert_stays(bench, action, "drifted: front of door-1 is now 'ajar'")

    def test_not_what_re_arms_what_was_cut_off(self, bench: Sweeping) -> None:
        """A policy file that says so does not load; one that was compiled before may."""
        bench.playbooks = [playbook("badges", RevokeBadges.id, when=of_type(RevokeBadges), expires=UNDO.expires)]
        bench.cloud.things["badge-1"] = dict(bench.cloud.things["door-1"])
        badge = replace(door("badge-1"), type=RevokeBadges.resource_type)
        action = str(bench.deliver(finding(badge)).action_id)
        bench.wait(hours=2)  # past its own delay once the lease is over
        self.assert_stays(bench, action, "undoing it may re-arm what it cut off")

    def test_not_while_somebody_paused_it(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.journal.keep(PAUSE, EVERYWHERE, {"by": "ann", "reason": "drill"}, None)
        self.assert_stays(bench, action, "kill switch: ann paused everything")

    def test_not_in_a_freeze(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.more["freeze"] = (Freeze("year-end", "approve", from_="2020-01-01", to="2999-01-01"),)
        self.assert_stays(bench, action, "freeze: year-end is on")

    def test_not_what_a_person_exempted(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.journal.keep(EXEMPT, "door-1", {"by": "ann", "until": "later", "reason": "investigation"}, None)
        self.assert_stays(bench, action, "exempted: ann exempted door-1")

    def test_not_above_the_ceiling(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.settings = Settings(ceiling="approve", lease=LEASE, verify_delays=())
        self.assert_stays(bench, action, "approve is the most that automation may do there")

    def test_a_cloud_that_does_not_answer_is_asked_again(self, bench: Sweeping) -> None:
        action = acted(bench)
        down = failing(Unreachable("Set: no answer"), verb="Set")
        bench.cloud.before.append(down)
        bench.wait(hours=11)
        assert "no answer" in str(bench.sweep().errors)
        bench.cloud.before.remove(down)
        bench.wait(minutes=5)
        bench.sweep()
        assert bench.outcome(action) is Outcome.UNDONE
        assert (bench.the(action).undo or {})["requester"] == "stanch (lease)"

    def test_an_extension_keeps_it(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.wait(hours=9, minutes=59)
        extend(bench, action)
        bench.wait(minutes=5)
        bench.swept("leases")
        assert (bench.outcome(action), bench.cloud.things["door-1"]["front"]) == (Outcome.ACTED, "shut")
