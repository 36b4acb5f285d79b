"""What follows a decision: echoes, undo, the same finding again, and crashes on the way."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from stanch.action import Outcome
from stanch.errors import Busy, Refused
from stanch.playbooks.limits import Approval, Flap
from stanch.remediation import Plan
from tests.unit.engine.bench import Bench, door, finding, playbook, vault
from tests.unit.engine.deciding import ASKS, BOB, decide, letter, now, waits
from tests.unit.engine.failing import Killed
from tests.unit.engine.toy import ACCOUNT, Call
from tests.unit.engine.toy_remediations import CloseDoor


@pytest.fixture(autouse=True)
def asking(bench: Bench) -> None:
    """Every playbook asks, and members of sec-oncall may answer."""
    bench.playbooks = ASKS
    bench.policy = {"approval": Approval({"group": "sec-oncall"})}


class TestAfterwards:
    def test_an_echo_says_what_contained_it(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        decide(bench, action).approve()
        echo = bench.deliver()
        assert (echo.outcome, echo.reason, echo.action_id) == (Outcome.NO_OP, f"already contained by action {action.id}", action.id)  # fmt: skip
        assert len(bench.channel.reports) == 2

    def test_a_persons_undo_is_respected(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        decide(bench, action).approve()
        bench.undo(action.id).run()
        bench.playbooks = [playbook("doors", CloseDoor.id)]
        result = bench.deliver()
        assert (result.outcome, result.reason) == (
            Outcome.HELD,
            f"undone: analyst undid action {action.id} for this finding",
        )
        assert bench.cloud.things["door-1"]["front"] == "open"

    @pytest.mark.parametrize("version", ["1", "2"])
    def test_what_comes_open_again_is_asked_for_again(self, bench: Bench, version: str) -> None:
        bench.door()
        first = waits(bench)
        decide(bench, first).approve()
        bench.door()
        second = waits(bench, finding(version=version))
        assert second.id != first.id
        assert decide(bench, second).approve().outcome is Outcome.ACTED
        assert [outcome for outcome, _ in bench.told()] == ["awaiting_approval", "acted"] * 2

    def test_so_is_what_nobody_answered_and_what_was_closed_by_itself(self, bench: Bench) -> None:
        bench.door()
        for number in range(3):
            action = waits(bench, finding(version=str(number)))
            if number == 1:
                bench.cloud.things["door-1"]["front"] = "shut"
                assert decide(bench, action).approve().outcome is Outcome.NO_OP
                bench.door()
            else:
                decide(bench, action).expire()
        assert len({action.id for action in bench.actions()}) == 3

    def test_while_it_waits_it_is_asked_for_once(self, bench: Bench) -> None:
        bench.door()
        first = waits(bench)
        for number in range(3):
            assert waits(bench, finding(version=str(number))).id == first.id
        assert len(bench.channel.reports) == len(bench.actions()) == 1

    def test_approved_containments_count_for_flapping(self, bench: Bench) -> None:
        asks = playbook("doors", CloseDoor.id, flap=Flap(1, 3600), mode="approve")
        bench.playbooks = [asks]
        bench.door()
        decide(bench, waits(bench)).approve()
        bench.door()
        bench.playbooks = [replace(asks, mode="auto")]
        assert (bench.deliver().reason or "").startswith("flapping: ")


class TestCrashes:
    def killed(self, bench: Bench, call: str, nth: int = 0) -> Any:
        left = [nth]

        def hook(name: str) -> None:
            if name == call:
                left[0] -= 1
                if left[0] == -1:
                    raise Killed

        bench.journal.before.append(hook)
        return hook

    @pytest.mark.parametrize(("call", "nth"), [("record", 0), ("record", 1), ("record", 2), ("close", 0)])
    def test_an_approved_action_is_gone_on_with_by_the_next_delivery(self, bench: Bench, call: str, nth: int) -> None:
        bench.vault()
        action = waits(bench, finding(vault()))
        hook = self.killed(bench, call, nth)
        with pytest.raises(Killed):
            decide(bench, action).approve()
        bench.journal.before.remove(hook)
        bench.lapse()
        result = bench.deliver(finding(vault()))
        assert (result.outcome, result.action_id) == (Outcome.ACTED, action.id)
        assert bench.cloud.writes().count("Set vault-1.barrier") == 1
        assert [entry["how"] for entry in now(bench, action).approvals] == ["approved"]
        assert bench.locks() == []

    @pytest.mark.parametrize("who", ["finding", "other finding", "runbook", "decision"])
    def test_a_denial_that_crashed_is_never_carried_out_and_loses_no_report(self, bench: Bench, who: str) -> None:
        bench.door()
        action = waits(bench)
        hook = self.killed(bench, "close")
        with pytest.raises(Killed):
            decide(bench, action).deny()
        bench.journal.before.remove(hook)
        assert now(bench, action).outcome is Outcome.EXPIRED, "what was decided is known"
        bench.lapse()
        if who == "runbook":
            assert bench.runbook(door()).apply().action_id != action.id
        elif who == "decision":
            with pytest.raises(Refused, match=r"ended as expired|is expired"):
                decide(bench, action, BOB).approve()
            bench.deliver()
        else:
            row = bench.deliver(finding(id="finding-1" if who == "finding" else "finding-2"))
            assert row.outcome is (Outcome.EXPIRED if who == "finding" else Outcome.AWAITING_APPROVAL)
            assert bench.cloud.writes() == []
        assert bench.locks() == []
        assert [outcome for outcome, _ in bench.told()].count("expired") == 1
        assert now(bench, action).outcome is Outcome.EXPIRED

    def test_the_first_of_two_approvals_survives_a_crash(self, bench: Bench) -> None:
        action = waits(bench, letter(bench))
        hook = self.killed(bench, "close")
        with pytest.raises(Killed):
            decide(bench, action).approve()
        bench.journal.before.remove(hook)
        with pytest.raises(Busy):
            decide(bench, action, BOB).approve()
        bench.lapse()
        with contextlib.suppress(Busy):
            decide(bench, action, BOB).approve()
        if now(bench, action).outcome is Outcome.AWAITING_APPROVAL:
            decide(bench, action, BOB).approve()
        assert now(bench, action).outcome is Outcome.ACTED
        assert bench.cloud.writes() == ["Set letter-1.front"]

    def test_nothing_is_decided_while_another_is_at_the_resource(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)

        def second(call: Call) -> None:
            if call.verb == "Set":
                for how in ("approve", "deny"):
                    with pytest.raises(Busy):
                        getattr(decide(bench, action, BOB), how)()

        bench.cloud.before.append(second)
        assert bench.runbook(door()).apply().outcome is Outcome.ACTED
        assert bench.cloud.writes() == ["Set door-1.front"]


def test_a_view_shows_the_plan_of_now_and_every_guard(bench: Bench) -> None:
    bench.door()
    view = decide(bench, waits(bench)).preview()
    assert isinstance(view.plan, Plan)
    assert [verdict.guard for verdict in view.verdicts] == [
        "exempt", "protected", "undone", "impact", "irreversible", "exempted", "flapping", "freeze", "budget", "kill switch",
    ]  # fmt: skip
    assert (view.approvals_needed, view.digest) == (1, bench.actions()[0].plan["digest"])
    assert datetime.fromisoformat(view.expires_at) - datetime.now(UTC) > timedelta(hours=23)
    assert (bench.cloud.writes(), ACCOUNT) == ([], view.action.resource.account)
