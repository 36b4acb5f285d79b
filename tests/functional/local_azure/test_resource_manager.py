"""What ARM itself does before any provider is asked: identity, api-versions, scopes, locks, tags."""

from __future__ import annotations

import time

import pytest
import requests
from azure.identity import DefaultAzureCredential
from azure.mgmt.network import NetworkManagementClient

from stanch.local.azure.server import AzureCloudServer

from .conftest import GROUP, NETWORK, PUBLIC, SUB, Raw, make_group, put

NSG = f"{NETWORK}/networkSecurityGroups/nsg1"
LOCK = "providers/Microsoft.Authorization/locks"


def code(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


@pytest.fixture
def nsg(azure: AzureCloudServer) -> str:
    put(azure, NSG, {"location": "westeurope", "tags": {"team": "web"}}, "2024-05-01")
    return NSG


def test_without_a_token(azure: AzureCloudServer, raw: Raw) -> None:
    answer = requests.get(azure.url + NSG, params={"api-version": "2024-05-01"}, verify=str(azure.ca), timeout=5)
    assert code(answer) == (401, "AuthenticationFailed")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert code(raw("GET", NSG, "2024-05-01", headers={"Authorization": "Bearer made-up"})) == (401, "InvalidAuthenticationToken")  # fmt: skip
    foreign = raw.credential.get_token("https://graph.microsoft.com/.default").token
    assert code(raw("GET", NSG, "2024-05-01", headers={"Authorization": f"Bearer {foreign}"})) == (401, "InvalidAuthenticationTokenAudience")  # fmt: skip


def test_tokens_expire(azure: AzureCloudServer, raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure.identity, "lifetime", -1.0)
    secret = {"X-IDENTITY-HEADER": azure.identity.header}
    query = {"resource": PUBLIC, "api-version": "2019-08-01"}
    issued = requests.get(f"{azure.url}/msi/token", params=query, headers=secret, verify=str(azure.ca), timeout=5).json()  # fmt: skip
    assert int(issued["expires_on"]) <= time.time()
    answer = raw("GET", NSG, "2024-05-01", headers={"Authorization": f"Bearer {issued['access_token']}"})
    assert code(answer) == (401, "ExpiredAuthenticationToken")


def test_tokens_are_for_those_who_know_the_header(azure: AzureCloudServer) -> None:
    query = {"resource": PUBLIC, "api-version": "2019-08-01"}
    answer = requests.get(f"{azure.url}/msi/token", params=query, headers={"X-IDENTITY-HEADER": "guess"}, verify=str(azure.ca), timeout=5)  # fmt: skip
    assert answer.status_code == 401
    assert "access_token" not in answer.json()


def test_the_default_credential_works_unmodified(azure: AzureCloudServer, nsg: str, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    with NetworkManagementClient(DefaultAzureCredential(), SUB, azure.url, credential_scopes=[f"{PUBLIC}/.default"]) as client:  # fmt: skip
        assert client.network_security_groups.get("rg-app", "nsg1").tags == {"team": "web"}


def test_nobody_else_vouches_for_the_certificate(azure: AzureCloudServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{azure.url}/stanch/azure/health", timeout=5)


@pytest.mark.parametrize(
    ("path", "version", "expected"),
    [
        (NSG, None, (400, "MissingApiVersionParameter")),
        (NSG, "1999-01-01", (400, "NoRegisteredProviderFound")),
        (f"{GROUP}/providers/Microsoft.Network/networkSecurityGruops/nsg1", "2024-05-01", (404, "InvalidResourceType")),
        (f"{GROUP}/providers/Microsoft.Netwrok/networkSecurityGroups/nsg1", "2024-05-01", (404, "InvalidResourceNamespace")),
        (f"{NSG}/rules", "2024-05-01", (404, "InvalidResourceType")),
        (f"{NSG}/securityRules/none", "2024-05-01", (404, "NotFound")),
        (NSG.replace("nsg1", "none"), "2024-05-01", (404, "ResourceNotFound")),
        (NSG.replace("rg-app", "rg-none"), "2024-05-01", (404, "ResourceGroupNotFound")),
        (NSG.replace(SUB, "00000000-0000-0000-0000-0000000000ff"), "2024-05-01", (404, "SubscriptionNotFound")),
        ("/nowhere", "2024-05-01", (404, "NotFound")),
    ],
)  # fmt: skip
def test_paths_that_lead_nowhere(raw: Raw, nsg: str, path: str, version: str | None, expected: tuple[int, str]) -> None:  # fmt: skip
    assert code(raw("GET", path, version)) == expected


def test_bodies_that_are_none(raw: Raw, nsg: str) -> None:
    for body in (b"{not json", b"[]", b""):
        assert code(raw("PUT", nsg, "2024-05-01", data=body)) == (400, "InvalidRequestContent")
    assert code(raw("PUT", NSG.replace("nsg1", "new"), "2024-05-01", json={})) == (400, "LocationRequired")
    assert code(raw("PUT", nsg, "2024-05-01", json={"location": "eastus"})) == (409, "InvalidResourceLocation")
    assert raw("PUT", nsg, "2024-05-01", data=b"x" * (4 * 1024 * 1024 + 1)).status_code == 413


def test_names_of_properties_have_no_case(raw: Raw) -> None:
    body = {"Location": "West Europe", "Properties": {"SecurityRules": [], "FLUSHCONNECTION": True}}
    answer = raw("PUT", NSG.replace("nsg1", "new"), "2024-05-01", json=body)
    assert (answer.status_code, answer.json()["location"], answer.json()["properties"]["flushConnection"]) == (201, "westeurope", True)  # fmt: skip


def test_operations_are_asked_to_wait(azure: AzureCloudServer, raw: Raw, nsg: str, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(azure.arm, "retry_after", 7)
    monkeypatch.setattr(azure.arm, "seconds", 60.0)
    answer = raw("DELETE", nsg, "2024-05-01")
    assert (answer.status_code, answer.content, answer.headers["Retry-After"]) == (202, b"", "7")
    poll = raw("GET", answer.headers["Azure-AsyncOperation"].removeprefix(azure.url))
    assert (poll.status_code, poll.json()["status"], poll.headers["Retry-After"]) == (200, "InProgress", "7")
    monitor = raw("GET", answer.headers["Location"].removeprefix(azure.url))
    assert (monitor.status_code, monitor.headers["Location"]) == (202, answer.headers["Location"])


def test_subscriptions(raw: Raw) -> None:
    one = raw("GET", f"/subscriptions/{SUB}", "2022-12-01").json()
    assert (one["subscriptionId"], one["state"], one["id"]) == (SUB, "Enabled", f"/subscriptions/{SUB}")
    assert [found["subscriptionId"] for found in raw("GET", "/subscriptions", "2022-12-01").json()["value"]] == [SUB]
    groups = raw("GET", f"/subscriptions/{SUB}/resourcegroups", "2021-04-01").json()["value"]
    assert [(group["name"], group["type"]) for group in groups] == [("rg-app", "Microsoft.Resources/resourceGroups")]


def test_tags_are_merged_replaced_and_taken_away(raw: Raw, nsg: str) -> None:
    path = f"{nsg}/providers/Microsoft.Resources/tags/default"
    merged = raw("PATCH", path, "2021-04-01", json={"operation": "Merge", "properties": {"tags": {"stanch:action": "1"}}})  # fmt: skip
    assert merged.json()["properties"]["tags"] == {"team": "web", "stanch:action": "1"}
    assert raw("GET", nsg, "2024-05-01").json()["tags"] == {"team": "web", "stanch:action": "1"}
    raw("PATCH", path, "2021-04-01", json={"operation": "Delete", "properties": {"tags": {"team": "web"}}})
    assert raw("GET", path, "2021-04-01").json()["properties"]["tags"] == {"stanch:action": "1"}
    raw("PUT", path, "2021-04-01", json={"properties": {"tags": {"only": "this"}}})
    assert raw("GET", nsg, "2024-05-01").json()["tags"] == {"only": "this"}
    assert code(raw("PATCH", path, "2021-04-01", json={"operation": "Add", "properties": {"tags": {}}})) == (400, "InvalidRequestContent")  # fmt: skip


def test_a_read_only_lock_stops_every_write_below_it(raw: Raw, nsg: str, network: NetworkManagementClient) -> None:
    lock = raw("PUT", f"{GROUP}/{LOCK}/freeze", "2020-05-01", json={"properties": {"level": "ReadOnly", "notes": "n"}})
    assert (lock.status_code, lock.json()["properties"]["level"]) == (201, "ReadOnly")
    answer = raw("PATCH", nsg, "2024-05-01", json={"tags": {}})
    assert code(answer) == (409, "ScopeLocked")
    assert answer.json()["error"]["message"] == (
        f"The scope '{nsg}' cannot perform write operation because following scope(s) are locked: '{GROUP}'. Please remove the lock and try again."
    )  # fmt: skip
    for method in ("PUT", "POST", "DELETE"):
        assert code(raw(method, f"{nsg}/securityRules/x", "2024-05-01", json={}))[0] == 409
    assert raw("GET", nsg, "2024-05-01").json()["tags"] == {"team": "web"}
    listed = raw("GET", f"{nsg}/{LOCK}", "2020-05-01").json()["value"]
    assert [found["name"] for found in listed] == ["freeze"]
    assert raw("DELETE", f"{GROUP}/{LOCK}/freeze", "2020-05-01").status_code == 200
    assert raw("PATCH", nsg, "2024-05-01", json={"tags": {}}).status_code == 200


def test_a_delete_lock_stops_deletions_only(raw: Raw, nsg: str) -> None:
    raw("PUT", f"{nsg}/{LOCK}/keep", "2020-05-01", json={"properties": {"level": "CanNotDelete"}})
    assert code(raw("DELETE", nsg, "2024-05-01")) == (409, "ScopeLocked")
    assert raw("PATCH", nsg, "2024-05-01", json={"tags": {"a": "1"}}).status_code == 200
    assert raw("GET", nsg, "2024-05-01").status_code == 200


def test_a_lock_needs_its_scope(raw: Raw) -> None:
    answer = raw("PUT", f"{NSG}/{LOCK}/keep", "2020-05-01", json={"properties": {"level": "CanNotDelete"}})
    assert code(answer) == (404, "ResourceNotFound")


def test_faults_are_arranged_over_the_wire(azure: AzureCloudServer, raw: Raw, nsg: str) -> None:
    requests.post(f"{azure.url}/stanch/azure/faults", json={"method": "GET", "path": "nsg1$", "status": 429, "code": "TooManyRequests", "retry_after": 3}, verify=str(azure.ca), timeout=5)  # fmt: skip
    first = raw("GET", nsg, "2024-05-01")
    assert (code(first), first.headers["Retry-After"]) == ((429, "TooManyRequests"), "3")
    assert raw("GET", nsg, "2024-05-01").status_code == 200


def test_an_answer_can_be_lost_after_the_write(azure: AzureCloudServer, raw: Raw, nsg: str) -> None:
    azure.fail("PATCH", "nsg1$", 0, after=True)
    with pytest.raises(requests.exceptions.ConnectionError):
        raw("PATCH", nsg, "2024-05-01", json={"tags": {"written": "yes"}})
    assert raw("GET", nsg, "2024-05-01").json()["tags"] == {"written": "yes"}


def test_the_log_and_the_reset(azure: AzureCloudServer, network: NetworkManagementClient) -> None:
    make_group(network)
    log = requests.get(f"{azure.url}/stanch/azure/calls", verify=str(azure.ca), timeout=5).json()["calls"]
    assert [(call["method"], call["path"], call["status"]) for call in log[:1]] == [("PUT", f"{NETWORK}/networkSecurityGroups/nsg1", 201)]  # fmt: skip
    assert log[0]["api_version"] == "2026-03-01"
    assert log[0]["body"]["location"] == "westeurope"
    assert "Authorization" not in str(log)
    health = requests.get(f"{azure.url}/stanch/azure/health", verify=str(azure.ca), timeout=5).json()
    assert (health["status"], health["resources"]) == ("ok", 2)
    assert requests.post(f"{azure.url}/stanch/azure/reset", verify=str(azure.ca), timeout=5).status_code == 204
    assert requests.get(f"{azure.url}/stanch/azure/health", verify=str(azure.ca), timeout=5).json()["resources"] == 0
    assert azure.calls == []
    assert requests.get(f"{azure.url}/stanch/azure/else", verify=str(azure.ca), timeout=5).status_code == 404


def test_connections_are_kept(azure: AzureCloudServer, raw: Raw, nsg: str) -> None:
    raw("GET", nsg, "2024-05-01")
    pool = raw.session.get_adapter(azure.url).poolmanager.connection_from_url(azure.url, {"cert_reqs": "CERT_REQUIRED", "ca_certs": str(azure.ca)})  # fmt: skip
    before = pool.num_connections
    for _ in range(5):
        raw("GET", nsg, "2024-05-01")
    assert (pool.num_connections, pool.num_requests) == (before, 6)
