"""`--cloud live`: the same command on a deployment that the environment names. Its account is here one of the loopback AWS, which the command cannot tell."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest

from stanch.journal.dynamodb_table import create_table
from tests.functional.cli import samples
from tests.functional.cli.command import EVENTS, Stanch, check
from tests.functional.cli.test_replay import written

FRESH = ("--now", "2026-11-20T04:00:00Z")


@pytest.fixture(scope="module")
def live(shared: Stanch) -> dict[str, str]:
    """The environment of a deployment on AWS."""
    shared("actions", "ls")
    running, table = shared.running, f"journal-{uuid.uuid4().hex[:8]}"
    keys = {"aws_access_key_id": "LOCALHOMEKEY00000000", "aws_secret_access_key": "x"}
    create_table(boto3.client("dynamodb", endpoint_url=running.aws, region_name="eu-central-1", **keys), table)
    return {
        "STANCH_CLOUD": "live", "STANCH_JOURNAL": f"dynamodb://{table}", "STANCH_ROLE_NAME": "stanch", "STANCH_SNS_TOPIC_ARN": running.topic,
        "AWS_ENDPOINT_URL": running.aws, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": keys["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": "x", "STANCH_VERIFY_DELAYS": "0.1",
    }  # fmt: skip


@pytest.fixture
def path(shared: Stanch, tmp_path: Path) -> Path:
    """A finding that GuardDuty has about a key that exists."""
    path = written(tmp_path, samples.leaked_key())
    assert {row["outcome"] for row in shared.json("plan", path).rows} == {"planned"}
    return path


def test_replay_only_observes_and_tells_nobody(shared: Stanch, live: dict[str, str], path: Path) -> None:
    with shared.watched() as writes:
        ran = shared.json("replay", path, *FRESH, **live)
    assert (ran.code, [row["outcome"] for row in ran.rows]) == (0, ["planned", "planned"])
    assert [row["notified"] for row in ran.rows] == [[], []]
    assert ran.err.startswith("LIVE AWS · account 123456789012 · eu-central-1 · ceiling observe\n")
    assert {call.partition(":")[0] for call in writes} <= {"dynamodb"}


def test_with_a_mode_it_acts_and_its_action_is_listed_and_undone(
    shared: Stanch, live: dict[str, str], path: Path
) -> None:
    ran = shared.json("replay", path, *FRESH, "--mode", "auto", **live)
    assert [(row["outcome"], row["notified"]) for row in ran.rows] == [("acted", ["sns"])] * 2
    key = next(row for row in ran.rows if row["remediation"] == "aws.iam.deactivate_access_key")
    check(key)
    assert key["action_id"] in [row["action_id"] for row in shared.json("actions", "ls", **live).rows]
    assert key["action_id"] not in [row["action_id"] for row in shared.json("actions", "ls").rows]
    undone = shared.json("undo", key["action_id"], "--apply", "--reason", "false alarm", **live)
    assert (undone.code, undone.row["outcome"]) == (0, "undone")
    who = shared.json("actions", "show", key["action_id"], **live).row["undo"]["requester"]
    assert who.startswith("arn:aws:")


def test_the_environment_s_ceiling_is_over_the_option(shared: Stanch, live: dict[str, str], path: Path) -> None:
    ran = shared.json("replay", path, *FRESH, "--mode", "auto", **{**live, "STANCH_MODE": "observe"})
    assert {row["outcome"] for row in ran.rows} == {"planned"}
    assert "ceiling observe" in ran.err


def test_the_environment_alone_lets_nothing_act(shared: Stanch, live: dict[str, str], path: Path) -> None:
    ran = shared.json("replay", path, *FRESH, **{**live, "STANCH_MODE": "auto"})
    assert {row["outcome"] for row in ran.rows} == {"planned"}


def test_an_old_finding_is_judged_by_the_clock(shared: Stanch, live: dict[str, str], path: Path) -> None:
    ran = shared.json("plan", path, **live)
    assert {row["outcome"] for row in ran.rows} == {"held"}
    assert ran.rows[0]["reason"].startswith("stale: ")


def test_nothing_is_created(shared: Stanch, live: dict[str, str], tmp_path: Path) -> None:
    with shared.watched() as writes:
        ran = shared.json("replay", written(tmp_path, samples.leaked_key()), *FRESH, **live)
    assert (ran.code, ran.row["outcome"]) == (1, "rejected")
    assert {call.partition(":")[0] for call in writes} <= {"dynamodb"}


def test_a_runbook_goes_by_the_account_of_the_journal(shared: Stanch, live: dict[str, str], path: Path) -> None:
    key = next(
        row["resource"]["id"]
        for row in shared.json("replay", path, *FRESH, **live).rows
        if row["resource"]["id"].startswith("AKIA")
    )
    ran = shared("run", "aws.iam.deactivate_access_key", key, **live)
    assert ran.code == 0
    assert ran.out.splitlines()[:2] == [
        "LIVE AWS · account 123456789012 · eu-central-1",
        "PLANNED: Deactivate IAM access key",
    ]


def test_a_kill_switch_that_is_pulled_is_among_what_stands(shared: Stanch, live: dict[str, str]) -> None:
    keys = {"aws_access_key_id": live["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": "x"}
    parameters = boto3.client("ssm", endpoint_url=live["AWS_ENDPOINT_URL"], region_name=live["AWS_REGION"], **keys)
    env = {**live, "STANCH_KILL_SWITCH": "/stanch/stop"}
    parameters.put_parameter(Name="/stanch/stop", Value="change freeze", Type="String", Overwrite=True)
    (row,) = shared.json("standing", **env).rows
    assert (row["what"], row["subject"], row["reason"]) == (
        "kill switch",
        "everything on aws",
        "/stanch/stop says 'change freeze'",
    )
    parameters.put_parameter(Name="/stanch/stop", Value="off", Type="String", Overwrite=True)
    assert shared.json("standing", **env).rows == []


def test_whoever_decides_in_a_role_is_the_role_whatever_the_session_is_called(
    shared: Stanch, live: dict[str, str], path: Path
) -> None:
    key = next(
        row
        for row in shared.json("replay", path, *FRESH, "--mode", "approve", **live).rows
        if row["outcome"] == "awaiting_approval"
    )
    keys = {"aws_access_key_id": live["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": "x"}
    sts = boto3.client("sts", endpoint_url=live["AWS_ENDPOINT_URL"], region_name=live["AWS_REGION"], **keys)
    role = "arn:aws:iam::123456789012:role/sec-oncall"
    granted = sts.assume_role(RoleArn=role, RoleSessionName="alice")["Credentials"]
    session = {
        "AWS_ACCESS_KEY_ID": granted["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": granted["SecretAccessKey"],
        "AWS_SESSION_TOKEN": granted["SessionToken"],
    }
    assert shared("deny", key["action_id"], "--reason", "a drill", **{**live, **session}).code == 0
    (said,) = shared.json("actions", "show", key["action_id"], **live).row["approvals"]
    assert (said["by"], said["subject"]) == ("arn:aws:sts::123456789012:assumed-role/sec-oncall/alice", role)


def test_an_empty_journal(shared: Stanch, live: dict[str, str]) -> None:
    ran = shared("actions", "ls", "--account", "999999999999", **live)
    assert (
        "There is no such action in the journal of this deployment. That says nothing of findings that never reached it."
        in " ".join(ran.out.split())
    )


@pytest.mark.parametrize(
    ("args", "env", "says"),
    [
        (("replay", EVENTS, "--seed"), {}, "--seed: is refused for live clouds"),
        (("trigger", "guardduty/sample-finding", "--seed"), {}, "--seed: is refused for live clouds"),
        (("explain", EVENTS / "guardduty/sample-finding.json", "--seed"), {}, "--seed: is refused for live clouds"),
        (("actions", "ls"), {"STANCH_JOURNAL": ""}, "STANCH_JOURNAL: must be dynamodb://TABLE or sqlite://PATH here"),
        (("replay", EVENTS / "guardduty/sample-finding.json"), {"STANCH_MODE": "yolo"}, "STANCH_MODE: must be one of observe, approve, auto, not 'yolo'"),
    ],
)  # fmt: skip
def test_wrong_settings_are_exit_2(
    shared: Stanch, live: dict[str, str], args: tuple[Any, ...], env: dict[str, str], says: str
) -> None:
    ran = shared(*args, **{**live, **env})
    assert ran.code == 2
    assert f"stanch: {says}" in ran.err


def test_credentials_that_lead_nowhere_are_told(shared: Stanch, live: dict[str, str], tmp_path: Path) -> None:
    nobody = {name: value for name, value in live.items() if not name.startswith("AWS_")} | {
        "AWS_REGION": "eu-central-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }  # fmt: skip
    ran = shared("actions", "ls", **nobody)
    assert (ran.code, ran.out) == (1, "")
    assert "stanch: sts:get_caller_identity: NoCredentials" in ran.err


def test_a_journal_file_of_ones_own(shared: Stanch, live: dict[str, str], tmp_path: Path) -> None:
    env = {**live, "STANCH_JOURNAL": f"sqlite://{tmp_path}/journal.sqlite"}
    ran = shared("actions", "ls", **env)
    assert ran.code == 0
    assert ran.out.splitlines()[0].startswith("LIVE AWS · account 123456789012 · eu-central-1 and Azure · ")
