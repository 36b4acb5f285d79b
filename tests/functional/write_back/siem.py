"""A deployment on the local Azure with an incident in Sentinel, as anybody reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from handlers.azure import wiring
from stanch.local.azure.seed import seed
from stanch.local.azure.server import AzureCloudServer
from stanch.sources import sentinel
from tests.functional.local_azure.conftest import Raw
from tests.functional.write_back.wired import Wired, sample

EVENT = "sentinel/crypto-mining-vm"
VERSION = "2024-09-01"


class Siem(Wired):
    """The deployment, and its incident as anybody reads it."""

    raw: Raw
    incident: str

    def read(self) -> dict[str, Any]:
        found: dict[str, Any] = self.raw("GET", self.incident, VERSION).json()
        assert "properties" in found, found
        return found

    def labels(self) -> list[str]:
        return [label["labelName"] for label in self.read()["properties"]["labels"]]

    def comments(self) -> list[str]:
        listed = self.raw("GET", f"{self.incident}/comments", VERSION).json()["value"]
        listed.sort(key=lambda one: one["properties"]["createdTimeUtc"])
        return [one["properties"]["message"] for one in listed]

    def update(self) -> dict[str, Any]:
        """What an automation rule on every change of an incident sends."""
        found = self.read()
        parts = {name: self.raw("POST", f"{self.incident}/{name}", VERSION).json() for name in ("alerts", "entities")}
        properties = {**found["properties"], "alerts": parts["alerts"]["value"], "relatedEntities": parts["entities"]["entities"]}  # fmt: skip
        return {"objectSchemaType": "Incident", "objectEventType": "Update", "object": {**found, "properties": properties}}  # fmt: skip

    def writes(self) -> list[str]:
        """What was written to the cloud since the last time, Sentinel and its reading by POST apart."""
        calls = [f"{call['method']} {call['path']}" for call in self.raw.server.calls if call["method"] != "GET"]
        self.raw.server.state.calls.clear()
        return [call for call in calls if "/incidents/" not in call.lower()]


def siem(azure: AzureCloudServer, raw: Raw, folder: Path, event: Any, **env: str) -> Siem:
    for finding in sentinel.parse(event):
        seed(azure.url, str(azure.ca), finding)
    incident = event["object"]["id"]
    settings = {
        **azure.environment(), "STANCH_JOURNAL": f"sqlite://{folder}/journal.sqlite", "STANCH_MODE": "auto", "STANCH_STALE_HOURS": "900000",
        "STANCH_VERIFY_DELAYS": "0.05", "STANCH_SENTINEL_WORKSPACE": incident.partition("/providers/Microsoft.SecurityInsights")[0], **env,
    }  # fmt: skip
    made = Siem.of(wiring.build(settings), sentinel.parse)
    assert isinstance(made, Siem)
    made.raw, made.incident = raw, incident
    return made


@pytest.fixture
def soc(azure: AzureCloudServer, raw: Raw, tmp_path: Path) -> Siem:
    """The deployment with a machine under attack, whose incident somebody works on."""
    made = siem(azure, raw, tmp_path, sample(EVENT))
    read = made.read()
    worked_on = {
        **{name: read["properties"][name] for name in ("title", "severity", "description", "firstActivityTimeUtc", "lastActivityTimeUtc")},
        "status": "Active", "labels": [{"labelName": "night-shift"}], "owner": {"objectId": "00000000-0000-0000-0000-0000000000aa", "email": "analyst@corp.example"},
    }  # fmt: skip
    assert raw("PUT", made.incident, VERSION, json={"etag": read["etag"], "properties": worked_on}).status_code == 200
    return made
