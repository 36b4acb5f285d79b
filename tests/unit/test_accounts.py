"""Groups of accounts: ids before units, near before far, and what cannot be found out is the strictest."""

from __future__ import annotations

import pytest

from stanch.accounts import Groups
from stanch.errors import AccessDenied, CloudError, Retryable
from stanch.playbooks.limits import Accounts, Group

ACCOUNTS = Accounts(
    {
        "prod": Group(ous=("ou-ab12-prod0001",), subscriptions=("00000000-0000-0000-0000-0000000000A1",)),
        "sandbox": Group(ous=("ou-ab12-sand0001",)),
        "pci": Group(ids=("111122223333",)),
    },
    unlisted="pci",
)


def units(account: str) -> list[str]:
    if account == "999988887777":
        raise CloudError("organizations:list_parents", "ChildNotFoundException", "no")
    if account == "999988886666":
        raise AccessDenied("organizations:list_parents", "AccessDeniedException", "no")
    return {
        "444455556666": ["ou-ab12-team0001", "ou-ab12-prod0001"],
        "555566667777": ["ou-ab12-sand0001", "ou-ab12-prod0001"],
    }.get(account, [])


def test_each_way_to_belong() -> None:
    groups = Groups(ACCOUNTS, units)
    assert groups.of("111122223333") == "pci"
    assert groups.of("00000000-0000-0000-0000-0000000000a1") == "prod", "subscription ids compare without case"
    assert groups.of("444455556666") == "prod", "a unit further up counts"
    assert groups.of("555566667777") == "sandbox", "the nearest unit wins"
    assert groups.of("123412341234") == "pci", "unlisted"


def test_what_cannot_be_found_out_is_none() -> None:
    assert Groups(ACCOUNTS, units).of("999988887777") is None
    assert Groups(ACCOUNTS).of("444455556666") is None, "nobody to ask"


def test_what_may_not_be_asked_is_asked_again() -> None:
    with pytest.raises(Retryable, match="AccessDeniedException"):
        Groups(ACCOUNTS, units).of("999988886666")


def test_without_units_nobody_is_asked() -> None:
    def never(account: str) -> list[str]:
        raise AssertionError(account)

    groups = Groups(Accounts({"pci": Group(ids=("111122223333",))}), never)
    assert groups.of("444455556666") is None
    assert groups.of("111122223333") == "pci"
