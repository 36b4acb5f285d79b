"""What people agree to is guarded afresh: nothing is done against what was said since, and in its time only."""

from __future__ import annotations

import pytest

from stanch.action import Action, Outcome
from stanch.decision import Identity
from stanch.deployment import Settings
from stanch.errors import Refused, Retryable, Stopped, Throttled, Unreachable
from stanch.playbooks.limits import Approval, Exempt, Flap, Freeze, Protect
from stanch.restraint import EXEMPT, PAUSE
from tests.unit.engine.bench import Bench, finding, playbook, vault
from tests.unit.engine.deciding import ASKS, decide, now, waits
from tests.unit.engine.failing import failing
from tests.unit.engine.toy import Call
from tests.unit.engine.toy_remediations import CloseDoor


@pytest.fixture(autouse=True)
def asking(bench: Bench) -> None:
    """Every playbook asks, and members of sec-oncall may answer."""
    bench.playbooks = ASKS
    bench.policy = {"approval": Approval({"group": "sec-oncall"})}


class TestGuardedAfresh:
    def assert_refused(self, bench: Bench, action: Action, match: str) -> None:
        with pytest.raises(Refused, match=match):
            decide(bench, action).approve()
        assert (bench.cloud.writes(), now(bench, action).outcome) == ([], Outcome.AWAITING_APPROVAL)

    def test_protected_since(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        bench.protect = Protect(resources=("door-1",))
        self.assert_refused(bench, action, "protected: ")

    def test_exempted_since_by_a_person(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        bench.journal.keep(EXEMPT, "door-1", {"by": "bob", "reason": "ours"}, None)
        self.assert_refused(bench, action, "exempted: bob")

    def test_exemptions_that_cannot_be_read_let_nothing_pass(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        kept = bench.journal.kept

        def deaf(kind: str) -> dict[str, dict[str, str]]:
            if kind == EXEMPT:
                raise Throttled("slow down")
            found: dict[str, dict[str, str]] = kept(kind)
            return found

        bench.journal.kept = deaf
        with pytest.raises(Retryable, match=r"^exempted: it cannot be read: slow down"):
            decide(bench, action).approve()
        assert (bench.cloud.writes(), now(bench, action).outcome) == ([], Outcome.AWAITING_APPROVAL)

    def test_paused_since(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        bench.journal.keep(PAUSE, "*", {"by": "bob", "reason": "outage"}, None)
        self.assert_refused(bench, action, "kill switch: bob paused everything: outage")

    def test_a_ceiling_of_observe_since(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        bench.policy = {**bench.policy, "ceiling": {"prod": "observe"}}
        self.assert_refused(bench, action, "ceiling: ")

    def test_a_live_fact_since(self, bench: Bench) -> None:
        bench.playbooks = [playbook("doors", CloseDoor.id, mode="approve", unless={"live.fire_exit": (True,)})]
        bench.door()
        action = waits(bench)
        bench.cloud.things["door-1"]["fire_exit"] = True
        self.assert_refused(bench, action, "unless: live.fire_exit is true")

    def test_what_only_asks_is_answered(self, bench: Bench) -> None:
        always = Freeze("always", "approve", from_="2026-01-01", to="2030-01-01")
        bench.policy = {**bench.policy, "freeze": (always,)}
        bench.playbooks = [playbook("doors", CloseDoor.id, flap=Flap(1, 60), exempt=Exempt(tags={"keep": ("open",)}))]
        bench.door(tags={"keep": "open"}, impact="a parade")
        view = decide(bench, waits(bench)).preview()
        asks = {verdict.guard for verdict in view.verdicts if verdict.effect == "approve"}
        assert asks == {"exempt", "impact", "freeze"}
        assert decide(bench, bench.actions()[0]).approve().outcome is Outcome.ACTED

    def test_a_guard_that_cannot_be_evaluated_is_to_be_tried_again(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)

        def busy() -> str | None:
            raise Throttled("slow down")

        bench.wiring = {"switch": busy}
        with pytest.raises(Retryable, match="kill switch: it cannot be read"):
            decide(bench, action).approve()
        assert now(bench, action).as_json() == action.as_json()

    def test_the_switch_stops_it_in_the_middle_too(self, bench: Bench) -> None:
        bench.vault()
        action = waits(bench, finding(vault()))
        pulled: list[str] = []

        def pull(call: Call) -> None:
            if call.verb == "Create":
                pulled.append("stop")
                bench.wall.now += 6

        bench.cloud.after.append(pull)
        bench.wiring = {"switch": lambda: pulled[0] if pulled else None}
        with pytest.raises(Stopped):
            decide(bench, action).approve()
        assert bench.cloud.writes() == [f"Create stanch-{action.id}"]
        bench.wiring = {}
        assert bench.deliver(finding(vault())).outcome is Outcome.ACTED, "the next delivery goes on with it"


class TestTime:
    def test_a_request_that_ran_out(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        bench.settings = Settings(ceiling="auto", approval=0.0, verify_delays=())
        with pytest.raises(Refused, match="expired: the request was open until "):
            decide(bench, action).approve()
        assert bench.cloud.writes() == []

    def test_what_is_held_does_not_run_out(self, bench: Bench) -> None:
        bench.door()
        bench.journal.keep(PAUSE, "*", {}, None)
        action = waits(bench, outcome=Outcome.HELD)
        bench.journal.drop(PAUSE, "*")
        bench.settings = Settings(ceiling="auto", approval=0.0, verify_delays=())
        assert decide(bench, action).release().outcome is Outcome.ACTED

    def test_nobody_answered(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        result = decide(bench, action, Identity("stanch", "stanch")).expire()
        assert (result.outcome, result.reason) == (Outcome.EXPIRED, "nobody answered in time")
        with pytest.raises(Refused, match="decided: "):
            decide(bench, action).approve()
        with pytest.raises(Refused, match=rf"^decided: action {action.id} ended as expired"):
            decide(bench, action).expire()
        with pytest.raises(Refused, match=rf"^decided: action {action.id} ended as expired"):
            decide(bench, action).hold("nobody answered")


class TestRelease:
    def held(self, bench: Bench) -> Action:
        bench.door()
        bench.playbooks = [playbook("doors", CloseDoor.id)]
        bench.journal.keep(PAUSE, "*", {"by": "bob", "reason": "outage"}, None)
        return waits(bench, outcome=Outcome.HELD)

    def test_only_when_the_guard_lets_it(self, bench: Bench) -> None:
        action = self.held(bench)
        with pytest.raises(Refused, match="kill switch: bob paused everything: outage"):
            decide(bench, action).release()
        assert (now(bench, action).outcome, bench.cloud.writes()) == (Outcome.HELD, [])
        bench.journal.drop(PAUSE, "*")
        result = decide(bench, action).release()
        assert (result.outcome, result.action_id) == (Outcome.ACTED, action.id)

    def test_another_guard_holds_it_by_now(self, bench: Bench) -> None:
        action = self.held(bench)
        bench.journal.drop(PAUSE, "*")
        bench.journal.keep(EXEMPT, "door-1", {"by": "bob", "reason": "ours"}, None)
        with pytest.raises(Refused, match="exempted: bob"):
            decide(bench, action).release()
        assert now(bench, action).outcome is Outcome.HELD

    def test_whatever_the_plan_is_now(self, bench: Bench) -> None:
        action = self.held(bench)
        bench.journal.drop(PAUSE, "*")
        bench.cloud.things["door-1"]["front"] = "ajar"
        assert decide(bench, action).release().changes == [
            {"target": "front of door-1", "before": "ajar", "after": "shut"}
        ]

    def test_what_was_unknown(self, bench: Bench) -> None:
        bench.door()
        bench.cloud.before.append(failing(Unreachable("timeout"), verb="Describe"))
        action = bench.action(bench.deliver(last=True))
        with pytest.raises(Unreachable):
            decide(bench, action).release()
        bench.cloud.before.clear()
        assert decide(bench, action).release().outcome is Outcome.ACTED

    def test_what_a_person_undid_another_may_release(self, bench: Bench) -> None:
        bench.door()
        bench.playbooks = [playbook("doors", CloseDoor.id)]
        acted = bench.deliver()
        bench.undo(acted.action_id).run()
        action = waits(bench, outcome=Outcome.HELD)
        view = decide(bench, action).preview()
        assert [(verdict.guard, verdict.effect) for verdict in view.verdicts if verdict.effect != "pass"] == [("undone", "approve")]  # fmt: skip
        assert decide(bench, action).release().outcome is Outcome.ACTED

    def test_what_waits_for_approval_is_not_released_nor_the_reverse(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        with pytest.raises(Refused, match="is awaiting_approval, not held"):
            decide(bench, action).release()
        with pytest.raises(Refused, match="is held, not awaiting_approval"):
            decide(bench, self.held(bench)).approve()


class TestDeny:
    def test_it_is_closed_without_a_change(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        result = decide(bench, action).deny()
        assert (result.outcome, result.reason) == (Outcome.EXPIRED, "denied by alice@corp.example: seen live")
        assert (bench.cloud.writes(), bench.locks()) == ([], [])
        assert now(bench, action).approvals[0]["how"] == "denied"

    def test_the_same_finding_does_not_ask_again(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        decide(bench, action).deny()
        result = bench.deliver(finding(version="2"))
        assert (result.outcome, result.action_id) == (Outcome.EXPIRED, action.id)
        assert len(bench.channel.reports) == 2

    def test_another_one_does(self, bench: Bench) -> None:
        bench.door()
        decide(bench, waits(bench)).deny()
        assert waits(bench, finding(id="finding-2")).finding == finding(id="finding-2").summary()

    def test_a_held_action_may_be_denied(self, bench: Bench) -> None:
        bench.door()
        bench.journal.keep(PAUSE, "*", {}, None)
        assert decide(bench, waits(bench, outcome=Outcome.HELD)).deny().outcome is Outcome.EXPIRED

    def test_what_has_ended_is_not_denied(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        decide(bench, action).approve()
        with pytest.raises(Refused, match=rf"^decided: action {action.id} ended as acted"):
            decide(bench, action).deny()
