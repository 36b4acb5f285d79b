"""The same thing again: deliveries that repeat, attackers and analysts who change it back, and two who come at once."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stanch.action import Outcome, effect_key
from stanch.deployment import Settings
from stanch.errors import Busy, Retryable, Throttled
from stanch.finding import Finding, Resource
from stanch.playbooks.limits import Freeze, Protect
from stanch.playbooks.model import Step
from stanch.result import Result
from tests.unit.engine.bench import Bench, finding, playbook, vault
from tests.unit.engine.deciding import decide
from tests.unit.engine.failing import denied, failing
from tests.unit.engine.toy import Call
from tests.unit.engine.toy_remediations import CloseDoor


class TestAgain:
    def test_the_same_finding_is_one_action_and_one_report(self, bench: Bench) -> None:
        bench.door()
        rows = [bench.deliver(finding(version=version), last=True) for version in ("1", "1", "2", "3")]
        assert [row.outcome for row in rows] == [Outcome.ACTED, Outcome.NO_OP, Outcome.NO_OP, Outcome.NO_OP]
        assert {row.action_id for row in rows} == {rows[0].action_id}
        assert bench.cloud.writes() == ["Set door-1.front"]
        assert [action.outcome for action in bench.actions()] == [Outcome.ACTED]
        assert bench.told() == [("acted", None)]

    def test_an_attacker_who_opens_it_again_is_shut_out_again_at_once(self, bench: Bench) -> None:
        bench.door()
        rows: list[Result] = []
        for _ in range(3):
            bench.cloud.things["door-1"]["front"] = "open"
            rows.append(bench.deliver())
        assert {row.outcome for row in rows} == {Outcome.ACTED}
        assert len({row.action_id for row in rows}) == 3
        assert bench.told() == [("acted", None)] * 3
        assert len({report.key for report in bench.channel.reports}) == 3
        assert bench.cloud.things["door-1"]["front"] == "shut"

    def test_an_analyst_is_not_fought_however_often_the_finding_comes(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()
        bench.undo(acted.action_id).run()
        rows = [bench.deliver(finding(version=str(number))) for number in range(4)]
        assert {(row.outcome, row.reason) for row in rows} == {
            (Outcome.HELD, f"undone: analyst undid action {acted.action_id} for this finding")
        }
        assert bench.cloud.writes() == ["Set door-1.front", "Set door-1.front"]
        assert bench.told() == [("acted", None), ("undone", "a false alarm"), ("held", rows[0].reason)]

    def test_what_was_said_in_between_does_not_hide_what_an_analyst_undid(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()
        bench.cloud.things["door-1"]["front"] = "open"
        bench.cloud.before.append(failing(Throttled("slow down"), verb="Describe"))
        assert bench.deliver(last=True).outcome is Outcome.HELD
        bench.settings = Settings(ceiling="observe")
        bench.cloud.before.clear()
        assert bench.deliver().outcome is Outcome.PLANNED
        bench.settings = Settings(ceiling="auto", verify_delays=())
        bench.undo(acted.action_id).run()
        assert (bench.deliver().reason or "").startswith("undone: ")
        assert bench.cloud.things["door-1"]["front"] == "open"

    def test_an_undo_that_came_half_way_is_not_fought_either(self, bench: Bench) -> None:
        bench.vault()
        acted = bench.deliver(finding(vault()))
        bench.cloud.before.append(failing(denied(), purpose="undo", name="alarm"))
        assert bench.undo(acted.action_id).run().outcome is Outcome.PARTIAL
        bench.cloud.before.clear()
        result = bench.deliver(finding(vault()))
        reason = f"undone: analyst began to undo action {acted.action_id} for this finding"
        assert (result.outcome, result.reason) == (Outcome.HELD, reason)

    def test_an_action_that_failed_is_tried_again_by_the_next_delivery(self, bench: Bench) -> None:
        bench.door()
        bench.cloud.before.append(failing(denied(), verb="Set"))
        failed = bench.deliver()
        bench.cloud.before.clear()
        acted = bench.deliver()
        assert (failed.outcome, acted.outcome) == (Outcome.FAILED, Outcome.ACTED)
        assert failed.action_id != acted.action_id

    def test_what_is_said_of_a_finding_is_said_anew_for_another_reason_and_for_another_outcome(
        self, bench: Bench
    ) -> None:
        bench.door(fire_exit=True)
        bench.playbooks = [playbook("doors", CloseDoor.id, unless={"live.fire_exit": (True,)})]
        assert bench.deliver().outcome is Outcome.HELD
        bench.exempt(names=("door-1",))
        assert bench.deliver().outcome is Outcome.HELD
        bench.protect = Protect(resources=("door-1",))
        assert bench.deliver().outcome is Outcome.HELD
        bench.door()
        bench.playbooks, bench.protect = [playbook("doors", CloseDoor.id)], Protect()
        for ceiling in ("approve", "observe"):
            bench.policy = {"freeze": (Freeze("year-end", ceiling, from_="2020-01-01", to="2100-01-01"),)}
            bench.deliver()
        assert [(outcome, str(reason).partition(":")[0]) for outcome, reason in bench.told()] == [
            ("held", "unless"), ("held", "exempt"), ("held", "protected"), ("awaiting_approval", "freeze"), ("planned", "freeze"),
        ]  # fmt: skip

    def test_two_findings_on_one_resource(self, bench: Bench) -> None:
        bench.door()
        rows = bench.respond(finding(), finding(id="finding-2"))
        assert [row.outcome for row in rows] == [Outcome.ACTED, Outcome.NO_OP]
        assert bench.cloud.writes() == ["Set door-1.front"]
        assert len(bench.channel.reports) == 1

    def test_another_identity_parameter_is_another_effect_and_any_other_is_not(self, bench: Bench) -> None:
        bench.door()
        sides = [Step(CloseDoor.id, {"side": side}) for side in ("front", "back")]
        same = Step(CloseDoor.id, {"side": "front", "reason": "another"})
        bench.playbooks = [playbook(f"p{number}", step) for number, step in enumerate((*sides, same))]
        rows = bench.respond(finding())
        assert [row.outcome for row in rows] == [Outcome.ACTED, Outcome.ACTED]
        assert len({action.effect for action in bench.actions()}) == 2
        assert bench.cloud.writes() == ["Set door-1.front", "Set door-1.back"]

    def test_an_account_is_the_same_in_upper_case(self) -> None:
        groups = [
            Resource("Microsoft.Network/networkSecurityGroups", f"/subscriptions/{name}/x", name)
            for name in ("00AB", "00ab")
        ]
        assert len({effect_key("azure.x", group, {}, ()) for group in groups}) == 1


class TestAtOnce:
    def test_of_two_threads_one_acts_and_the_other_comes_again(self, bench: Bench) -> None:
        bench.door()
        both = threading.Barrier(2, timeout=10)
        writing, waited = threading.Event(), threading.Event()

        def meet(call: Call) -> None:
            if call.purpose == "read" and call.verb == "Describe" and not writing.is_set():
                both.wait()
            if call.verb == "Set":
                writing.set()
                assert waited.wait(10), "the other must be refused while this one writes"

        bench.cloud.before.append(meet)
        answers: list[object] = []

        def deliver() -> None:
            try:
                answers.append(bench.deliver().outcome)
            except Retryable as error:
                answers.append(error)
                waited.set()

        threads = [threading.Thread(target=deliver) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        busy, acted = sorted(answers, key=lambda answer: answer is Outcome.ACTED)
        assert isinstance(busy, Busy)
        assert acted is Outcome.ACTED
        assert bench.cloud.writes() == ["Set door-1.front"]
        assert bench.deliver().outcome is Outcome.NO_OP
        assert bench.told() == [("acted", None)]

    def test_a_delivery_that_planned_before_the_other_acted_opens_no_second_action(self, bench: Bench) -> None:
        """It read the door open, and by the time it opens its action the other one is closed and its lock is gone."""
        bench.door()
        rows: list[Result] = []

        def overtaken(verb: str) -> None:
            if verb == "open":
                bench.journal.before.clear()
                time.sleep(0.003)  # an id made of the time alone would be another one by now
                rows.append(bench.deliver())

        bench.journal.before.append(overtaken)
        with pytest.raises(Busy):
            bench.deliver()
        assert rows[0].outcome is Outcome.ACTED
        assert bench.deliver().action_id == rows[0].action_id
        assert bench.cloud.writes() == ["Set door-1.front"]
        assert len(bench.actions()) == len(bench.channel.reports) == 1

    def test_a_live_lease_is_waited_for_and_held_only_by_the_last_delivery(self, bench: Bench) -> None:
        bench.door()

        def second(call: Call) -> None:
            if call.verb == "Set":
                with pytest.raises(Busy, match="in progress"):
                    bench.deliver(finding(id="finding-2"))
                result = bench.deliver(finding(id="finding-2"), last=True)
                assert result.outcome is Outcome.HELD
                assert "in progress" in (result.reason or "")

        bench.cloud.before.append(second)
        assert bench.deliver().outcome is Outcome.ACTED
        assert bench.cloud.writes() == ["Set door-1.front"]


def sibling(**changes: Any) -> Finding:
    """Another finding about the same door."""
    return finding(id="finding-2", type="Toy:Door/Ajar", **changes)


class TestSiblings:
    """Different findings of one effect: what one of them led to counts for the other."""

    def test_of_two_at_the_same_instant_one_writes(self, bench: Bench) -> None:
        """The second one has looked and planned; before it opens its action, the first one comes and goes."""
        bench.door()
        rows: list[Result] = []

        def overtaken(verb: str) -> None:
            if verb == "open":
                bench.journal.before.clear()
                rows.append(bench.deliver(finding()))

        bench.journal.before.append(overtaken)
        with pytest.raises(Busy):
            bench.deliver(sibling())
        rows.append(bench.deliver(sibling()))
        assert [row.outcome for row in rows] == [Outcome.ACTED, Outcome.NO_OP]
        assert bench.cloud.writes() == ["Set door-1.front"]
        assert [outcome for outcome, _ in bench.told()].count("acted") == 1

    def test_of_an_approval_and_another_finding_at_the_same_instant_one_writes(self, bench: Bench) -> None:
        """The second finding has looked and planned; before it opens its action, a person has the first one's carried out."""
        bench.door()
        bench.playbooks = (playbook("doors", CloseDoor.id, mode="approve"),)
        waiting = bench.deliver(finding())
        assert waiting.outcome is Outcome.AWAITING_APPROVAL
        bench.playbooks = (playbook("doors", CloseDoor.id),)
        approved: list[Result] = []

        def overtaken(verb: str) -> None:
            if verb == "open":
                bench.journal.before.clear()
                approved.append(decide(bench, bench.action(waiting)).approve())

        bench.journal.before.append(overtaken)
        with pytest.raises(Busy):
            bench.deliver(sibling())
        assert [row.outcome for row in approved] == [Outcome.ACTED]
        assert bench.deliver(sibling()).outcome is Outcome.NO_OP
        assert bench.cloud.writes() == ["Set door-1.front"]

    def test_what_was_opened_again_is_shut_again_for_either(self, bench: Bench) -> None:
        bench.door()
        for number, given in enumerate([finding(), sibling(), finding(), sibling()]):
            bench.cloud.things["door-1"]["front"] = "open"
            assert bench.deliver(given).outcome is Outcome.ACTED, number
        assert len(bench.actions()) == 4

    @pytest.mark.parametrize("seen_before", [True, False])
    def test_what_an_analyst_undid_is_not_redone_for_one_that_tells_of_nothing_since(
        self, bench: Bench, seen_before: bool
    ) -> None:
        bench.door()
        second = sibling()
        acted = bench.deliver(finding())
        if seen_before:
            assert bench.deliver(second).outcome is Outcome.NO_OP
        bench.undo(acted.action_id).run()
        result = bench.deliver(second)
        assert result.outcome is Outcome.HELD
        assert result.reason == f"undone: analyst undid action {acted.action_id} on the same resource, and this finding tells of nothing since"  # fmt: skip
        assert bench.cloud.things["door-1"]["front"] == "open"

    def test_nor_for_the_one_before_when_an_analyst_undid_the_later(self, bench: Bench) -> None:
        bench.door()
        first = finding()
        bench.deliver(first)
        bench.cloud.things["door-1"]["front"] = "open"
        later = bench.deliver(sibling())
        assert later.outcome is Outcome.ACTED
        bench.undo(later.action_id).run()
        result = bench.deliver(first)
        assert (result.outcome, bench.cloud.things["door-1"]["front"]) == (Outcome.HELD, "open")
        assert str(result.reason).startswith(f"undone: analyst undid action {later.action_id} on the same resource")

    def test_what_happened_after_the_undo_is_answered(self, bench: Bench) -> None:
        bench.door()
        bench.undo(bench.deliver(finding()).action_id).run()
        later = datetime.now(UTC) + timedelta(minutes=5)
        assert bench.deliver(sibling(last_seen=later, updated_at=later)).outcome is Outcome.ACTED
        assert bench.cloud.things["door-1"]["front"] == "shut"
