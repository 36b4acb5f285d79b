from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.errors import MalformedEvent
from stanch.sources._redact import REDACTED, redact
from stanch.sources._shape import Node, clean


def refusal(call: Any) -> tuple[str, str]:
    with pytest.raises(MalformedEvent) as caught:
        call()
    return caught.value.place, caught.value.reason


@pytest.mark.parametrize("key", ["accountId", "AccountId", "account_id", "ACCOUNTID"])
def test_a_field_is_found_however_it_is_spelt(key: str) -> None:
    assert Node({key: 7}, "detail").get("accountId") == Node(7, "detail.accountId")


def test_two_spellings_may_agree_but_not_contradict() -> None:
    assert Node({"id": "a", "Id": "a", "ID": None}).get("id").text() == "a"
    assert refusal(lambda: Node({"id": "a", "Id": "b"}, "detail").get("id")) == (
        "detail.id", "stands here in two spellings that contradict each other",
    )  # fmt: skip


def test_an_object_may_be_json_text_or_a_list_of_one() -> None:
    assert Node('{"a": {"b": 1}}').at("a", "b").value == 1
    assert Node([{"a": 1}]).get("a").value == 1
    assert Node(None).at("a", "b", "c") == Node(None, "a.b.c")
    assert refusal(lambda: Node([{}, {}], "x").get("a")) == ("x", "must be an object, not a list")
    assert refusal(lambda: Node("{broken", "x").get("a"))[0] == "x"


def test_a_list_may_be_one_object_or_numbered_keys() -> None:
    assert [node.place for node in Node([1, None, 2], "x").items()] == ["x[0]", "x[2]"]
    assert [node.value for node in Node({"a": 1}).items()] == [{"a": 1}]
    assert [node.value for node in Node({"0": "a", "1": "b"}).items()] == ["a", "b"]
    assert [node.value for node in Node('["a", "b"]').items()] == ["a", "b"]
    assert list(Node(None).items()) == list(Node("").items()) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(" a ", "a"), ("", None), ("  ", None), (None, None), (7, "7"), (979326520502.0, "979326520502"), (1.5, "1.5")],
)
def test_text(value: Any, text: str | None) -> None:
    assert Node(value).text() == text


@pytest.mark.parametrize("value", [True, [], {}, ["a"]])
def test_what_is_no_text_is_refused(value: Any) -> None:
    assert refusal(Node(value, "x").text)[0] == "x"


@pytest.mark.parametrize(
    ("value", "number"), [("8", 8.0), (8, 8.0), ("7.5", 7.5), (None, None), ("", None), ("None", None)]
)
def test_numbers_may_be_text(value: Any, number: float | None) -> None:
    assert Node(value).number() == number


@pytest.mark.parametrize("value", ["high", True, "nan", "inf", [1], {"a": 1}, float("nan")])
def test_what_is_no_number_is_refused(value: Any) -> None:
    assert refusal(Node(value, "x").number)[1].startswith("must be a number, not ")


@pytest.mark.parametrize(("value", "count"), [(None, 1), ("20", 20), (3, 3), (0, 1), (-4, 1), (2.0, 2)])
def test_counts_are_at_least_one(value: Any, count: int) -> None:
    assert Node(value).count() == count


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("False", False),
        ("1", True),
        (0, False),
        (None, False),
        ("", False),
    ],
)
def test_flags_may_be_text(value: Any, flag: bool) -> None:
    assert Node(value).flag() is flag


@pytest.mark.parametrize("value", ["yes", "no", 2, [True], {}, "truee"])
def test_a_doubtful_flag_is_refused(value: Any) -> None:
    assert refusal(Node(value, "service.archived").flag)[0] == "service.archived"


@pytest.mark.parametrize(
    "value",
    ["2026-03-01T10:00:00Z", "2026-03-01T10:00:00.000Z", "2026-03-01T12:00:00+02:00", "2026-03-01 10:00:00+00:00", "2026-03-01 10:00:00",
     "2026-03-01T10:00:00.0000000Z", 1772359200, 1772359200.0, 1772359200000],
)  # fmt: skip
def test_times_come_in_many_forms(value: Any) -> None:
    assert Node(value).moment() == datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, "", "None", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:00"])
def test_the_empty_dates_are_none(value: Any) -> None:
    assert Node(value).moment() is None


@pytest.mark.parametrize(
    "value", ["yesterday", "2022-03-02T00: 09: 06Z", "9999-12-31T23:59:59-23:00", 1e300, True, ["2026"], {}]
)
def test_an_unreadable_time_is_refused(value: Any) -> None:
    assert refusal(Node(value, "updatedAt").moment)[0] == "updatedAt"


def test_a_placeholder_is_called_one() -> None:
    name = re.compile(r"[a-z]+")
    assert Node("abc").matching(name, "a name") == "abc"
    assert Node(None).matching(name, "a name") is None
    for text in ("${role_name}", "<REDACTED>", "{{name}}"):
        assert refusal(lambda text=text: Node(text, "x").matching(name, "a name"))[1].startswith(
            "is a placeholder, not a name: "
        )
    assert refusal(lambda: Node("a\nb", "x").matching(name, "a name")) == ("x", r"is not a name: 'a\nb'")


def test_cleaning_makes_every_text_encodable() -> None:
    cleaned = clean({"a\ud800": ["b\udfff", {"c": 1.5}]})
    assert cleaned == {"a\ufffd": ["b\ufffd", {"c": 1.5}]}


def test_cleaning_refuses_what_json_cannot_hold() -> None:
    cyclic: dict[str, Any] = {}
    cyclic["again"] = cyclic
    for value in (cyclic, {"a": float("inf")}, {"a": {1: 2}}, {"a": object()}, {"a": b"x"}, {"a": 2**64}):
        with pytest.raises(MalformedEvent):
            clean(value)


def test_secrets_are_redacted_at_any_depth_and_in_json_text() -> None:
    event = {
        "accessKeyDetails": {
            "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
            "secretAccessKey": "not-to-be-kept",
            "SessionToken": "not-to-be-kept",
        },
        "list": [{"dbPassword": "not-to-be-kept", "password": None}],
        "text": '{"inner": {"secret_access_key": "not-to-be-kept", "kept": "é"}}',
        "broken": '{"password": not-to-be-kept',
        "authorization": {"scope": "kept"},
        "title": "the password was changed",
    }
    kept = redact(event)
    assert "not-to-be-kept" not in str(kept)
    assert kept["accessKeyDetails"] == {
        "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
        "secretAccessKey": REDACTED,
        "SessionToken": REDACTED,
    }
    assert kept["text"] == '{"inner": {"secret_access_key": "[redacted]", "kept": "é"}}'
    assert kept["list"] == [{"dbPassword": REDACTED, "password": None}]
    assert kept["broken"] == REDACTED
    assert (kept["authorization"], kept["title"]) == ({"scope": "kept"}, "the password was changed")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab{}"),
        lambda x: st.lists(x) | st.dictionaries(st.text("ab"), x),
    )
)
def test_nothing_else_is_redacted(value: Any) -> None:
    assert redact(value) == value
