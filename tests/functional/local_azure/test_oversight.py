"""What the Azure deployment asks before it acts: the kill switch in App Configuration, and the tags of a subscription."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from handlers.azure import oversight, wiring
from stanch.clouds import azure as clouds
from stanch.clouds.azure import AzureCloud
from stanch.clouds.azure_settings import AzureSettings
from stanch.clouds.azure_subscriptions import FRESH, Subscriptions
from stanch.errors import AccessDenied, Gone, InvalidInput, Retryable
from stanch.local.azure.server import AzureCloudServer
from stanch.playbooks.model import Policy
from stanch.restraint import Restraint
from tests.functional.local_azure.conftest import SUB

STORE = "https://stanch.azconfig.io"
SET = {"STANCH_KILL_SWITCH": "stanch/kill switch", "STANCH_APP_CONFIGURATION": STORE}


class Store:
    """App Configuration's answer to one GET; what was asked is kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
        self.asked: list[tuple[Any, ...]] = []

        def data(session: Any, url: str, path: str, scope: str, api_version: str) -> Any:
            self.asked.append((url, path, scope, api_version, session.purpose))
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(clouds.AzureSession, "data", data)


def cloud() -> AzureCloud:
    return AzureCloud(AzureSettings.from_environment())


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"key": "k", "value": "off"}, None),
        ({"value": "incident 7"}, "stanch/kill switch says 'incident 7'"),
        ({"value": ""}, "stanch/kill switch says ''"),
        ({"value": None}, "stanch/kill switch says ''"),
        ({}, "stanch/kill switch says ''"),
    ],
)
def test_only_off_lets_pass(
    azure: AzureCloudServer, monkeypatch: pytest.MonkeyPatch, answer: Any, reason: str | None
) -> None:
    store = Store(monkeypatch, answer)
    switch = oversight.switch(cloud(), SET)
    assert switch is not None
    assert switch() == reason
    assert store.asked == [(STORE, "/kv/stanch%2Fkill%20switch", "https://azconfig.io/.default", "1.0", "own")]


@pytest.mark.parametrize("error", [Gone("GET", "404", "no such key"), AccessDenied("GET", "403", "no")])
def test_what_cannot_be_read_is_closed(
    azure: AzureCloudServer, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    Store(monkeypatch, error)
    restraint = Restraint(Policy(), None, oversight.switch(cloud(), SET))  # type: ignore[arg-type]  # the journal is not asked
    with pytest.raises(Retryable, match="kill switch: it cannot be read"):
        restraint.stopped(None)


def test_a_switch_without_a_store_is_named(azure: AzureCloudServer) -> None:
    for store in ("", "stanch.azconfig.io", "http://stanch.azconfig.io"):
        with pytest.raises(InvalidInput, match="STANCH_APP_CONFIGURATION: must be the https endpoint"):
            oversight.switch(cloud(), {**SET, "STANCH_APP_CONFIGURATION": store})
    assert oversight.switch(cloud(), {"STANCH_APP_CONFIGURATION": STORE}) is None


def test_a_key_is_read_over_the_wire(azure: AzureCloudServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in knows no App Configuration, and says whose token it was given instead."""
    switch = oversight.switch(cloud(), {**SET, "STANCH_APP_CONFIGURATION": azure.url})
    assert switch is not None
    with pytest.raises(AccessDenied, match=r"wrong audience or resource .https://azconfig\.io"):
        switch()


class TestSubscriptions:
    def test_tags_are_read_once_an_hour(self, azure: AzureCloudServer) -> None:
        moment = [1000.0]
        subscriptions = Subscriptions(cloud(), now=lambda: moment[0])
        azure.state.subscriptions[SUB] = {"subscriptionId": SUB, "tags": {"Team": "payments"}}
        assert subscriptions.tags(SUB) == {"Team": "payments"}
        azure.state.subscriptions[SUB] = {"subscriptionId": SUB}
        moment[0] += FRESH - 1
        assert subscriptions.tags(SUB.upper()) == {"Team": "payments"}
        moment[0] += 1
        assert subscriptions.tags(SUB) == {}

    def test_what_is_no_subscription_has_none(self, azure: AzureCloudServer) -> None:
        subscriptions = Subscriptions(cloud())
        assert subscriptions.tags("corp.example") == {}
        with pytest.raises(AccessDenied, match="SubscriptionNotFound"):
            subscriptions.tags("11111111-1111-1111-1111-111111111111")


def test_the_wiring_asks_only_where_the_policy_does(azure: AzureCloudServer, tmp_path: Path) -> None:
    playbook = "playbooks: [{id: p, when: {type: [x]}, remediations: [azure.compute.isolate_vm], mode: auto}]\n"
    route = "channels: {soc: {teams: soc}}\nnotify: [{when: {account.tags.Team: [payments]}, to: [soc]}]\n"
    env = {
        **azure.environment(),
        "STANCH_JOURNAL": f"sqlite://{tmp_path / 'j.sqlite'}",
        "STANCH_PLAYBOOKS": str(tmp_path / "p.yaml"),
    }
    for text, asks in (("", False), (route, True)):
        (tmp_path / "p.yaml").write_text(text + playbook)
        found = wiring.build(env)
        assert (found.tags_of is not None, found.switch) == (asks, None)
    with pytest.raises(InvalidInput, match="STANCH_APP_CONFIGURATION"):
        wiring.build({**env, "STANCH_KILL_SWITCH": "k"})
