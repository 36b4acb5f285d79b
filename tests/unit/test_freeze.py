"""Change freezes, at the edges: days, daylight saving, exceptions, accounts that nobody can place."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stanch.freeze import holds
from stanch.playbooks.limits import Freeze

YEAR_END = Freeze(
    "year-end",
    "approve",
    tz="Europe/Berlin",
    from_="2026-12-18",
    to="2027-01-04",
    accounts=("prod",),
    except_=("key-leak",),
)
DEPLOYS = Freeze("deploys", "approve", tz="Europe/Berlin", cron="0 22 * * TUE", for_=3 * 3600, accounts=("prod",))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "frozen"),
    [
        ("2026-12-17T22:59:59", False),  # 23:59:59 in Berlin
        ("2026-12-17T23:00:00", True),
        ("2027-01-04T22:59:59", True),  # the last day counts whole
        ("2027-01-04T23:00:00", False),
    ],
)
def test_days_are_local_and_whole(moment: str, frozen: bool) -> None:
    assert holds(YEAR_END, at(moment), "prod", "sg-open") is frozen


def test_an_exception_and_another_group_are_not_frozen() -> None:
    inside = at("2026-12-24T12:00:00")
    assert holds(YEAR_END, inside, "prod", "key-leak") is False
    assert holds(YEAR_END, inside, "sandbox", "sg-open") is False
    assert holds(YEAR_END, inside, None, "sg-open") is True, (
        "an account that nobody can place is treated as in every group"
    )


@pytest.mark.parametrize(
    ("moment", "frozen"),
    [
        ("2026-11-24T20:59:59", False),  # Tuesday, 21:59:59 in Berlin
        ("2026-11-24T21:00:00", True),
        ("2026-11-24T23:59:59", True),  # past midnight in Berlin
        ("2026-11-25T00:00:00", False),
        ("2026-11-25T21:30:00", False),  # Wednesday
        ("2026-07-07T20:00:00", True),  # summer time: 22:00 in Berlin
    ],
)
def test_cron_windows_follow_the_wall_clock(moment: str, frozen: bool) -> None:
    assert holds(DEPLOYS, at(moment), "prod", "sg-open") is frozen


def test_a_window_in_the_skipped_hour_opens_when_the_clock_jumps() -> None:
    night = Freeze("night", "observe", tz="Europe/Berlin", cron="30 2 * * *", for_=3600)
    # On 2026-03-29 Berlin's clock goes from 02:00 to 03:00, which is 01:00 UTC.
    assert holds(night, at("2026-03-29T00:59:59"), None, None) is False
    assert holds(night, at("2026-03-29T01:00:00"), None, None) is True
    assert holds(night, at("2026-03-29T01:59:59"), None, None) is True
    assert holds(night, at("2026-03-29T02:00:00"), None, None) is False


def test_a_window_in_the_repeated_hour_opens_both_times() -> None:
    night = Freeze("night", "observe", tz="Europe/Berlin", cron="30 2 * * *", for_=1800)
    # On 2026-10-25 02:30 comes at 00:30 UTC and again at 01:30 UTC.
    assert [holds(night, at(f"2026-10-25T{clock}"), None, None) for clock in ("00:29:59", "00:30:00", "01:00:00", "01:30:00", "02:00:00")] == [
        False, True, False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ("2026-12-18T18:00:00", "2026-12-19T06:00:00"),  # local to the freeze's zone
        ("2026-12-18T17:00:00Z", "2026-12-19T05:00:00Z"),
        ("2026-12-18T12:00:00-05:00", "2026-12-19T00:00:00-05:00"),
    ],
)
def test_times_are_local_unless_they_name_their_offset(begins: str, ends: str) -> None:
    cutover = Freeze("cutover", "approve", tz="Europe/Berlin", from_=begins, to=ends)
    clocks = ("2026-12-18T16:59:59", "2026-12-18T17:00:00", "2026-12-19T04:59:59", "2026-12-19T05:00:00")
    assert [holds(cutover, at(clock), None, None) for clock in clocks] == [False, True, True, False]


def test_a_window_shorter_than_whole_minutes_ends_at_its_second() -> None:
    short = Freeze("short", "approve", cron="0 22 * * *", for_=90)
    assert holds(short, at("2026-11-24T22:01:29"), None, None) is True
    assert holds(short, at("2026-11-24T22:01:40"), None, None) is False


def test_a_window_without_a_length_is_none() -> None:
    assert holds(Freeze("none", "approve", cron="* * * * *"), at("2026-11-24T22:00:00"), None, None) is False


def test_a_window_at_the_very_start_of_the_skipped_hour_opens_too() -> None:
    night = Freeze("night", "observe", tz="Europe/Berlin", cron="0 2 * * *", for_=60)
    assert holds(night, at("2026-03-29T01:00:30"), None, None) is True
    assert holds(night, at("2026-03-29T01:01:00"), None, None) is False


def test_a_day_of_the_month_alone_names_that_day_alone() -> None:
    first = Freeze("first", "observe", cron="0 0 1 * *", for_=3600)
    assert holds(first, at("2026-12-01T00:10:00"), None, None) is True
    assert holds(first, at("2026-12-02T00:10:00"), None, None) is False


@pytest.mark.parametrize("cron", ["0 0 * * SUN", "0 0 31 * 0", "0 0 31 * 7"])
def test_sunday_is_the_day_before_monday(cron: str) -> None:
    sundays = Freeze("sundays", "observe", cron=cron, for_=3600)
    assert holds(sundays, at("2026-11-29T00:10:00"), None, None) is True  # a Sunday
    assert holds(sundays, at("2026-11-28T00:10:00"), None, None) is False


def test_day_of_month_or_weekday_suffices() -> None:
    either = Freeze("either", "observe", cron="0 0 1 * MON", for_=3600)
    assert holds(either, at("2026-12-01T00:10:00"), None, None) is True  # a Tuesday, the first
    assert holds(either, at("2026-11-30T00:10:00"), None, None) is True  # a Monday
    assert holds(either, at("2026-12-02T00:10:00"), None, None) is False
