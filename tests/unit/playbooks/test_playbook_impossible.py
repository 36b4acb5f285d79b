"""Patterns that are well-formed and yet match no finding that could ever come."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch import sources
from stanch.action import Outcome
from stanch.finding import Severity
from stanch.playbooks.fields import FIELDS, OUTCOMES, SOURCES, find, names
from stanch.playbooks.impossible import named, never
from stanch.playbooks.numeric import compare, possible

IMPOSSIBLE: list[tuple[str, Any, str]] = [
    ("severity", 9, "from 0 to 5"),
    ("severity", -1, "never -1"),
    ("severity", 3.5, "whole number"),
    ("severity", "hgih", "did you mean 'high'?"),
    ("severity", True, "never True"),
    ("severity", None, "never missing"),
    ("severity", {"exists": False}, "never missing"),
    ("severity", {"prefix": "hi"}, "prefix cannot match it"),
    ("severity", {"numeric": [">", 5]}, "no such number"),
    ("severity", {"numeric": [">", 4, "<", 5]}, "no such number"),
    ("severity", {"anything-but": [0, 1, 2, 3, 4, 5]}, "excludes every severity"),
    ("severity", {"anything-but": ["hgih"]}, "did you mean 'high'?"),
    ("score", 11, "from 0 to 10"),
    ("score", {"numeric": [">", 5, "<", 3]}, "no such number"),
    ("score", {"numeric": [">", 10]}, "no such number"),
    ("score", {"numeric": ["=", 4, "=", 5]}, "no such number"),
    ("count", 0, "from 1"),
    ("count", {"numeric": ["<", 1]}, "no such number"),
    ("compliant", "false", "true or false"),
    ("compliant", {"anything-but": True}, "anything-but cannot match it"),
    ("source", "guardutty", "did you mean 'guardduty'?"),
    ("source", {"prefix": "aws."}, "is one of guardduty, config"),
    ("source", {"anything-but": {"wildcard": "*"}}, "is one of"),
    ("resource.role", "attacker", "actor, target, affected"),
    ("type", 5, 'write "5" in quotes'),
    ("type", None, "never missing"),
    ("type", {"numeric": ["=", 5]}, "numeric cannot match it"),
    ("type", {"cidr": "10.0.0.0/8"}, "cidr cannot match it"),
    ("type", "", "never empty"),
    ("account", 111122223333, "in quotes"),
    ("account", "11112222333", "neither a 12-digit AWS account id nor an Azure GUID"),
    ("resource.account", "prod", "neither"),
    ("resource.type", "iam-key", "form of no resource type"),
    ("resource.type", "AWS.IAM.AccessKey", "form of no resource type"),
    ("observables.ip", "10.0.0.0/8", "write {cidr: '10.0.0.0/8'}"),
    ("observables.ip", "c2.example", "is no IP address"),
    ("observables.ip", {"numeric": ["=", 1]}, "numeric cannot match it"),
]

POSSIBLE: list[tuple[str, Any]] = [
    ("severity", 0),
    ("severity", 5),
    ("severity", {"numeric": [">", 3, "<", 5]}),
    ("severity", {"anything-but": [0]}),
    ("severity", {"exists": True}),
    ("score", 8.9),
    ("score", None),
    ("score", {"exists": False}),
    ("score", {"numeric": [">=", 10]}),
    ("count", {"numeric": [">", 100]}),
    ("compliant", False),
    ("source", "event_grid"),
    ("source", {"prefix": "se"}),
    ("source", {"anything-but": "config"}),
    ("region", None),
    ("account", "00000000-0000-0000-0000-0000000000a1"),
    ("account", {"prefix": "1111"}),
    ("resource.type", "AWS::::Account"),
    ("resource.type", "Microsoft.Compute/virtualMachines"),
    ("resource.type", "Microsoft.Sql/servers/databases"),
    ("resource.details.count", {"numeric": [">", 1]}),
    ("resource.details.x", None),
    ("observables.ip", {"cidr": "10.0.0.0/8"}),
    ("observables.ip", "2001:db8::1"),
]


@pytest.mark.parametrize(("field", "pattern", "reason"), IMPOSSIBLE, ids=repr)
def test_impossible(field: str, pattern: Any, reason: str) -> None:
    found = find(field)
    assert found is not None
    assert reason in str(never(found, named(found, pattern)))


@pytest.mark.parametrize(("field", "pattern"), POSSIBLE, ids=repr)
def test_possible(field: str, pattern: Any) -> None:
    found = find(field)
    assert found is not None
    assert never(found, named(found, pattern)) is None


def test_severity_names_are_numbers_everywhere() -> None:
    severity = FIELDS["severity"]
    assert [named(severity, name) for name in ("unknown", "informational", "low", "medium", "high", "critical")] == [
        0, 1, 2, 3, 4, 5,
    ]  # fmt: skip
    assert named(severity, {"numeric": [">=", "high"]}) == {"numeric": [">=", 4]}
    assert named(severity, {"anything-but": ["Low", 5]}) == {"anything-but": [2, 5]}
    assert severity.choices == tuple(int(level) for level in Severity)
    assert named(FIELDS["title"], "high") == "high"


def test_fields_that_patterns_may_ask_for() -> None:
    assert names({"finding", "resource"}) == [
        "source", "type", "title", "severity", "score", "account", "region", "count", "compliant", "resource.type", "resource.id",
        "resource.role", "resource.account", "observables.ip", "observables.domain", "observables.hash", "observables.principal",
        "resource.details.*",
    ]  # fmt: skip
    assert find("resource.details.") is None
    assert find("resource.details.a.b") is not None
    assert find("live.website") is not None
    assert find("resource.name") is None


def test_the_sources_are_those_that_there_are() -> None:
    assert SOURCES == sources.SOURCES


def test_the_outcomes_are_those_that_there_are() -> None:
    assert set(OUTCOMES) == {str(outcome) for outcome in Outcome}


BOUNDS = st.integers(-2, 8)
SIGNS = st.sampled_from(["=", "<", "<=", ">", ">="])


@given(SIGNS, BOUNDS, SIGNS, BOUNDS, st.integers(0, 3), st.integers(3, 6))
def test_a_range_is_possible_exactly_if_a_number_satisfies_it(
    sign: str, bound: int, other: str, limit: int, low: int, high: int
) -> None:
    comparisons = [(sign, bound), (other, limit)]
    flat = [sign, bound, other, limit]
    assert possible(comparisons, low, high, True) is any(compare(flat, value) for value in range(low, high + 1))
    halves = [value / 2 for value in range(low * 2, high * 2 + 1)]
    assert possible(comparisons, low, high, False) is any(compare(flat, value) for value in halves)
