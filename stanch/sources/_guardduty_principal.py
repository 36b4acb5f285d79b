"""Whose credentials a GuardDuty finding is about.

`AKIA…` is a long-term key of an IAM user or of root; `ASIA…` is a session's, which nobody can deactivate: there the principal behind it is the resource
(https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_remediate.html, …/IAM/latest/UserGuide/reference_identifiers.html).
"""

from __future__ import annotations

from typing import Literal

from stanch.sources._aws import IAM_NAME, LONG_TERM_KEY, Named, Owner
from stanch.sources._shape import Node, fold

Credential = Literal["long_term", "temporary", "unknown"]

_ROLES = ("assumedrole", "role")
_USERS = ("iamuser",)
_BY_UNIQUE_ID = {"AROA": "role", "AIDA": "iamuser"}


def read_principal(details: Node, owner: Owner, named: Named) -> None:
    """Add the key, user or role in `accessKeyDetails` to `named`.

    Federated users, other accounts, services and anonymous callers are no resources of ours: they become principals. A finding that does not
    say whose credentials were used names nothing, which is noted.
    """
    key, user = details.get("accessKeyId"), details.get("userName")
    unique = details.get("principalId").text()
    kind = _kind(details.get("userType").text(), key.text(), unique, user.text())
    if kind == "root":
        _root(details, owner, named)
    elif kind in _USERS:
        _user(details, owner, named)
    elif kind in _ROLES:
        name = named.name(user, IAM_NAME, "a role name")
        if name:
            named.add(
                owner.resource(
                    "AWS::IAM::Role", owner.arn("iam", f"role/{name}", regional=False), user_name=name,
                    access_key_id=key.text(), principal_id=unique, credential=_credential(key),
                )
            )  # fmt: skip
    elif user.present or unique:
        named.principals.append(user.text() or unique or "")
        named.missing(details.get("userType"), "is no user or role of the account" if kind else None)
    else:
        named.missing(key)


def _kind(user_type: str | None, key: str | None, unique: str | None, user: str | None) -> str:
    """The folded user type; where GuardDuty gives none, what the ids say (prefixes of unique ids, reference_identifiers.html)."""
    if user_type:
        return fold(user_type)
    known = _BY_UNIQUE_ID.get((unique or "")[:4])
    return known or ("iamuser" if user and (key or "").startswith("AKIA") else "")


def _credential(key: Node) -> Credential:
    prefix = (key.text() or "")[:4]
    return "long_term" if prefix == "AKIA" else "temporary" if prefix == "ASIA" else "unknown"


def _root(details: Node, owner: Owner, named: Named) -> None:
    key = details.get("accessKeyId")
    _key(key, owner, named, user_name=None, user_type="Root")
    named.add(
        owner.resource(
            "AWS::IAM::User", owner.arn("iam", "root", regional=False), user_name="root", user_type="Root",
            access_key_id=key.text(), principal_id=details.get("principalId").text(), credential=_credential(key),
        )
    )  # fmt: skip


def _user(details: Node, owner: Owner, named: Named) -> None:
    key = details.get("accessKeyId")
    name = named.name(details.get("userName"), IAM_NAME, "an IAM user name")
    _key(key, owner, named, user_name=name, user_type="IAMUser")
    if name:
        named.add(
            owner.resource(
                "AWS::IAM::User", owner.arn("iam", f"user/{name}", regional=False), user_name=name,
                access_key_id=key.text(), principal_id=details.get("principalId").text(), credential=_credential(key),
            )
        )  # fmt: skip


def _key(key: Node, owner: Owner, named: Named, *, user_name: str | None, user_type: str) -> None:
    text = key.text()
    if text is None:
        named.missing(key)
    elif _credential(key) == "long_term":
        checked = named.name(key, LONG_TERM_KEY, "an access key id")
        if checked:
            named.add(owner.resource("AWS::IAM::AccessKey", checked, user_name=user_name, user_type=user_type))
    elif named.sample:
        # Samples stand for a long-term key (`GeneratedFindingAccessKeyId`), and are reported as naming it.
        named.add(owner.resource("AWS::IAM::AccessKey", text, user_name=user_name, user_type=user_type))
