"""`replay`: what goes in, what comes out, and that nothing is lost or done twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.functional.cli import samples
from tests.functional.cli.command import EVENTS, Stanch, check, event

HOLDING = {"guardduty/root-credential-usage": "protected: ", "guardduty/sample-finding": "sample: ", "sentinel/closed-incident": "archived: "}  # fmt: skip


def written(folder: Path, raw: object, name: str = "event.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(raw))
    return path


@pytest.fixture(scope="module")
def all_rows(shared: Stanch) -> list[dict[str, object]]:
    ran = shared.json("replay", EVENTS)
    assert ran.code == 0
    return ran.rows


def test_every_object_is_as_the_interface_has_it(all_rows: list[dict[str, object]]) -> None:
    for row in all_rows:
        check(row)
    assert {row["event"] for row in all_rows} == {str(path) for path in EVENTS.rglob("*.json")}


def test_acted_means_contained_told_and_timed(all_rows: list[dict[str, object]]) -> None:
    acted = [row for row in all_rows if row["outcome"] == "acted"]
    assert {str(row["remediation"]).partition(".")[0] for row in acted} == {"aws", "azure"}
    for row in acted:
        assert row["changes"]
        assert row["action_id"]
        assert row["notified"] == (["sns", "teams"] if str(row["remediation"]).startswith("aws.") else ["teams"])
        ms = row["ms"]
        assert isinstance(ms, dict)
        assert 0 < ms["to_contained"] <= ms["total"]


@pytest.mark.parametrize("name", sorted(HOLDING))
def test_what_must_not_be_touched_is_held_and_says_by_which_guard(shared: Stanch, name: str) -> None:
    shared.json("replay", EVENTS / f"{name}.json")  # seeds it
    with shared.watched() as writes:
        ran = shared.json("replay", EVENTS / f"{name}.json")
    assert ran.code == 0
    assert [row["outcome"] for row in ran.rows] == ["held"] * len(ran.rows)
    assert all(row["reason"].startswith(HOLDING[name]) for row in ran.rows)
    assert writes == []


def test_the_second_replay_changes_nothing_and_tells_nobody(shared: Stanch, tmp_path: Path) -> None:
    path = written(tmp_path, samples.leaked_key())
    first = shared.json("replay", path)
    assert [row["outcome"] for row in first.rows] == ["acted", "acted"]
    with shared.watched() as writes:
        second = shared.json("replay", path)
    assert second.code == 0
    assert [(row["outcome"], row["notified"], row["changes"]) for row in second.rows] == [("no_op", [], [])] * 2
    assert second.rows[0]["reason"] == f"already contained by action {first.rows[0]['action_id']}"
    assert writes == []


@pytest.mark.parametrize("make", [samples.leaked_key, samples.open_ssh, samples.mining_vm])
def test_a_forged_event_is_rejected_and_nothing_is_written(shared: Stanch, tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    shared.json("replay", EVENTS / "guardduty/sample-finding.json")  # the clouds run
    with shared.watched() as writes:
        ran = shared.json("replay", "--no-seed", written(tmp_path, make()))
    assert ran.code == 1
    assert [row["outcome"] for row in ran.rows] == ["rejected"]
    assert ran.row["reason"].startswith("unconfirmed: ")
    assert writes == []
    check(ran.row)


def test_observe_is_a_ceiling(shared: Stanch, tmp_path: Path) -> None:
    path = written(tmp_path, samples.open_ssh())
    ran = shared.json("replay", "--mode", "observe", path)
    assert (ran.code, ran.row["outcome"], ran.row["reason"]) == (0, "planned", "mode: observe")
    assert ran.row["changes"][0]["after"] is None
    ran = shared.json("replay", "--mode", "approve", path)
    assert (ran.code, ran.row["outcome"]) == (0, "awaiting_approval")
    ran = shared.json("replay", path)
    assert ran.row["outcome"] == "acted"


def test_a_policy_of_ones_own(shared: Stanch, tmp_path: Path) -> None:
    policy = tmp_path / "mine.yaml"
    policy.write_text("extends: shipped\nplaybooks: [{id: sg-open, mode: observe}]\n")
    ran = shared.json("replay", "--playbooks", policy, written(tmp_path, samples.open_ssh()))
    assert (ran.code, ran.row["outcome"]) == (0, "planned")


def test_a_finding_is_judged_at_its_own_time_or_at_the_one_given(shared: Stanch, tmp_path: Path) -> None:
    path = written(tmp_path, samples.open_ssh())
    late = shared.json("replay", "--now", "2026-12-24T00:00:00Z", path)
    assert (late.code, late.row["outcome"]) == (0, "held")
    assert late.row["reason"].startswith("stale: ")
    assert shared.json("replay", path).row["outcome"] == "acted"


def test_several_events_in_one_file_are_numbered(shared: Stanch, tmp_path: Path) -> None:
    compliant = event("config/compliant-again")
    array = written(tmp_path, [compliant, compliant])
    lines = tmp_path / "events.jsonl"
    lines.write_text(f"{json.dumps(compliant)}\n{json.dumps(compliant)}\n")
    ran = shared.json("replay", array, lines)
    assert [row["event"] for row in ran.rows] == [f"{array}#1", f"{array}#2", f"{lines}#1", f"{lines}#2"]
    assert [row["outcome"] for row in ran.rows] == ["unmatched"] * 4
    assert ran.code == 0


def test_a_bad_line_does_not_hide_the_events_after_it(shared: Stanch) -> None:
    good = json.dumps(event("config/compliant-again"))
    ran = shared.json("replay", "-", stdin=f'{good}\n{{"broken": \n{good}\n'.encode())
    assert ran.code == 1
    assert [(row["event"], row["outcome"]) for row in ran.rows] == [
        ("-#1", "unmatched"),
        ("-#2", "rejected"),
        ("-#3", "unmatched"),
    ]
    assert "-#2: is not JSON" in ran.rows[1]["reason"]


def test_a_queue_s_batch_is_its_messages(shared: Stanch, tmp_path: Path) -> None:
    bodies = [json.dumps(event("config/compliant-again")), "{broken", json.dumps(event("guardduty/sample-finding"))]
    records = [
        {"messageId": str(at), "eventSource": "aws:sqs", "body": body, "attributes": {}}
        for at, body in enumerate(bodies)
    ]
    path = written(tmp_path, {"Records": records})
    ran = shared.json("replay", path)
    assert [(row["event"], row["outcome"]) for row in ran.rows] == [
        (f"{path}#1", "unmatched"), (f"{path}#2", "rejected"), (f"{path}#3", "held"),
    ]  # fmt: skip
    assert ran.code == 1


def test_standard_input_and_a_folder(shared: Stanch, tmp_path: Path) -> None:
    raw = json.dumps(event("guardduty/sample-finding")).encode()
    assert shared.json("replay", "-", stdin=raw).row["event"] == "-"
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "one.JSON").write_bytes(raw)
    (tmp_path / "notes.txt").write_text("no event")
    assert [row["event"] for row in shared.json("replay", tmp_path).rows] == [str(tmp_path / "deep" / "one.JSON")]


def test_text_says_first_where_it_is_and_then_what_was_done(shared: Stanch, tmp_path: Path) -> None:
    raw = samples.leaked_key()
    ran = shared("replay", written(tmp_path, raw))
    first, second = ran.out.splitlines()[:2]
    assert (
        first
        == f"local clouds in {shared.folder} · account 123456789012 · us-east-1 · ceiling auto · no real account is touched"
    )
    assert second == "ACTED (medium): Deactivate IAM access key"
    key = samples.key_of(raw)
    assert f"Changed       status of access key {key} of user deploy-" in ran.out
    assert ": Active → Inactive\n" in ran.out
    assert "Told          sns, teams\n" in ran.out
    assert "Undo          stanch undo " in ran.out
    assert ran.err == "2 results: 2 acted\n"


def test_in_json_the_first_line_is_on_stderr(shared: Stanch) -> None:
    ran = shared.json("replay", EVENTS / "config/compliant-again.json")
    assert ran.err.startswith("local clouds in ")
    assert len(ran.out.splitlines()) == 1


def test_a_list_is_grouped_by_account_and_fits_the_width(shared: Stanch, all_rows: list[dict[str, object]]) -> None:
    ran = shared("replay", EVENTS, COLUMNS="100")
    lines = ran.out.splitlines()
    assert lines.count("AWS account 111122223333") == 1
    assert lines.count("Azure subscription 00000000-0000-0000-0000-0000000000a1") == 1
    assert max(map(len, lines[1:])) <= 100
    assert not any(line.endswith(" ") for line in lines)
    assert not any(mark in ran.out for mark in ('{"', '": ', "None"))
    assert ran.err.startswith(f"{len(all_rows)} results: ")
