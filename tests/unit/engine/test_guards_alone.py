"""Each guard by itself: what it says, in which words, and where it begins to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from stanch import guardrails, restraint
from stanch.errors import Retryable, Unreachable
from stanch.finding import Resource
from stanch.guardrails import Verdict
from stanch.playbooks.limits import Budget, Budgets, Exempt
from stanch.playbooks.model import Policy
from stanch.remediation import Plan
from stanch.restraint import PAUSE, Restraint, Subject
from tests.unit.engine.bench import ACCOUNT, Bench, door, finding, playbook
from tests.unit.engine.toy_remediations import CloseDoor

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LIMIT = timedelta(hours=6)
VM = Resource("Microsoft.Compute/virtualMachines", "/subscriptions/s/resourceGroups/g/virtualMachines/Web-1", "s")


def test_a_verdict_in_a_sentence() -> None:
    assert Verdict("stale", "hold", "last seen long ago").sentence() == "stale: last seen long ago"


class TestFinding:
    def test_a_good_one_passes_every_guard_by_its_name(self) -> None:
        verdicts = guardrails.finding_guards(finding(last_seen=NOW, updated_at=NOW), NOW, LIMIT)
        assert verdicts == [Verdict(name, "pass") for name in ("sample", "archived", "stale", "wrong account")]

    def test_each_says_why_it_holds(self) -> None:
        old = NOW - timedelta(hours=7)
        given = finding(sample=True, archived=True, last_seen=old, updated_at=None, account="444455556666")
        assert guardrails.finding_guards(given, NOW, LIMIT) == [
            Verdict("sample", "hold", "the finding is a sample; the resources it names are made up"),
            Verdict("archived", "hold", "the finding is archived, suppressed or closed at its source"),
            Verdict("stale", "hold", "last seen 2026-11-23 05:00 UTC, more than 6:00:00 ago"),
            Verdict("wrong account", "hold", f"the finding is of account 444455556666 but names door-1 of {ACCOUNT}"),
        ]

    def test_as_old_as_the_limit_is_not_stale(self) -> None:
        given = finding(last_seen=NOW - LIMIT, updated_at=None)
        assert guardrails.stale(given, NOW, LIMIT).effect == "pass"
        assert guardrails.stale(given, NOW + timedelta(microseconds=1), LIMIT).effect == "hold"
        assert guardrails.stale(finding(last_seen=None, updated_at=None), NOW, LIMIT).effect == "pass"

    def test_the_later_of_its_times_counts(self) -> None:
        old, new = NOW - timedelta(days=2), NOW - timedelta(hours=1)
        assert guardrails.stale(finding(last_seen=old, updated_at=new), NOW, LIMIT).effect == "pass"
        assert guardrails.stale(finding(last_seen=new, updated_at=old), NOW, LIMIT).effect == "pass"

    def test_any_resource_of_another_account_holds_and_azures_has_a_tenant_besides(self) -> None:
        given = finding(door(), door("door-2", "444455556666"))
        verdict = guardrails.wrong_account(given)
        assert (verdict.effect, verdict.reason) == (
            "hold", f"the finding is of account {ACCOUNT} but names door-2 of 444455556666",
        )  # fmt: skip
        assert guardrails.wrong_account(finding(VM)) == Verdict("wrong account", "pass")


class TestProtected:
    def test_the_responders_own_and_what_is_built_in(self) -> None:
        role = Resource("AWS::IAM::Role", f"arn:aws:iam::{ACCOUNT}:role/AWSReservedSSO_Admin_1", ACCOUNT)
        assert guardrails.protected(role, (), ()) == Verdict(
            "protected", "hold", f"{role.id} matches arn:*:iam::*:role/AWSReservedSSO_*, which is never touched"
        )
        assert guardrails.protected(door(), ("gate",), ("gat?",)) == Verdict(
            "protected", "hold", "gate matches gat?, which is never touched"
        )
        assert guardrails.protected(door(), ("gate",), ("door-2",)) == Verdict("protected", "pass")

    def test_a_key_of_root_is_root(self) -> None:
        key = Resource("AWS::IAM::AccessKey", "AKIAIOSFODNN7EXAMPLE", ACCOUNT, details={"user_type": "Root"})
        verdict = guardrails.protected(key, (), ())
        assert verdict.effect == "hold"
        assert verdict.reason.startswith(f"arn:aws:iam::{ACCOUNT}:root matches arn:*:iam::*:root")
        other = Resource("AWS::IAM::AccessKey", "AKIAIOSFODNN7EXAMPLE", ACCOUNT, details={"user_type": "IAMUser"})
        assert guardrails.protected(other, (), ()).effect == "pass"

    def test_azures_names_know_no_case_and_awss_do(self) -> None:
        assert guardrails.protected(VM, (), ("*/virtualmachines/WEB-1",)).effect == "hold"
        assert guardrails.protected(door(), (), ("DOOR-1",)).effect == "pass"


class TestExempt:
    def plan(self, resource: Resource, **given: object) -> Plan:
        return Plan(resource, **given)  # type: ignore[arg-type]

    def test_by_name_it_holds(self) -> None:
        plan = self.plan(door(), aliases=("gate",))
        assert guardrails.exempt(plan, Exempt(names=("g*",))) == Verdict(
            "exempt", "hold", "gate matches g* in the playbook"
        )
        assert guardrails.exempt(plan, Exempt(names=("window",))) == Verdict("exempt", "pass")

    def test_by_tag_it_asks(self) -> None:
        wanted = Exempt(tags={"team": ("red", "blue")})
        assert guardrails.exempt(self.plan(door(), tags={"a": "b", "team": "blue"}), wanted) == Verdict(
            "exempt", "approve", "it is tagged team=blue"
        )
        for tags in ({"team": "green"}, {"Team": "blue"}, {}):
            assert guardrails.exempt(self.plan(door(), tags=tags), wanted) == Verdict("exempt", "pass")

    def test_azures_tag_names_know_no_case_their_values_do(self) -> None:
        wanted = Exempt(tags={"team": ("blue",)})
        assert guardrails.exempt(self.plan(VM, tags={"TEAM": "blue"}), wanted).effect == "approve"
        assert guardrails.exempt(self.plan(VM, tags={"TEAM": "Blue"}), wanted).effect == "pass"

    def test_tags_that_could_not_be_read_let_nothing_pass(self) -> None:
        with pytest.raises(Retryable, match=r"^exempt: the live tags could not be read$"):
            guardrails.exempt(self.plan(door(), tags=None), Exempt(tags={"team": ("blue",)}))
        assert guardrails.exempt(self.plan(door(), tags=None), Exempt(names=("gate",))).effect == "pass"

    @pytest.mark.parametrize("pattern", ["Web-1", "web-?", "/subscriptions/s/*"])
    def test_a_name_is_meant_whole_or_by_its_last_part(self, pattern: str) -> None:
        assert guardrails.named(VM, VM.id, pattern)

    def test_the_last_part_of_an_arn_too(self) -> None:
        queue = Resource("AWS::SQS::Queue", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:jobs", ACCOUNT)
        assert guardrails.named(queue, queue.id, "jobs")
        assert not guardrails.named(queue, queue.id, ACCOUNT)


class TestRest:
    def test_a_remediation_that_asks_for_a_person(self) -> None:
        plan = Plan(door(), facts={"approve": "somebody is inside"})
        assert guardrails.advised(plan) == Verdict("impact", "approve", "somebody is inside")
        assert guardrails.advised(Plan(door())) == Verdict("impact", "pass")

    def test_what_cannot_be_undone_asks(self) -> None:
        assert guardrails.irreversible("it burns") == Verdict("irreversible", "approve", "it burns")
        assert guardrails.irreversible("") == Verdict("irreversible", "pass")

    def test_asking_lowers_one_guards_hold(self) -> None:
        hold = Verdict("exempt", "hold", "by name")
        assert guardrails.asking(hold, "exempt") == Verdict("exempt", "approve", "by name")
        assert guardrails.asking(hold, "protected") == hold
        assert guardrails.asking(Verdict("exempt", "observe", "x"), "exempt").effect == "observe"

    def test_every_guard_of_a_resource_in_its_order(self) -> None:
        verdicts = guardrails.resource_guards(Plan(door()), Exempt(), (), None)
        assert verdicts == [Verdict(name, "pass") for name in ("exempt", "protected", "undone", "impact")]
        assert guardrails.first(verdicts, "hold") is None
        assert guardrails.first(verdicts, "pass") == verdicts[0]


class TestBudget:
    """Both clocks, the deployment's and the journal's, are a test's to set."""

    REASON = Verdict("budget", "approve", "5 actions in 1 h are used up (default)")

    def restraint(self, bench: Bench, seconds: float, wall: float, monkeypatch: pytest.MonkeyPatch) -> Restraint:
        """One that asks so many seconds after the first, while the journal's clock says `wall` seconds after it."""
        monkeypatch.setattr("stanch.journal.sqlite_facts.wall", lambda: NOW.timestamp() + wall)
        return Restraint(Policy(()), bench.journal, now=lambda: NOW.timestamp() + seconds)

    @pytest.mark.parametrize("window", [30, 3600, 86400])
    def test_a_count_lasts_as_long_as_its_window(
        self, bench: Bench, window: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        doors = playbook("doors", CloseDoor.id, budget=Budget(1, window))
        subject = Subject(Plan(door()), CloseDoor.id, "effect", playbook=doors)
        answers = [
            self.restraint(bench, after * window, after * window, monkeypatch).spend(subject).effect
            for after in (0, 0.5, 0.99, 2.5)
        ]
        assert answers == ["pass", "approve", "approve", "pass"]

    def test_each_of_two_budgets_counts_its_own_slices(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        """A playbook with a budget of its own has used up the organisation's in the slice before; then its own is asked with the organisation's."""

        def spend(seconds: float, name: str, own: int, organisation: int) -> Verdict:
            monkeypatch.setattr("stanch.journal.sqlite_facts.wall", lambda: NOW.timestamp())
            policy = Policy((), budget=Budgets(organisation=Budget(organisation, 3600)))
            spending = Restraint(policy, bench.journal, now=lambda: NOW.timestamp() + seconds)
            doors = playbook(name, CloseDoor.id, budget=Budget(own, 3600))
            return spending.spend(Subject(Plan(door()), CloseDoor.id, "effect", playbook=doors))

        assert spend(0, "first", 5, 5).effect == "pass"
        assert spend(700, "second", 1, 5).effect == "pass", "nothing of the organisation's counts as its own"
        assert spend(1400, "third", 5, 2).reason == "2 actions in 1 h are used up (organisation)"

    def test_it_is_kept_apart_by_what_the_policy_names_and_says_so(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        per = ("playbook", "remediation", "account", "region")
        doors = playbook("doors", CloseDoor.id, budget=Budget(1, 3600, per))
        accounts = ("AAAAAAAA-0000-0000-0000-00000000000b", "aaaaaaaa-0000-0000-0000-00000000000B")
        first, second = (
            self.restraint(bench, 0, 0, monkeypatch).spend(
                Subject(Plan(door(account=account)), CloseDoor.id, "effect", playbook=doors)
            )
            for account in accounts
        )
        assert (first.effect, second.reason) == (
            "pass",
            "1 actions in 1 h are used up (playbook=doors:playbook=doors,remediation=aws.toy.close_door,"
            "account=aaaaaaaa-0000-0000-0000-00000000000b,region=eu-west-1)",
        )
        nowhere = Plan(replace(door(), region=None))
        for _ in range(2):
            verdict = self.restraint(bench, 0, 0, monkeypatch).spend(
                Subject(nowhere, CloseDoor.id, "effect", playbook=doors)
            )
        assert verdict.reason.endswith(f"account={ACCOUNT},region=)")

    @pytest.mark.parametrize("call", ["count", "counts"])
    def test_a_count_that_cannot_be_read_or_written_names_the_budget(
        self, bench: Bench, call: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def silent(*_: object) -> list[int]:
            raise Unreachable("no answer")

        setattr(bench.journal, call, silent)
        doors = playbook("doors", CloseDoor.id, budget=Budget(1, 3600))
        with pytest.raises(Retryable, match=r"^budget: it cannot be read"):
            Restraint(Policy(()), bench.journal).spend(Subject(Plan(door()), CloseDoor.id, "e", playbook=doors))

    def test_the_same_for_an_hour_then_another(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        first = self.restraint(bench, 0, 0, monkeypatch).summary(self.REASON)
        assert first == str(NOW.timestamp())
        assert self.restraint(bench, 3599, 3599, monkeypatch).summary(self.REASON) == first
        other = Verdict("budget", "approve", "5 actions in 1 h are used up (organisation)")
        assert self.restraint(bench, 3599, 3599, monkeypatch).summary(other) == str(NOW.timestamp() + 3599)
        assert self.restraint(bench, 3600, 3600, monkeypatch).summary(self.REASON) == str(NOW.timestamp() + 3600)

    def test_what_expired_at_once_is_told_as_of_now(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.restraint(bench, 0, 7200, monkeypatch).summary(self.REASON) == str(NOW.timestamp())

    @pytest.mark.parametrize(
        ("key", "words"),
        [("budget:default:", "default"), ("budget:playbook=p:account=1", "playbook=p:account=1")],
    )
    def test_which_budget_is_used_up(self, key: str, words: str) -> None:
        assert restraint.Account(key, 5, 5400).over() == Verdict(
            "budget", "approve", f"5 actions in 90 min are used up ({words})"
        )


class TestSwitch:
    def test_it_is_asked_once_in_five_seconds_for_each_group(self, bench: Bench) -> None:
        bench.journal.keep(PAUSE, "prod", {"by": "ann", "reason": "drill"}, None)
        clock, asked = [NOW.timestamp()], []
        switched = Restraint(Policy(()), bench.journal, lambda: asked.append(clock[0]), lambda: clock[0])  # type: ignore[func-returns-value]
        assert switched.stopped(None) == Verdict("kill switch", "hold", "ann paused prod: drill")
        assert switched.stopped("sandbox") == Verdict("kill switch", "pass"), "another group is another question"
        assert switched.stopped("prod").effect == "hold"
        assert len(asked) == 3
        clock[0] += 4.999
        assert [switched.stopped(group).effect for group in (None, "sandbox", "prod")] == ["hold", "pass", "hold"]
        assert len(asked) == 3
        clock[0] += 0.001
        switched.stopped("sandbox")
        assert len(asked) == 4

    def test_what_was_read_a_moment_ago_is_not_read_again(self, bench: Bench) -> None:
        asked: list[int] = []
        looking = Restraint(Policy(()), bench.journal, lambda: asked.append(1), lambda: NOW.timestamp())  # type: ignore[func-returns-value]
        assert looking.known("prod") is None
        assert looking.stopped("prod") == looking.known("prod")
        assert (asked, looking.known("sandbox")) == ([1], None), "each group has its own answer"
        looking.stopped("prod")
        assert asked == [1], "of this group it is known already"
        ahead = looking.verdicts(Subject(Plan(door("door-2")), CloseDoor.id, "e"), NOW, {"door-2": {"by": "bob"}})
        assert [verdict.guard for verdict in ahead if verdict.effect == "hold"] == ["exempted"], (
            "what was read is not read again"
        )


class TestSpans:
    @pytest.mark.parametrize(
        ("seconds", "words"),
        [(45, "45 s"), (60, "1 min"), (90, "90 s"), (5400, "90 min"), (3600, "1 h"), (86400, "24 h"), (172800, "2 d"), (90000, "25 h")],
    )  # fmt: skip
    def test_in_words_as_policies_write_them(self, seconds: int, words: str) -> None:
        assert restraint.span(seconds) == words

    def test_a_window_in_slices_the_current_first_the_next_last(self) -> None:
        assert restraint.slices("k", 3600, 6000.0) == [f"k:{number}" for number in (10, 9, 8, 7, 6, 5, 4, 11)]
        assert restraint.slices("k", 3600, 6599.9)[0] == "k:10"
        assert restraint.slices("k", 1, 7.0)[0] == "k:7", "no slice is shorter than a second"

    def test_what_cannot_be_asked_names_its_guard(self) -> None:
        def silent() -> str:
            raise Unreachable("no answer")

        with pytest.raises(Retryable, match=r"^kill switch: it cannot be read: no answer$"):
            restraint.asked("kill switch", silent)
