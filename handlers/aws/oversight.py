"""What the AWS deployment asks before it acts: the organisation about an account, and the kill switch. Nothing is imported or called that the policy or the
environment does not ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stanch.accounts import TagsOf, UnitsOf
from stanch.clouds.aws import AwsCloud
from stanch.playbooks.model import Policy
from stanch.restraint import Switch

OFF = "off"
"""The value of a kill switch that is not pulled; any other is the reason why it is."""


def organization(cloud: AwsCloud, policy: Policy) -> tuple[UnitsOf | None, TagsOf | None]:
    """Who answers for the units above an account, and for its tags."""
    if not (policy.names_units or policy.asks_account_tags):
        return None, None
    from stanch.clouds.aws_organization import Organization

    found = Organization(cloud.home)
    return found.units if policy.names_units else None, found.tags if policy.asks_account_tags else None


def members(cloud: AwsCloud, policy: Policy) -> list[str]:
    """The accounts of the policy's groups: those named by their ids, and those in their units. Raises the error tree's kinds where a unit cannot be listed."""
    units = [unit for group in policy.accounts.groups.values() for unit in group.ous]
    if not units:
        return named(policy)
    from stanch.clouds.aws_organization import Organization

    found = Organization(cloud.home)
    return list(dict.fromkeys([*named(policy), *(name for unit in units for name in found.accounts(unit))]))


def named(policy: Policy) -> list[str]:
    """The AWS accounts that the policy's groups name by their ids."""
    ids = [name for group in policy.accounts.groups.values() for name in group.ids]
    return list(dict.fromkeys(name for name in ids if re.fullmatch(r"\d{12}", name)))


def switch(cloud: AwsCloud, env: Mapping[str, str]) -> Switch | None:
    """The parameter STANCH_KILL_SWITCH of the Systems Manager parameter store; None where none is set.

    Read without a cache of its own (https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html): how old it may be, the engine says.
    """
    name = env.get("STANCH_KILL_SWITCH")
    if not name:
        return None

    def pulled() -> str | None:
        value = str(cloud.home.call("ssm", "get_parameter", Name=name)["Parameter"]["Value"]).strip()
        return None if value == OFF else f"{name} says {value!r}"

    return pulled
