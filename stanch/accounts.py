"""Which group of the policy an account belongs to: by its id, its subscription, or the organisational units above it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from stanch.errors import AccessDenied, Retryable, StanchError
from stanch.playbooks.limits import Accounts

UnitsOf = Callable[[str], Sequence[str]]
"""The ids of the organisational units above an account, nearest first. Raises a StanchError where it cannot be found out."""

TagsOf = Callable[[str], Mapping[str, str]]
"""The tags of an account. Raises a StanchError where they cannot be found out."""


class Groups:
    """Answers for one policy. What cannot be resolved is None, which everywhere means the strictest."""

    def __init__(self, accounts: Accounts, units_of: UnitsOf | None = None) -> None:
        self._accounts = accounts
        self._units_of = units_of
        self._ids = {
            name.lower(): group
            for group, members in accounts.groups.items()
            for name in (*members.ids, *members.subscriptions)
        }
        self._units = {unit: group for group, members in accounts.groups.items() for unit in members.ous}

    def of(self, account: str) -> str | None:
        """The account's group; `unlisted` for one that is in none; None if that cannot be found out.

        An id counts before a unit, the nearest unit before those above it. Raises Retryable where asking again may help, and where asking is forbidden: a permission that
        misses is soon mended, and meanwhile nobody can say that the strictest group's mode is strict enough. An answer that there is no such account, or no organisation, is final.
        """
        if account.lower() in self._ids:
            return self._ids[account.lower()]
        if self._units and account.isdigit():
            if self._units_of is None:
                return None
            try:
                above = self._units_of(account)
            except Retryable:
                raise
            except AccessDenied as error:
                raise Retryable(str(error)) from error
            except StanchError:
                return None
            for unit in above:
                if unit in self._units:
                    return self._units[unit]
        return self._accounts.unlisted
