"""Cron lines, field by field."""

from __future__ import annotations

import pytest

from stanch.playbooks.cron import Cron, parse

ALL_HOURS, ALL_MONTHS = frozenset(range(24)), frozenset(range(1, 13))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 22 * * TUE", Cron(frozenset({0}), frozenset({22}), None, ALL_MONTHS, frozenset({2}))),
        ("*/15 * * * *", Cron(frozenset({0, 15, 30, 45}), ALL_HOURS, None, ALL_MONTHS, None)),
        ("5/20 9-17/4 1,15 * *", Cron(frozenset({5, 25, 45}), frozenset({9, 13, 17}), frozenset({1, 15}), ALL_MONTHS, None)),
        ("0 0 24-31 dec mon-fri", Cron(frozenset({0}), frozenset({0}), frozenset(range(24, 32)), frozenset({12}), frozenset(range(1, 6)))),
        ("0 0 * * 7", Cron(frozenset({0}), frozenset({0}), None, ALL_MONTHS, frozenset({0}))),
        ("0 0 * * */2", Cron(frozenset({0}), frozenset({0}), None, ALL_MONTHS, frozenset({0, 2, 4, 6}))),
    ],
)  # fmt: skip
def test_parse(text: str, expected: Cron) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has 0 fields"),
        ("0 22 * *", "has 4 fields"),
        ("60 * * * *", "'60' is no minute (0 to 59)"),
        ("* 24 * * *", "'24' is no hour"),
        ("* * 0 * *", "'0' is no day of month (1 to 31)"),
        ("* * * 13 *", "'13' is no month"),
        ("* * * * 8", "'8' is no day of week"),
        ("* * * TUE *", "'TUE' is no month"),
        ("-5 * * * *", "'' is no minute"),
        ("5- * * * *", "'' is no minute"),
        ("9-5 * * * *", "'9-5' runs backwards"),
        ("*/0 * * * *", "'*/0' has no step"),
        ("*/x * * * *", "'*/x' has no step"),
        ("1,,2 * * * *", "'' is no minute"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert reason in str(caught.value)
