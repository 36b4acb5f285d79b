"""What people type as options."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.cli import parsing
from stanch.errors import InvalidInput
from stanch.remediation import Parameter

DECLARED = (
    Parameter("since", "timestamp", ""),
    Parameter("ports", "ports", ""),
    Parameter("names", "strings", ""),
    Parameter("times", "integer", ""),
    Parameter("cut", "boolean", ""),
    Parameter("note", "string", ""),
)
EVENT = {"detail": {"severity": 5, "list": [{"a": 1}, {"a": 2}], "text": "x"}}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("45s", timedelta(seconds=45)),
        ("30m", timedelta(minutes=30)),
        (" 2h ", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
        ("0s", timedelta()),
    ],
)
def test_durations(text: str, found: timedelta) -> None:
    assert parsing.duration(text) == found


@pytest.mark.parametrize("text", ["", "h", "2", "-1h", "1.5h", "2 h", "1w", "٣h", "9999999999d", "99999d", "1h30m"])
def test_no_durations(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^--since: .* is not like 30m, 2h or 7d$"):
        parsing.duration(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-11-20T03:00:00Z", datetime(2026, 11, 20, 3, tzinfo=UTC)),
        ("2026-11-20T03:00:00+02:00", datetime(2026, 11, 20, 1, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        (None, None),
    ],
)
def test_moments(text: str | None, found: datetime | None) -> None:
    assert parsing.moment(text) == found


@given(st.text(max_size=40))
def test_any_moment_is_a_time_in_utc_or_refused(text: str) -> None:
    try:
        found = parsing.moment(text)
    except InvalidInput:
        return
    assert found is not None
    assert found.utcoffset() == timedelta()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("since=2026-11-20T03:00:00+02:00", "2026-11-20T01:00:00Z"),
        ("ports=22,8000-8080", [22, "8000-8080"]),
        ("ports= 22 , 23 ", [22, 23]),
        ("names=a, b", ["a", "b"]),
        ("times=-3", -3),
        ("cut=True", True),
        ("cut=false", False),
        ("note=a=b, c", "a=b, c"),
        ("note=", ""),
    ],
)
def test_parameters_by_their_type(text: str, value: Any) -> None:
    assert parsing.parameters(DECLARED, "x", [text]) == {text.partition("=")[0]: value}


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["speed=1"], "'speed=1': x takes since=(timestamp), ports=(ports), "),
        (["cut"], "'cut': x takes "),
        (["cut=maybe"], "cut must be true or false, not 'maybe'"),
        (["times=1.5"], "times must be a whole number"),
        (["times=" + "9" * 30], "times must be a whole number"),
        (["ports=80-22"], "ports must be ports or ranges"),
        (["ports=70000"], "ports must be ports or ranges"),
        (["ports="], "ports must be ports or ranges"),
        (["ports=22-23-24"], "ports must be ports or ranges"),
        (["since=noon"], "since must be an RFC 3339 time"),
        (["note=a", "note=b"], "note is given twice"),
    ],
)
def test_wrong_parameters(texts: list[str], says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parsing.parameters(DECLARED, "x", texts)
    assert caught.value.place == "--with"
    assert caught.value.reason.startswith(says)


@pytest.mark.parametrize(
    ("text", "value", "new"),
    [
        ("detail.severity=8", {"severity": 8}, []),
        ("detail.text=8x", {"text": "8x"}, []),
        ('detail.text="8"', {"text": "8"}, []),
        ("detail.text=a=b", {"text": "a=b"}, []),
        ("detail.text=NaN", {"text": "NaN"}, []),
        ("detail.list.1.a=[3]", {"list": [{"a": 1}, {"a": [3]}]}, []),
        ("detail.new=null", {"new": None}, ["detail.new"]),
    ],
)
def test_a_changed_event(text: str, value: dict[str, Any], new: list[str]) -> None:
    changed, added = parsing.changed(EVENT, [text])
    assert changed == {"detail": {**EVENT["detail"], **value}}
    assert added == new
    assert EVENT["detail"]["severity"] == 5, "the event itself stays as it is"


@pytest.mark.parametrize("text", ["detail", "=5", "detail.nothing.here=1", "detail.list.9.a=1", "detail.list.x=1", "detail.severity.x=1", "detail.list.5=1", "detail.text.0=y"])  # fmt: skip
def test_a_path_that_leads_nowhere(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parsing.changed(EVENT, [text])
    assert caught.value.place == "--set"
