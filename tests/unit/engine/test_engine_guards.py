"""Each guard holds what it is for, under its own name, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import pytest
from msgspec.structs import replace

from stanch import clock, guardrails
from stanch.action import Outcome
from stanch.errors import Retryable
from stanch.finding import Resource
from stanch.playbooks.limits import Exempt, Protect
from stanch.remediation import Plan
from tests.unit.engine.bench import Bench, door, finding, playbook
from tests.unit.engine.toy import ACCOUNT, HOME
from tests.unit.engine.toy_remediations import CloseDoor

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
AZURE = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/web/providers/Microsoft.Compute/virtualMachines/Web-1"


def assert_acts(bench: Bench) -> None:
    """The guard passes: the door is shut."""
    assert bench.deliver().outcome is Outcome.ACTED
    assert bench.cloud.writes() == ["Set door-1.front"]


def assert_holds(bench: Bench, reason: str, **changes: Any) -> None:
    """The finding is held for the reason, told once however often it comes, and nothing is read for it."""
    for _ in range(2):
        result = bench.deliver(finding(**changes))
        assert result.outcome is Outcome.HELD
        assert result.reason is not None
        assert result.reason.startswith(reason)
    assert bench.cloud.calls == []
    assert [outcome for outcome, _ in bench.told()] == ["held"]
    assert bench.locks() == []


class TestFindingGuards:
    def test_a_sample(self, bench: Bench) -> None:
        bench.door()
        assert_holds(bench, "sample: ", sample=True)
        assert_acts(bench)

    def test_an_archived_finding(self, bench: Bench) -> None:
        bench.door()
        assert_holds(bench, "archived: ", archived=True)
        assert_acts(bench)

    def test_a_stale_finding(self, bench: Bench) -> None:
        bench.door()
        old = datetime.now(UTC) - timedelta(hours=25)
        assert_holds(
            bench, f"stale: last seen {old:%Y-%m-%d %H:%M} UTC, more than 1 day", last_seen=old, updated_at=old
        )
        assert_acts(bench)

    @pytest.mark.parametrize(
        ("last_seen", "updated_at", "effect"),
        [
            (NOW - timedelta(hours=24), None, "pass"),
            (NOW - timedelta(hours=24, seconds=1), None, "hold"),
            (NOW - timedelta(hours=30), NOW - timedelta(hours=1), "pass"),
            (NOW + timedelta(minutes=5), None, "pass"),
            (None, None, "pass"),
        ],
    )
    def test_how_old_is_stale(self, last_seen: Any, updated_at: Any, effect: str) -> None:
        given = finding(last_seen=last_seen, updated_at=updated_at)
        assert guardrails.stale(given, NOW, timedelta(hours=24)).effect == effect

    def test_a_replay_judges_age_at_its_own_time(self, bench: Bench) -> None:
        bench.door()
        old = datetime.now(UTC) - timedelta(days=300)
        with clock.at(old + timedelta(minutes=1)):
            assert bench.deliver(finding(last_seen=old, updated_at=old)).outcome is Outcome.ACTED

    def test_a_source_speaks_for_its_own_account_only(self, bench: Bench) -> None:
        bench.door()
        assert_holds(bench, f"wrong account: the finding is of account 999999999999 but names door-1 of {ACCOUNT}", account="999999999999")  # fmt: skip
        assert_acts(bench)

    def test_azure_resources_may_lie_in_any_subscription(self) -> None:
        machine = Resource("Microsoft.Compute/virtualMachines", AZURE, "00000000-0000-0000-0000-0000000000a1")
        assert guardrails.wrong_account(finding(machine, account="workspace")).effect == "pass"

    def test_an_account_out_of_reach(self, bench: Bench) -> None:
        bench.door()
        given = finding(door(account=HOME), account=HOME)
        result = bench.deliver(given)
        assert (result.outcome, result.reason) == (Outcome.HELD, f"wrong account: the resource is in account {HOME}")
        assert bench.cloud.writes() == []
        assert bench.told() == [("held", f"wrong account: the resource is in account {HOME}")]


BUILT_IN = [
    ("arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/root"),
    ("arn:aws-cn:iam::111122223333:root", "arn:aws-cn:iam::111122223333:role/root"),
    (
        "arn:aws:iam::111122223333:role/aws-service-role/guardduty.amazonaws.com/AWSServiceRoleForAmazonGuardDuty",
        "arn:aws:iam::111122223333:role/service-role/lambda",
    ),
    ("arn:aws:iam::111122223333:role/AWSServiceRoleForSupport", "arn:aws:iam::111122223333:role/MyAWSServiceRoleForX"),
    (
        "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef",
        "arn:aws:iam::111122223333:role/aws-unreserved/x",
    ),
    (
        "arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_0123456789abcdef",
        "arn:aws:iam::111122223333:role/SSO_Admin",
    ),
]


class TestProtected:
    def test_every_built_in_pattern_is_tried_here(self) -> None:
        names = [name for name, _ in BUILT_IN]
        for pattern in guardrails.PROTECTED_ALWAYS:
            assert any(fnmatchcase(name, pattern) for name in names), pattern

    @pytest.mark.parametrize(("name", "other"), BUILT_IN)
    def test_what_is_built_in(self, bench: Bench, name: str, other: str) -> None:
        resource = bench.door(name)
        result = bench.deliver(finding(resource))
        assert result.outcome is Outcome.HELD
        assert (result.reason or "").startswith(f"protected: {name} matches arn:")
        assert bench.cloud.calls == [], "a protected name is not even read"
        assert bench.deliver(finding(bench.door(other), id="other")).outcome is Outcome.ACTED

    @pytest.mark.parametrize(("name", "other"), BUILT_IN)
    def test_what_is_built_in_binds_by_its_live_names_too(self, bench: Bench, name: str, other: str) -> None:
        bench.door(aliases=["plain", name])
        assert (bench.deliver().reason or "").startswith(f"protected: {name} matches")
        assert bench.cloud.writes() == []
        bench.door(aliases=[other])
        assert bench.deliver(finding(id="other")).outcome is Outcome.ACTED

    def test_the_key_of_root(self, bench: Bench) -> None:
        bench.door()
        key = replace(door(), details={"user_type": "Root"})
        result = bench.deliver(finding(key))
        assert result.outcome is Outcome.HELD
        assert f"arn:aws:iam::{ACCOUNT}:root" in (result.reason or "")
        assert bench.cloud.calls == []
        user = replace(door(), details={"user_type": "IAMUser"})
        assert bench.deliver(finding(user, id="other")).outcome is Outcome.ACTED

    def test_the_responders_own_roles(self, bench: Bench) -> None:
        bench.cloud.own_names = ("arn:*:iam::*:role/stanch-*",)
        own = bench.door(f"arn:aws:iam::{ACCOUNT}:role/stanch-act")
        assert (bench.deliver(finding(own)).reason or "").startswith("protected: ")
        assert bench.cloud.calls == []
        other = bench.door(f"arn:aws:iam::{ACCOUNT}:role/app-stanch-act")
        assert bench.deliver(finding(other, id="other")).outcome is Outcome.ACTED

    def test_what_the_policy_names(self, bench: Bench) -> None:
        bench.protect = Protect(principals=("*breakglass*",), resources=("door-log-*",))
        for name in ("door-log-1", "my-breakglass-door"):
            assert (bench.deliver(finding(bench.door(name), id=name)).reason or "").startswith(f"protected: {name}")
        assert bench.cloud.writes() == []
        assert bench.deliver(finding(bench.door("door-1"))).outcome is Outcome.ACTED

    def test_aws_names_compare_with_case_and_azure_names_without(self) -> None:
        machine = Resource("Microsoft.Compute/virtualMachines", AZURE, "s")
        assert guardrails.protected(machine, (), ["*/virtualmachines/web-1"]).effect == "hold"
        assert guardrails.protected(door("Door-1"), (), ["door-1"]).effect == "pass"


class TestExempt:
    @pytest.mark.parametrize("name", ["door-1", "arn:toy:door-1", "path/door-1"])
    def test_a_name_in_the_playbook_holds(self, bench: Bench, name: str) -> None:
        bench.exempt(names=("door-*",))
        result = bench.deliver(finding(bench.door(name)))
        assert (result.outcome, result.reason) == (Outcome.HELD, f"exempt: {name} matches door-* in the playbook")
        assert bench.cloud.writes() == []
        assert bench.deliver(finding(bench.door("gate-1"), id="other")).outcome is Outcome.ACTED

    def test_a_live_name_holds(self, bench: Bench) -> None:
        bench.exempt(names=("bastion",))
        bench.door(aliases=["bastion"])
        assert bench.deliver().outcome is Outcome.HELD
        bench.door(aliases=["bastion-2"])
        assert bench.deliver(finding(id="other")).outcome is Outcome.ACTED

    def test_a_name_in_azure_compares_without_case(self) -> None:
        plan = Plan(Resource("Microsoft.Compute/virtualMachines", AZURE, "s"))
        assert guardrails.exempt(plan, Exempt(names=("web-*",))).effect == "hold"
        assert guardrails.exempt(plan, Exempt(names=("db-*",))).effect == "pass"
        assert guardrails.exempt(Plan(door("Door-1")), Exempt(names=("door-*",))).effect == "pass"

    def test_a_tag_asks_a_person_and_exempts_nothing(self, bench: Bench) -> None:
        bench.exempt(tags={"sec:open": ("approved",)})
        bench.door(tags={"sec:open": "approved"})
        result = bench.deliver()
        assert (result.outcome, result.reason) == (Outcome.AWAITING_APPROVAL, "exempt: it is tagged sec:open=approved")
        assert bench.cloud.writes() == []
        bench.door(tags={"sec:open": "denied", "other": "approved"})
        assert bench.deliver(finding(id="other")).outcome is Outcome.ACTED

    def test_the_name_of_a_tag_in_azure_compares_without_case(self) -> None:
        machine = Resource("Microsoft.Compute/virtualMachines", AZURE, "s")
        rule = Exempt(tags={"Sec-Open": ("approved",)})
        assert guardrails.exempt(Plan(machine, tags={"sec-open": "approved"}), rule).effect == "approve"
        assert guardrails.exempt(Plan(machine, tags={"sec-open": "Approved"}), rule).effect == "pass"
        assert guardrails.exempt(Plan(door(), tags={"sec-open": "approved"}), rule).effect == "pass"

    def test_a_tag_does_not_raise_a_mode(self, bench: Bench) -> None:
        bench.playbooks = [
            playbook("watch", CloseDoor.id, mode="observe", exempt=Exempt(tags={"sec:open": ("approved",)}))
        ]
        bench.door(tags={"sec:open": "approved"})
        assert bench.deliver().outcome is Outcome.PLANNED

    def test_tags_that_cannot_be_read_are_tried_again_and_then_held(self, bench: Bench) -> None:
        bench.exempt(tags={"sec:open": ("approved",)})
        bench.door(tags=None)
        with pytest.raises(Retryable, match="tags could not be read"):
            bench.deliver()
        assert bench.told() == []
        result = bench.deliver(last=True)
        reason = "unknown after the last delivery: exempt: the live tags could not be read"
        assert (result.outcome, result.reason) == (Outcome.HELD, reason)
        assert bench.told() == [("held", reason)]
        assert bench.action(result).outcome is Outcome.HELD
        assert (bench.cloud.writes(), bench.locks()) == ([], [])

    def test_tags_that_no_rule_asks_for_need_not_be_readable(self, bench: Bench) -> None:
        bench.exempt(names=("gate-*",))
        bench.door(tags=None)
        assert_acts(bench)

    def test_tags_of_what_is_contained_already_need_not_be_readable(self, bench: Bench) -> None:
        bench.exempt(tags={"sec:open": ("approved",)})
        bench.door(tags=None, front="shut")
        assert bench.deliver().outcome is Outcome.NO_OP


class TestTheRest:
    def test_a_remediation_that_sees_impact_asks_a_person(self, bench: Bench) -> None:
        bench.door(impact="a parade goes through it")
        result = bench.deliver()
        assert (result.outcome, result.reason) == (Outcome.AWAITING_APPROVAL, "impact: a parade goes through it")
        assert bench.cloud.writes() == []
        bench.door(impact=None)
        assert bench.deliver().outcome is Outcome.ACTED

    def test_a_live_fact_may_forbid(self, bench: Bench) -> None:
        bench.playbooks = [playbook("p", CloseDoor.id, unless={"live.fire_exit": (True,)})]
        bench.door(fire_exit=True)
        result = bench.deliver()
        assert (result.outcome, result.reason) == (Outcome.HELD, "unless: live.fire_exit is true")
        assert bench.cloud.writes() == []
        bench.door(fire_exit=False)
        assert bench.deliver().outcome is Outcome.ACTED

    def test_what_a_person_undid(self, bench: Bench) -> None:
        bench.door()
        first = bench.deliver()
        bench.undo(first.action_id).run()
        result = bench.deliver()
        reason = f"undone: analyst undid action {first.action_id} for this finding"
        assert (result.outcome, result.reason) == (Outcome.HELD, reason)
        assert bench.cloud.things["door-1"]["front"] == "open"
        assert bench.deliver(finding(id="other")).outcome is Outcome.ACTED
