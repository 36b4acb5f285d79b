"""What a crash left open is ended by the sweep alone, once, and in the end by people."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from stanch.action import Outcome
from stanch.decision import Decision, Identity, Request
from stanch.deployment import Settings
from stanch.errors import Throttled, Unreachable
from stanch.restraint import EVERYWHERE, PAUSE
from stanch.sweep.crashed import TRIES
from stanch.sweep.run import RUNNING, Sweep
from stanch.sweep.turn import SWEEP
from tests.unit.engine.bench import Wall, door, finding, vault
from tests.unit.engine.failing import Killed, failing, killed_at, killed_in
from tests.unit.engine.killing import MAKERS, deaths
from tests.unit.engine.sweeping import Sweeping
from tests.unit.engine.toy import ToyCloud
from tests.unit.engine.toy_remediations import CloseDoor

PERSON = Identity("ann@corp.example", "subject-ann")


@pytest.fixture
def bench(wall: Wall, folder: Path) -> Sweeping:
    return Sweeping(folder, ToyCloud(), wall)


def killed(bench: Sweeping, *, verb: str = "Set", name: str = "front") -> str:
    """An action on a door whose process ended before the write; its id."""
    bench.door()
    fuse = failing(Killed(), verb=verb, name=name)
    bench.cloud.before.append(fuse)
    with contextlib.suppress(Killed):
        bench.deliver()
    bench.cloud.before.remove(fuse)
    (action,) = bench.actions()
    assert action.outcome is None
    return action.id


def pause(bench: Sweeping) -> None:
    bench.journal.keep(PAUSE, EVERYWHERE, {"by": "ann", "reason": "drill"}, None)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", MAKERS)
def test_killed_at_every_call_a_sweep_ends_it_with_one_effect_and_one_report(
    folder: Path, wall: Wall, kind: str, after: bool
) -> None:
    for death in deaths(lambda place: Sweeping(place, ToyCloud(), wall), folder, kind, after):
        bench, k = death.bench, death.k
        bench.wait(minutes=5)
        assert bench.sweep().errors == [], f"killed at call {k}"
        assert bench.locks() == []
        assert len(bench.actions()) <= 1
        if not bench.actions():  # it died before the action was opened: the delivery comes again
            assert bench.cloud.snapshot() == death.found
            continue
        (action,) = bench.actions()
        assert action.outcome is Outcome.ACTED, f"killed at call {k}: {action.reason}"
        lasting = [
            write for write in bench.cloud.writes() if not write.endswith(".connections")
        ]  # a transient one may come again
        assert len(lasting) == len(set(lasting))
        assert {(report.key, report.outcome) for report in bench.channel.reports} == {(f"{action.id}:acted:1", "acted")}
        assert bench.undo(action.id).run().outcome is Outcome.UNDONE


class TestGoingOn:
    def test_what_may_still_be_alive_is_left_alone(self, bench: Sweeping) -> None:
        action = killed(bench)
        assert bench.swept("crashed").done == 0
        assert bench.outcome(action) is None
        bench.lapse()
        (result,) = bench.swept("crashed").results
        assert (result.action_id, result.outcome) == (action, Outcome.ACTED)
        assert bench.cloud.writes() == ["Set door-1.front"]

    def test_automation_waits_for_the_kill_switch_and_a_person_does_not(self, bench: Sweeping) -> None:
        automatic = killed(bench)
        bench.door("door-2")
        with killed_at(bench, verb="Set"):
            bench.runbook(door("door-2")).apply()
        pause(bench)
        bench.lapse()
        (result,) = bench.swept("crashed").results
        assert (result.outcome, bench.cloud.writes()) == (Outcome.ACTED, ["Set door-2.front"])
        assert bench.the(automatic).attempt == 1, "nothing is tried while it is pulled"
        bench.journal.drop(PAUSE, EVERYWHERE)
        assert bench.swept("crashed").done == 1
        assert bench.outcome(automatic) is Outcome.ACTED

    def test_nothing_goes_on_by_itself_once_the_ceiling_is_observe(self, bench: Sweeping) -> None:
        action = killed(bench)
        bench.settings = Settings(ceiling="observe", verify_delays=())
        bench.lapse()
        bench.swept("crashed")
        assert (bench.outcome(action), bench.cloud.writes()) == (None, [])

    def test_a_lock_that_the_store_dropped_is_taken_anew(self, bench: Sweeping) -> None:
        action = killed(bench)
        with closing(sqlite3.connect(bench.path / "journal.sqlite")) as connection:
            connection.execute("DELETE FROM locks")
            connection.commit()
        assert bench.swept("crashed").done == 1
        assert (bench.outcome(action), bench.locks()) == (Outcome.ACTED, [])

    def test_what_belongs_to_the_other_clouds_deployment_is_left_to_it(self, bench: Sweeping) -> None:
        action = killed(bench)
        bench.lapse()
        door, bench.playbooks = bench.registry.pop(CloseDoor.id), []
        assert bench.swept("crashed").done == 0
        bench.registry[CloseDoor.id] = door
        assert bench.swept("crashed").results[0].action_id == action

    def test_an_undo_goes_on_in_the_name_of_whoever_asked(self, bench: Sweeping) -> None:
        bench.vault()
        done = bench.deliver(finding(vault()))
        with killed_at(bench, verb="Set", purpose="undo", name="barrier"):
            bench.undo(done.action_id, who="ann@corp.example").run()
        bench.lapse()
        (result,) = bench.swept("crashed").results
        assert result.outcome is Outcome.UNDONE
        undo = bench.the(done.action_id).undo or {}
        assert (undo["requester"], undo["reason"]) == ("ann@corp.example", "a false alarm")
        assert bench.cloud.things["vault-1"]["barrier"] == "none"

    def test_an_undo_that_must_not_go_on_is_closed_and_reported(self, bench: Sweeping) -> None:
        bench.door()
        done = bench.deliver()
        with killed_at(bench, verb="Set", purpose="undo"):
            bench.undo(done.action_id).run()
        bench.cloud.things["door-1"]["front"] = "ajar"
        bench.lapse()
        bench.news()
        (result,) = bench.swept("crashed").results
        assert result.outcome is Outcome.PARTIAL
        assert "drifted" in str(result.reason)
        assert [report.outcome for report in bench.news()] == ["partial"]
        assert bench.cloud.things["door-1"]["front"] == "ajar"

    def test_the_lock_of_a_decision_is_freed_and_its_report_filed(self, bench: Sweeping) -> None:
        bench.door(impact="people are inside")
        asked = bench.deliver()
        with killed_in(bench, "close"):
            Decision(bench.deployment, Request(asked.action_id or "", PERSON, "not now")).hold("later")
        assert [lock[0] for lock in bench.locks()] == [asked.action_id]
        bench.news()
        bench.lapse()
        bench.swept("crashed")
        assert bench.locks() == []
        assert [(one.outcome, one.reason) for one in bench.news() if one.action_id] == [("held", "later")]


class TestGivingUp:
    def test_after_so_many_tries_people_are_asked(self, bench: Sweeping) -> None:
        action = killed(bench)
        busy = failing(Throttled("Set: slow down"), verb="Set")
        bench.cloud.before.append(busy)
        for _ in range(TRIES):
            bench.wait(minutes=5)
            assert "slow down" in str(bench.sweep().errors)
        bench.wait(minutes=5)
        bench.news()
        (result,) = bench.swept("crashed").results
        assert result.outcome is Outcome.UNVERIFIED
        assert str(result.reason).startswith(f"given up after {TRIES} more tries since ")
        assert str(result.reason).endswith("Set: slow down")
        assert [report.outcome for report in bench.news()] == ["unverified"]
        assert (bench.locks(), bench.swept("crashed").done) == ([], 0)
        assert bench.outcome(action) is Outcome.UNVERIFIED

    def test_after_a_day_whatever_kept_it_from_being_tried(self, bench: Sweeping) -> None:
        action = killed(bench)
        pause(bench)
        bench.wait(hours=23)
        bench.swept("crashed")
        assert bench.outcome(action) is None
        bench.wait(hours=2)
        (result,) = bench.swept("crashed").results
        assert (result.outcome, bench.cloud.writes()) == (Outcome.UNVERIFIED, [])

    def test_what_was_made_in_part_is_partial(self, bench: Sweeping) -> None:
        bench.vault()
        fuse = failing(Killed(), verb="Set", name="connections")
        bench.cloud.before.append(fuse)
        with pytest.raises(Killed):
            bench.deliver(finding(vault()))
        bench.wait(hours=25)
        (result,) = bench.swept("crashed").results
        assert result.outcome is Outcome.PARTIAL
        assert bench.undo(result.action_id).preview()

    def test_an_undo_that_never_ends(self, bench: Sweeping) -> None:
        bench.door()
        done = bench.deliver()
        bench.cloud.before.append(failing(Unreachable("Set: no answer"), verb="Set", purpose="undo"))
        with pytest.raises(Unreachable):
            bench.undo(done.action_id).run()
        bench.wait(hours=25)
        (result,) = bench.swept("crashed").results
        assert result.outcome is Outcome.PARTIAL
        assert "given up" in str(result.reason)
        assert bench.locks() == []


class TestSweeps:
    def test_two_never_run_at_once(self, bench: Sweeping) -> None:
        action = killed(bench)
        bench.lapse()
        bench.journal.keep(SWEEP, RUNNING, {"id": "another"}, 4e9)
        assert bench.sweep().rows == []
        assert bench.outcome(action) is None
        bench.journal.drop(SWEEP, RUNNING)
        assert len(bench.sweep().rows) == 7
        assert RUNNING not in bench.journal.kept(SWEEP), "it makes way for the next one"

    def test_two_at_once_would_do_no_harm(self, bench: Sweeping) -> None:
        killed(bench)
        bench.lapse()
        bench.door("door-2")
        rows = []
        threads = [threading.Thread(target=lambda: rows.append(Sweep(bench.deployment)._sweep(240))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(bench.row(found, "crashed").done for found in rows) == 1
        assert bench.cloud.writes() == ["Set door-1.front"]
        assert bench.told() == [("acted", None)]

    def test_a_step_that_fails_stops_no_other_and_people_hear_of_it_once_a_day(self, bench: Sweeping) -> None:
        action = killed(bench)
        bench.lapse()
        broken = failing(Throttled("Assume: slow down"), verb="Assume")
        bench.cloud.before.append(broken)
        for _ in range(2):
            bench.wait(minutes=5)
            found = bench.sweep()
            assert [row.step for row in found.rows if row.errors] == ["crashed"]
        told = [report for report in bench.news() if report.key.startswith("sweep:")]
        assert [report.reason for report in told] == ["crashed: Assume: slow down"]
        bench.cloud.before.remove(broken)
        bench.wait(minutes=5)
        assert bench.swept("crashed").results[0].action_id == action

    def test_it_begins_nothing_that_it_has_no_time_for(self, bench: Sweeping) -> None:
        action = killed(bench)
        bench.lapse()
        found = bench.sweep(seconds=10)
        assert bench.row(found, "crashed").left
        assert bench.outcome(action) is None

    def test_what_is_old_is_found_once_an_hour(self, bench: Sweeping) -> None:
        """An undo of an action of long ago crashed."""
        bench.door()
        done = bench.deliver()
        with closing(sqlite3.connect(bench.path / "journal.sqlite")) as connection:
            connection.execute("UPDATE actions SET opened_at = '2025-01-01T00:00:00.000Z', body = replace(body, ?, ?)",
                               (f'"opened_at":"{bench.the(done.action_id).opened_at}"', '"opened_at":"2025-01-01T00:00:00.000Z"'))  # fmt: skip
            connection.commit()
        bench.swept("crashed")  # a thorough one, before there is anything to find
        with killed_at(bench, verb="Set", purpose="undo"):
            bench.undo(done.action_id).run()
        bench.wait(minutes=30)
        assert bench.swept("crashed").done == 0
        bench.wait(minutes=31)
        assert [result.outcome for result in bench.swept("crashed").results] == [Outcome.UNDONE]
