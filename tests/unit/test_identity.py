"""Who is a person that two approvals can tell from another."""

from __future__ import annotations

import pytest

from stanch.identity import Identity, of_arn, of_requester

ACCOUNT = "111122223333"
SSO = f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_SecOncall_0123456789abcdef/alice@corp.example"
ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role/sec-oncall/alice"


def test_a_user_of_identity_center_is_one_person_in_whatever_role_and_account() -> None:
    group = f"arn:aws:iam::{ACCOUNT}:role/AWSReservedSSO_SecOncall_0123456789abcdef"
    other = SSO.replace("SecOncall_0123456789abcdef", "Admin_fedcba9876543210").replace(ACCOUNT, "444455556666")
    assert of_arn(SSO) == Identity(SSO, "identity-center:alice@corp.example", (group,))
    assert of_arn(other).subject == of_arn(SSO).subject
    assert of_arn(SSO.replace("alice", "bob")).subject != of_arn(SSO).subject


def test_all_sessions_of_another_role_are_one_subject_and_no_person() -> None:
    one, two = of_arn(ROLE), of_arn(ROLE.replace("alice", "bob"))
    assert one.subject == two.subject == f"arn:aws:iam::{ACCOUNT}:role/sec-oncall"
    assert (one.person, one.groups, one.name != two.name) == (False, (one.subject,), True)


@pytest.mark.parametrize("role", ["AWSReservedSSO_", "AWSReservedSSO_x", "AWSReservedSSO_x_0123", "myAWSReservedSSO_x_0123456789abcdef"])  # fmt: skip
def test_a_role_that_only_looks_like_identity_center_s_is_one_of_many(role: str) -> None:
    assert not of_arn(f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/alice").person


def test_an_iam_user_is_a_person_and_in_no_group() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:user/assumed-role/alice"
    assert of_arn(arn) == Identity(arn, arn, ())


@pytest.mark.parametrize("rest", [f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:sts::{ACCOUNT}:federated-user/bob", f"arn:aws:sts::{ACCOUNT}:user/x", "arn:", ""])  # fmt: skip
def test_root_and_federated_users_are_no_persons(rest: str) -> None:
    assert not of_arn(rest).person


def test_whoever_asked_is_known_by_the_name_in_the_journal() -> None:
    assert of_requester(ROLE).subject == of_arn(ROLE).subject
    assert of_requester("alice@corp.example (https://issuer)").person
