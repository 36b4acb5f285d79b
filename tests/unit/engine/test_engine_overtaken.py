"""What is true when it is read and not any more when it is acted on: a decision, an undo or an extension that comes in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from stanch import ahead, expiry
from stanch.action import Outcome
from stanch.deployment import Upstream
from stanch.errors import Refused, Stopped
from stanch.playbooks.limits import Freeze, Protect
from stanch.restraint import EVERYWHERE, EXEMPT, PAUSE
from tests.unit.engine.bench import Wall, door, finding
from tests.unit.engine.deciding import decide, waits
from tests.unit.engine.failing import killed_at
from tests.unit.engine.leasing import REMIND, UNDO, acted, extend
from tests.unit.engine.sweeping import Sweeping
from tests.unit.engine.toy import Call, ToyCloud

FACT = {"by": "ann", "until": "later", "reason": "investigation"}


def once(does: Callable[[], Any], **wanted: str) -> Callable[[Call], None]:
    """A hook that does something at the first call that fits, whatever it leads to."""
    left = [does]

    def hook(call: Call) -> None:
        if left and all(getattr(call, name) == value for name, value in wanted.items()):
            left.pop()()

    return hook


@pytest.fixture
def bench(wall: Wall, folder: Any) -> Sweeping:
    found = Sweeping(folder, ToyCloud(), wall)
    found.door()
    return found


class TestAfterACrash:
    @pytest.fixture(autouse=True)
    def crashed(self, bench: Sweeping) -> None:
        with killed_at(bench, verb="Set"):
            bench.deliver()
        bench.lapse()

    def test_what_a_person_exempted_since_is_not_written_by_the_delivery(self, bench: Sweeping) -> None:
        bench.journal.keep(EXEMPT, "door-1", FACT, None)
        with pytest.raises(Stopped, match="exempted: ann exempted door-1"):
            bench.deliver()
        assert bench.cloud.writes() == []
        bench.journal.drop(EXEMPT, "door-1")
        assert bench.deliver().outcome is Outcome.ACTED

    def test_what_a_person_exempted_since_is_not_written_by_the_sweep(self, bench: Sweeping) -> None:
        bench.journal.keep(EXEMPT, "door-1", FACT, None)
        bench.swept("crashed")
        (action,) = bench.actions()
        assert (bench.cloud.writes(), action.outcome, action.attempt) == ([], None, 1)
        bench.journal.drop(EXEMPT, "door-1")
        bench.swept("crashed")
        assert bench.outcome(action.id) is Outcome.ACTED

    def test_what_the_policy_protects_since_is_not_written_by_the_sweep(self, bench: Sweeping) -> None:
        bench.protect = Protect(resources=("door-1",))
        bench.swept("crashed")
        (action,) = bench.actions()
        assert (bench.cloud.writes(), action.outcome) == ([], None)


def test_what_is_protected_by_another_name_since_a_crash_is_not_written(bench: Sweeping) -> None:
    bench.cloud.things["door-1"]["aliases"] = ["the vault's door"]
    with killed_at(bench, verb="Set"):
        bench.deliver()
    bench.lapse()
    bench.protect = Protect(resources=("the vault's*",))
    with pytest.raises(Stopped, match="protected: the vault's door"):
        bench.deliver()
    assert bench.cloud.writes() == []


class TestWhileTheReadsTakeLong:
    def test_an_exemption_given_while_the_plan_was_slow_holds(
        self, bench: Sweeping, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = [0.0]
        monkeypatch.setattr(ahead, "time", type("Clock", (), {"monotonic": staticmethod(lambda: now[0])}))

        def slow() -> None:
            time.sleep(0.2)  # the journal has answered by then
            bench.journal.keep(EXEMPT, "door-1", FACT, None)
            now[0] += 60

        bench.cloud.before.append(once(slow, verb="Describe"))
        assert bench.deliver().outcome is Outcome.HELD
        assert bench.cloud.writes() == []

    def test_a_plan_made_before_a_slow_journal_answered_is_made_anew(
        self, bench: Sweeping, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = [0.0]
        monkeypatch.setattr(ahead, "time", type("Clock", (), {"monotonic": staticmethod(lambda: now[0])}))

        def slow(name: str) -> None:
            if name == "look":
                time.sleep(0.2)
                now[0] += 60
                bench.cloud.things["door-1"]["front"] = "shut"

        bench.journal.after.append(slow)
        assert bench.deliver().outcome is Outcome.NO_OP
        assert bench.cloud.writes() == []


def test_what_a_person_undoes_while_a_delivery_plans_is_not_fought(bench: Sweeping) -> None:
    first = bench.deliver()
    undone: list[Call] = []

    def undo(call: Call) -> None:
        """Once the journal has answered: the plan is then made again, by whoever waits for it, under the id that follows the first action's."""
        again = threading.current_thread() is threading.main_thread()
        if (call.verb, call.purpose, again, undone) == ("Describe", "read", True, []):
            undone.append(call)
            bench.undo(first.action_id).run()

    bench.cloud.before.append(undo)
    again = bench.deliver(finding(version="2"))
    assert (again.outcome, "analyst undid" in str(again.reason), len(undone)) == (Outcome.HELD, True, 1)
    assert bench.cloud.things["door-1"]["front"] == "open"


def test_the_copys_own_finding_counts_not_the_one_that_the_event_named(bench: Sweeping) -> None:
    """An incident may come under the id of an alert that it does not hold any more; the reads were begun for that."""
    first = bench.deliver()
    bench.undo(first.action_id).run()
    copy = finding(version="2")
    bench.upstreams["toy"] = Upstream(lambda given: ([copy], "the source has it"))
    result = bench.deliver(finding(id="another alert"))
    assert (result.outcome, "analyst undid" in str(result.reason)) == (Outcome.HELD, True)


class TestALaterAction:
    def again(self, bench: Sweeping) -> tuple[str, str]:
        """Contained, opened by somebody, contained again."""
        first = str(bench.deliver().action_id)
        bench.wait(hours=6)
        bench.cloud.things["door-1"]["front"] = "open"
        second = bench.deliver(finding(version="2"))
        assert (second.outcome, second.action_id == first) == (Outcome.ACTED, False)
        return first, str(second.action_id)

    def test_the_end_of_a_lease_does_not_open_what_a_later_action_contains(self, bench: Sweeping) -> None:
        bench.playbooks = [UNDO]
        first, second = self.again(bench)
        extend(bench, second)
        bench.wait(hours=4, minutes=5)
        (result,) = [row for row in bench.swept("leases").results if row.action_id == first]
        assert bench.cloud.things["door-1"]["front"] == "shut"
        assert f"action {second} contained it again since" in str(result.reason)

    def test_a_person_is_told_of_it_and_undoes_the_later_one_first(self, bench: Sweeping) -> None:
        first, second = self.again(bench)
        with pytest.raises(Refused, match=f"later action: action {second}"):
            bench.undo(first).run()
        assert bench.cloud.things["door-1"]["front"] == "shut"
        assert bench.undo(second).run().outcome is Outcome.UNDONE
        assert bench.undo(first).run().outcome is Outcome.UNDONE
        assert bench.cloud.things["door-1"]["front"] == "open"

    def test_a_person_may_insist(self, bench: Sweeping) -> None:
        first, _ = self.again(bench)
        assert bench.undo(first, force=True).run().outcome is Outcome.UNDONE
        assert bench.cloud.things["door-1"]["front"] == "open"


class TestTheEndOfALease:
    def test_the_kill_switch_stops_the_undo_that_nobody_asked_for(self, bench: Sweeping) -> None:
        bench.playbooks = [UNDO]
        action = acted(bench)
        bench.wait(hours=10, minutes=1)

        def pause() -> None:
            bench.journal.keep(PAUSE, EVERYWHERE, {"by": "ann", "reason": "drill"}, None)
            bench.wall.now += 6  # what was known of the kill switch is old by then

        bench.cloud.before.append(once(pause, verb="Describe", purpose="undo"))
        bench.swept("leases")
        assert bench.cloud.things["door-1"]["front"] == "shut"
        bench.journal.drop(PAUSE, EVERYWHERE)
        bench.wait(minutes=5)
        bench.sweep()
        assert bench.outcome(action) is Outcome.UNDONE

    def test_an_interrupted_one_waits_for_the_kill_switch_and_a_persons_does_not(self, bench: Sweeping) -> None:
        bench.playbooks = [UNDO]
        bench.door("door-2")
        action, other = acted(bench), str(bench.deliver(finding(door("door-2"), id="other")).action_id)
        with killed_at(bench, verb="Set", purpose="undo"):
            bench.undo(other).run()
        bench.wait(hours=10, minutes=1)
        with killed_at(bench, verb="Set", purpose="undo", thing="door-1"):
            bench.sweep()
        bench.journal.keep(PAUSE, EVERYWHERE, {"by": "ann", "reason": "drill"}, None)
        bench.wait(minutes=5)
        attempt = bench.the(action).attempt
        bench.swept("crashed")
        assert (bench.cloud.things["door-1"]["front"], bench.the(action).attempt) == ("shut", attempt)
        assert bench.cloud.things["door-2"]["front"] == "open"
        bench.journal.drop(PAUSE, EVERYWHERE)
        bench.wait(minutes=5)
        bench.swept("crashed")
        assert bench.outcome(action) is Outcome.UNDONE

    def test_an_extension_while_it_is_being_undone_keeps_it(self, bench: Sweeping) -> None:
        bench.playbooks = [UNDO]
        action = acted(bench)
        bench.wait(hours=10, minutes=1)
        bench.cloud.before.append(once(lambda: extend(bench, action), verb="Describe", purpose="undo"))
        bench.swept("leases")
        assert (bench.outcome(action), bench.cloud.things["door-1"]["front"]) == (Outcome.ACTED, "shut")
        assert action in bench.journal.kept(expiry.KIND), "the longer lease still runs"

    @pytest.mark.parametrize("moment", ["look", "close"])
    def test_an_extension_while_it_is_told_of_keeps_it_running(self, bench: Sweeping, moment: str) -> None:
        bench.playbooks = [REMIND]
        action = acted(bench)
        bench.wait(hours=10, minutes=1)

        def longer(name: str) -> None:
            if name == moment:
                bench.journal.after.remove(longer)
                extend(bench, action, hours=20)

        bench.journal.after.append(longer)
        bench.swept("leases")
        assert action in bench.journal.kept(expiry.KIND), "the longer lease still runs"
        told = any("its lease ended" in str(report.reason) for report in bench.news())
        assert told == (moment == "close"), "only what was so is said"


def test_what_a_person_denied_is_not_done_by_itself_once_nothing_asks_for_a_person(bench: Sweeping) -> None:
    """A freeze had lowered the mode; the source tells of the same finding again when it is over."""
    bench.more["freeze"] = (Freeze("year-end", "approve", from_="2020-01-01", to="2999-01-01"),)
    action = waits(bench)
    decide(bench, action).deny()
    bench.news()
    bench.more.clear()
    again = bench.deliver(finding(version="2"))
    assert (again.outcome, again.action_id, again.reason) == (Outcome.EXPIRED, action.id, "denied by alice@corp.example: seen live")  # fmt: skip
    assert (bench.cloud.writes(), bench.news()) == ([], [])
    assert bench.deliver(finding(id="another one")).outcome is Outcome.ACTED, "the denial is of that finding"
