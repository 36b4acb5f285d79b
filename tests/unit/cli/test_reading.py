"""Events in files, folders and batches; and ids for samples that were changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.cli import fresh
from stanch.cli.reading import Event, read
from stanch.errors import InvalidInput
from stanch.finding import Finding, Severity


def finding(id_: str, **upstream: str) -> Finding:
    return Finding(
        "x", id_, "1", "t", "t", Severity.LOW, "", None, upstream=upstream, updated_at=datetime(2026, 1, 1, tzinfo=UTC)
    )


def places(*paths: Path) -> list[str]:
    return [event.place for event in read([str(path) for path in paths])]


def test_in_order_of_name_whatever_the_letter_case_of_the_ending(tmp_path: Path) -> None:
    for name in ("b.json", "a.jsonl", "sub/c.NDJSON", "d.txt", "e.json.bak"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")
    assert places(tmp_path) == [str(tmp_path / name) for name in ("a.jsonl", "b.json", "sub/c.NDJSON")]


def test_a_file_that_is_named_is_read_whatever_its_ending(tmp_path: Path) -> None:
    (tmp_path / "event").write_text("{}")
    assert places(tmp_path / "event") == [str(tmp_path / "event")]


def test_numbers_within_numbers(tmp_path: Path) -> None:
    batch = {"Records": [{"eventSource": "aws:sqs", "body": "{}"}, {"eventSource": "aws:sqs", "body": "5"}]}
    path = tmp_path / "x.json"
    path.write_text(json.dumps(batch))
    assert places(path) == [f"{path}#1", f"{path}#2"]
    path.write_text(json.dumps([{}, batch]))
    assert places(path) == [f"{path}#1", f"{path}#2.1", f"{path}#2.2"]


@pytest.mark.parametrize(
    "raw",
    [
        {"Records": []},
        {"Records": [{"eventSource": "aws:sns", "Sns": {}}]},
        {"Records": [{"eventSource": "aws:sqs", "body": 5}]},
        {"Records": "x"},
    ],
)
def test_what_is_no_batch_is_one_event(tmp_path: Path, raw: dict[str, object]) -> None:
    (tmp_path / "x.json").write_text(json.dumps(raw))
    assert [event.raw for event in read([str(tmp_path)])] == [raw]


def test_a_path_that_is_not_there() -> None:
    with pytest.raises(InvalidInput, match=r"^/nowhere: there is no such file or folder$"):
        list(read(["/nowhere"]))


@given(st.binary(max_size=200))
def test_any_content_is_events_or_problems_with_a_place(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    found = list(read([str(path)]))
    assert found
    assert all(event.place.startswith(str(path)) for event in found)
    assert all(event.problem is None or str(path) in event.problem for event in found)


HEX, GUID = "01c1b2a39f4e5d6c7b8a9f0e1d2c3b4a", "00000000-0000-0000-0000-000000004003"


def test_ids_that_a_source_gave() -> None:
    found = [
        finding(f"arn:aws:guardduty:eu-west-1:1:detector/d/finding/{HEX}"),
        finding(GUID, incident_id="/x/Incidents/" + GUID.replace("4", "1")),
        finding("restricted-ssh|sg-1"),
    ]
    assert fresh.names(found) == {HEX, GUID, GUID.replace("4", "1")}


def test_new_ids_of_the_same_form_wherever_they_stand() -> None:
    event = Event("x", {"id": HEX, "arn": f"arn:x/{HEX}", "alert": GUID, "other": "kept"})
    changed = fresh.fresh(event, {HEX, GUID}).raw
    assert changed["arn"] == f"arn:x/{changed['id']}"
    assert (len(changed["id"]), len(changed["alert"]), changed["other"]) == (32, 36, "kept")
    assert not {HEX, GUID} & {changed["id"], changed["alert"]}
    assert fresh.fresh(event, set()).raw == event.raw
