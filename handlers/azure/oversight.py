"""What the Azure deployment asks before it acts: a subscription for its tags, and the kill switch. Nothing is called that the policy or the environment does not ask for."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from stanch.accounts import TagsOf
from stanch.clouds.azure import AzureCloud
from stanch.clouds.azure_settings import CONFIGURATION_SCOPE
from stanch.errors import InvalidInput
from stanch.finding import Resource
from stanch.playbooks.model import Policy
from stanch.restraint import Switch

OFF = "off"
"""The value of a kill switch that is not pulled; any other is the reason why it is."""


def tags(cloud: AzureCloud, policy: Policy) -> TagsOf | None:
    """Who answers for the tags of a subscription."""
    if not policy.asks_account_tags:
        return None
    from stanch.clouds.azure_subscriptions import Subscriptions

    return Subscriptions(cloud).tags


def switch(cloud: AzureCloud, env: Mapping[str, str]) -> Switch | None:
    """The key-value STANCH_KILL_SWITCH of the App Configuration store at STANCH_APP_CONFIGURATION; None where no key is set. Raises InvalidInput without a store.

    https://learn.microsoft.com/azure/azure-app-configuration/rest-api-key-value
    """
    name, store = env.get("STANCH_KILL_SWITCH"), env.get("STANCH_APP_CONFIGURATION", "")
    if not name:
        return None
    if not store.startswith("https://"):
        raise InvalidInput(
            "STANCH_APP_CONFIGURATION", "must be the https endpoint of the store that holds STANCH_KILL_SWITCH"
        )

    def pulled() -> str | None:
        session = cloud.session(Resource("Microsoft.Graph/users", "", ""), "own", "")
        answer = session.data(store, f"/kv/{quote(name, safe='')}", CONFIGURATION_SCOPE, "1.0")
        value = str(answer.get("value") or "").strip()
        return None if value == OFF else f"{name} says {value!r}"

    return pulled
