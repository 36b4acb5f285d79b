"""The page as a Function, behind App Service authentication with Entra."""

from __future__ import annotations

import base64
import json
from typing import Any

import azure.functions as func
import pytest

from handlers.azure import approval, wiring
from stanch.action import Action
from stanch.decision import Identity
from tests.unit.approval.desk import SECRET, Desk, filled, link

ALICE = "00000000-0000-0000-0000-0000000000a1"
ONCALL = "00000000-0000-0000-0000-00000000dada"
ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"


@pytest.fixture(autouse=True)
def wired(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The desk in place of what the environment describes; its approvers are an Entra group."""
    desk.by = type(desk.by)({"group": ONCALL})
    vault = {("https://kv.example", "stanch-signing"): SECRET}
    monkeypatch.setattr(wiring, "deployment", lambda: desk.deployment)
    monkeypatch.setattr(wiring, "secret", lambda cloud, where, name: vault[where, name])
    monkeypatch.setenv("STANCH_SIGNING_SECRET", "stanch-signing")
    monkeypatch.setenv("STANCH_KEY_VAULT", "https://kv.example")
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")


def principal(*claims: tuple[str, str]) -> str:
    """`X-MS-CLIENT-PRINCIPAL` (https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities)."""
    said = {
        "auth_typ": "aad",
        "name_typ": "name",
        "role_typ": ROLE,
        "claims": [{"typ": typ, "val": val} for typ, val in claims],
    }
    return base64.b64encode(json.dumps(said).encode()).decode()


def headers(*claims: tuple[str, str], **changed: str | None) -> dict[str, str]:
    given = {
        "X-MS-CLIENT-PRINCIPAL-NAME": "alice@corp.example",
        "X-MS-CLIENT-PRINCIPAL-ID": ALICE,
        "X-MS-CLIENT-PRINCIPAL-IDP": "aad",
        "X-MS-CLIENT-PRINCIPAL": principal(*(claims or (("groups", ONCALL), ("groups", "other"), ("name", "x")))),
        **{f"X-MS-CLIENT-PRINCIPAL{name}": value for name, value in changed.items()},
    }
    return {name: value for name, value in given.items() if value is not None}


def call(
    method: str, action: Action, given: dict[str, str] | None = None, body: bytes = b"", **params: str
) -> func.HttpResponse:
    more = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    request = func.HttpRequest(
        method=method,
        url="https://stanch.example/api/approval",
        headers={**(headers() if given is None else given), **more},
        params={"t": link(action), **params},
        body=body,
    )
    return approval.approval_page.build().get_user_function()(request)  # type: ignore[attr-defined, no-any-return]


def form(action: Action) -> bytes:
    page: Any = type("Page", (), {"body": call("GET", action).get_body().decode()})
    return filled(page)


def test_get_shows(desk: Desk) -> None:
    action = desk.ask()
    reply = call("GET", action)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert reply.headers["X-Frame-Options"] == "DENY"
    assert f"journaled with your name: alice@corp.example ({ALICE})" in reply.get_body().decode()
    assert call("HEAD", action).get_body() == b""
    assert desk.cloud.writes() == []


def test_post_acts_for_the_verified_caller(desk: Desk) -> None:
    action = desk.ask()
    reply = call("POST", action, body=form(action))
    assert reply.status_code == 200
    assert desk.cloud.writes() == ["Set door-1.front"]
    (said,) = desk.now(action).approvals
    assert (said["by"], said["subject"]) == (f"alice@corp.example ({ALICE})", ALICE)


@pytest.mark.parametrize("value", ["False", "", "0"])
def test_where_authentication_is_off_headers_prove_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    action = desk.ask()
    sent = form(action)
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", value)
    assert b"<form" not in call("GET", action).get_body()
    assert call("POST", action, body=sent).status_code == 403
    assert desk.cloud.writes() == []


@pytest.mark.parametrize(
    "given", [{}, headers(**{"-ID": None}), headers(**{"-IDP": "google"}), headers(**{"-IDP": None})]
)
def test_whoever_entra_does_not_vouch_for_decides_nothing(desk: Desk, given: dict[str, str]) -> None:
    action = desk.ask()
    assert b"<form" not in call("GET", action, given).get_body()
    assert call("POST", action, given, form(action)).status_code == 403
    assert desk.cloud.writes() == []


@pytest.mark.parametrize(
    "claims",
    [(("groups", "other"),), (("name", ONCALL),), (("groups", f"{ONCALL} "),), (("Groups", ONCALL),), (("hasgroups", "true"),)],
)  # fmt: skip
def test_whoever_is_not_in_the_group_decides_nothing(desk: Desk, claims: Any) -> None:
    action = desk.ask()
    reply = call("POST", action, headers(*claims), form(action))
    assert (reply.status_code, b"wrong group" in reply.get_body()) == (409, True)
    assert desk.cloud.writes() == []


@pytest.mark.parametrize(
    ("given", "groups"),
    [(principal(("groups", "a"), ("groups", "b"), ("roles", "approver"), ("name", "x")), ("a", "b", "approver")), (principal((ROLE, "approver")), ("approver",)),
     ("", ()), ("%%%", ()), (base64.b64encode(b"\xff").decode(), ()), (base64.b64encode(b"[]").decode(), ()),
     (base64.b64encode(b'{"claims": {"typ": "groups", "val": "a"}}').decode(), ()), (base64.b64encode(b'{"claims": ["groups", null]}').decode(), ()),
     (base64.b64encode(b'{"claims": [], "claims": [{"typ": "groups", "val": "a"}]}').decode(), ())],
)  # fmt: skip
def test_groups_are_read_from_the_principal(given: str, groups: tuple[str, ...]) -> None:
    request = func.HttpRequest(method="GET", url="https://x", headers=headers(**{"": given}), body=b"")
    assert approval.identity(request) == Identity(f"alice@corp.example ({ALICE})", ALICE, groups)


@pytest.mark.parametrize(
    ("claims", "person"),
    [((("idtyp", "app"),), False), ((("sub", ALICE), ("oid", ALICE)), False), ((("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier", ALICE), ("http://schemas.microsoft.com/identity/claims/objectidentifier", ALICE)), False),
     ((("sub", "pairwise"), ("oid", ALICE)), True), ((), True)],
)  # fmt: skip
def test_a_program_that_signed_in_as_itself_is_no_person(claims: Any, person: bool) -> None:
    request = func.HttpRequest(method="GET", url="https://x", headers=headers(*claims), body=b"")
    found = approval.identity(request)
    assert found is not None
    assert found.person is person


def test_link_and_form_say_nothing_of_who_decides(desk: Desk) -> None:
    action = desk.ask()
    sent = form(action) + f"&X-MS-CLIENT-PRINCIPAL-ID={ALICE}".encode()
    assert call("POST", action, {}, sent, **{"X-MS-CLIENT-PRINCIPAL-ID": ALICE}).status_code == 403
    assert desk.cloud.writes() == []


def test_a_form_that_is_too_long_does_nothing(desk: Desk) -> None:
    action = desk.ask()
    assert call("POST", action, body=form(action) + b"&pad=" + b"x" * 20_000).status_code == 413
    assert desk.cloud.writes() == []


def test_a_browser_needs_no_function_key() -> None:
    function = approval.approval_page.build()  # type: ignore[attr-defined]
    trigger = next(binding for binding in function.get_bindings() if binding.type == "httpTrigger")
    assert (function.get_function_name(), trigger.route, trigger.auth_level.value) == (
        "approval",
        "approval",
        "anonymous",
    )
    assert [method.value for method in trigger.methods] == ["GET", "HEAD", "POST"]


def test_without_a_signing_secret_there_is_no_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STANCH_SIGNING_SECRET")
    assert call("GET", desk.ask()).status_code == 503
