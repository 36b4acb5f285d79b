"""What Azure Resource Manager says of a subscription: its tags.

Needs `Microsoft.Resources/subscriptions/read` (https://learn.microsoft.com/rest/api/resources/subscriptions/get), which the reading identity has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from stanch.clouds.azure import AzureCloud
from stanch.clouds.azure_ids import segment
from stanch.finding import Resource

FRESH = 3600.0
"""Seconds for which an answer is believed."""

_GUID_LENGTH = 36


class Subscriptions:
    """Cached answers of all subscriptions in reach."""

    def __init__(self, cloud: AzureCloud, now: Callable[[], float] = time.time) -> None:
        self._cloud, self._now = cloud, now
        self._known: dict[str, tuple[float, Mapping[str, str]]] = {}

    def tags(self, account: str) -> Mapping[str, str]:
        """The subscription's tags; none where the account can be no subscription. Raises the error tree's kinds, AccessDenied for one out of reach."""
        until, found = self._known.get(account.lower(), (0.0, {}))
        if self._now() >= until:
            found = self._ask(account)
            self._known[account.lower()] = (self._now() + FRESH, found)
        return found

    def _ask(self, account: str) -> Mapping[str, str]:
        if len(account) != _GUID_LENGTH:
            return {}
        subscription = Resource("Microsoft.Resources/subscriptions", account, account)
        session = self._cloud.session(subscription, "read", "")
        answer = session.arm("GET", f"/subscriptions/{segment(account)}", "2022-12-01") or {}
        return {str(name): str(value) for name, value in (answer.get("tags") or {}).items()}
