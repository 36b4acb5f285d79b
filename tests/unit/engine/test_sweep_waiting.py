"""Requests that nobody answers: people are paged, then silence is what the policy says, and never more than automation may."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from stanch.action import Outcome
from stanch.decision import Decision, Identity, Request
from stanch.deployment import Settings
from stanch.errors import AccessDenied
from stanch.guardrails import Verdict
from stanch.playbooks.limits import Approval, Budget, Budgets, Escalation, Exempt, Freeze
from stanch.restraint import EVERYWHERE, PAUSE, Restraint, Subject
from tests.unit.engine.bench import Wall, finding, of_type, playbook
from tests.unit.engine.failing import failing
from tests.unit.engine.sweeping import Sweeping
from tests.unit.engine.toy import ACCOUNT, ToyCloud
from tests.unit.engine.toy_remediations import BurnLetter, CloseDoor

PAGE = Escalation(900, notify=("pager",))
HOLD = Escalation(1800, then="hold")
ACT = Escalation(1800, then="act")
ASKING = playbook("doors", CloseDoor.id, when=of_type(CloseDoor), mode="approve")


@pytest.fixture
def bench(wall: Wall, folder: Path) -> Sweeping:
    found = Sweeping(folder, ToyCloud(), wall, playbooks=[ASKING])
    found.door()
    return found


def asked(bench: Sweeping, *escalate: Escalation) -> str:
    """A request that waits under this policy; its id."""
    bench.more["approval"] = Approval(escalate=escalate)
    result = bench.deliver()
    assert result.outcome is Outcome.AWAITING_APPROVAL
    return str(result.action_id)


def told(bench: Sweeping) -> list[tuple[str, str]]:
    """Key and outcome of what was told of actions since the last look."""
    return [(report.key, report.outcome) for report in bench.news() if report.action_id]


class TestPaging:
    def test_each_step_is_taken_once_and_through_its_own_channels(self, bench: Sweeping) -> None:
        action = asked(bench, PAGE, HOLD)
        assert [report.key for report in bench.channel.reports] == [f"{action}:awaiting_approval:1"]
        bench.news()
        bench.wait(minutes=14)
        bench.swept("approvals")
        assert told(bench) == []
        bench.wait(minutes=2)
        assert bench.swept("approvals").done == 1
        assert bench.channel.reports == []
        (page,) = bench.pager.reports
        assert (page.key, page.outcome) == (f"{action}:escalation:0", "awaiting_approval")
        assert page.reason == "nobody answered within 15 min: mode: approve"
        assert page.plan == bench.the(action).plan["digest"], "the page can carry a link to decide"
        bench.news()
        bench.swept("approvals")
        assert told(bench) == []

    def test_a_page_that_is_not_accepted_goes_out_later(self, bench: Sweeping) -> None:
        action = asked(bench, PAGE)
        bench.news()
        bench.pager.broken = True
        bench.wait(minutes=16)
        bench.swept("approvals")
        assert told(bench) == []
        bench.pager.broken = False
        bench.wait(minutes=5)
        assert bench.swept("undelivered").done == 1
        assert told(bench) == [(f"{action}:escalation:0", "awaiting_approval")]

    def test_where_the_channel_is_not_in_reach_the_usual_ones_are_told(self, bench: Sweeping) -> None:
        action = asked(bench, Escalation(900, notify=("gone",)))
        bench.news()
        bench.wait(minutes=16)
        bench.swept("approvals")
        assert [report.key for report in bench.channel.reports] == [f"{action}:escalation:0"]


class TestHolding:
    def test_silence_holds_and_a_person_may_still_release(self, bench: Sweeping) -> None:
        action = asked(bench, PAGE, HOLD)
        bench.news()
        bench.wait(minutes=31)
        assert [result.outcome for result in bench.swept("approvals").results] == [Outcome.HELD]
        assert bench.the(action).reason == "approval: nobody answered within 30 min"
        assert told(bench) == [(f"{action}:held:1", "held"), (f"{action}:escalation:0", "awaiting_approval")]
        assert bench.cloud.writes() == []
        person = Identity("ann@corp.example", "subject-ann")
        assert Decision(bench.deployment, Request(action, person, "seen")).release().outcome is Outcome.ACTED

    def test_a_request_ends_with_its_time(self, bench: Sweeping) -> None:
        action = asked(bench)
        bench.news()
        bench.wait(hours=23)
        assert bench.swept("approvals").done == 0
        bench.wait(hours=2)
        assert bench.swept("approvals").done == 1
        assert (bench.outcome(action), told(bench)) == (Outcome.EXPIRED, [(f"{action}:expired:1", "expired")])

    def test_without_a_policy_for_silence_it_waits(self, bench: Sweeping) -> None:
        action = asked(bench, PAGE)
        bench.wait(hours=12)
        bench.swept("approvals")
        assert (bench.outcome(action), bench.cloud.writes()) == (Outcome.AWAITING_APPROVAL, [])

    def test_what_a_person_decided_meanwhile_stays(self, bench: Sweeping) -> None:
        action = asked(bench, HOLD)
        person = Identity("ann@corp.example", "subject-ann")
        Decision(bench.deployment, Request(action, person, "no")).deny()
        bench.wait(minutes=31)
        assert bench.swept("approvals").done == 0
        assert bench.outcome(action) is Outcome.EXPIRED


class TestActing:
    def test_where_the_policy_says_so_silence_is_consent(self, bench: Sweeping) -> None:
        action = asked(bench, PAGE, ACT)
        bench.wait(minutes=29)
        bench.swept("approvals")
        assert bench.cloud.writes() == []
        bench.wait(minutes=2)
        (result,) = bench.swept("approvals").results
        assert (result.action_id, result.outcome) == (action, Outcome.ACTED)
        assert bench.cloud.writes() == ["Set door-1.front"]
        event = next(entry for entry in bench.the(action).chain if entry["event"] == "nobody objected")
        assert event["reason"] == "approval: nobody answered within 30 min"

    def test_nobody_was_asked_so_their_silence_says_nothing(self, bench: Sweeping) -> None:
        bench.channel.broken = True
        action = asked(bench, ACT)
        bench.wait(minutes=31)
        bench.sweep()
        assert (bench.outcome(action), bench.cloud.writes()) == (Outcome.AWAITING_APPROVAL, [])
        bench.channel.broken = False
        bench.wait(minutes=5)
        bench.sweep()  # the request is delivered first
        assert bench.outcome(action) is Outcome.ACTED

    def test_a_page_is_no_request(self, bench: Sweeping) -> None:
        """The page got through, the request itself did not: there was nothing to answer for that long."""
        bench.channel.broken = True
        action = asked(bench, PAGE, ACT)
        bench.wait(minutes=16)
        bench.sweep()
        assert [report.key for report in bench.pager.reports] == [f"{action}:escalation:0"]
        bench.wait(minutes=16)
        bench.sweep()
        assert bench.outcome(action) is Outcome.AWAITING_APPROVAL

    def assert_held(self, bench: Sweeping, action: str, reason: str) -> None:
        """The sweep holds it for this reason, and writes nothing."""
        bench.news()
        bench.wait(minutes=31)
        (result,) = bench.swept("approvals").results
        assert result.outcome is Outcome.HELD
        assert str(result.reason).startswith("approval: nobody answered within 30 min, and it is not done by itself: ")
        assert reason in str(result.reason)
        assert bench.cloud.writes() == []
        assert f"{action}:held:1" in [key for key, _ in told(bench)]

    def test_not_while_somebody_paused_it(self, bench: Sweeping) -> None:
        action = asked(bench, ACT)
        bench.journal.keep(PAUSE, EVERYWHERE, {"by": "ann", "reason": "drill"}, None)
        self.assert_held(bench, action, "kill switch: ann paused everything")

    def test_not_in_a_freeze(self, bench: Sweeping) -> None:
        action = asked(bench, ACT)
        bench.more["freeze"] = (Freeze("year-end", "approve", from_="2020-01-01", to="2999-01-01"),)
        self.assert_held(bench, action, "freeze: year-end is on")

    @pytest.mark.parametrize("where", ["deployment", "group"])
    def test_not_above_a_ceiling(self, bench: Sweeping, where: str) -> None:
        action = asked(bench, ACT)
        if where == "deployment":
            bench.settings = Settings(ceiling="approve", verify_delays=())
        else:
            from stanch.playbooks.limits import Accounts, Group

            bench.more |= {"accounts": Accounts({"prod": Group(ids=(ACCOUNT,))}), "ceiling": {"prod": "approve"}}
        self.assert_held(bench, action, "ceiling: approve is the most")

    def test_not_what_somebody_may_miss(self, bench: Sweeping) -> None:
        bench.cloud.things["door-1"]["impact"] = "people are inside"
        action = asked(bench, ACT)
        self.assert_held(bench, action, "impact: people are inside")

    def test_not_what_is_tagged(self, bench: Sweeping) -> None:
        bench.playbooks = [replace(ASKING, exempt=Exempt(tags={"keep": ("open",)}))]
        action = asked(bench, ACT)
        bench.cloud.things["door-1"]["tags"] = {"keep": "open"}
        self.assert_held(bench, action, "exempt: it is tagged keep=open")

    def test_not_over_the_budget(self, bench: Sweeping) -> None:
        first = asked(bench, ACT)
        bench.more["budget"] = Budgets(default=Budget(1, 3600))
        bench.door("door-2")
        second = str(bench.deliver(finding(bench.door("door-2"), id="finding-2")).action_id)
        bench.wait(minutes=31)
        outcomes = {result.action_id: result.outcome for result in bench.swept("approvals").results}
        assert sorted(outcomes.values()) == [Outcome.ACTED, Outcome.HELD]
        assert set(outcomes) == {first, second}

    def test_not_when_somebody_else_drew_the_last_of_the_budget_meanwhile(
        self, bench: Sweeping, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        action = asked(bench, ACT)
        bench.more["budget"] = Budgets(default=Budget(1, 3600))
        real = Restraint.verdicts

        def verdicts(self: Restraint, subject: Subject, moment: datetime, *more: Any) -> list[Verdict]:
            found = real(self, subject, moment, *more)
            assert self.spend(subject).effect == "pass"
            return found

        monkeypatch.setattr(Restraint, "verdicts", verdicts)
        self.assert_held(bench, action, "budget: 1 actions in 1 h are used up")

    def test_not_another_plan_than_was_shown(self, bench: Sweeping) -> None:
        action = asked(bench, ACT)
        bench.cloud.things["door-1"]["front"] = "ajar"
        self.assert_held(bench, action, "changed plan")

    def test_not_for_a_playbook_that_does_not_ask_any_more(self, bench: Sweeping) -> None:
        action = asked(bench, ACT)
        bench.playbooks = [replace(ASKING, enabled=False)]
        self.assert_held(bench, action, "playbook: doors does not ask for it any more")

    def test_not_where_the_policy_now_excludes_it(self, bench: Sweeping) -> None:
        action = asked(bench, ACT)
        bench.playbooks = [replace(ASKING, unless={"live.fire_exit": (True,)})]
        bench.cloud.things["door-1"]["fire_exit"] = True
        self.assert_held(bench, action, "unless: live.fire_exit is true")

    def test_never_what_cannot_be_undone(self, bench: Sweeping) -> None:
        bench.playbooks = [playbook("letters", BurnLetter.id, when=of_type(BurnLetter), mode="approve")]
        bench.cloud.things["letter-1"] = bench.cloud.things["door-1"]
        letter = replace(bench.door(), type=BurnLetter.resource_type, id="letter-1")
        bench.more["approval"] = Approval(escalate=(ACT,))
        action = str(bench.deliver(finding(letter)).action_id)
        self.assert_held(bench, action, "irreversible: What is burnt is gone.")

    def test_not_what_cannot_be_planned(self, bench: Sweeping) -> None:
        action = asked(bench, ACT)
        denied: Any = AccessDenied("Describe", "AccessDenied", "not yours")
        bench.cloud.before.append(failing(denied, verb="Describe"))
        self.assert_held(bench, action, "not yours")

    def test_what_is_contained_by_now_is_done(self, bench: Sweeping) -> None:
        action = asked(bench, ACT)
        bench.cloud.things["door-1"]["front"] = "shut"
        bench.wait(minutes=31)
        assert bench.swept("approvals").done == 1
        assert (bench.outcome(action), bench.cloud.writes()) == (Outcome.NO_OP, [])
