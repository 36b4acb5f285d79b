from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.errors import MalformedEvent
from stanch.sources.loading import MAX_BYTES, MAX_DEPTH, load, load_many

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_what_json_holds_is_read_as_it_is(value: Any) -> None:
    assert load(json.dumps(value), "x") == value


BROKEN = st.text() | st.binary() | st.text('{}[]",:0123456789.eE-\\ntfu \n')


@given(BROKEN)
def test_text_is_read_exactly_or_malformed_and_nothing_else(text: str | bytes) -> None:
    try:
        value = load(text, "x")
    except MalformedEvent:
        return
    assert load(json.dumps(value), "x") == value


@given(BROKEN)
def test_a_file_holds_an_event_or_is_malformed_and_nothing_else(text: str | bytes) -> None:
    try:
        found = load_many(text, "x")
    except MalformedEvent:
        return
    assert found
    assert all(place.partition("#")[0] == "x" for place, _ in found)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        (b"", "is empty"),
        ("  \n ", "is empty"),
        ("\ufeff", "is empty"),
        ("hello", "is not JSON: Expecting value at line 1, column 1"),
        ('{"a": 1,\n "b" 2}', "is not JSON: Expecting ':' delimiter at line 2, column 6"),
        ('{"a": 1} {"b": 2}', "is not JSON: Extra data at line 1, column 10"),
        ('{"a": {"k": 1, "k": 2}}', "has the key 'k' twice in one object"),
        ('{"a": NaN}', "holds the number NaN, which JSON cannot hold"),
        ("[Infinity]", "holds the number Infinity, which JSON cannot hold"),
        ("[-Infinity]", "holds the number -Infinity, which JSON cannot hold"),
        ("[1e999]", "holds the number 1e999, which JSON cannot hold"),
        ("[18446744073709551616]", "holds the number 18446744073709551616, which JSON cannot hold"),
        ("[" + "9" * 5000 + "]", "holds the number " + "9" * 40 + "…, which JSON cannot hold"),
        (b"\xff\xfe{\x00}\x00", "is UTF-16; JSON events are UTF-8"),
        (b'{"a": "\xe9"}', "is not UTF-8 text (byte 7)"),
        ('"' + "x" * MAX_BYTES + '"', f"is larger than {MAX_BYTES} bytes"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "has more than 64 objects and arrays within each other"),
    ],
)
def test_refusals_say_what_is_wrong(text: str | bytes, reason: str) -> None:
    with pytest.raises(MalformedEvent) as caught:
        load(text, "events/a.json")
    assert (caught.value.place, caught.value.reason) == ("events/a.json", reason)


def test_a_byte_order_mark_of_utf_8_is_skipped() -> None:
    assert load(b'\xef\xbb\xbf{"a": 1}', "x") == {"a": 1}


def test_the_deepest_event_is_read_and_brackets_in_strings_do_not_count() -> None:
    deep = load("[" * MAX_DEPTH + "]" * MAX_DEPTH, "x")
    for _ in range(MAX_DEPTH - 1):
        (deep,) = deep
    assert deep == []
    assert load(json.dumps({"a": "[" * 500 + '\\"{'}), "x") == {"a": "[" * 500 + '\\"{'}


def test_a_million_brackets_do_not_exhaust_the_stack() -> None:
    with pytest.raises(MalformedEvent, match="within each other"):
        load("[" * (MAX_BYTES - 1), "x")


def test_an_unfinished_string_full_of_quotes_is_refused_at_once() -> None:
    started = time.perf_counter()
    with pytest.raises(MalformedEvent, match="Unterminated string"):
        load('"' + '\\"' * 400_000, "x")
    assert time.perf_counter() - started < 2


class TestLoadMany:
    def test_a_lone_event_keeps_the_place(self) -> None:
        assert load_many(' {"a": 1}\n', "f") == [("f", {"a": 1})]

    def test_an_array_and_json_lines_are_numbered(self) -> None:
        expected = [("f#1", {"a": 1}), ("f#2", {"b": 2})]
        assert load_many('[{"a": 1}, {"b": 2}]', "f") == expected
        assert load_many('{"a": 1}\n{"b": 2}\n', "f") == expected
        assert load_many('{\n"a": 1\n}{"b": 2}', "f") == expected

    def test_a_broken_line_does_not_hide_the_others(self) -> None:
        found = load_many('{"a": 1}\n{"b": \n{"c": 3}\n{"d": 4, "d": 5}\n{"e": 6}', "f")
        assert [(place, value) for place, value in found if isinstance(value, dict)] == [
            ("f#1", {"a": 1}),
            ("f#3", {"c": 3}),
            ("f#5", {"e": 6}),
        ]
        broken = [value for _, value in found if isinstance(value, MalformedEvent)]
        assert [error.place for error in broken] == ["f#2", "f#4"]
        assert broken[1].reason == "has the key 'd' twice in one object"

    @pytest.mark.parametrize("text", ["", "[]", "no event", '{"a": 1, "a": 2}', '{"a": '])
    def test_a_file_without_any_event_is_refused(self, text: str) -> None:
        with pytest.raises(MalformedEvent):
            load_many(text, "f")

    def test_a_long_file_may_hold_many_events_but_no_event_too_large(self) -> None:
        small, large = json.dumps({"a": "x" * 300_000}), json.dumps({"a": "x" * MAX_BYTES})
        found = load_many("\n".join([small] * 5 + [large, small]), "f")
        assert [type(value) for _, value in found] == [dict] * 5 + [MalformedEvent, dict]
        assert found[5][1].reason == f"is larger than {MAX_BYTES} bytes"
