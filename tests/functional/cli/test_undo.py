"""`undo`: shown, compared, carried out once, refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.functional.cli import samples
from tests.functional.cli.command import Stanch, check
from tests.functional.cli.test_replay import written

WHY = ("--apply", "--reason", "false alarm")


def aws(shared: Stanch, service: str) -> Any:
    """A client of account 111122223333, as somebody else who changes things there."""
    running = shared.running
    home = boto3.client(
        "sts",
        endpoint_url=running.aws,
        region_name="us-east-1",
        aws_access_key_id="LOCALHOMEKEY00000000",
        aws_secret_access_key="x",
    )
    keys = home.assume_role(RoleArn="arn:aws:iam::111122223333:role/somebody", RoleSessionName="somebody")[
        "Credentials"
    ]
    return boto3.client(
        service, endpoint_url=running.aws, region_name="eu-west-1", aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"],
    )  # fmt: skip


@pytest.fixture
def acted(shared: Stanch, tmp_path: Path) -> dict[str, Any]:
    """A rule that was revoked."""
    (row,) = shared.json("replay", written(tmp_path, samples.open_ssh())).rows
    assert row["outcome"] == "acted"
    return row


def rules(shared: Stanch, row: dict[str, Any]) -> set[str]:
    group = row["resource"]["id"].rpartition("/")[2]
    found = aws(shared, "ec2").describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])[
        "SecurityGroupRules"
    ]
    return {
        rule.get("CidrIpv4") or rule.get("CidrIpv6")
        for rule in found
        if not rule["IsEgress"] and rule["FromPort"] == 22
    }


def test_shown_first_and_nothing_is_written(shared: Stanch, acted: dict[str, Any]) -> None:
    with shared.watched() as writes:
        ran = shared.json("undo", acted["action_id"])
    assert (ran.code, ran.row["outcome"], ran.row["action_id"]) == (0, "planned", acted["action_id"])
    assert [(change["before"], change["after"]["source"]) for change in ran.row["changes"]] == [
        (None, "::/0"),
        (None, "0.0.0.0/0"),
    ]
    check(ran.row)
    assert writes == []
    text = shared("undo", acted["action_id"])
    assert "Restored      revoked → tcp 22 from ::/0, 0.0.0.0/0\n" in text.out
    assert text.out.splitlines()[-1] == "Nothing was written. To restore, add: --apply --reason 'why'"


def test_carried_out_once_and_refused_the_second_time(shared: Stanch, acted: dict[str, Any]) -> None:
    assert rules(shared, acted) == set()
    ran = shared.json("undo", acted["action_id"], *WHY)
    assert (ran.code, ran.row["outcome"], ran.row["reason"]) == (0, "undone", "false alarm")
    assert {change["after"]["source"] for change in ran.row["changes"]} == {"::/0", "0.0.0.0/0"}
    assert ran.row["notified"] == ["sns", "teams"]
    check(ran.row)
    assert rules(shared, acted) == {"0.0.0.0/0", "::/0"}
    with shared.watched() as writes:
        again = shared.json("undo", acted["action_id"], *WHY)
    assert (again.code, again.row["outcome"]) == (1, "held")
    assert again.row["reason"].startswith(f"undone: action {acted['action_id']} was undone at ")
    check(again.row)
    assert f"{acted['action_id']}: refused: undone: " in again.err
    assert writes == []


def test_what_a_person_undid_is_not_done_again_for_the_same_finding(shared: Stanch, tmp_path: Path) -> None:
    path = written(tmp_path, samples.open_ssh())
    row = shared.json("replay", path).row
    assert shared.json("undo", row["action_id"], *WHY).row["outcome"] == "undone"
    ran = shared.json("replay", path)
    assert (ran.code, ran.row["outcome"]) == (0, "held")
    assert ran.row["reason"].startswith("undone: ")


def test_what_changed_since_is_not_overwritten_without_force(shared: Stanch, tmp_path: Path) -> None:
    rows = shared.json("replay", written(tmp_path, samples.leaked_key())).rows
    sessions = next(row for row in rows if row["remediation"] == "aws.iam.revoke_user_sessions")
    user = sessions["resource"]["id"].rpartition("/")[2]
    other = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
    iam = aws(shared, "iam")
    iam.put_user_policy(UserName=user, PolicyName="AWSRevokeOlderSessions", PolicyDocument=json.dumps(other))
    early = shared.json("undo", sessions["action_id"], *WHY)
    assert (early.code, early.row["reason"].partition(":")[0]) == (1, "re-arms")
    assert iam.get_user_policy(UserName=user, PolicyName="AWSRevokeOlderSessions")["PolicyDocument"] == other
    forced = shared.json("undo", sessions["action_id"], "--force", *WHY)
    assert (forced.code, forced.row["outcome"]) == (0, "undone")
    assert iam.list_user_policies(UserName=user)["PolicyNames"] == []


def test_drift_is_told_in_words(shared: Stanch, acted: dict[str, Any]) -> None:
    group = acted["resource"]["id"].rpartition("/")[2]
    aws(shared, "ec2").authorize_security_group_ingress(
        GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "theirs"}]}]
    )  # fmt: skip
    ran = shared.json("undo", acted["action_id"], *WHY)
    assert (ran.code, ran.row["outcome"]) == (1, "held")
    assert ran.row["reason"].startswith("drifted: ingress tcp 22 from 0.0.0.0/0 of security group ")
    assert "{" not in ran.row["reason"]
    assert rules(shared, acted) == {"0.0.0.0/0"}


def test_one_refusal_keeps_no_other_action_from_its_undo(shared: Stanch, acted: dict[str, Any]) -> None:
    ran = shared.json("undo", "0123456789ab-0123456789a", acted["action_id"], "no-such-id", *WHY)
    assert ran.code == 1
    assert [row["outcome"] for row in ran.rows] == ["held", "undone", "held"]
    assert ran.rows[0]["reason"].startswith("unknown action: ")


def test_all_of_a_playbook_newest_first(alone: Stanch, tmp_path: Path) -> None:
    events = written(tmp_path, [samples.open_ssh(), samples.open_ssh(), samples.leaked_key()])
    rows = alone.json("replay", events).rows
    mine = [row["action_id"] for row in rows if row["playbook"] == "sg-open"]
    ran = alone.json("undo", "--playbook", "sg-open", "--since", "1h", *WHY)
    assert ran.code == 0
    assert [(row["action_id"], row["outcome"]) for row in ran.rows] == [(name, "undone") for name in reversed(mine)]
    nothing = alone("undo", "--playbook", "sg-open", "--since", "1h", *WHY)
    assert (nothing.code, nothing.err) == (0, "no action of playbook sg-open in the last 1h can be undone\n")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "undo: name actions by their ids, or give both --playbook ID and --since AGO"),
        (("--playbook", "sg-open"), "undo: name actions by their ids, or give both"),
        (("--since", "1h"), "undo: name actions by their ids, or give both"),
        (("x", "--playbook", "sg-open", "--since", "1h"), "undo: name actions by their ids, or give both"),
        (("--playbook", "sg-opn", "--since", "1h"), "--playbook: there is no 'sg-opn'; there is key-leak, "),
        (("--playbook", "sg-open", "--since", "soon"), "--since: 'soon' is not like 30m, 2h or 7d"),
        (("x", "--apply"), "--reason: say why: an undo is journaled with its reason"),
    ],
)
def test_wrong_usage_is_exit_2_with_a_sentence(shared: Stanch, args: tuple[str, ...], says: str) -> None:
    ran = shared("undo", *args)
    assert ran.code == 2
    assert f"stanch: {says}" in ran.err
