"""Who a verified caller is, and whether that tells one person from another.

What cannot be undone takes two people. A role is no person: whoever may assume it chooses the session's name
(https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html), STS tells callers nothing of a source identity
(https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html), and an IAM user may assume it beside. On AWS a person is an IAM user, or a user of
Identity Center: its roles, `AWSReservedSSO_<permission set>_<16 hex digits>`, it alone may assume, under the user's name
(https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html).
"""

from __future__ import annotations

import re

from msgspec import Struct

_RESERVED = re.compile(r"AWSReservedSSO_.+_[0-9a-f]{16}")


class Identity(Struct, frozen=True):
    """A verified caller: the name for people, the subject that tells two apart, and the directory groups.

    `person` tells whether the subject stands for one person; where it does not (a role that many may assume, an application), it is no second one either.
    """

    name: str
    subject: str
    groups: tuple[str, ...] = ()
    person: bool = True


def of_arn(arn: str) -> Identity:
    """The AWS principal behind a caller's ARN. The group of an assumed role is the role, as `arn:aws:iam::111122223333:role/NAME`.

    All sessions of a role are one subject that is no person; all roles of a user of Identity Center are one subject that is. The account's root and federated users, whose
    names their maker chooses (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html), are no persons.
    """
    parts = arn.split(":", 5)
    kind, _, rest = parts[-1].partition("/")
    if kind != "assumed-role" or parts[2:3] != ["sts"]:
        return Identity(arn, arn, (), person=kind == "user" and parts[2:3] == ["iam"])
    role, _, session = rest.partition("/")
    group = f"arn:{parts[1]}:iam::{parts[4]}:role/{role}"
    if _RESERVED.fullmatch(role) and session:
        return Identity(arn, f"identity-center:{session}", (group,))
    return Identity(arn, group, (group,), person=False)


def of_requester(name: str) -> Identity:
    """Whoever asked for an action, as the journal names them."""
    return of_arn(name) if name.startswith("arn:") else Identity(name, name)
