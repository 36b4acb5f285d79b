"""Users of Microsoft Graph."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import requests

from stanch.local.azure.server import AzureCloudServer

from .conftest import Raw

OID = "00000000-0000-0000-0000-0000000000b1"
WHEN = "signInSessionsValidFromDateTime"


@pytest.fixture
def user(azure: AzureCloudServer) -> str:
    add(azure, id=OID, userPrincipalName="alice@corp.example", displayName="Alice")
    return OID


def add(azure: AzureCloudServer, **properties: Any) -> None:
    requests.post(f"{azure.url}/stanch/azure/seed", json={"users": [properties]}, verify=str(azure.ca), timeout=5)


def refusal(response: requests.Response) -> tuple[int, str, str]:
    error = response.json()["error"]
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}
    return response.status_code, error["code"], error["message"]


def test_only_what_is_selected_is_answered(raw: Raw, user: str) -> None:
    usual = raw("GET", f"/v1.0/users/{user}").json()
    assert (usual["id"], usual["userPrincipalName"], usual["displayName"]) == (OID, "alice@corp.example", "Alice")
    assert "accountEnabled" not in usual
    chosen = raw("GET", "/v1.0/users/ALICE@corp.example?$select=id,accountEnabled").json()
    assert chosen.pop("@odata.context").endswith("/v1.0/$metadata#users(id,accountEnabled)/$entity")
    assert chosen == {"id": OID, "accountEnabled": True}
    assert refusal(raw("GET", f"/v1.0/users/{user}?$select=acountEnabled")) == (
        400, "BadRequest", "Parsing OData Select and Expand failed: Could not find a property named 'acountEnabled' on type 'microsoft.graph.user'.",
    )  # fmt: skip


def test_an_account_is_disabled(raw: Raw, user: str) -> None:
    answer = raw("PATCH", f"/v1.0/users/{user}", json={"accountEnabled": False})
    assert (answer.status_code, answer.content) == (204, b"")
    assert raw("GET", f"/v1.0/users/{user}?$select=accountEnabled").json()["accountEnabled"] is False


def test_sessions_are_revoked(raw: Raw, user: str) -> None:
    before = raw("GET", f"/v1.0/users/{user}?$select={WHEN}").json()[WHEN]
    answer = raw("POST", f"/v1.0/users/{user}/revokeSignInSessions")
    assert (answer.status_code, answer.json()["value"]) == (200, True)
    after = raw("GET", f"/v1.0/users/{user}?$select={WHEN}").json()[WHEN]
    assert before == "2024-01-01T00:00:00Z"
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(after)
    assert age < datetime.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"acountEnabled": False}, "Invalid property 'acountEnabled'."),
        ({"id": "other"}, "Invalid property 'id'."),
        ({"accountEnabled": "false"}, "Cannot convert the literal 'false' to the expected type of 'accountEnabled'."),
    ],
)
def test_bodies_that_graph_refuses(raw: Raw, user: str, body: dict[str, Any], message: str) -> None:
    assert refusal(raw("PATCH", f"/v1.0/users/{user}", json=body)) == (400, "Request_BadRequest", message)
    assert raw("GET", f"/v1.0/users/{user}?$select=accountEnabled").json()["accountEnabled"] is True


def test_administrators_need_a_stronger_role(azure: AzureCloudServer, raw: Raw) -> None:
    add(azure, userPrincipalName="root@corp.example", privileged=True, roles=["Global Administrator"])
    expected = (403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    assert refusal(raw("PATCH", "/v1.0/users/root@corp.example", json={"accountEnabled": False})) == expected
    assert refusal(raw("POST", "/v1.0/users/root@corp.example/revokeSignInSessions")) == expected
    live = raw("GET", f"/v1.0/users/root@corp.example?$select=accountEnabled,{WHEN}").json()
    assert (live["accountEnabled"], live[WHEN]) == (True, "2024-01-01T00:00:00Z")
    roles = raw("GET", "/v1.0/users/root@corp.example/transitiveMemberOf/microsoft.graph.directoryRole?$select=displayName").json()  # fmt: skip
    assert roles["value"] == [{"displayName": "Global Administrator"}]
    assert [role["displayName"] for role in raw("GET", "/v1.0/directoryRoles").json()["value"]] == ["Global Administrator"]  # fmt: skip


def test_nobody(raw: Raw) -> None:
    assert refusal(raw("GET", "/v1.0/users/nobody@corp.example")) == (
        404, "Request_ResourceNotFound", "Resource 'nobody@corp.example' does not exist or one of its queried reference-property objects are not present.",
    )  # fmt: skip
    assert refusal(raw("GET", "/v1.0/devices"))[:2] == (400, "BadRequest")


def test_tokens_of_arm_are_not_for_graph(raw: Raw, user: str) -> None:
    token = raw.credential.get_token("https://management.azure.com/.default").token
    answer = raw("GET", f"/v1.0/users/{user}", headers={"Authorization": f"Bearer {token}"})
    assert refusal(answer)[:2] == (401, "InvalidAuthenticationToken")


def test_guests_have_a_hash_in_their_name(azure: AzureCloudServer, raw: Raw) -> None:
    add(azure, userPrincipalName="bob_other.example#EXT#@corp.example", userType="Guest")
    answer = raw("GET", "/v1.0/users/bob_other.example%23EXT%23@corp.example?$select=userType")
    assert answer.json()["userType"] == "Guest"


def test_users_are_found_by_a_property(azure: AzureCloudServer, raw: Raw, user: str) -> None:
    add(azure, userPrincipalName="o'neil@corp.example", onPremisesSecurityIdentifier="S-1-5-21-1-2-3-1104")
    by_sid = raw("GET", "/v1.0/users?$filter=onPremisesSecurityIdentifier eq 'S-1-5-21-1-2-3-1104'&$select=userPrincipalName").json()  # fmt: skip
    assert by_sid["value"] == [{"userPrincipalName": "o'neil@corp.example"}]
    by_name = raw("GET", "/v1.0/users?$filter=userPrincipalName eq 'o''neil@corp.example'&$select=id").json()
    assert len(by_name["value"]) == 1
    assert refusal(raw("GET", "/v1.0/users?$filter=colour eq 'red'"))[0] == 400
