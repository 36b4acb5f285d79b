"""`--account NAME_OR_ID`: the ids that a name stands for, in the policy's groups of accounts or in the AWS organisation."""

from __future__ import annotations

import re
from typing import Any

from stanch.cli import output
from stanch.cli.context import Context
from stanch.errors import CloudError, InvalidInput, StanchError

_ID = re.compile(r"\d{12}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def ids(context: Context, text: str) -> frozenset[str]:
    """The accounts and subscriptions meant, in lower case. Raises InvalidInput for a name that nobody knows."""
    if _ID.fullmatch(text):
        return frozenset({text.lower()})
    policy = context.deployment(context.clouds[0]).policy
    group = policy.accounts.groups.get(text)
    if group is not None:
        inside = [name for unit in group.ous for name in _within(context, unit)]
        return frozenset(name.lower() for name in (*group.ids, *group.subscriptions, *inside))
    named = {account["Id"] for account in _organisation(context, "list_accounts") if account["Name"].lower() == text.lower()}  # fmt: skip
    if not named:
        known = f"; groups are {', '.join(policy.accounts.groups)}" if policy.accounts.groups else ""
        raise InvalidInput("--account", f"{text!r} is neither an id nor the name of a known account or group{known}")
    return frozenset(named)


def _within(context: Context, unit: str) -> list[str]:
    """The accounts of a unit and of all units below it; that they cannot be listed is said, since what is told of the group then lacks theirs."""
    if "aws" not in context.clouds:
        return []
    from stanch.clouds.aws_organization import Organization

    cloud: Any = context.deployment("aws").cloud
    try:
        return Organization(cloud.home).accounts(unit)
    except StanchError as error:
        output.say(f"the accounts of {unit} cannot be listed, so they are missing here: {error}")
        return []


def _organisation(context: Context, operation: str, **params: Any) -> list[dict[str, Any]]:
    """Accounts of the AWS organisation; none where there is no organisation or it may not be read
    (https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html)."""
    if "aws" not in context.clouds:
        return []
    cloud: Any = context.deployment("aws").cloud
    try:
        return list(cloud.home.pages("organizations", operation, "Accounts", **params))
    except CloudError:
        return []
