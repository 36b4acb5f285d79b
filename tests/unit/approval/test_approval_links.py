"""Links lead to our own page and to nothing else."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from stanch.approval import links, token
from stanch.approval.links import Links
from stanch.errors import InvalidInput
from tests.unit.approval.desk import KEYS, SECRET

ACTION, PLAN = "0a1b2c3d4e5f-0192f5c1a2b", "5" * 64
URL = "https://stanch.example/approval"


def test_a_link_opens_our_page_with_its_token() -> None:
    made = Links(URL, lambda: SECRET).to(ACTION, PLAN, "soc:teams")
    assert made is not None
    assert made.startswith("https://stanch.example/approval?t=ey")
    ticket = token.read(KEYS, parse_qs(urlsplit(made).query)["t"][0])
    assert (ticket.action_id, ticket.plan_digest, ticket.channel) == (ACTION, PLAN, "soc:teams")


def test_each_channel_gets_its_own() -> None:
    found = Links(URL, lambda: SECRET)
    assert found.to(ACTION, PLAN, "soc:teams") != found.to(ACTION, PLAN, "soc:sns")


def test_new_keys_are_seen_at_once() -> None:
    kept = {"current": "a", "keys": {"a": "a" * 40}}
    found = Links(URL, lambda: json.dumps(kept))
    first = found.to(ACTION, PLAN, "soc")
    kept["keys"] = {"b": "b" * 40}
    kept["current"] = "b"
    second = found.to(ACTION, PLAN, "soc")
    assert first is not None
    assert second is not None
    assert token.read(found.keys(), parse_qs(urlsplit(second).query)["t"][0]).action_id == ACTION


def test_from_the_settings() -> None:
    asked: list[str] = []

    def secret(name: str) -> str:
        asked.append(name)
        return SECRET

    env = {"STANCH_APPROVAL_URL": URL, "STANCH_SIGNING_SECRET": "stanch-signing"}
    found = Links.from_environment(env, secret)
    assert found is not None
    assert asked == []
    assert found.to(ACTION, PLAN, "soc") is not None
    assert asked == ["stanch-signing"]
    assert "nnnn" not in repr(found)


def test_without_a_secret_there_are_no_links_and_without_a_page_none_is_sent() -> None:
    assert Links.from_environment({"STANCH_APPROVAL_URL": URL}, lambda name: SECRET) is None
    found = Links.from_environment({"STANCH_SIGNING_SECRET": "s"}, lambda name: SECRET)
    assert found is not None
    assert found.keys() == KEYS
    assert found.to(ACTION, PLAN, "soc") is None


@pytest.mark.parametrize(
    "url",
    ["https://stanch.example/approval", "https://stanch.example:8443/a/b", "http://127.0.0.1:7071/api/approval", "http://localhost/approval"],
)  # fmt: skip
def test_pages_that_a_link_may_lead_to(url: str) -> None:
    assert links.link(url, "T") == f"{url}?t=T"


@pytest.mark.parametrize(
    "url",
    ["", "stanch.example/approval", "http://stanch.example/approval", "javascript:alert(1)", "javascript://stanch.example/%0aalert(1)",
     "data:text/html,x", "https:///approval", "https://user:pw@stanch.example/", "https://stanch.example/?next=x", "https://stanch.example/#x",
     "https://stanch.example/?", "https://stanch.example/#", "https://stanch.example/a b", "https://stanch.example/a\r\nX: y",
     "https://stanch.example\\@evil.example/", "https://st\u00e4nch.example/", "https://[::1/", "https://stanch.example:port/",
     "http://127.0.0.1.evil.example/", "//stanch.example/"],
)  # fmt: skip
def test_pages_that_no_link_may_lead_to(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"^STANCH_APPROVAL_URL: "):
        links.link(url, "T")
    if url:
        with pytest.raises(InvalidInput, match=r"^STANCH_APPROVAL_URL: "):
            Links.from_environment({"STANCH_APPROVAL_URL": url, "STANCH_SIGNING_SECRET": "s"}, lambda name: SECRET)


def test_what_reports_show() -> None:
    button: dict[str, Any] = links.card_action(f"{URL}?t=T")
    assert button == {
        "type": "Action.OpenUrl",
        "title": "Review and decide",
        "url": "https://stanch.example/approval?t=T",
    }
    assert links.text_line(f"{URL}?t=T") == (
        "Approve or deny (opening only shows the plan): https://stanch.example/approval?t=T"
    )
