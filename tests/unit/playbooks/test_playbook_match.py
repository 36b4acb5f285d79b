"""Which playbooks a finding matches, for which resources, and what is said of the others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from stanch.finding import Finding, Resource, Severity
from stanch.playbooks.match import Matcher, Verdict, excluded
from stanch.playbooks.model import Playbook
from tests.unit.playbooks.fakes import ACCOUNT, BUCKET, KEY, ROLE, USER, VM, finding, instance, playbook, policy

TOR = "UnauthorizedAccess:IAMUser/TorIPCaller"


def matched(found: Finding, *playbooks: Playbook) -> list[str]:
    return [match.playbook.id for match in Matcher(policy(*playbooks)).match(found)]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"source": ["guardduty"]}, True),
        ({"source": ["config"]}, False),
        ({"type": [{"prefix": "UnauthorizedAccess:"}]}, True),
        ({"type": [TOR], "source": ["config"]}, False),
        ({"title": [{"wildcard": "*LEAKED key*"}]}, True),
        ({"severity": [3, 4]}, True),
        ({"severity": [{"numeric": [">", 4]}]}, False),
        ({"score": [{"numeric": [">=", 8]}]}, True),
        ({"score": [{"exists": False}]}, False),
        ({"account": [ACCOUNT]}, True),
        ({"account": [{"anything-but": [ACCOUNT]}]}, False),
        ({"region": [{"prefix": "eu-"}]}, True),
        ({"count": [{"numeric": [">", 2]}]}, True),
        ({"compliant": [False]}, True),
        ({"compliant": [True]}, False),
        ({"observables.ip": [{"cidr": "198.51.100.0/24"}]}, True),
        ({"observables.ip": [{"cidr": "203.0.113.0/24"}]}, False),
        ({"observables.domain": ["C2.example"]}, True),
        ({"observables.hash": [{"exists": False}]}, True),
        ({"observables.principal": ["arn:aws:iam::444455556666:user/x"]}, False),
        ({"resource.type": ["AWS::IAM::AccessKey"]}, True),
        ({"resource.type": ["AWS::S3::Bucket"]}, False),
        ({"resource.id": [{"prefix": "AKIA"}]}, True),
        ({"resource.account": ["444455556666"]}, False),
        ({"resource.role": ["affected"]}, True),
        ({"resource.details.user_name": ["build"]}, True),
        ({"resource.details.user_name": [{"anything-but": ["build"]}]}, False),
        ({"resource.details.nothing": [None]}, True),
    ],
    ids=repr,
)
def test_each_field(when: dict[str, Any], expected: bool) -> None:
    found = finding(TOR, KEY, title="A leaked KEY was used", score=8.0, count=3)
    assert matched(found, playbook("p", when)) == (["p"] if expected else [])


def test_all_fields_must_match_and_any_pattern_of_each() -> None:
    one = playbook("one", {"type": [{"prefix": "Recon:"}, {"prefix": "UnauthorizedAccess:"}], "severity": [4, 5]})
    assert matched(finding(TOR), one) == ["one"]
    assert matched(finding(TOR, severity=Severity.LOW), one) == []


def test_a_single_resource_must_satisfy_all_resource_patterns() -> None:
    asks = playbook("p", {"resource.type": ["AWS::EC2::Instance"], "resource.role": ["actor"]})
    key = Resource("AWS::IAM::AccessKey", "AKIAIOSFODNN7EXAMPLE", ACCOUNT, role="actor")
    assert matched(finding("x", key, instance("target")), asks) == []
    assert matched(finding("x", key, instance("actor")), asks) == ["p"]


def test_only_the_resources_that_satisfy_are_handed_on() -> None:
    asks = playbook("p", {"resource.type": ["AWS::IAM::AccessKey", "AWS::IAM::User"]})
    [match] = Matcher(policy(asks)).match(finding("x", KEY, ROLE, USER))
    assert match.resources == (KEY, USER)


def test_without_resource_patterns_all_resources_are_handed_on() -> None:
    asks = playbook("p", {"type": ["x"]})
    assert Matcher(policy(asks)).match(finding("x", KEY, BUCKET))[0].resources == (KEY, BUCKET)
    assert Matcher(policy(asks)).match(finding("x"))[0].resources == ()


def test_a_match_for_each_step_in_order() -> None:
    both = playbook("p", {"type": ["x"]}, steps=("aws.iam.deactivate_access_key", "aws.iam.revoke_user_sessions"))
    found = Matcher(policy(both)).match(finding("x", KEY))
    assert [match.step.remediation for match in found] == [
        "aws.iam.deactivate_access_key",
        "aws.iam.revoke_user_sessions",
    ]
    assert {match.mode for match in found} == {"auto"}


def test_a_field_that_does_not_exist_is_named() -> None:
    with pytest.raises(KeyError, match="typ"):
        Matcher(policy(playbook("p", {"source": ["guardduty"], "typ": ["x"]}))).match(finding())


def test_disabled_playbooks_never_match() -> None:
    assert matched(finding("x"), playbook("p", {"type": ["x"]}, enabled=False)) == []


def test_the_policy_s_order_is_kept_whatever_field_they_are_found_by() -> None:
    ways: list[dict[str, Any]] = [
        {"severity": [4]},
        {"resource.type": ["AWS::IAM::AccessKey"]},
        {"type": [{"suffix": "Caller"}]},
        {"type": [TOR]},
        {"account": [ACCOUNT]},
        {"type": [{"prefix": "Unauth"}]},
        {"source": ["guardduty"]},
    ]
    given = [playbook(f"p{at}", when) for at, when in enumerate(ways)]
    assert matched(finding(TOR, KEY), *given) == [f"p{at}" for at in range(7)]
    assert matched(finding(TOR, KEY), *reversed(given)) == [f"p{at}" for at in reversed(range(7))]


def test_arm_ids_and_subscriptions_compare_without_case_and_aws_ids_with_it() -> None:
    shouted = Resource(VM.type, VM.id.upper(), VM.account.upper())
    inside = playbook("p", {"resource.id": [{"wildcard": "*/resourcegroups/WEB/*"}], "resource.account": [VM.account]})
    assert matched(finding("x", shouted), inside) == ["p"]
    assert matched(finding("x", KEY), playbook("p", {"resource.id": [KEY.id.lower()]})) == []


def test_nested_details_are_looked_into_through_lists() -> None:
    host = Resource(
        "AWS::EC2::Instance", "arn:aws:ec2:eu-west-1:111122223333:instance/i-0a", ACCOUNT,
        details={"interfaces": [{"vpc_id": "vpc-1", "groups": [{"id": "sg-1"}]}, {"vpc_id": "vpc-2", "groups": [{"id": "sg-2"}]}]},
    )  # fmt: skip
    assert matched(finding("x", host), playbook("p", {"resource.details.interfaces.vpc_id": ["vpc-2"]})) == ["p"]
    assert matched(finding("x", host), playbook("p", {"resource.details.interfaces.groups.id": ["sg-2"]})) == ["p"]
    assert matched(finding("x", host), playbook("p", {"resource.details.interfaces.groups.id": ["sg-3"]})) == []
    assert matched(finding("x", host), playbook("p", {"resource.details.interfaces.nothing": [{"exists": False}]})) == [
        "p"
    ]


def test_unless_on_a_field_of_the_finding_keeps_it_from_matching() -> None:
    held = playbook(
        "p", {"type": [{"prefix": "Unauth"}]}, unless={"type": (TOR,), "resource.type": ("AWS::IAM::Role",)}
    )
    assert matched(finding("UnauthorizedAccess:IAMUser/X", KEY), held) == ["p"]
    assert matched(finding(TOR, KEY), held) == []
    assert matched(finding("UnauthorizedAccess:IAMUser/X", KEY, ROLE), held) == []


def test_unless_on_a_fact_is_left_to_the_plan() -> None:
    assert matched(finding("x", BUCKET), playbook("p", {"type": ["x"]}, unless={"live.website": (True,)})) == ["p"]


class TestExcluded:
    closed = playbook("p", {"type": ["x"]}, unless={"live.website": (True,), "account": ("444455556666",)})

    @pytest.mark.parametrize(
        ("facts", "expected"),
        [
            ({"website": True}, "live.website is true"),
            ({"website": False}, None),
            ({}, None),
            ({"website": None}, None),
            ({"other": True}, None),
        ],
        ids=repr,
    )
    def test_facts(self, facts: dict[str, Any], expected: str | None) -> None:
        assert excluded(self.closed, finding("x", BUCKET), facts) == expected

    def test_each_entry_suffices(self) -> None:
        assert excluded(self.closed, finding("x", account="444455556666"), {}) == 'account is "444455556666"'

    def test_a_resource_narrows_resource_entries(self) -> None:
        guarded = playbook("p", {"type": ["x"]}, unless={"resource.type": ("AWS::IAM::Role",)})
        both = finding("x", KEY, ROLE)
        assert excluded(guarded, both, {}) == 'resource.type is "AWS::IAM::Role"'
        assert excluded(guarded, both, {}, KEY) is None
        assert excluded(guarded, both, {}, ROLE) == 'resource.type is "AWS::IAM::Role"'

    def test_the_resource_that_would_be_changed_is_the_one_that_is_named(self) -> None:
        guarded = playbook("p", {"type": ["x"]}, unless={"resource.id": ({"prefix": "arn:aws:iam:"},)})
        assert excluded(guarded, finding("x", USER, ROLE), {}, ROLE) == f'resource.id is "{ROLE.id}"'

    def test_entries_after_one_that_does_not_hold_are_looked_at(self) -> None:
        either = playbook("p", {"type": ["x"]}, unless={"account": ("444455556666",), "live.website": (True,)})
        assert excluded(either, finding("x", BUCKET), {"website": True}) == "live.website is true"

    def test_several_facts_of_which_one_is_a_list(self) -> None:
        listed = playbook(
            "p", {"type": ["x"]}, unless={"live.users": ({"prefix": "arn:aws:iam::111122223333:role/ci"},)}
        )
        facts = {"users": ["arn:aws:iam::111122223333:role/web", "arn:aws:iam::111122223333:role/ci-deploy"]}
        assert str(excluded(listed, finding("x"), facts)).startswith("live.users is [")
        assert excluded(listed, finding("x"), {"users": facts["users"][:1]}) is None


def test_explain_names_the_first_field_that_failed() -> None:
    given = policy(
        playbook("off", {"type": [TOR]}, enabled=False),
        playbook("other-type", {"type": [{"prefix": "Recon:"}], "severity": [1]}),
        playbook("too-low", {"type": [TOR], "severity": [5]}),
        playbook("no-score", {"score": [{"numeric": [">", 8]}]}),
        playbook("no-bucket", {"resource.type": ["AWS::S3::Bucket"]}),
        playbook("no-actor", {"resource.type": ["AWS::IAM::AccessKey"], "resource.role": ["actor"]}),
        playbook("except", {"type": [TOR]}, unless={"region": ("eu-west-1",)}),
        playbook("hit", {"type": [TOR], "resource.type": ["AWS::IAM::AccessKey"]}),
    )
    assert Matcher(given).explain(finding(TOR, KEY, USER)) == [
        Verdict("off", False, "the playbook is disabled"),
        Verdict("other-type", False, f'type is "{TOR}", not any of [{{"prefix": "Recon:"}}]'),
        Verdict("too-low", False, "severity is 4, not any of [5]"),
        Verdict("no-score", False, 'score is missing, not any of [{"numeric": [">", 8]}]'),
        Verdict(
            "no-bucket",
            False,
            'resource.type is "AWS::IAM::AccessKey", "AWS::IAM::User", not any of ["AWS::S3::Bucket"]',
        ),
        Verdict("no-actor", False, 'resource.role is "affected", not any of ["actor"]'),
        Verdict("except", False, 'unless region is "eu-west-1"'),
        Verdict("hit", True, f"type, resource.type match; for {KEY.id}"),
    ]


def test_explain_shows_words_as_they_are_written_and_whatever_a_source_parsed() -> None:
    made = Resource(KEY.type, KEY.id, ACCOUNT, details={"created": datetime(2026, 11, 23, 15, 0, tzinfo=UTC)})
    given = policy(playbook("title", {"title": ["Schlüssel"]}), playbook("details", {"resource.details.created": [1]}))
    titled, dated = Matcher(given).explain(finding(TOR, made, title="Gestohlener Schlüssel"))
    assert titled.why == 'title is "Gestohlener Schlüssel", not any of ["Schlüssel"]'
    assert dated.why == 'resource.details.created is "2026-11-23 15:00:00+00:00", not any of [1]'


def test_explain_says_that_no_resource_is_named() -> None:
    [verdict] = Matcher(policy(playbook("p", {"resource.type": ["AWS::S3::Bucket"]}))).explain(finding("x"))
    assert verdict.why == 'resource.type must match ["AWS::S3::Bucket"], but the finding names no resource'


def test_expecting_tells_a_finding_without_its_resource_from_one_that_nobody_wants() -> None:
    given = Matcher(
        policy(
            playbook("typed", {"type": [TOR], "resource.type": ["AWS::IAM::AccessKey"]}),
            playbook("generic", {"severity": [4], "resource.type": ["AWS::IAM::AccessKey"]}),
            playbook("free", {"type": [TOR]}),
            playbook(
                "except", {"type": [{"prefix": "U"}], "resource.type": ["AWS::S3::Bucket"]}, unless={"type": (TOR,)}
            ),
        )
    )
    assert [item.id for item in given.expecting(finding(TOR))] == ["typed"]
    assert given.expecting(finding(TOR, KEY)) == []
    assert given.expecting(finding("Recon:EC2/Portscan")) == []
