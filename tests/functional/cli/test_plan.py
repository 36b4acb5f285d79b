"""`plan`, `trigger` and `explain`: what would be done, and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.functional.cli import samples
from tests.functional.cli.command import EVENTS, Stanch, check
from tests.functional.cli.test_replay import written


def test_a_plan_says_what_would_be_done_and_does_nothing(shared: Stanch, tmp_path: Path) -> None:
    path = written(tmp_path, samples.mining_vm())
    shared.json("replay", "--mode", "observe", path)  # seeds it
    with shared.watched() as writes:
        ran = shared.json("plan", path)
    assert (ran.code, ran.row["outcome"], ran.row["remediation"]) == (0, "planned", "azure.compute.isolate_vm")
    assert ran.row["changes"]
    check(ran.row)
    assert writes == []


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--detailed-exitcode",), 2)])
def test_changes_are_an_exit_code_only_where_asked_for(
    shared: Stanch, tmp_path: Path, options: tuple[str, ...], code: int
) -> None:
    assert shared.json("plan", *options, written(tmp_path, samples.open_ssh())).code == code


def test_nothing_to_change_is_0_and_a_rejected_event_1(shared: Stanch, tmp_path: Path) -> None:
    path = written(tmp_path, samples.open_ssh())
    assert shared.json("replay", path).row["outcome"] == "acted"
    assert shared.json("plan", "--detailed-exitcode", path).code == 0
    assert shared.json("plan", "--detailed-exitcode", EVENTS / "guardduty/sample-finding.json").code == 0
    assert shared.json("plan", "--detailed-exitcode", "-", stdin=b"{}").code == 1


def test_a_plan_is_text_for_people(shared: Stanch, tmp_path: Path) -> None:
    ran = shared("plan", written(tmp_path, samples.open_ssh()))
    assert ran.out.splitlines()[0].endswith("ceiling observe · no real account is touched")
    assert ran.out.splitlines()[1].startswith("PLANNED: ")
    assert "Would change  tcp 22 from 0.0.0.0/0, ::/0 → revoked\n" in ran.out
    assert "To act        stanch run aws.ec2.revoke_security_group_ingress arn:aws:ec2:eu-west-1:" in ran.out


def test_a_sample_is_triggered_by_name(shared: Stanch) -> None:
    ran = shared.json("trigger", "guardduty/sample-finding")
    assert (ran.code, ran.row["outcome"]) == (0, "held")


def test_a_changed_sample_is_judged_as_it_was_changed(shared: Stanch) -> None:
    shared.json("plan", EVENTS / "guardduty/leaked-access-key.json")  # GuardDuty has the sample as it is
    ran = shared.json("trigger", "guardduty/leaked-access-key", "--set", "detail.severity=2", "--mode", "observe")
    assert {row["playbook"] for row in ran.rows} == {"key-doubtful", "user-sessions-doubtful"}
    assert {row["finding"]["severity"] for row in ran.rows} == {2}
    assert (
        ran.rows[0]["finding"]["id"]
        != json.loads((EVENTS / "guardduty/leaked-access-key.json").read_text())["detail"]["arn"]
    )


def test_a_field_that_the_sample_lacks_is_named(shared: Stanch) -> None:
    ran = shared.json("trigger", "guardduty/sample-finding", "--set", "detail.severty=2")
    assert "--set detail.severty: the sample has no such field, so it was added\n" in ran.err
    assert ran.code == 0


def test_why_an_event_does_what_it_does(shared: Stanch, tmp_path: Path) -> None:
    raw = samples.leaked_key()
    path = written(tmp_path, raw)
    with_seed = shared.json("explain", path)
    assert with_seed.code == 0
    assert set(with_seed.row) == {"event", "source", "finding", "steps"}
    says = {step["step"]: step["says"] for step in with_seed.row["steps"]}
    assert says["guard sample"] == "passes"
    assert says["confirm"].endswith("has the finding")
    assert says["playbook key-leak"].startswith("matches: type, severity, resource.type match; for AKIA")
    assert says["playbook sg-open"] == 'no: source is "guardduty", not any of ["config"]'
    assert "Active → Inactive" in says["aws.iam.deactivate_access_key (auto)"]
    assert says["  guard protected"] == "passes"
    assert says["journal"] == "no action for this finding so far"
    shared.json("replay", path)
    again = shared.json("explain", path)
    journal = [step["says"] for step in again.row["steps"] if step["step"] == "journal"]
    assert len(journal) == 2
    assert all(": acted aws.iam." in line for line in journal)


def test_what_no_playbook_is_for_is_explained_as_unmatched_and_not_asked_for(shared: Stanch, tmp_path: Path) -> None:
    raw = samples.leaked_key()
    raw["detail"]["type"] = "Exfiltration:Nothing/ThatStanchKnows"
    path = written(tmp_path, raw)
    assert shared.json("replay", path).row["outcome"] == "unmatched"
    ran = shared.json("explain", path)
    says = {step["step"]: step["says"] for step in ran.row["steps"]}
    assert (ran.code, says["playbooks"]) == (0, "none matches")
    assert says["confirm"] == "not asked: no playbook is for the finding, which is unmatched"


def test_what_a_guard_holds_is_not_explained_as_rejected(shared: Stanch) -> None:
    path = EVENTS / "guardduty/sample-finding.json"
    assert shared.json("replay", path).row["outcome"] == "held"
    ran = shared.json("explain", path)
    says = {step["step"]: step["says"] for step in ran.row["steps"]}
    assert (ran.code, says["guard sample"].startswith("holds: ")) == (0, True)
    assert says["playbook instance-malware"].startswith("matches: ")


def test_explaining_writes_nothing_and_journals_nothing(shared: Stanch, tmp_path: Path) -> None:
    path = written(tmp_path, samples.open_ssh())
    shared.json("explain", path)  # seeds it
    with shared.watched() as writes:
        shared.json("explain", path)
    assert writes == []
    assert shared.json("replay", path).row["outcome"] == "acted"


def test_in_text_playbooks_for_other_findings_are_only_counted(shared: Stanch, tmp_path: Path) -> None:
    path = written(tmp_path, samples.open_ssh())
    short, every = shared("explain", path), shared("explain", "--all", path)
    assert "more playbooks are for other sources or types of finding" in short.out
    assert "playbook vm-malware" not in short.out
    assert "playbook vm-malware" in every.out
    assert "guards" in short.out
    assert "pass: sample, archived, stale, wrong account" in short.out


@pytest.mark.parametrize("part", ["whole", "last part"])
def test_a_finding_that_the_journal_knows_is_explained_by_its_id(shared: Stanch, tmp_path: Path, part: str) -> None:
    raw = samples.leaked_key()
    shared.json("replay", written(tmp_path, raw))
    name = raw["detail"]["arn"] if part == "whole" else raw["detail"]["id"]
    ran = shared.json("explain", "--finding", name)
    assert ran.code == 0
    assert ran.row["finding"]["id"] == raw["detail"]["arn"]
    assert ran.row["event"].startswith("journal, action ")


def test_a_finding_that_the_journal_does_not_know(shared: Stanch) -> None:
    ran = shared("explain", "--finding", "arn:aws:guardduty:eu-west-1:111122223333:detector/x/finding/y")
    assert ran.code == 1
    assert "stanch: unknown finding: no action in the journal of these clouds came of finding arn:" in ran.err


def test_a_forged_event_is_explained_as_rejected(shared: Stanch, tmp_path: Path) -> None:
    ran = shared.json("explain", "--no-seed", written(tmp_path, samples.leaked_key()))
    assert ran.code == 1
    (confirm,) = [step["says"] for step in ran.row["steps"] if step["step"] == "confirm"]
    assert confirm.startswith("rejected: ")


def test_what_is_no_event_is_explained_too(shared: Stanch) -> None:
    ran = shared.json("explain", "-", stdin=b'{"a": 1}')
    assert ran.code == 1
    assert ran.row["steps"] == [{"step": "source", "says": "the event is of no source that Stanch knows"}]
