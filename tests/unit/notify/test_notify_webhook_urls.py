"""Which webhook URLs are posted to at all."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from stanch.errors import Refused
from stanch.notify.teams import TeamsChannel
from tests.unit.notify.samples import report

SIGNATURE = "c2lnbmF0dXJlLW9mLXRoZS13ZWJob29r"
PATH = f"/workflows/0123/triggers/manual/paths/invoke?api-version=2016-06-01&sig={SIGNATURE}"

ALLOWED = [
    "https://prod-12.westeurope.logic.azure.com:443",
    "https://prod-12.westeurope.logic.azure.com",
    "https://PROD-12.WestEurope.Logic.Azure.Com",
    "https://x.azure-api.net",
    "https://default0123.ab.environment.api.powerplatform.com:443",
]

REFUSED = {
    "http": "http://prod-12.westeurope.logic.azure.com",
    "another host": "https://evil.example",
    "a retired connector": "https://contoso.webhook.office.com",
    "the suffix itself": "https://logic.azure.com",
    "the suffix in a longer label": "https://evillogic.azure.com",
    "the suffix in front": "https://x.logic.azure.com.evil.example",
    "an allowed name as user": "https://x.logic.azure.com@evil.example",
    "a user": "https://user:word@x.logic.azure.com",
    "a backslash": "https://evil.example\\@x.logic.azure.com",
    "a fragment": "https://evil.example#@x.logic.azure.com",
    "a query": "https://evil.example?.logic.azure.com",
    "another port": "https://x.logic.azure.com:8443",
    "port 0": "https://x.logic.azure.com:0",
    "no port": "https://x.logic.azure.com:99999",
    "an address": "https://169.254.169.254",
    "an address as a number": "https://2852039166",
    "an IPv6 address": "https://[::1]",
    "loopback": "https://127.0.0.1",
    "a trailing dot": "https://x.logic.azure.com.",
    "an empty label": "https://x..logic.azure.com",
    "a long label": f"https://{'x' * 64}.logic.azure.com",
    "letters beyond ASCII": "https://x.log\u0131c.azure.com",
    "a wide stop": "https://evil.example\uff0fx.logic.azure.com",
    "a line break": "https://x.logic.azure.com/\nHost: evil.example",
    "a blank": "https://x.logic.azure.com/ evil",
    "a file": "file:///etc/passwd",
    "nothing": "",
}


class Connected(Exception):
    """A connection was tried."""


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Hosts and ports whose addresses were asked for; nothing is ever connected to."""
    asked: list[tuple[str, int]] = []

    def resolve(host: str, port: int, *rest: Any, **named: Any) -> Any:
        asked.append((host, port))
        raise Connected

    for proxy in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(proxy, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.mark.parametrize("base", ALLOWED)
def test_workflows_are_posted_to(base: str, tried: list[tuple[str, int]]) -> None:
    with pytest.raises(Connected):
        TeamsChannel("soc:teams", lambda: f"  {base}{PATH}\n").send(report())
    assert tried == [(base.removeprefix("https://").removesuffix(":443").lower(), 443)]


@pytest.mark.parametrize("what", REFUSED)
def test_everything_else_is_refused_unconnected(what: str, tried: list[tuple[str, int]]) -> None:
    url = REFUSED[what] and REFUSED[what] + PATH
    with pytest.raises(Refused) as caught:
        TeamsChannel("soc:teams", lambda: url).send(report())
    assert tried == []
    assert caught.value.guard == "webhook"
    assert str(caught.value).startswith("webhook: what the secret of channel soc:teams holds ")
    assert SIGNATURE not in str(caught.value)
    assert "/workflows" not in str(caught.value)


def test_this_machine_is_posted_to_only_when_the_caller_says_so(tried: list[tuple[str, int]]) -> None:
    url = f"https://127.0.0.1:8443{PATH}"
    with pytest.raises(Connected):
        TeamsChannel("teams", lambda: url, extra_hosts=("127.0.0.1",)).send(report())
    with pytest.raises(Refused):
        TeamsChannel("teams", lambda: url.replace("https", "http"), extra_hosts=("127.0.0.1",)).send(report())
    with pytest.raises(Refused):
        TeamsChannel("teams", lambda: url, extra_hosts=("localhost",)).send(report())
    assert tried == [("127.0.0.1", 8443)]


def test_other_clouds_have_other_hosts(tried: list[tuple[str, int]]) -> None:
    with pytest.raises(Connected):
        TeamsChannel("teams", lambda: f"https://x.logic.azure.us{PATH}", allowed_hosts=(".logic.azure.us",)).send(
            report()
        )
    with pytest.raises(Refused):
        TeamsChannel("teams", lambda: f"https://x.logic.azure.com{PATH}", allowed_hosts=(".logic.azure.us",)).send(
            report()
        )
    assert tried == [("x.logic.azure.us", 443)]


def test_the_url_is_asked_for_when_it_is_needed() -> None:
    asked: list[int] = []
    channel = TeamsChannel("soc:teams", lambda: asked.append(1) or "")
    assert asked == []
    assert repr(channel) == "TeamsChannel('soc:teams')"
    with pytest.raises(Refused):
        channel.send(report())
    assert asked == [1]
