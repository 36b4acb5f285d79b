"""What people decide from the command line: approvals, pauses, exemptions, leases, evidence."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.functional.cli import samples
from tests.functional.cli.command import EVENTS, Stanch, check
from tests.functional.cli.test_replay import written
from tests.functional.cli.test_undo import rules

APPROVE = "playbooks:\n- {id: sg-open, mode: approve}\n"


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """The shipped policy, but open groups are asked about."""
    path = tmp_path / "policy.yaml"
    path.write_text(f"extends: shipped\n{APPROVE}")
    return path


@pytest.fixture
def waiting(shared: Stanch, policy: Path, tmp_path: Path) -> dict[str, Any]:
    (row,) = shared.json("replay", written(tmp_path, samples.open_ssh()), "--playbooks", policy).rows
    assert row["outcome"] == "awaiting_approval"
    assert rules(shared, row) == {"0.0.0.0/0", "::/0"}
    return row


def test_an_approval_carries_out_what_was_shown_once(shared: Stanch, policy: Path, waiting: dict[str, Any]) -> None:
    name = waiting["action_id"]
    assert shared("approve", name, "--playbooks", policy).code == 2, "without a reason nothing is decided"
    with shared.watched() as writes:
        row = shared.json("approve", name, "--reason", "seen", "--playbooks", policy).row
    check(row)
    assert (row["outcome"], row["action_id"]) == ("acted", name)
    assert writes, "the rules were revoked"
    assert rules(shared, row) == set()
    again = shared("approve", name, "--reason", "again", "--playbooks", policy)
    assert again.code == 1
    assert "refused: decided: " in again.err
    assert shared("undo", name, "--apply", "--reason", "back").code == 0
    assert rules(shared, row) == {"0.0.0.0/0", "::/0"}


def test_a_denial_changes_nothing_and_ends_it(shared: Stanch, policy: Path, waiting: dict[str, Any]) -> None:
    with shared.watched() as writes:
        row = shared.json("deny", waiting["action_id"], "--reason", "a test machine", "--playbooks", policy).row
    assert (row["outcome"], writes) == ("expired", [])
    assert "a test machine" in row["reason"]
    assert shared("approve", waiting["action_id"], "--reason", "after all", "--playbooks", policy).code == 1
    assert rules(shared, row) == {"0.0.0.0/0", "::/0"}


def test_an_unknown_id_keeps_no_other_action_from_its_decision(
    shared: Stanch, policy: Path, waiting: dict[str, Any]
) -> None:
    ran = shared.json("deny", "nonsense", waiting["action_id"], "--reason", "a test machine", "--playbooks", policy)
    for row in ran.rows:
        check(row)
    assert [(row["action_id"], row["outcome"]) for row in ran.rows] == [
        ("nonsense", "held"),
        (waiting["action_id"], "expired"),
    ]
    assert ran.rows[0]["reason"].startswith("unknown action: ")
    assert (ran.code, "nonsense: refused: unknown action: " in ran.err) == (1, True)


def test_a_decision_on_a_playbook_that_nobody_knows_names_those_there_are(shared: Stanch) -> None:
    for command in (
        ("approve", "--playbook", "key-leek", "--since", "1h", "--reason", "x"),
        ("actions", "ls", "--playbook", "key-leek"),
    ):
        ran = shared(*command)
        assert (ran.code, "--playbook: there is no 'key-leek'; there is key-leak, " in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("pause",), "--reason: say why"),
        (("resume",), "--reason: say why"),
        (("exempt", "door-1", "--for", "1h"), "--reason: say why"),
        (("extend", "x", "--for", "1h"), "--reason: say why"),
        (("pause", "--group", "prd", "--reason", "x"), "--group: the policy has no group 'prd'; it has none"),
        (("pause", "--for", "0h", "--reason", "x"), "--for: must be between a second and 30 days, not '0h'"),
        (("exempt", "door-1", "--for", "31d", "--reason", "x"), "--for: must be between a second and 30 days"),
        (("extend", "x", "--for", "367d", "--reason", "x"), "--for: must be between a second and 366 days"),
    ],
)
def test_wrong_usage_of_what_people_decide_is_2_and_names_the_option(
    shared: Stanch, command: tuple[str, ...], told: str
) -> None:
    ran = shared(*command)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"stanch: {told}")
    assert shared.json("standing").rows == []


def test_a_pause_holds_and_a_release_goes_on(alone: Stanch, tmp_path: Path) -> None:
    event = written(tmp_path, samples.open_ssh())
    assert alone("pause", "--for", "1h", "--reason", "release night").code == 0
    (row,) = alone.json("replay", event).rows
    assert row["outcome"] == "held"
    assert row["reason"].startswith("kill switch: ")
    refused = alone("release", row["action_id"], "--reason", "now")
    assert (refused.code, "kill switch" in refused.err) == (1, True)
    assert alone("resume", "--reason", "done").code == 0
    assert alone.json("release", row["action_id"], "--reason", "now").row["outcome"] == "acted"


def test_an_exemption_leaves_a_resource_alone(alone: Stanch) -> None:
    event = EVENTS / "guardduty" / "public-bucket.json"
    assert alone("exempt", "arn:aws:s3:::reports-2026-example", "--for", "24h", "--reason", "meant").code == 0
    with alone.watched() as writes:
        (row,) = alone.json("replay", event).rows
    assert (row["outcome"], writes) == ("held", [])
    assert row["reason"].startswith("exempted: ")


def test_what_stands_is_listed_with_the_command_that_ends_it(alone: Stanch) -> None:
    assert "Nothing stands: no pause, no exemption" in alone("standing").out
    assert alone("pause", "--reason", "outage").code == 0
    assert alone("exempt", "sg-bastion-*", "--for", "24h", "--reason", "migration").code == 0
    listed = alone.json("standing").rows
    assert [(row["what"], row["subject"], row["reason"], row["stands"]) for row in listed] == [
        ("exempt", "sg-bastion-*", "migration", True),
        ("pause", "*", "outage", True),
    ]
    assert [row["end"] for row in listed] == [
        "stanch exempt 'sg-bastion-*' --end --reason 'why'",
        "stanch resume --reason 'why'",
    ]
    told = alone("standing").out
    assert "pause: everything until somebody ends it by " in told
    assert "    ends with: stanch exempt 'sg-bastion-*' --end --reason 'why'\n" in told


def test_an_exemption_is_ended_before_its_time(alone: Stanch) -> None:
    event = EVENTS / "guardduty" / "public-bucket.json"
    assert alone("exempt", "reports-2026-example", "--for", "24h", "--reason", "meant").code == 0
    refused = alone("exempt", "reports-2026-example", "--end")
    assert (refused.code, "stanch: --reason: say why" in refused.err) == (2, True)
    assert alone.json("exempt", "reports-2026-example", "--end", "--reason", "no longer").row["what"] == "end exemption"
    assert alone.json("standing").rows == []
    past = alone.json("standing", "--since", "1h").rows
    assert [(row["what"], row["stands"]) for row in past] == [("end exemption", False), ("exempt", False)]
    (row,) = alone.json("replay", event).rows
    assert row["outcome"] == "acted"
    again = alone("exempt", "reports-2026-example", "--end", "--reason", "twice")
    assert (again.code, "not exempt: " in again.err) == (1, True)


@pytest.mark.parametrize("options", [(), ("--for", "1h", "--end")])
def test_an_exemption_is_either_begun_or_ended(shared: Stanch, options: tuple[str, ...]) -> None:
    ran = shared("exempt", "door-1", *options, "--reason", "which")
    assert (ran.code, "say how long with --for TIME, or --end" in ran.err) == (2, True)
    assert [row for row in shared.json("standing").rows if row["subject"] == "door-1"] == []


def test_a_lease_runs_and_is_extended(shared: Stanch, tmp_path: Path) -> None:
    (row,) = shared.json("replay", written(tmp_path, samples.open_ssh()), "--mode", "observe").rows
    group = row["resource"]["id"]
    acted = shared.json("run", row["remediation"], group, "--expires", "4h", "--apply", "--reason", "incident").row
    assert acted["outcome"] == "acted"
    longer = shared.json("extend", acted["action_id"], "--for", "2h", "--reason", "still looking").row
    assert "still looking" in longer["reason"]
    assert shared("extend", row["action_id"], "--for", "2h", "--reason", "none there").code == 1


def test_evidence_and_an_unaltered_chain(shared: Stanch, tmp_path: Path) -> None:
    (row,) = shared.json("replay", written(tmp_path, samples.open_ssh())).rows
    assert row["outcome"] == "acted"
    path = tmp_path / "case.zip"
    assert shared("actions", "show", row["action_id"], "--evidence", path).code == 0
    with zipfile.ZipFile(path) as bundle:
        assert json.loads(bundle.read("action.json"))["id"] == row["action_id"]
        assert bundle.testzip() is None
    assert shared.json("actions", "verify", row["action_id"]).rows == [{"action_id": row["action_id"], "problems": []}]


def test_a_sweep_does_every_step(alone: Stanch) -> None:
    ran = alone.json("sweep")
    assert ran.code == 0
    assert [row["cloud"] for row in ran.rows] == ["aws", "azure"]
    assert {"crashed", "undelivered", "approvals", "leases"} <= {step["step"] for step in ran.rows[0]["steps"]}


def test_a_sweep_says_in_words_what_it_did(alone: Stanch) -> None:
    event = EVENTS / "guardduty" / "public-bucket.json"
    assert alone("pause", "--reason", "outage").code == 0
    assert alone.json("replay", event).row["outcome"] == "held"
    ran = alone("sweep")
    assert ran.code == 0
    assert "aws   crashed       nothing to do" in ran.out.splitlines()
    assert "aws   held          1 held, as told in the day's digest" in ran.out.splitlines()
    assert "{" not in ran.out


def test_a_report_that_no_channel_takes_is_said_at_once_and_by_the_doctor(alone: Stanch, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"extends: shipped\nchannels: {{soc: {{teams: nobody-made-it}}}}\n{APPROVE}")
    ran = alone.json("replay", written(tmp_path, samples.open_ssh()), "--playbooks", policy)
    name = ran.row["action_id"]
    assert (ran.row["outcome"], ran.row["notified"]) == ("awaiting_approval", [])
    assert f"not told yet of {name}: soc:teams: secretsmanager:get_secret_value: ResourceNotFound" in ran.err
    asked = alone.json("doctor", "--playbooks", policy).rows
    (outbox,) = [row for row in asked if (row["cloud"], row["subject"]) == ("aws", "outbox")]
    assert (outbox["state"], outbox["said"].startswith("1 report is not delivered yet: soc:teams: ")) == ("wrong", True)
    acted = alone.json("approve", name, "--reason", "seen", "--playbooks", policy)
    assert (acted.row["outcome"], f"not told yet of {name}: " in acted.err) == ("acted", True)
    told = alone.json("undo", name, "--apply", "--reason", "back", "--playbooks", policy)
    assert (told.row["outcome"], f"not told yet of {name}: " in told.err) == ("undone", True)
