"""EventBridge pattern syntax, value by value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.playbooks.patterns import OPERATORS, compile_patterns, wrong
from stanch.playbooks.wildcards import Glob, meet

MATCHES: list[tuple[list[Any], Any]] = [
    (["a"], "a"),
    (["a", "b"], "b"),
    ([3], 3),
    ([3], 3.0),
    ([3.5], 3.5),
    ([True], True),
    ([False], False),
    ([None], None),
    ([""], ""),
    (["b"], ["a", "b"]),
    ([{"prefix": "Unauth"}], "UnauthorizedAccess:EC2/TorClient"),
    ([{"prefix": ""}], ""),
    ([{"prefix": {"equals-ignore-case": "UNAUTH"}}], "unauthorizedAccess"),
    ([{"suffix": ".png"}], "x.png"),
    ([{"suffix": {"equals-ignore-case": ".PNG"}}], "x.png"),
    ([{"suffix": "b"}], ["xa", "xb"]),
    (
        [{"wildcard": "*InstanceCredentialExfiltration*"}],
        "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.InsideAWS",
    ),
    ([{"wildcard": "a*b*c"}], "abc"),
    ([{"wildcard": "a*b*c"}], "a--b-b--c"),
    ([{"wildcard": "*"}], ""),
    ([{"wildcard": "exact"}], "exact"),
    ([{"wildcard": "5\\*"}], "5*"),
    ([{"wildcard": "a\\\\*"}], "a\\b"),
    ([{"wildcard": "*a\nb*"}], "xa\nby"),
    ([{"equals-ignore-case": "ALICE"}], "alice"),
    ([{"equals-ignore-case": "straße"}], "STRASSE"),
    ([{"numeric": ["=", 1]}], 1),
    ([{"numeric": [">", 0, "<=", 5]}], 5),
    ([{"numeric": [">", 0, "<=", 5]}], 0.1),
    ([{"numeric": [">=", 7]}], [1, 8]),
    ([{"anything-but": "a"}], "b"),
    ([{"anything-but": ["a", "b"]}], "c"),
    ([{"anything-but": [1, 2]}], 3),
    ([{"anything-but": 1}], "1"),
    ([{"anything-but": {"prefix": "us-"}}], "eu-west-1"),
    ([{"anything-but": {"prefix": ["us-", "eu-"]}}], "ap-south-1"),
    ([{"anything-but": {"suffix": ".png"}}], "x.jpg"),
    ([{"anything-but": {"wildcard": "*/lib/*"}}], "/usr/bin/x"),
    ([{"anything-but": {"equals-ignore-case": "Initializing"}}], "done"),
    ([{"anything-but": "a"}], ["a", "b"]),
    ([{"exists": True}], "x"),
    ([{"exists": True}], 0),
    ([{"exists": True}], False),
    ([{"exists": True}], {"nested": 1}),
    ([{"exists": False}], None),
    ([{"exists": False}], []),
    ([{"cidr": "10.0.0.0/8"}], "10.255.0.1"),
    ([{"cidr": "198.51.100.7/32"}], ["203.0.113.1", "198.51.100.7"]),
    ([{"cidr": "2001:db8::/32"}], "2001:db8::1"),
    ([{"cidr": "10.0.0.0/8"}], "::ffff:10.0.0.1"),
    (["x", {"exists": False}], None),
    (["a", {"prefix": "b"}], "bc"),
]

MISMATCHES: list[tuple[list[Any], Any]] = [
    (["a"], "A"),
    (["a"], None),
    (["a"], []),
    ([3], "3"),
    (["3"], 3),
    ([1], True),
    ([True], 1),
    ([0], False),
    ([None], "x"),
    ([None], False),
    (["b"], ["a", "c"]),
    ([{"prefix": "unauth"}], "UnauthorizedAccess"),
    ([{"prefix": "1"}], 12),
    ([{"suffix": ".png"}], "x.pngx"),
    ([{"wildcard": "a*b*c"}], "acb"),
    ([{"wildcard": "ab*ba"}], "aba"),
    ([{"wildcard": "a*b"}], "abx"),
    ([{"wildcard": "5\\*"}], "55"),
    ([{"wildcard": "*"}], None),
    ([{"equals-ignore-case": "alice"}], "alicia"),
    ([{"numeric": ["=", 1]}], True),
    ([{"numeric": ["=", 1]}], "1"),
    ([{"numeric": [">", 0, "<=", 5]}], 0),
    ([{"numeric": [">", 0, "<=", 5]}], 5.01),
    ([{"anything-but": "a"}], "a"),
    ([{"anything-but": "a"}], None),
    ([{"anything-but": "a"}], []),
    ([{"anything-but": ["a", "b"]}], ["a", "b"]),
    ([{"anything-but": {"prefix": ["us-", "eu-"]}}], "eu-west-1"),
    ([{"exists": True}], None),
    ([{"exists": True}], []),
    ([{"exists": False}], ""),
    ([{"exists": False}], False),
    ([{"cidr": "10.0.0.0/8"}], "11.0.0.1"),
    ([{"cidr": "10.0.0.0/8"}], "not an address"),
    ([{"cidr": "10.0.0.0/8"}], "2001:db8::1"),
    ([{"cidr": "0.0.0.0/0"}], 1),
]


@pytest.mark.parametrize(("patterns", "value"), MATCHES, ids=repr)
def test_matches(patterns: list[Any], value: Any) -> None:
    assert [wrong(pattern) for pattern in patterns] == [None] * len(patterns)
    assert compile_patterns(patterns)(value) is True


@pytest.mark.parametrize(("patterns", "value"), MISMATCHES, ids=repr)
def test_does_not_match(patterns: list[Any], value: Any) -> None:
    assert [wrong(pattern) for pattern in patterns] == [None] * len(patterns)
    assert compile_patterns(patterns)(value) is False


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("ABC", "abc"),
        ({"prefix": "/Subscriptions/"}, "/SUBSCRIPTIONS/x"),
        ({"suffix": "VM-1"}, "x/vm-1"),
        ({"wildcard": "*/RESOURCEGROUPS/Web/*"}, "/s/resourceGroups/web/x"),
    ],
)
def test_folding_ignores_case_on_both_sides(pattern: Any, value: str) -> None:
    assert compile_patterns([pattern], fold=True)(value) is True
    assert compile_patterns([pattern])(value) is False
    assert compile_patterns([{"anything-but": pattern}], fold=True)(value) is False


MALFORMED: list[tuple[Any, str]] = [
    (["a"], "not a list"),
    ({"prefix": "a", "suffix": "b"}, "holds one operator, not 2"),
    ({}, "holds one operator, not 0"),
    ({"prefixx": "a"}, "unknown operator 'prefixx'"),
    ({"prefix": 5}, "needs a text, not 5"),
    ({"prefix": {"wildcard": "a"}}, "needs a text or {equals-ignore-case: text}"),
    ({"suffix": None}, "needs a text, not None"),
    ({"equals-ignore-case": 1}, "needs a text"),
    ({"wildcard": "a**b"}, "two wildcards next to each other"),
    ({"wildcard": "a\\b"}, "a backslash stands before"),
    ({"wildcard": "a\\"}, "ends with a single backslash"),
    ({"wildcard": 1}, "needs a text"),
    ({"numeric": 5}, "needs one or two comparisons"),
    ({"numeric": []}, "needs one or two comparisons"),
    ({"numeric": [">", 0, "<"]}, "needs one or two comparisons"),
    ({"numeric": ["!=", 0]}, "'!=' is no comparison"),
    ({"numeric": [">", "0"]}, "'0' is no number"),
    ({"numeric": [">", True]}, "True is no number"),
    ({"numeric": [">", float("nan")]}, "is no number"),
    ({"anything-but": []}, "lists nothing"),
    ({"anything-but": {"prefix": []}}, "lists nothing"),
    ({"anything-but": {"numeric": [">", 1]}}, "takes values, or one of prefix"),
    ({"anything-but": [{"prefix": "a"}]}, "takes values, not {'prefix': 'a'}"),
    ({"anything-but": {"wildcard": "**"}}, "two wildcards"),
    ({"exists": "yes"}, "needs true or false"),
    ({"cidr": "10.0.0.0/33"}, "is no network"),
    ({"cidr": "10.0.0.5/8"}, "did you mean '10.0.0.0/8'?"),
    ({"cidr": 10}, "needs a network"),
]


@pytest.mark.parametrize(("pattern", "reason"), MALFORMED, ids=repr)
def test_malformed_patterns_are_named(pattern: Any, reason: str) -> None:
    assert reason in str(wrong(pattern))


def test_every_operator_is_tried_above() -> None:
    tried = {name for patterns, _ in MATCHES for item in patterns if isinstance(item, dict) for name in item}
    assert tried == set(OPERATORS)


def test_a_hostile_value_costs_little() -> None:
    """Backtracking would take longer than the universe lasts."""
    test = compile_patterns([{"wildcard": "*a*a*a*a*a*a*a*a*a*a*a*a*b"}])
    assert test("a" * 100_000) is False


def _reference(pattern: str, text: str) -> bool:
    """A wildcard by its definition: a star takes nothing, or one character and then again itself."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return _reference(pattern[1:], text) or (bool(text) and _reference(pattern, text[1:]))
    return bool(text) and pattern[0] == text[0] and _reference(pattern[1:], text[1:])


GLOBS = st.text("ab*", max_size=6).filter(lambda text: "**" not in text)


@given(GLOBS, st.text("ab", max_size=7))
def test_wildcards_agree_with_their_definition(pattern: str, text: str) -> None:
    assert Glob(pattern)(text) is _reference(pattern, text)


@given(GLOBS, GLOBS, st.text("ab", max_size=6))
def test_wildcards_that_share_a_text_meet(one: str, other: str, text: str) -> None:
    if Glob(one)(text) and Glob(other)(text):
        assert meet(Glob(one), Glob(other))
    assert meet(Glob(one), Glob(other)) is meet(Glob(other), Glob(one))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a*", "b*", False),
        ("a*", "*b", True),
        ("ab", "a*b", True),
        ("*x", "*y", False),
        ("*x*", "*y*", True),
        ("a*c", "ab", False),
        ("", "*", True),
    ],
)
def test_meet(one: str, other: str, expected: bool) -> None:
    assert meet(Glob(one), Glob(other)) is expected
