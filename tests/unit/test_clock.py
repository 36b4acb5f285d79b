"""Times as events, people and playbooks write them."""

from __future__ import annotations

import pytest

from stanch import clock


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+00:01"]
)
def test_a_time_beyond_the_years_of_utc_is_no_time(text: str) -> None:
    """`datetime` holds it, and overflows when it is shown in UTC."""
    with pytest.raises(ValueError, match="beyond the years"):
        clock.parse(text)


@pytest.mark.parametrize(
    "text", ["1000-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", "2026-11-20T03:12:45.123Z", "2026-11-20"]
)
def test_what_is_parsed_can_be_written(text: str) -> None:
    assert clock.parse(clock.iso(clock.parse(text))) <= clock.parse(text)
