"""The index finds what asking every playbook would find, at a cost that does not grow with their number."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from stanch.finding import Finding, Observable
from stanch.playbooks.compile import dump, parse_compiled
from stanch.playbooks.match import Matcher, Rule
from stanch.playbooks.model import Playbook, Policy, Step
from tests.unit.playbooks.fakes import ACCOUNT, BUCKET, GROUP, KEY, USER, finding, playbook, policy

TOR = "UnauthorizedAccess:IAMUser/TorIPCaller"


def matched(found: Finding, *playbooks: Playbook) -> list[str]:
    return [match.playbook.id for match in Matcher(policy(*playbooks)).match(found)]


TYPES = [TOR, "UnauthorizedAccess:IAMUser/X", "Recon:EC2/Portscan", "INCOMING_SSH_DISABLED", "ĲSSEL:straße", ""]
PATTERNS = st.one_of(
    st.sampled_from(TYPES),
    st.sampled_from(TYPES).flatmap(lambda text: st.integers(0, len(text)).map(lambda n: {"prefix": text[:n]})),
    st.sampled_from(TYPES).flatmap(lambda text: st.integers(0, len(text)).map(lambda n: {"wildcard": f"{text[:n]}*"})),
    st.sampled_from(TYPES).map(lambda text: {"equals-ignore-case": text.upper()}),
    st.sampled_from(TYPES).map(lambda text: {"prefix": {"equals-ignore-case": text[:9].swapcase()}}),
    st.sampled_from(TYPES).map(lambda text: {"suffix": text[-3:]}),
    st.sampled_from(TYPES).map(lambda text: {"anything-but": [text]}),
    st.just({"exists": True}),
)
WHENS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.lists(PATTERNS, min_size=1, max_size=3),
        "account": st.lists(st.sampled_from([ACCOUNT, "444455556666", {"prefix": "1111"}]), min_size=1, max_size=2),
        "region": st.lists(st.sampled_from(["eu-west-1", None, {"exists": False}]), min_size=1, max_size=2),
        "severity": st.lists(st.integers(0, 5), min_size=1, max_size=2),
        "observables.ip": st.lists(st.sampled_from(["198.51.100.7", {"cidr": "198.51.100.0/24"}]), min_size=1),
        "resource.type": st.lists(
            st.sampled_from([KEY.type, BUCKET.type, {"prefix": "AWS::IAM::"}]), min_size=1, max_size=2
        ),
    },
)
FINDINGS = st.builds(
    lambda type_, account, region, resources, ips: finding(
        type_, *resources, account=account, region=region, observables=tuple(Observable("ip", ip) for ip in ips)
    ),
    st.sampled_from(TYPES),
    st.sampled_from([ACCOUNT, "444455556666"]),
    st.sampled_from(["eu-west-1", None]),
    st.lists(st.sampled_from([KEY, USER, BUCKET, GROUP]), max_size=2),
    st.lists(st.sampled_from(["198.51.100.7", "203.0.113.1"]), max_size=2),
)


@settings(max_examples=150)
@given(st.lists(WHENS, min_size=1, max_size=6), FINDINGS)
def test_the_index_finds_what_asking_every_playbook_finds(whens: list[dict[str, Any]], found: Finding) -> None:
    given_ = [playbook(f"p{at}", when) for at, when in enumerate(whens)]
    expected = [item.id for item in given_ if Rule(item).resources(found) is not None]
    assert matched(found, *given_) == expected
    packaged = Matcher(parse_compiled(dump(policy(*given_)), "playbooks.json"))
    assert [match.playbook.id for match in packaged.match(found)] == expected


@settings(max_examples=100)
@given(st.lists(WHENS, min_size=1, max_size=6), FINDINGS)
def test_what_expects_a_resource_is_found_as_by_asking_every_playbook(
    whens: list[dict[str, Any]], found: Finding
) -> None:
    bare = replace(found, resources=())
    given_ = [playbook(f"p{at}", when) for at, when in enumerate(whens)]
    rules = [Rule(item) for item in given_]
    expected = [
        rule.playbook.id for rule in rules if rule.of_resource and "type" in rule.playbook.when and rule.wants(bare)
    ]
    assert [item.id for item in Matcher(policy(*given_)).expecting(bare)] == expected


def test_what_the_index_has_proved_is_not_asked_again() -> None:
    given_ = [
        playbook("exact", {"type": [TOR]}),
        playbook("folded", {"type": [{"equals-ignore-case": TOR.upper()}]}),
        playbook("title", {"title": [{"prefix": "leaked"}]}),
        playbook("resource", {"resource.type": [KEY.type]}),
    ]
    found = replace(finding(TOR, KEY), title="LEAKED key")
    known = Matcher(policy(*given_))._index.candidates(found)
    assert known == {0: "type", 1: None, 2: "title", 3: None}


def test_no_condition_is_compiled_before_a_finding_asks_for_it() -> None:
    matcher = _crowd(1_000)
    assert matcher._rules == {}
    assert len(matcher.match(finding("Tactic7:IAMUser/Thing", KEY))) == 1
    assert set(matcher._rules) == {7}


def _crowd(size: int) -> Matcher:
    """Half of the types by prefix, half exact."""
    return Matcher(
        Policy(
            tuple(
                Playbook(
                    id=f"p{at}",
                    when={
                        "type": ({"prefix": f"Tactic{at}:IAMUser/"},) if at % 2 else (f"Tactic{at}:IAMUser/Thing",),
                        "severity": (4, 5),
                        "resource.type": ("AWS::IAM::AccessKey",),
                    },
                    remediations=(Step("aws.iam.deactivate_access_key"),),
                    mode="auto",
                )
                for at in range(size)
            )
        )
    )


def _seconds(matcher: Matcher, findings: list[Finding]) -> float:
    """The best of five: noise only ever adds."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        for item in findings:
            assert len(matcher.match(item)) == 1
        times.append(time.perf_counter() - started)
    return min(times)


def test_the_cost_does_not_grow_with_the_number_of_playbooks() -> None:
    findings = [finding(f"Tactic{at % 10}:IAMUser/Thing", KEY, USER) for at in range(300)]
    few, many = _seconds(_crowd(10), findings), _seconds(_crowd(10_000), findings)
    assert many < few * 5, f"{many:.4f} s with 10,000 playbooks, {few:.4f} s with 10"


def test_the_cost_of_a_finding_without_resources_does_not_grow_either() -> None:
    bare = finding("Tactic7:IAMUser/Thing")
    matcher = _crowd(10_000)
    assert [item.id for item in matcher.expecting(bare)] == ["p7"]
    assert set(matcher._rules) == {7}


def test_playbooks_that_differ_in_their_account_only_are_told_apart_by_it() -> None:
    given_ = [
        playbook(f"p{at}", {"source": ["guardduty"], "type": [TOR], "account": [f"{at:012d}"]}) for at in range(2_000)
    ]
    matcher = Matcher(policy(*given_))
    found = finding(TOR, KEY, account="000000000042")
    assert [match.playbook.id for match in matcher.match(found)] == ["p42"]
    assert matcher._index.candidates(found) == {42: "account"}
