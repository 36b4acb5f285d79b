"""Microsoft Sentinel's incidents over ARM."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from stanch.local.azure.server import AzureCloudServer

from .conftest import SUB, Raw

WORKSPACE = f"/subscriptions/{SUB}/resourceGroups/rg-sec/providers/Microsoft.OperationalInsights/workspaces/law"
INCIDENT = f"{WORKSPACE}/providers/Microsoft.SecurityInsights/Incidents/00000000-0000-0000-0000-0000000000f1"
VERSION = "2024-09-01"
ALERT = {"name": "a1", "kind": "SecurityAlert", "properties": {"systemAlertId": "a1", "productName": "Azure Sentinel"}}
HOST = {"name": "e1", "kind": "Host", "properties": {"hostName": "web-1"}}


@pytest.fixture
def incident(azure: AzureCloudServer) -> str:
    given = {"id": INCIDENT, "properties": {"title": "Brute force", "severity": "High", "status": "New", "incidentNumber": 77}, "alerts": [ALERT], "entities": [HOST]}  # fmt: skip
    answer = requests.post(f"{azure.url}/stanch/azure/seed", json={"incidents": [given]}, verify=str(azure.ca), timeout=5)  # fmt: skip
    assert answer.json() == {"created": [INCIDENT], "refused": []}
    return INCIDENT


def properties(raw: Raw, incident: str) -> dict[str, Any]:
    found: dict[str, Any] = raw("GET", incident, VERSION).json()["properties"]
    return found


def test_an_incident_with_its_alerts_and_entities(raw: Raw, incident: str) -> None:
    answer = raw("GET", incident.replace("Incidents", "incidents"), VERSION).json()
    assert (answer["id"], answer["type"]) == (INCIDENT, "Microsoft.SecurityInsights/Incidents")
    assert answer["properties"]["incidentNumber"] == 77
    assert answer["properties"]["additionalData"]["alertsCount"] == 1
    assert answer["properties"]["additionalData"]["alertProductNames"] == ["Azure Sentinel"]
    assert raw("POST", f"{incident}/alerts", VERSION).json() == {"value": [ALERT]}
    assert raw("POST", f"{incident}/entities", VERSION).json() == {"entities": [HOST], "metaData": [{"entityKind": "Host", "count": 1}]}  # fmt: skip
    collection = incident.rpartition("/")[0]
    assert [found["name"] for found in raw("GET", collection, VERSION).json()["value"]] == [INCIDENT.rpartition("/")[2]]


def test_only_the_current_etag_may_write(raw: Raw, incident: str) -> None:
    read = raw("GET", incident, VERSION).json()
    body = {"etag": read["etag"], "properties": {"title": "Brute force", "severity": "High", "status": "Active", "labels": [{"labelName": "stanch"}]}}  # fmt: skip
    written = raw("PUT", incident, VERSION, json=body)
    assert (written.status_code, written.json()["properties"]["labels"]) == (200, [{"labelType": "User", "labelName": "stanch"}])  # fmt: skip
    assert written.json()["properties"]["incidentNumber"] == 77
    for stale in (read["etag"], None):
        answer = raw("PUT", incident, VERSION, json=body | {"etag": stale})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "Conflict")


def test_a_comment_changes_the_incident(raw: Raw, incident: str) -> None:
    read = raw("GET", incident, VERSION).json()
    comment = raw("PUT", f"{incident}/comments/c1", VERSION, json={"properties": {"message": "contained"}})
    assert (comment.status_code, comment.json()["properties"]["message"]) == (201, "contained")
    assert [found["properties"]["message"] for found in raw("GET", f"{incident}/comments", VERSION).json()["value"]] == ["contained"]  # fmt: skip
    assert properties(raw, incident)["additionalData"]["commentsCount"] == 1
    body = {"etag": read["etag"], "properties": {"title": "t", "severity": "High", "status": "Active"}}
    assert raw("PUT", incident, VERSION, json=body).status_code == 409


@pytest.mark.parametrize(
    "change", [{"severity": "Critical"}, {"status": "Open"}, {"title": None}, {"colour": "red"}, {"status": "Closed"}]
)
def test_incidents_that_sentinel_refuses(raw: Raw, incident: str, change: dict[str, Any]) -> None:
    etag = raw("GET", incident, VERSION).json()["etag"]
    body = {"etag": etag, "properties": {"title": "t", "severity": "High", "status": "Active"} | change}
    assert raw("PUT", incident, VERSION, json=body).status_code == 400
    assert properties(raw, incident)["status"] == "New"


def test_what_is_not_there(raw: Raw, incident: str) -> None:
    other = incident.replace("f1", "f2")
    assert (raw("GET", other, VERSION).status_code, raw("GET", other, VERSION).json()["error"]["code"]) == (404, "NotFound")  # fmt: skip
    assert raw("POST", f"{other}/alerts", VERSION).status_code == 404
    elsewhere = incident.replace("workspaces/law", "workspaces/none")
    assert raw("GET", elsewhere, VERSION).json()["error"]["code"] == "ResourceNotFound"
    assert raw("GET", incident, "2019-01-01-preview").json()["error"]["code"] == "NoRegisteredProviderFound"
