"""What people decide of actions that wait: bound to the plan that was shown, by those who may, and carried out once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from msgspec.structs import replace

from stanch.action import Outcome
from stanch.decision import Decision, Identity, Request
from stanch.errors import Busy, Refused
from stanch.playbooks.limits import Approval
from stanch.restraint import PAUSE
from tests.unit.engine.bench import DEFAULT, Bench, door, finding, vault
from tests.unit.engine.deciding import ALICE, ASKS, BOB, CAROL, decide, letter, now, waits
from tests.unit.engine.failing import denied, failing, killed_at
from tests.unit.engine.toy_remediations import BurnLetter


@pytest.fixture(autouse=True)
def asking(bench: Bench) -> None:
    """Every playbook asks, and members of sec-oncall may answer."""
    bench.playbooks = ASKS
    bench.policy = {"approval": Approval({"group": "sec-oncall"})}


class TestApprove:
    def test_it_is_carried_out_under_the_same_id(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        result = decide(bench, action, plan=action.plan["digest"]).approve()
        assert (result.outcome, result.action_id) == (Outcome.ACTED, action.id)
        assert bench.cloud.things["door-1"]["front"] == "shut"
        (signed,) = now(bench, action).approvals
        assert (signed["how"], signed["by"], signed["subject"], signed["reason"]) == ("approved", ALICE.name, ALICE.subject, "seen live")  # fmt: skip
        assert [outcome for outcome, _ in bench.told()] == ["awaiting_approval", "acted"]
        assert bench.locks() == []
        (decided,) = bench.channel.reports[-1].decided
        assert decided.startswith(f"approved by {ALICE.name} at ")
        assert decided.endswith(": seen live")

    def test_things_are_named_after_the_action_and_that_is_no_change(self, bench: Bench) -> None:
        bench.vault()
        action = waits(bench, finding(vault()))
        assert decide(bench, action).approve().outcome is Outcome.ACTED
        assert bench.cloud.things["vault-1"]["barrier"] == f"stanch-{action.id}"

    def test_neither_is_an_etag(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        bench.cloud.things["door-1"]["etag"] = 2
        assert decide(bench, action, plan=action.plan["digest"]).approve().outcome is Outcome.ACTED

    def test_another_plan_by_now_is_refused(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        bench.cloud.things["door-1"]["front"] = "ajar"
        for seen in (None, action.plan["digest"], "5" * 64):
            with pytest.raises(Refused, match="changed plan: "):
                decide(bench, action, plan=seen).approve()
        assert bench.cloud.writes() == []
        assert now(bench, action).as_json() == action.as_json()

    def test_another_plan_than_was_shown_is_refused(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        with pytest.raises(Refused, match="changed plan: "):
            decide(bench, action, plan="5" * 64).approve()

    def test_what_is_contained_meanwhile_is_closed_without_a_write(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        bench.cloud.things["door-1"]["front"] = "shut"
        result = decide(bench, action, plan=action.plan["digest"]).approve()
        assert (result.outcome, result.reason, result.action_id) == (Outcome.NO_OP, "the door is shut", action.id)
        assert (bench.cloud.writes(), bench.locks()) == ([], [])
        with pytest.raises(Refused, match="decided: "):
            decide(bench, action, BOB).approve()

    def test_twice(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        decide(bench, action).approve()
        with pytest.raises(Refused, match=f"decided: action {action.id} is acted, not awaiting_approval"):
            decide(bench, action, BOB).approve()
        assert bench.cloud.writes() == ["Set door-1.front"]

    def test_two_at_the_same_moment(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        asked = [decide(bench, action, by) for by in (ALICE, BOB) * 4]

        def approve(decision: Decision) -> Any:
            try:
                return decision.approve().outcome
            except (Refused, Busy) as error:
                return error

        with ThreadPoolExecutor(8) as pool:
            rows = list(pool.map(approve, asked))
        assert rows.count(Outcome.ACTED) == 1
        assert bench.cloud.writes() == ["Set door-1.front"]
        assert len(now(bench, action).approvals) == 1

    def test_what_was_looked_at_before_another_decided_is_refused(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        late = decide(bench, action, BOB)
        decide(bench, action, ALICE).deny()
        with pytest.raises(Busy, match="being decided by someone else"):
            late.approve()
        assert (bench.cloud.writes(), now(bench, action).outcome) == ([], Outcome.EXPIRED)

    def test_not_while_another_action_is_at_the_resource(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        bench.playbooks = DEFAULT
        with killed_at(bench, verb="Set"):
            bench.deliver(finding(id="finding-2"))
        with pytest.raises(Busy, match=f"another action on the resource of {action.id} is in progress"):
            decide(bench, action).approve()
        assert (now(bench, action).outcome, bench.cloud.writes()) == (Outcome.AWAITING_APPROVAL, [])

    def test_a_no_that_crosses_another_no_overwrites_nothing(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)

        def another(verb: str) -> None:
            if verb == "reopen":
                bench.journal.before.remove(another)
                decide(bench, action, BOB).deny()

        bench.journal.before.append(another)
        with pytest.raises(Busy, match="has changed meanwhile"):
            decide(bench, action).deny()
        assert [entry["subject"] for entry in now(bench, action).approvals] == [BOB.subject]

    def test_an_action_that_the_journal_does_not_hold(self, bench: Bench) -> None:
        with pytest.raises(Refused, match="unknown action: "):
            Decision(bench.deployment, Request("0" * 12 + "-" + "0" * 11, ALICE))

    def test_what_fails_is_said(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        bench.cloud.before.append(failing(denied(), verb="Set"))
        assert decide(bench, action).approve().outcome is Outcome.FAILED
        assert bench.locks() == []


class TestWho:
    @pytest.mark.parametrize("how", ["approve", "deny", "release"])
    def test_only_members_of_the_group(self, bench: Bench, how: str) -> None:
        bench.door()
        outcome = Outcome.HELD if how == "release" else Outcome.AWAITING_APPROVAL
        if how == "release":
            bench.journal.keep(PAUSE, "*", {}, None)
        action = waits(bench, outcome=outcome)
        bench.journal.drop(PAUSE, "*")
        with pytest.raises(Refused, match=r"wrong group: carol@corp\.example is not in sec-oncall"):
            getattr(decide(bench, action, CAROL), how)()
        assert now(bench, action).outcome is outcome

    def test_a_refused_person_causes_no_reads(self, bench: Bench) -> None:
        bench.door()
        action = waits(bench)
        bench.cloud.calls.clear()
        with pytest.raises(Refused, match="wrong group"):
            decide(bench, action, CAROL).approve()
        assert bench.cloud.calls == []

    @pytest.mark.parametrize(
        "by", [Identity("oncall", "sub-1", ("sec-oncall",)), Identity("A", "oncall", ("sec-oncall",))]
    )
    def test_nobody_approves_what_they_asked_for(self, bench: Bench, by: Identity) -> None:
        bench.door("letter-1")
        asked = bench.runbook(replace(door("letter-1"), type=BurnLetter.resource_type), BurnLetter.id).apply()
        assert (asked.outcome, asked.reason) == (Outcome.AWAITING_APPROVAL, f"irreversible: {BurnLetter.irreversible}")
        action = bench.action(asked)
        with pytest.raises(Refused, match="own request: "):
            decide(bench, action, by).approve()
        assert decide(bench, action, BOB).approve().outcome is Outcome.ACTED, "with whoever asked that makes two"

    def test_whoever_asked_may_withdraw_it(self, bench: Bench) -> None:
        bench.door("letter-1")
        asked = bench.runbook(replace(door("letter-1"), type=BurnLetter.resource_type), BurnLetter.id).apply()
        by = Identity("oncall", "sub-1", ("sec-oncall",))
        assert decide(bench, bench.action(asked), by).deny().outcome is Outcome.EXPIRED

    def test_without_a_group_every_verified_person_may(self, bench: Bench) -> None:
        bench.policy = {}
        bench.door()
        assert decide(bench, waits(bench), CAROL).approve().outcome is Outcome.ACTED


class TestTwoPeople:
    def test_what_cannot_be_undone_asks_even_where_the_playbook_says_auto(self, bench: Bench) -> None:
        action = waits(bench, letter(bench))
        assert action.reason == f"irreversible: {BurnLetter.irreversible}"
        first = decide(bench, action).approve()
        assert (first.outcome, bench.cloud.writes()) == (Outcome.AWAITING_APPROVAL, [])
        with pytest.raises(Refused, match=r"^decided: \S+ has approved already"):
            decide(bench, action).approve()
        assert decide(bench, action, BOB).approve().outcome is Outcome.ACTED
        assert bench.cloud.writes() == ["Set letter-1.front"]
        assert [entry["subject"] for entry in now(bench, action).approvals] == [ALICE.subject, BOB.subject]

    def test_each_step_is_told_under_its_own_key(self, bench: Bench) -> None:
        action = waits(bench, letter(bench))
        decide(bench, action).approve(), decide(bench, action, BOB).approve()
        keys = [report.key for report in bench.channel.reports]
        assert len(keys) == len(set(keys)) == 3

    def test_two_names_of_one_person_are_one(self, bench: Bench) -> None:
        action = waits(bench, letter(bench))
        decide(bench, action).approve()
        with pytest.raises(Refused, match=r"^decided: \S+ has approved already"):
            decide(bench, action, replace(ALICE, name="mallory@corp.example")).approve()

    def test_two_at_the_same_moment_are_both_counted_or_one_is_told_to_try_again(self, bench: Bench) -> None:
        """The second read the action before the first had signed: were it to write what it knows, the first signature would be lost."""
        action = waits(bench, letter(bench))
        late = decide(bench, action, BOB)
        decide(bench, action).approve()
        with pytest.raises(Busy):
            late.approve()
        assert [entry["subject"] for entry in now(bench, action).approvals] == [ALICE.subject]
        assert decide(bench, action, BOB).approve().outcome is Outcome.ACTED

    def test_a_no_is_no_second_yes(self, bench: Bench) -> None:
        action = waits(bench, letter(bench))
        decide(bench, action).approve()
        assert decide(bench, action).deny().outcome is Outcome.EXPIRED, "whoever agreed may change their mind"
        with pytest.raises(Refused, match="decided: "):
            decide(bench, action, BOB).approve()
        assert bench.cloud.writes() == []

    def test_releasing_takes_two_as_well_and_both_the_same_plan(self, bench: Bench) -> None:
        bench.journal.keep(PAUSE, "*", {}, None)
        action = waits(bench, letter(bench), Outcome.HELD)
        bench.journal.drop(PAUSE, "*")
        assert decide(bench, action).release().outcome is Outcome.HELD
        bench.cloud.things["letter-1"]["front"] = "ajar"
        assert decide(bench, action, BOB).release().outcome is Outcome.HELD, "alice agreed to another plan"
        assert bench.cloud.writes() == []
        assert decide(bench, action).release().outcome is Outcome.ACTED
