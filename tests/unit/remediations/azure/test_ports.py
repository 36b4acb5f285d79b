from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediations.azure import ports
from stanch.errors import InvalidInput

numbers = st.integers(0, 60)
intervals = st.tuples(numbers, numbers).map(lambda ends: (min(ends), max(ends)))


def members(found: list[ports.Interval]) -> set[int]:
    return {port for low, high in found for port in range(low, high + 1)}


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("22", (22, 22)),
        (22, (22, 22)),
        ("20-25", (20, 25)),
        (" 20 - 25 ", (20, 25)),
        ("*", (0, 65535)),
        ("0-65535", (0, 65535)),
    ],
)
def test_ports_as_rules_write_them(text: object, interval: ports.Interval) -> None:
    assert ports.parse(text) == interval


@pytest.mark.parametrize("text", ["", "ssh", "22,23", "25-20", "-1", "65536", "1-", "²", "1-2-3", None])
def test_what_is_no_port_is_said_to_be_none(text: object) -> None:
    with pytest.raises(InvalidInput):
        ports.parse(text)


@given(intervals)
def test_text_is_read_back(interval: ports.Interval) -> None:
    assert ports.parse(ports.text(interval)) == interval


@given(intervals, st.lists(intervals))
def test_cutting_takes_exactly_what_is_cut(interval: ports.Interval, away: list[ports.Interval]) -> None:
    left = ports.cut(interval, away)
    assert members(left) == members([interval]) - members(away)
    assert left == sorted(left)


@given(st.lists(intervals), st.lists(intervals))
def test_meeting_and_uniting_are_those_of_sets(one: list[ports.Interval], other: list[ports.Interval]) -> None:
    assert members(ports.meet(one, other)) == members(one) & members(other)
    united = ports.union([*one, *other])
    assert members(united) == members(one) | members(other)
    assert all(high + 1 < low for (_, high), (low, _) in pairwise(united))
