"""How one finding ends: the outcomes, what stands in the journal for each, and who is told."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.action import Outcome, Status
from stanch.deployment import Settings
from stanch.errors import (  # fmt: skip
    CloudError,
)
from stanch.finding import Resource
from stanch.playbooks.model import Step
from tests.unit.engine.bench import Bench, door, finding, playbook, vault
from tests.unit.engine.toy import Call
from tests.unit.engine.toy_remediations import CloseDoor

MACHINE = Resource("Microsoft.Compute/virtualMachines", "/subscriptions/s/virtualMachines/web-1", "s")


class TestActed:
    def test_the_door_is_shut_journaled_and_told(self, bench: Bench) -> None:
        bench.door()
        result = bench.deliver()
        assert bench.cloud.things["door-1"]["front"] == "shut"
        assert (result.outcome, result.reason) == (Outcome.ACTED, None)
        assert result.changes == [{"target": "front of door-1", "before": "open", "after": "shut"}]
        assert (result.playbook, result.remediation, result.notified) == ("doors", CloseDoor.id, ["soc"])
        action = bench.action(result)
        assert (action.outcome, action.attempt, action.mode) == (Outcome.ACTED, 1, "auto")
        assert [step.status for step in action.steps] == [Status.APPLIED]
        assert [entry["event"] for entry in action.chain] == ["opened", "applied", "acted"]
        assert action.policy == bench.deployment.policy.digest
        assert action.closed_at is not None
        assert bench.locks() == []
        (report,) = bench.channel.reports
        assert (report.outcome, report.action_id, report.key) == ("acted", action.id, f"{action.id}:acted:1")
        assert report.undo == f"stanch undo {action.id} --apply --reason 'why'"

    def test_several_changes_in_their_order(self, bench: Bench) -> None:
        bench.vault()
        result = bench.deliver(finding(vault()))
        barrier = f"stanch-{result.action_id}"
        assert result.outcome is Outcome.ACTED
        assert bench.cloud.writes() == [
            f"Create {barrier}", "Set vault-1.barrier", "Set vault-1.connections", "Set vault-1.alarm", "Set vault-1.label", "Set vault-1.photo",
        ]  # fmt: skip
        assert bench.cloud.things[barrier] == {"state": "closed"}
        assert bench.cloud.things["vault-1"]["barrier"] == barrier
        assert bench.cloud.things["vault-1"]["label"] == result.action_id

    def test_sessions_hold_what_is_declared_for_their_purpose(self, bench: Bench) -> None:
        bench.door()
        bench.deliver()
        assert [(call.purpose, call.verb) for call in bench.cloud.calls] == [
            ("read", "Assume"), ("read", "Describe"), ("act", "Assume"), ("act", "Set"), ("read", "Assume"), ("read", "Describe"),
        ]  # fmt: skip

    def test_a_result_that_shows_late_is_waited_for(self, bench: Bench) -> None:
        bench.door()
        seen = iter(["open", "open", "shut"])

        def late(call: Call) -> None:
            if call.verb == "Set":
                bench.cloud.before.append(lambda read: bench.cloud.things["door-1"].update(front=next(seen)))

        bench.cloud.after.append(late)
        assert bench.deliver().outcome is Outcome.ACTED
        assert bench.wall.slept == [0.2]


class TestNoOp:
    @pytest.mark.parametrize("last", [False, True])
    def test_gone(self, bench: Bench, last: bool) -> None:
        result = bench.deliver(last=last)
        assert (result.outcome, result.reason, result.changes) == (Outcome.NO_OP, "gone", [])
        assert bench.action(result).outcome is Outcome.NO_OP
        assert bench.told() == []

    def test_already_contained(self, bench: Bench) -> None:
        bench.door(front="shut")
        result = bench.deliver()
        assert (result.outcome, result.reason) == (Outcome.NO_OP, "the door is shut")
        assert bench.deliver().action_id == result.action_id
        assert len(bench.actions()) == 1
        assert bench.cloud.writes() == []

    def test_only_garnish_is_left(self, bench: Bench) -> None:
        bench.vault(barrier="stanch-by-hand", alarm="on")
        result = bench.deliver(finding(vault()))
        assert (result.outcome, result.reason) == (Outcome.NO_OP, "the vault is sealed")
        assert bench.cloud.writes() == []

    def test_an_echo_names_the_action_that_contained_it(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()
        echo = bench.deliver()
        assert (echo.outcome, echo.action_id) == (Outcome.NO_OP, acted.action_id)
        assert (echo.reason, echo.changes) == (f"already contained by action {acted.action_id}", [])

    def test_an_echo_of_what_is_gone_by_now(self, bench: Bench) -> None:
        bench.door()
        bench.deliver()
        del bench.cloud.things["door-1"]
        assert (bench.deliver().outcome, bench.deliver().reason) == (Outcome.NO_OP, "gone")

    def test_contained_by_somebody_else_at_the_same_moment(self, bench: Bench) -> None:
        bench.door()

        def rival(call: Call) -> None:
            if call.verb == "Set":
                bench.cloud.things["door-1"]["front"] = "shut"
                raise CloudError("Set", "Conflict", "it changed")

        bench.cloud.before.append(rival)
        result = bench.deliver()
        assert (result.outcome, result.reason) == (Outcome.NO_OP, "the door is shut")
        assert bench.told() == []
        assert bench.locks() == []


class TestModes:
    @pytest.mark.parametrize(
        ("ceiling", "mode", "outcome", "reason"),
        [
            ("auto", "auto", Outcome.ACTED, None),
            ("auto", "observe", Outcome.PLANNED, "mode: observe"),
            ("auto", "approve", Outcome.AWAITING_APPROVAL, "mode: approve"),
            ("observe", "auto", Outcome.PLANNED, "mode: observe"),
            ("approve", "auto", Outcome.AWAITING_APPROVAL, "mode: approve"),
            ("approve", "observe", Outcome.PLANNED, "mode: observe"),
        ],
    )
    def test_the_stricter_of_playbook_and_ceiling(self, bench: Bench, ceiling: str, mode: Any, outcome: Outcome, reason: Any) -> None:  # fmt: skip
        bench.door()
        bench.settings = Settings(ceiling=ceiling, verify_delays=())
        bench.playbooks = [playbook("p", CloseDoor.id, mode=mode)]
        result = bench.deliver()
        assert (result.outcome, result.reason) == (outcome, reason)
        assert result.changes == [{"target": "front of door-1", "before": "open", "after": "shut"}]
        assert bool(bench.cloud.writes()) is (outcome is Outcome.ACTED)
        assert bench.told() == [(str(outcome), reason)]

    @pytest.mark.parametrize("order", [("auto", "observe"), ("observe", "auto"), ("approve", "observe")])
    def test_of_overlapping_playbooks_the_strictest_wins(self, bench: Bench, order: tuple[Any, Any]) -> None:
        bench.door()
        bench.playbooks = [playbook(f"p-{mode}", CloseDoor.id, mode=mode) for mode in order]
        result = bench.deliver()
        assert (result.outcome, result.playbook) == (Outcome.PLANNED, "p-observe")
        assert bench.cloud.writes() == []

    def test_it_wins_for_other_parameters_too_and_none_is_lost(self, bench: Bench) -> None:
        bench.door()
        steps = {side: Step(CloseDoor.id, {"side": side}) for side in ("front", "back")}
        bench.playbooks = [playbook("p-front", steps["front"]), playbook("p-back", steps["back"])]
        assert [row.outcome for row in bench.respond(finding())] == [Outcome.ACTED, Outcome.ACTED]
        assert bench.cloud.writes() == ["Set door-1.front", "Set door-1.back"]

        bench.door("door-2")
        bench.playbooks = [playbook("p-front", steps["front"]), playbook("p-back", steps["back"], mode="observe")]
        rows = bench.respond(finding(door("door-2"), id="other"))
        assert [(row.outcome, row.changes[0]["target"]) for row in rows] == [
            (Outcome.PLANNED, "front of door-2"),
            (Outcome.PLANNED, "back of door-2"),
        ]

    def test_a_plan_is_told_once_however_often_the_finding_comes(self, bench: Bench) -> None:
        """The plan names things after the action, whose id is new each time: that is no news."""
        bench.vault()
        bench.settings = Settings(ceiling="observe")
        rows = [bench.deliver(finding(vault(), version=str(number))) for number in range(3)]
        assert {row.outcome for row in rows} == {Outcome.PLANNED}
        assert len(bench.actions()) == len(bench.channel.reports) == 1
        bench.cloud.things["vault-1"]["alarm"] = "on"
        bench.deliver(finding(vault()))
        assert len(bench.channel.reports) == 2, "another plan is news"
