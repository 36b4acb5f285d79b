"""What no event is: one sentence that names the place, outcome `rejected`, exit 1, nothing written, nothing lost. What no command is: exit 2."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.functional.cli.command import EVENTS, Stanch, check, event

DEEP = b'{"a":' * 100 + b"1" + b"}" * 100
MESSAGES = {
    "not JSON": (b"hello", "-: is not JSON: Expecting value at line 1, column 1"),
    "cut off": (b'{"detail": {', "-: is not JSON: "),
    "empty": (b"", "-: is empty"),
    "blank": (b" \n\t\n", "-: is empty"),
    "no event in it": (b"[]", "-: holds an empty array, so no event"),
    "NaN": (b'{"a": NaN}', "-: holds the number NaN, which JSON cannot hold"),
    "infinity": (b'{"a": 1e999}', "-: holds the number 1e999, which JSON cannot hold"),
    "a key twice": (b'{"id": 1, "id": 2}', "-: has the key 'id' twice in one object"),
    "deep": (DEEP, "-: has more than 64 objects and arrays within each other"),
    "bytes": (b'{"a": "\xff\xfe"}', "-: is not UTF-8 text (byte 7)"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "-: is UTF-16; JSON events are UTF-8"),
    "an object": (b'{"a": 1}', "the event is of no source that Stanch knows"),
    "a number": (b"5", "the event is of no source that Stanch knows"),
    "null": (b"null", "the event is of no source that Stanch knows"),
}


@pytest.mark.parametrize("what", MESSAGES)
def test_a_sentence_that_names_the_place(shared: Stanch, what: str) -> None:
    content, says = MESSAGES[what]
    shared("actions", "ls")  # the clouds run
    with shared.watched() as writes:
        ran = shared.json("replay", "-", stdin=content)
    assert ran.code == 1
    assert (ran.row["outcome"], ran.row["event"]) == ("rejected", "-")
    assert ran.row["reason"].startswith(says)
    assert "Traceback" not in ran.err
    check(ran.row)
    assert writes == []


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("guardduty/leaked-access-key", {"detail": None}, "type: is missing"),
        ("guardduty/leaked-access-key", {"detail": {"type": 5}}, "detail."),
        ("config/open-ssh", {"detail": {}}, "detail."),
        ("sentinel/crypto-mining-vm", {"object": {"id": 5}}, "object"),
    ],
)
def test_a_wrong_shape_names_the_field(shared: Stanch, name: str, change: dict[str, object], says: str) -> None:
    ran = shared.json("replay", "-", stdin=json.dumps({**event(name), **change}).encode())
    assert ran.code == 1
    assert [row["outcome"] for row in ran.rows] == ["rejected"]
    assert says in ran.row["reason"]


def test_a_source_that_has_no_handler_yet_is_not_dropped(shared: Stanch) -> None:
    raw = {"source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported", "detail": {"findings": []}}
    ran = shared.json("replay", "-", stdin=json.dumps(raw).encode())
    assert ran.row["source"] == "security_hub"
    assert ran.row["outcome"] in ("unmatched", "rejected")
    check(ran.row)


def test_files_that_cannot_be_read_are_told_and_the_rest_goes_on(shared: Stanch, tmp_path: Path) -> None:
    (tmp_path / "1.json").write_bytes(b"")
    (tmp_path / "2.json").symlink_to(tmp_path / "nowhere")
    with (tmp_path / "3.json").open("wb") as huge:
        os.truncate(huge.fileno(), 65 * 1024 * 1024)
    (tmp_path / "4.json").mkdir()
    (tmp_path / "5.json").write_text(json.dumps(event("config/compliant-again")))
    ran = shared.json("replay", tmp_path)
    told = [(Path(row["event"]).name, row["outcome"]) for row in ran.rows]
    assert told == [("1.json", "rejected"), ("2.json", "rejected"), ("3.json", "rejected"), ("5.json", "unmatched")]
    assert "cannot be read: No such file or directory" in ran.rows[1]["reason"]
    assert "is larger than" in ran.rows[2]["reason"]


def test_names_that_move_the_cursor_are_shown_without_effect(shared: Stanch) -> None:
    raw = event("guardduty/sample-finding")
    raw["detail"]["title"] = "\x1b[2J\u202ehttps://evil.example/[bold]x[/bold] :smile:"
    ran = shared("replay", "-", stdin=json.dumps(raw).encode())
    assert not {"\x1b", "\u202e"} & set(ran.out)
    assert "https://evil" not in ran.out
    assert ran.code == 0


def test_a_lone_surrogate_breaks_nothing(shared: Stanch) -> None:
    raw = json.dumps(event("guardduty/sample-finding")).replace('"title": "', '"title": "\\ud800', 1)
    ran = shared.json("replay", "-", stdin=raw.encode())
    assert ran.rows


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("replay",), "Missing argument"),
        (("replay", "nowhere.json"), "stanch: nowhere.json: there is no such file or folder"),
        (("replay", EVENTS, "--mode", "yolo"), "'yolo' is not one of 'observe', 'approve', 'auto'"),
        (("replay", EVENTS, "--output", "xml"), "'xml' is not one of 'text', 'json'"),
        (("replay", EVENTS, "--cloud", "moon"), "'moon' is not one of 'local', 'live'"),
        (("replay", EVENTS, "--now", "yesterday"), "stanch: --now: 'yesterday' is no RFC 3339 time"),
        (("replay", EVENTS, "--now", "0001-01-01T00:00:00+14:00"), "stanch: --now: "),
        (("replay", EVENTS, "--playbooks", "nowhere.yaml"), "stanch: --playbooks: there is no file nowhere.yaml"),
        (("replay", EVENTS, "--no-such-option"), "No such option"),
        (("plan", EVENTS, "--mode", "auto"), "No such option"),
        (("trigger", "guardduty/nothing"), "stanch: sample: there is no guardduty/nothing; there is config/"),
        (("trigger", "guardduty/sample-finding", "--set", "detail.severity"), "stanch: --set: 'detail.severity' is not path=value"),
        (("trigger", "guardduty/sample-finding", "--set", "detail.nothing.here=1"), "stanch: --set: the event has no detail.nothing.here"),
        (("explain",), "stanch: explain: give either an event's PATH or --finding ARN_OR_ID"),
        (("explain", "x", "--finding", "y"), "stanch: explain: give either"),
        (("frobnicate",), "No such command 'frobnicate'"),
        (("actions", "frobnicate"), "No such command 'frobnicate'"),
        ((), "Usage: "),
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_2(shared: Stanch, args: tuple[str, ...], says: str) -> None:
    ran = shared(*args)
    assert ran.code == 2
    assert says in ran.out + ran.err
    assert "Traceback" not in ran.err


def test_a_folder_without_events(shared: Stanch, tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing")
    ran = shared("replay", tmp_path)
    assert ran.code == 2
    assert f"stanch: {tmp_path}: the folder holds no file that ends in .json, .jsonl, .ndjson" in ran.err


def test_a_cloud_that_the_environment_misspells(shared: Stanch) -> None:
    ran = shared("actions", "ls", STANCH_CLOUD="lokal")
    assert (ran.code, ran.err) == (2, "stanch: STANCH_CLOUD: must be local or live, not 'lokal'\n")
