"""`run`: the on-call engineer's own trigger."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.functional.cli import samples
from tests.functional.cli.command import Stanch, check
from tests.functional.cli.test_replay import written

DEACTIVATE = "aws.iam.deactivate_access_key"


@pytest.fixture
def key(shared: Stanch, tmp_path: Path) -> str:
    """An active access key in account 111122223333 that the journal knows."""
    raw = samples.leaked_key()
    assert shared.json("plan", written(tmp_path, raw)).code == 0
    return samples.key_of(raw)


def test_the_plan_is_shown_and_nothing_is_written(shared: Stanch, key: str) -> None:
    with shared.watched() as writes:
        ran = shared.json("run", DEACTIVATE, key)
    assert (ran.code, ran.row["outcome"]) == (0, "planned")
    check(ran.row)
    assert ran.row["resource"] == {"type": "AWS::IAM::AccessKey", "id": key}
    assert [(change["before"], change["after"]) for change in ran.row["changes"]] == [("Active", "Inactive")]
    assert ran.row["action_id"] is None
    assert writes == []


def test_the_plan_in_text_says_how_to_carry_it_out(shared: Stanch, key: str) -> None:
    ran = shared("run", DEACTIVATE, key)
    assert ran.out.splitlines()[0].startswith("local clouds in ")
    assert ran.out.splitlines()[1] == "PLANNED: Deactivate IAM access key"
    assert ": Active → Inactive\n" in ran.out
    assert "AWS account 111122223333" in ran.out
    assert ran.out.splitlines()[-1] == "Nothing was written. To carry it out, add: --apply --reason 'why'"
    assert "account 111122223333, as the journal has it" in ran.err


def test_carried_out_it_is_journaled_with_the_person_and_the_reason(shared: Stanch, key: str) -> None:
    ran = shared.json("run", DEACTIVATE, key, "--apply", "--reason", "seen on a paste site")
    assert (ran.code, ran.row["outcome"], ran.row["notified"]) == (0, "acted", ["sns", "teams"])
    check(ran.row)
    action = shared.json("actions", "show", ran.row["action_id"]).row
    assert action["justification"] == "seen on a paste site"
    assert "@" in action["requester"]
    again = shared.json("run", DEACTIVATE, key, "--apply", "--reason", "again")
    assert (again.code, again.row["outcome"], again.row["changes"]) == (0, "no_op", [])


def test_mode_does_not_bind_a_person(shared: Stanch, key: str) -> None:
    ran = shared.json("run", DEACTIVATE, key, "--apply", "--reason", "now", STANCH_MODE="observe")
    assert ran.row["outcome"] == "acted"


@pytest.mark.parametrize("apply", [(), ("--apply", "--reason", "now")])
@pytest.mark.parametrize(
    ("remediation", "resource", "pattern"),
    [
        ("aws.iam.revoke_sessions", "arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_0123456789abcdef", "AWSReservedSSO_*"),
        ("aws.iam.revoke_sessions", "arn:aws:iam::111122223333:role/aws-service-role/support.amazonaws.com/AWSServiceRoleForSupport", "aws-service-role/*"),
        ("aws.iam.revoke_sessions", "AWSServiceRoleForSupport", "AWSServiceRoleFor*"),
        ("aws.iam.revoke_sessions", "arn:aws:iam::111122223333:role/stanch-act", "role/stanch-*"),
    ],
)  # fmt: skip
def test_what_is_protected_is_held(
    shared: Stanch, remediation: str, resource: str, pattern: str, apply: tuple[str, ...]
) -> None:
    shared("actions", "ls")  # the clouds run
    with shared.watched() as writes:
        ran = shared.json("run", remediation, resource, *apply)
    assert (ran.code, ran.row["outcome"]) == (0, "held")
    assert ran.row["reason"].startswith("protected: ")
    assert pattern in ran.row["reason"]
    assert writes == []


def test_a_protected_resource_of_the_policy_is_held(shared: Stanch, tmp_path: Path) -> None:
    policy = tmp_path / "mine.yaml"
    policy.write_text('extends: shipped\nprotect: {principals: ["arn:aws:iam::*:role/breakglass-*"]}\n')
    ran = shared.json(
        "run", "aws.iam.revoke_sessions", "breakglass-1", "--playbooks", policy, "--apply", "--reason", "x"
    )
    assert (ran.code, ran.row["outcome"]) == (0, "held")
    assert "breakglass-*" in ran.row["reason"]


def test_what_is_gone_says_where_it_was_looked_for(shared: Stanch) -> None:
    ran = shared.json("run", DEACTIVATE, "AKIAIOSFODNN7NOWHERE")
    assert (ran.code, ran.row["outcome"], ran.row["reason"]) == (0, "no_op", "gone")
    assert "account 123456789012, this deployment's own: the name says none; --account says otherwise" in ran.err


def test_an_account_that_is_given_counts(shared: Stanch, key: str) -> None:
    ran = shared("run", DEACTIVATE, key, "--account", "444455556666")
    assert "AWS account 444455556666" in ran.out
    assert "journal has it" not in ran.err


def test_parameters_reach_the_plan(shared: Stanch, tmp_path: Path) -> None:
    raw = samples.open_ssh()
    group = shared.json("plan", written(tmp_path, raw)).row["resource"]["id"]
    closed = shared.json("run", "aws.ec2.revoke_security_group_ingress", group, "--with", "ports=22")
    assert len(closed.row["changes"]) == 2
    other = shared.json("run", "aws.ec2.revoke_security_group_ingress", group, "--with", "ports=3389,8000-8080")
    assert (other.row["outcome"], other.row["changes"]) == ("no_op", [])


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("aws.iam.delete_everything", "x"), "remediation: there is no aws.iam.delete_everything; there is aws.ec2."),
        (("gcp.iam.x", "x"), "'gcp.iam.x' begins neither with aws. nor with azure."),
        ((DEACTIVATE, "alice"), "resource: 'alice' does not name AWS::IAM::AccessKey"),
        ((DEACTIVATE, "AKIAIOSFODNN7EXAMPLE", "--with", "speed=1"), "--with: 'speed=1': aws.iam.deactivate_access_key takes no parameter"),
        (("aws.ec2.revoke_security_group_ingress", "sg-1", "--with", "ports"), "--with: 'ports': aws.ec2.revoke_security_group_ingress takes ports=(ports)"),
        (("aws.ec2.revoke_security_group_ingress", "sg-1", "--with", "ports=ssh"), "--with: ports must be ports or ranges"),
        (("aws.iam.revoke_sessions", "web", "--with", "since=yesterday"), "--with: since must be an RFC 3339 time"),
        ((DEACTIVATE, "AKIAIOSFODNN7EXAMPLE", "--apply"), "--reason: say why"),
        ((DEACTIVATE, "AKIAIOSFODNN7EXAMPLE", "--apply", "--reason", " "), "--reason: say why"),
        ((DEACTIVATE, "AKIAIOSFODNN7EXAMPLE", "--expires", "soon"), "--expires: 'soon' is no time such as 30m, 4h or 7d"),
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_2_with_a_sentence(shared: Stanch, args: tuple[str, ...], says: str) -> None:
    ran = shared("run", *args)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert ran.err.startswith("stanch: ")
    assert says in ran.err
