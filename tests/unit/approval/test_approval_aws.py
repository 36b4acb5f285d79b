"""The page behind a Function URL or an HTTP API: events as AWS sends them (payload format 2.0)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from handlers.aws import approval, wiring
from stanch.action import Action
from stanch.decision import Identity
from tests.unit.approval.desk import ALICE, SECRET, Desk, filled, link

ISSUER = "https://login.example/oauth2/default"
CLAIMS = {
    "sub": "00u1a2b3c",
    "iss": ISSUER,
    "email": "alice@corp.example",
    "groups": "[everyone sec-oncall]",
    "aud": "stanch",
}
JWT = {"jwt": {"claims": CLAIMS, "scopes": None}}
SSO = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_SecOncall_0123456789abcdef/alice@corp.example"
ROLE = "arn:aws:sts::111122223333:assumed-role/sec-oncall/whatever"


@pytest.fixture(autouse=True)
def wired(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The desk in place of what the environment describes; the signing keys are the secret `stanch-signing`."""
    monkeypatch.setattr(wiring, "deployment", lambda: desk.deployment)
    monkeypatch.setattr(wiring, "Secrets", lambda cloud: {"stanch-signing": SECRET}.__getitem__)
    monkeypatch.setenv("STANCH_SIGNING_SECRET", "stanch-signing")
    monkeypatch.setenv("STANCH_OIDC_ISSUER", ISSUER)


def event(
    method: str, action: Action, authorizer: Any = None, body: bytes | None = None, encoded: bool = True
) -> dict[str, Any]:
    """As a Function URL or an HTTP API delivers it: header names in lower case, a form's body in base64."""
    found: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/approval",
        "rawQueryString": f"t={link(action)}",
        "headers": {"accept": "text/html", "x-forwarded-proto": "https", "x-ms-client-principal-id": ALICE.subject},
        "queryStringParameters": {"t": link(action)},
        "requestContext": {"http": {"method": method, "path": "/approval", "sourceIp": "192.0.2.1"}},
        "isBase64Encoded": False,
    }
    if authorizer is not None:
        found["requestContext"]["authorizer"] = authorizer
    if body is not None:
        found["headers"]["content-type"] = "application/x-www-form-urlencoded"
        found["body"] = base64.b64encode(body).decode() if encoded else body.decode()
        found["isBase64Encoded"] = encoded
    return found


def form(action: Action, authorizer: Any = JWT) -> bytes:
    page: Any = type("Page", (), {"body": approval.handler(event("GET", action, authorizer), None)["body"]})
    return filled(page)


def test_get_shows(desk: Desk) -> None:
    action = desk.ask()
    reply = approval.handler(event("GET", action, JWT), None)
    assert (reply["statusCode"], reply["isBase64Encoded"]) == (200, False)
    assert reply["headers"]["Content-Type"] == "text/html; charset=utf-8"
    assert reply["headers"]["Cache-Control"] == "no-store"
    assert "journaled with your name: alice@corp.example (hxxps[:]//login[.]example/oauth2/default)" in reply["body"]
    assert desk.cloud.writes() == []


@pytest.mark.parametrize("encoded", [True, False])
def test_post_acts_for_the_verified_caller(desk: Desk, encoded: bool) -> None:
    action = desk.ask()
    reply = approval.handler(event("POST", action, JWT, form(action), encoded), None)
    assert reply["statusCode"] == 200
    assert desk.cloud.writes() == ["Set door-1.front"]
    (said,) = desk.now(action).approvals
    assert (said["by"], said["subject"]) == (
        "alice@corp.example (https://login.example/oauth2/default)",
        f"00u1a2b3c ({ISSUER})",
    )


@pytest.mark.parametrize(
    "authorizer", [None, {}, {"iam": {}}, {"jwt": {"claims": {}}}, {"jwt": {"claims": {"email": "alice@corp.example"}}}]
)
def test_without_an_authorizer_nobody_decides(desk: Desk, authorizer: Any) -> None:
    action = desk.ask()
    assert "<form" not in approval.handler(event("GET", action, authorizer), None)["body"]
    assert approval.handler(event("POST", action, authorizer, form(action)), None)["statusCode"] == 403
    assert desk.cloud.writes() == []


def test_headers_and_form_say_nothing_of_who_decides(desk: Desk) -> None:
    action = desk.ask()
    given = event("POST", action, None, form(action) + b"&sub=00u1a2b3c&identity=alice")
    given["headers"]["authorization"] = "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIwMHUxYTJiM2MifQ."
    assert approval.handler(given, None)["statusCode"] == 403
    assert desk.cloud.writes() == []


@pytest.mark.parametrize(
    ("claim", "groups"),
    [("[everyone sec-oncall]", ("everyone", "sec-oncall")), ("[sec-oncall]", ("sec-oncall",)), ("sec-oncall", ("sec-oncall",)), ("not sec-oncall", ("not sec-oncall",)),
     ("[]", ()), ("", ()), (None, ()), (["sec-oncall", "a b"], ("sec-oncall", "a b"))],
)  # fmt: skip
def test_groups_of_a_token(claim: Any, groups: tuple[str, ...]) -> None:
    found = approval.identity({"requestContext": {"authorizer": {"jwt": {"claims": {**CLAIMS, "groups": claim}}}}})
    assert found == Identity(f"alice@corp.example ({ISSUER})", f"00u1a2b3c ({ISSUER})", groups)


def test_groups_of_cognito() -> None:
    claims = {"sub": "s", "iss": ISSUER, "cognito:groups": "[sec-oncall]"}
    found = approval.identity({"requestContext": {"authorizer": {"jwt": {"claims": claims}}}})
    assert found == Identity(f"s ({ISSUER})", f"s ({ISSUER})", ("sec-oncall",))


def test_the_address_is_not_what_tells_people_apart() -> None:
    one, two = (
        approval.identity({"requestContext": {"authorizer": {"jwt": {"claims": {**CLAIMS, "sub": sub}}}}})
        for sub in "ab"
    )
    assert one is not None
    assert two is not None
    assert one.name == two.name
    assert one.subject != two.subject


@pytest.mark.parametrize("issuer", ["https://evil.example/", f"{ISSUER}.evil.example", "", None])
def test_another_issuer_vouches_for_nobody(issuer: Any) -> None:
    assert approval.identity({"requestContext": {"authorizer": {"jwt": {"claims": {**CLAIMS, "iss": issuer}}}}}) is None


def test_an_issuer_may_end_with_a_slash() -> None:
    found = approval.identity({"requestContext": {"authorizer": JWT}}, {"STANCH_OIDC_ISSUER": f"{ISSUER}/"})
    assert found is not None


def iam(arn: str) -> Identity | None:
    return approval.identity({"requestContext": {"authorizer": {"iam": {"userArn": arn, "accountId": "111122223333"}}}})


def test_a_person_of_identity_center_is_one_subject_and_in_the_role() -> None:
    group = "arn:aws:iam::111122223333:role/AWSReservedSSO_SecOncall_0123456789abcdef"
    assert iam(SSO) == Identity(SSO, "identity-center:alice@corp.example", (group,))


def test_all_sessions_of_another_role_are_one_subject() -> None:
    first, second = iam(ROLE), iam(ROLE.replace("whatever", "another"))
    assert first is not None
    assert second is not None
    assert first.subject == second.subject == "arn:aws:iam::111122223333:role/sec-oncall"
    assert first.groups == ("arn:aws:iam::111122223333:role/sec-oncall",)
    assert first.name != second.name
    assert (first.person, second.person) == (False, False)


def test_a_user_is_in_no_group() -> None:
    arn = "arn:aws:iam::111122223333:user/assumed-role/alice"
    assert iam(arn) == Identity(arn, arn, ())


def test_other_partitions() -> None:
    found = iam("arn:aws-cn:sts::111122223333:assumed-role/sec-oncall/x")
    assert found is not None
    assert found.groups == ("arn:aws-cn:iam::111122223333:role/sec-oncall",)


def test_a_body_that_is_no_base64_does_nothing(desk: Desk) -> None:
    action = desk.ask()
    given = event("POST", action, JWT, b"x")
    given["body"] = "%%%"
    assert approval.handler(given, None)["statusCode"] == 400
    assert desk.cloud.writes() == []


@pytest.mark.parametrize("encoded", [True, False])
def test_a_body_that_is_too_long_does_nothing(desk: Desk, encoded: bool) -> None:
    action = desk.ask()
    reply = approval.handler(event("POST", action, JWT, form(action) + b"&pad=" + b"x" * 2_000_000, encoded), None)
    assert reply["statusCode"] == 413
    assert desk.cloud.writes() == []


@pytest.mark.parametrize("missing", ["queryStringParameters", "headers", "requestContext", "body"])
def test_what_is_missing_is_refused(desk: Desk, missing: str) -> None:
    action = desk.ask()
    given = event("POST", action, JWT, form(action))
    given[missing] = None
    assert approval.handler(given, None)["statusCode"] in (403, 405, 415)
    assert desk.cloud.writes() == []


def test_without_a_signing_secret_there_is_no_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STANCH_SIGNING_SECRET")
    assert approval.handler(event("GET", desk.ask(), JWT), None)["statusCode"] == 503


@pytest.mark.parametrize("broken", [None, "x", [], 7, True, {"http": "x", "authorizer": "x"}, {"http": [], "authorizer": {"iam": "x", "jwt": ["claims"]}},
                                    {"http": {"method": ["POST"]}, "authorizer": {"iam": {"userArn": {}}, "jwt": {"claims": "sub"}}}])  # fmt: skip
@pytest.mark.parametrize("place", ["requestContext", "headers", "queryStringParameters", "body"])
def test_a_request_of_no_known_shape_is_refused_and_no_error(desk: Desk, place: str, broken: Any) -> None:
    action = desk.ask()
    reply = approval.handler({**event("POST", action, None, b"decision=approve"), place: broken}, None)
    assert reply["statusCode"] in (400, 403, 405, 415)
    assert desk.cloud.writes() == []


@pytest.mark.parametrize("whole", [None, [], "x", 7])
def test_what_is_no_request_at_all_is_refused(desk: Desk, whole: Any) -> None:
    assert approval.handler(whole, None)["statusCode"] == 405
