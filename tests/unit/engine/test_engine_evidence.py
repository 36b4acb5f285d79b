"""The evidence of an action: complete, the same bytes every time, checkable by hand, and without secrets."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from stanch import report
from stanch.action import Action
from stanch.decision import Decision, Identity, Request
from stanch.evidence import bundle
from stanch.report import of_action
from stanch.sources import guardduty
from tests.unit.engine.bench import Bench, finding, of_type, playbook, vault
from tests.unit.engine.toy_remediations import CloseDoor, SealVault

EVENT = Path(__file__).parents[3] / "events/guardduty/leaked-access-key.json"
FILES = [
    "README.txt", "SHA256SUMS", "action.json", "approvals.json", "event.json", "finding.json", "history.jsonl", "plan.json",
    "report.txt", "steps.json",
]  # fmt: skip


@pytest.fixture
def undone(bench: Bench) -> Action:
    bench.vault()
    acted = bench.deliver(finding(vault(), raw={"detail": {"name": "vault-1"}}, upstream={"finding_id": "f1"}))
    bench.undo(acted.action_id).run()
    return bench.action(acted)


def opened(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def read(packed: bytes, name: str) -> Any:
    return json.loads(opened(packed)[name])


def test_everything_is_there(undone: Action) -> None:
    packed = bundle(undone)
    assert sorted(opened(packed)) == FILES
    assert read(packed, "event.json") == {"detail": {"name": "vault-1"}}
    found = read(packed, "finding.json")
    assert (found["source"], found["finding"]["type"], found["upstream"]) == ("toy", "Toy:Door/Open", {"finding_id": "f1"})  # fmt: skip
    plan = read(packed, "plan.json")
    assert (plan["remediation"], plan["plan"]["digest"], plan["policy"]) == (SealVault.id, undone.plan["digest"], undone.policy)  # fmt: skip
    steps = {step["id"]: step for step in read(packed, "steps.json")}
    assert (steps["alarm"]["before"], steps["alarm"]["after"], steps["alarm"]["status"]) == ("off", "on", "undone")
    assert all(step["at"] for step in steps.values())
    assert read(packed, "approvals.json")["undo"]["requester"] == "analyst"
    assert read(packed, "action.json") == json.loads(json.dumps(undone.as_json()))
    told = opened(packed)["report.txt"].decode()
    assert "UNDONE" in told
    assert "analyst" in told


def test_the_report_is_the_one_that_was_told(undone: Action) -> None:
    told = opened(bundle(undone, of_action(undone, SealVault)))["report.txt"].decode()
    assert told.startswith("UNDONE (high): Seal a vault\n")


def test_who_approved_stands_in_it(bench: Bench) -> None:
    bench.playbooks = [playbook("doors", CloseDoor.id, when=of_type(CloseDoor), mode="approve")]
    bench.door()
    asked = bench.deliver()
    Decision(bench.deployment, Request(str(asked.action_id), Identity("anna@corp.example", "id-anna"), "seen")).approve()  # fmt: skip
    (approval,) = read(bundle(bench.action(asked)), "approvals.json")["approvals"]
    assert (approval["how"], approval["by"], approval["reason"]) == ("approved", "anna@corp.example", "seen")


def test_the_same_bytes_whenever_it_is_made(undone: Action, monkeypatch: pytest.MonkeyPatch) -> None:
    first = bundle(undone)
    monkeypatch.setattr(report, "stamp", lambda: "2031-01-01T00:00:00.000Z")
    again = Action.from_json(json.loads(json.dumps(undone.as_json())))
    assert bundle(again) == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_sums_are_right(undone: Action) -> None:
    files = opened(bundle(undone))
    sums = dict(line.split("  ")[::-1] for line in files.pop("SHA256SUMS").decode().splitlines())
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    assert sorted(sums) == [name for name in FILES if name != "SHA256SUMS"]


def sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def test_the_history_can_be_checked_by_what_the_readme_says(undone: Action) -> None:
    """Written after README.txt, without a line of ours."""
    files = opened(bundle(undone))
    record = json.loads(files["action.json"])
    entries = [json.loads(line) for line in files["history.jsonl"].splitlines()]
    assert len(entries) > 5
    before = record["id"]
    for entry in entries:
        assert entry["hash"] == sha256([before, {name: value for name, value in entry.items() if name != "hash"}])
        before = entry["hash"]
    whole = {name: value for name, value in record.items() if name not in ("chain", "schema") and value not in (None, "", [], {})}  # fmt: skip
    assert entries[-1]["state"] == sha256(whole)
    assert b"ASCII, with sorted keys and without blanks" in files["README.txt"]


SECRETS = {
    "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "sessionToken": "FwoGZXIvYXdzEXAMPLETOKEN",
    "clientSecret": "Q~8EXAMPLESECRET",
    "nested": [{"password": "correct horse battery"}],
    "text": json.dumps({"accountKey": "EXAMPLEKEYEXAMPLEKEY=="}),
}


def test_no_secret_of_the_event_is_in_it(bench: Bench) -> None:
    """Sources redact what they read; a record that holds one all the same gives away none."""
    raw = json.loads(EVENT.read_text())
    raw["detail"]["service"]["additionalInfo"] = SECRETS
    (parsed,) = guardduty.parse(raw)
    bench.door()
    action = bench.action(bench.deliver(finding(raw=parsed.raw)))
    for held in (action, replace(action, evidence={"event": raw}, params={"apiKey": "EXAMPLEAPIKEY"})):
        packed = bundle(held)
        for secret in ("wJalr", "FwoGZ", "Q~8", "correct horse", "EXAMPLEKEYEXAMPLEKEY", "EXAMPLEAPIKEY"):
            assert secret.encode() not in packed, secret
        assert b"[redacted]" in packed


def test_a_record_of_hostile_text_is_packed_all_the_same(bench: Bench) -> None:
    bench.door()
    hostile = "\ud800 ../../etc/passwd \x1b[31m \u202e{id}"
    acted = bench.deliver(finding(title=hostile, raw={"name": hostile}))
    packed = bundle(bench.action(acted))
    assert sorted(opened(packed)) == FILES
    assert read(packed, "event.json") == {"name": hostile}
    assert b"\x1b" not in opened(packed)["report.txt"]


def test_a_runbook_has_no_event(bench: Bench) -> None:
    ran = bench.runbook(bench.door(), reason="seen live").apply()
    packed = bundle(bench.action(ran))
    assert read(packed, "event.json") is None
    assert read(packed, "plan.json")["justification"] == "seen live"
    assert datetime.fromisoformat(read(packed, "action.json")["opened_at"]).tzinfo == UTC
