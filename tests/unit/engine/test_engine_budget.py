"""Budgets: shared by all who act, never exceeded, and beyond them people are asked and told once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from stanch.action import Outcome
from stanch.errors import Retryable, Throttled
from stanch.finding import Finding
from stanch.journal.sqlite import SqliteJournal
from stanch.playbooks.limits import Budget, Budgets
from stanch.playbooks.model import Playbook, Policy
from stanch.remediation import Plan
from stanch.responder import Delivery, Responder
from stanch.restraint import Restraint, Subject, budgets, slices
from tests.unit.engine.bench import Bench, WatchedJournal, door, finding, of_type, playbook, vault
from tests.unit.engine.test_engine_restraint import unreadable
from tests.unit.engine.toy_remediations import CloseDoor, SealVault

HOUR = 3600
OTHER = "777788889999"
_numbers = count(10)


def opened(bench: Bench, account: str = "111122223333") -> Finding:
    """A finding about a door of its own."""
    name = f"door-{next(_numbers)}"
    bench.door(name)
    return finding(door(name, account), account=account, id=name)


def handled(bench: Bench, **more: str) -> Outcome:
    return bench.deliver(opened(bench, **more)).outcome


def set_default(bench: Bench, actions: int, **more: Any) -> None:
    bench.policy = {"budget": Budgets(default=Budget(actions, HOUR, **more))}


class TestBudgets:
    def test_what_is_within_acts_and_what_is_over_asks(self, bench: Bench) -> None:
        set_default(bench, 2)
        assert [handled(bench) for _ in range(2)] == [Outcome.ACTED] * 2
        result = bench.deliver(opened(bench))
        assert (result.outcome, result.reason) == (
            Outcome.AWAITING_APPROVAL,
            "budget: 2 actions in 1 h are used up (default)",
        )
        assert len(bench.cloud.writes()) == 2

    def test_it_is_kept_apart_as_it_says(self, bench: Bench) -> None:
        set_default(bench, 1, per=("remediation", "account"))
        bench.vault()
        assert handled(bench) is Outcome.ACTED
        assert handled(bench) is Outcome.AWAITING_APPROVAL
        assert handled(bench, account=OTHER) is Outcome.ACTED
        assert bench.deliver(finding(vault(), id="v")).outcome is Outcome.ACTED

    def test_a_playbook_of_its_own_budget_draws_on_no_other(self, bench: Bench) -> None:
        set_default(bench, 1)
        bench.playbooks = [playbook("doors", CloseDoor.id, budget=Budget(3, HOUR), when=of_type(CloseDoor)),
                           playbook("vaults", SealVault.id, when=of_type(SealVault))]  # fmt: skip
        bench.vault()
        assert [handled(bench) for _ in range(4)] == [*[Outcome.ACTED] * 3, Outcome.AWAITING_APPROVAL]
        assert bench.deliver(finding(vault(), id="v")).outcome is Outcome.ACTED

    def test_the_organisations_is_drawn_on_by_all(self, bench: Bench) -> None:
        bench.policy = {"budget": Budgets(Budget(9, HOUR, ("account",)), Budget(3, HOUR))}
        rows = [handled(bench, account=account) for account in (OTHER, OTHER, "111122223333", OTHER)]
        assert rows == [*[Outcome.ACTED] * 3, Outcome.AWAITING_APPROVAL]

    def test_it_is_free_again_after_its_window(self, bench: Bench) -> None:
        set_default(bench, 2)
        assert [handled(bench) for _ in range(3)][-1] is Outcome.AWAITING_APPROVAL
        bench.wall.now += HOUR * 5 / 6
        assert handled(bench) is Outcome.AWAITING_APPROVAL
        bench.wall.now += HOUR / 3 + 1
        assert handled(bench) is Outcome.ACTED

    def test_what_is_refused_is_not_counted(self, bench: Bench) -> None:
        """Else a flood of findings would keep it used up for ever, and that of one account everybody's."""
        bench.policy = {"budget": Budgets(Budget(1, HOUR, ("account",)), Budget(2, HOUR))}
        assert [handled(bench) for _ in range(9)] == [Outcome.ACTED, *[Outcome.AWAITING_APPROVAL] * 8]
        assert handled(bench, account=OTHER) is Outcome.ACTED, "the organisation's second"
        assert [handled(bench, account="123412341234") for _ in range(5)] == [Outcome.AWAITING_APPROVAL] * 5
        bench.wall.now += HOUR * 7 / 6 + 1
        assert handled(bench, account="123412341234") is Outcome.ACTED, (
            "its own was not drawn on while the organisation's was used up"
        )

    def test_what_is_not_acted_on_draws_nothing(self, bench: Bench) -> None:
        set_default(bench, 1)
        bench.door(front="shut")
        assert bench.deliver().outcome is Outcome.NO_OP
        bench.playbooks = [playbook("doors", CloseDoor.id, mode="approve")]
        assert handled(bench) is Outcome.AWAITING_APPROVAL
        bench.playbooks = [playbook("doors", CloseDoor.id)]
        assert handled(bench) is Outcome.ACTED

    def test_it_does_not_bind_a_person_and_is_not_theirs_to_draw_on(self, bench: Bench) -> None:
        set_default(bench, 1)
        for name in ("a", "b"):
            assert bench.runbook(bench.door(name)).apply().outcome is Outcome.ACTED
        assert [handled(bench) for _ in range(2)] == [Outcome.ACTED, Outcome.AWAITING_APPROVAL]
        assert bench.runbook(bench.door("c")).apply().outcome is Outcome.ACTED

    def test_what_cannot_be_counted_is_tried_again_and_then_held(self, bench: Bench) -> None:
        set_default(bench, 1)
        given = opened(bench)
        unreadable(bench, "counts")
        with pytest.raises(Retryable, match="budget: it cannot be read"):
            bench.deliver(given)
        assert bench.deliver(given, last=True).outcome is Outcome.HELD
        assert bench.cloud.writes() == []

    def test_what_cannot_be_drawn_is_tried_again(self, bench: Bench) -> None:
        set_default(bench, 1)
        given = opened(bench)

        def busy(*_: Any) -> Any:
            raise Throttled("slow down")

        setattr(bench.journal, "count", busy)  # noqa: B010  # the watched journal hands on what it does not name
        with pytest.raises(Retryable, match="budget: it cannot be read: slow down"):
            bench.deliver(given)
        assert bench.cloud.writes() == []


class TestSummary:
    def summaries(self, bench: Bench) -> list[str]:
        return [str(report.reason) for report in bench.channel.reports if report.title == "Budget used up"]

    def test_one_summary_and_a_request_each(self, bench: Bench) -> None:
        set_default(bench, 1)
        for _ in range(6):
            handled(bench)
        assert len(self.summaries(bench)) == 1
        assert "stanch approve --playbook doors --since 1h" in self.summaries(bench)[0]
        assert (
            sum(
                report.outcome == "awaiting_approval" and report.action_id is not None
                for report in bench.channel.reports
            )
            == 5
        )

    def test_none_while_it_lasts(self, bench: Bench) -> None:
        set_default(bench, 3)
        for _ in range(3):
            handled(bench)
        assert self.summaries(bench) == []

    def test_another_budget_is_another_summary(self, bench: Bench) -> None:
        set_default(bench, 1, per=("account",))
        for account in (OTHER, OTHER, OTHER, "111122223333", "111122223333"):
            handled(bench, account=account)
        assert sorted(reason.partition("(")[2].partition(")")[0] for reason in self.summaries(bench)) == [
            "default:account=111122223333", f"default:account={OTHER}",
        ]  # fmt: skip

    def test_it_is_not_lost_where_the_process_ends_before_it_is_filed(self, bench: Bench) -> None:
        set_default(bench, 1)
        handled(bench)
        bench.journal.before.append(dies := dying_at("file"))
        with pytest.raises(KeyboardInterrupt):
            handled(bench)
        bench.journal.before.remove(dies)
        handled(bench), handled(bench)
        assert len(self.summaries(bench)) == 1


def dying_at(name: str) -> Any:
    def hook(call: str) -> None:
        if call == name:
            raise KeyboardInterrupt

    return hook


class TestAtOnce:
    def test_sixteen_threads_on_one_journal_never_act_more_than_the_budget(self, bench: Bench) -> None:
        bench.policy = {"budget": Budgets(Budget(30, HOUR, ("remediation", "account")), Budget(10, HOUR))}
        given = [opened(bench) for _ in range(40)]
        path = str(bench.path / "journal.sqlite")

        def instance(findings: list[Finding]) -> list[Outcome]:
            """One running function: a deployment and a journal of its own."""
            deployment = bench.deployment
            deployment.journal = WatchedJournal(SqliteJournal(path))
            deployment.restraint = Restraint(deployment.policy, deployment.journal, now=lambda: bench.wall.now)
            responder = Responder(deployment)
            return [row.outcome for one in findings for row in until_done(responder, one)]

        with ThreadPoolExecutor(16) as pool:
            rows = [row for part in pool.map(instance, [given[at::16] for at in range(16)]) for row in part]
        assert len(rows) == 40
        assert set(rows) == {Outcome.ACTED, Outcome.AWAITING_APPROVAL}
        assert rows.count(Outcome.ACTED) == len(bench.cloud.writes()) <= 10
        assert rows.count(Outcome.ACTED) >= 8, "refused in a race is counted as drawn, but hardly ever"
        assert sum(report.title == "Budget used up" for report in bench.channel.reports) == 1

    def test_clocks_on_either_side_of_a_slices_edge_exceed_nothing(self, bench: Bench) -> None:
        """Two who count in different slices must still see one another."""
        policy = Policy(budget=Budgets(default=Budget(1, HOUR)))
        subject = Subject(Plan(door()), CloseDoor.id, "effect", None, playbook("doors", CloseDoor.id))
        journal = bench.journal
        early, late = (
            Restraint(policy, journal, now=lambda at=at: float(at)) for at in (600 * 3_000_000 - 1, 600 * 3_000_000)
        )
        assert late.spend(subject).effect == "pass"
        assert early.spend(subject).effect == "approve"


def until_done(responder: Responder, given: Finding) -> Any:
    for _ in range(50):
        try:
            return responder.respond([given], Delivery())
        except Retryable:
            continue
    raise AssertionError("it never ended")


class TestWhichBudgets:
    def accounts(self, made: Playbook, budget: Budgets) -> list[str]:
        facts = {"remediation": "r", "account": "a", "playbook": made.id, "region": "eu-west-1"}
        return [each.key for each in budgets(Policy(budget=budget), made, facts)]

    def test_none_where_none_is_set(self) -> None:
        assert self.accounts(playbook("p"), Budgets()) == []

    def test_each_part_that_it_may_be_kept_apart_by(self) -> None:
        every = Budget(1, 60, ("remediation", "account", "playbook", "region"))
        assert self.accounts(playbook("p"), Budgets(default=every)) == ["budget:default:remediation=r,account=a,playbook=p,region=eu-west-1"]  # fmt: skip
        assert self.accounts(playbook("p", budget=every), Budgets(Budget(9, 9), Budget(8, 8))) == [
            "budget:playbook=p:remediation=r,account=a,playbook=p,region=eu-west-1", "budget:organisation:",
        ]  # fmt: skip

    def test_a_window_is_counted_in_full(self) -> None:
        now = 1_800_000_123.0
        for window in (60, 3600, 86400):
            length = window / 6
            for back in (0.0, window / 2, window - 0.001):
                assert slices("k", window, now - back)[0] in slices("k", window, now)
            assert slices("k", window, now - window - length)[0] not in slices("k", window, now)
