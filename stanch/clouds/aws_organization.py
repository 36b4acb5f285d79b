"""What AWS Organizations says of an account: the units above it and its tags, and of a unit: its accounts; asked of a delegated administrator or the management account.

Needs `organizations:ListParents`, `organizations:ListTagsForResource`, and for the accounts of a unit `organizations:ListAccountsForParent` and
`organizations:ListOrganizationalUnitsForParent` (https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListParents.html).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from stanch.clouds.aws import AwsSession

REGION = "us-east-1"
"""Organizations has one endpoint, whatever the region."""

FRESH = 3600.0
"""Seconds for which an answer is believed: accounts move between units rarely, and a stale answer only lasts an hour."""

T = TypeVar("T")


class Organization:
    """Cached answers of one organisation."""

    def __init__(self, home: AwsSession, now: Callable[[], float] = time.time) -> None:
        self._home, self._now = home, now
        self._known: dict[tuple[str, str], tuple[float, Any]] = {}

    def units(self, account: str) -> list[str]:
        """Organisational units from the account's own up to the root. Raises the error tree's kinds."""
        return self._fresh("units", account, lambda: self._climb(account))

    def tags(self, account: str) -> Mapping[str, str]:
        """The account's tags. Raises the error tree's kinds."""
        return self._fresh("tags", account, lambda: self._tags(account))

    def accounts(self, unit: str) -> list[str]:
        """The active accounts in a unit and in the units below it. Raises the error tree's kinds."""
        return self._fresh("accounts", unit, lambda: self._inside(unit))

    def _fresh(self, what: str, account: str, ask: Callable[[], T]) -> T:
        until, answer = self._known.get((what, account), (0.0, None))
        if self._now() >= until:
            answer = ask()
            self._known[what, account] = (self._now() + FRESH, answer)
        found: T = answer
        return found

    def _climb(self, account: str) -> list[str]:
        above: list[str] = []
        child = account
        while True:
            parents = self._home.pages("organizations", "list_parents", "Parents", region=REGION, ChildId=child)
            if not parents or parents[0]["Type"] != "ORGANIZATIONAL_UNIT":
                return above
            child = str(parents[0]["Id"])
            above.append(child)

    def _inside(self, unit: str) -> list[str]:
        """Units are at most five deep (https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html)."""
        found: list[str] = []
        units = [unit]
        while units:
            parent = units.pop(0)
            listed = self._home.pages(
                "organizations", "list_accounts_for_parent", "Accounts", region=REGION, ParentId=parent
            )
            found += [str(one["Id"]) for one in listed if one.get("State", one.get("Status")) == "ACTIVE"]
            below = self._home.pages(
                "organizations",
                "list_organizational_units_for_parent",
                "OrganizationalUnits",
                region=REGION,
                ParentId=parent,
            )
            units += [str(one["Id"]) for one in below]
        return found

    def _tags(self, account: str) -> dict[str, str]:
        found = self._home.pages("organizations", "list_tags_for_resource", "Tags", region=REGION, ResourceId=account)
        return {tag["Key"]: tag["Value"] for tag in found}
