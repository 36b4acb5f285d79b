"""The stand-in's answers beside real ones that were recorded: no name that Azure does not answer, no other JSON type, nothing lacking but what is listed here."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from stanch.local.azure.arm import KINDS
from stanch.local.azure.server import AzureCloudServer
from stanch.local.azure.shapes_from_sdk import TARGET, text

from .conftest import SUB, Raw
from .recorded import CORPUS, Exchange, differences, exchanges, rebuild

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the recorded exchanges are not beside this checkout")

LACKING = {
    # Guest agent and extensions, boot diagnostics, marketplace images: nothing that a remediation looks at.
    "Microsoft.Compute/virtualMachines": {
        ".resources", ".properties.instanceView.bootDiagnostics", ".properties.instanceView.extensions",
        ".properties.instanceView.vmAgent.extensionHandlers", ".properties.storageProfile.imageReference.exactVersion",
    },
    "Microsoft.Network/networkSecurityGroups": {".properties.flowLogs"},
}  # fmt: skip

READ_ONLY = {
    # The SDK has separate models for what is written to a storage account; these are in the answers only.
    "Microsoft.Storage/storageAccounts": {
        "id", "name", "type", "properties.creationTime", "properties.keyCreationTime", "properties.primaryEndpoints", "properties.primaryLocation",
        "properties.privateEndpointConnections", "properties.provisioningState", "properties.secondaryEndpoints", "properties.secondaryLocation",
        "properties.statusOfPrimary", "properties.statusOfSecondary",
    },
}  # fmt: skip

ELSEWHERE = ("Microsoft.Network/networkSecurityGroups/securityRules", "Microsoft.Resources/tags", "Microsoft.Authorization/locks")  # fmt: skip
"""Compared by tests of their own."""


def recorded_resources() -> list[Any]:
    """Every recorded resource once for each shape of answer."""
    seen: dict[str, Any] = {}
    for exchange in exchanges():
        for resource in exchange.resources():
            if KINDS[resource["type"].lower()].type not in ELSEWHERE:
                key = json.dumps([exchange.version, resource], sort_keys=True)
                seen.setdefault(key, pytest.param(exchange, resource, id=f"{exchange.cassette}-{resource['name']}"))
    return list(seen.values())


@needs_corpus
@pytest.mark.parametrize(("exchange", "theirs"), recorded_resources())
def test_a_recorded_resource_is_answered_alike(azure: AzureCloudServer, exchange: Exchange, theirs: dict[str, Any]) -> None:  # fmt: skip
    kind = KINDS[theirs["type"].lower()]
    assert rebuild(azure, theirs) <= READ_ONLY.get(kind.type, set())
    query = {"api-version": exchange.version} | ({"$expand": exchange.expand} if exchange.expand else {})
    ours = json.loads(json.dumps(azure.arm.answer("GET", theirs["id"], query, {}, None).body))
    found = set(differences(ours, theirs))
    assert {path for what, path in found if what == "lacking"} <= LACKING.get(kind.type, set())
    assert {pair for pair in found if pair[0] != "lacking"} == set()
    assert ours["id"].lower() == theirs["id"].lower()


@needs_corpus
def test_the_corpus_was_really_compared() -> None:
    kinds = Counter(KINDS[resource.values[1]["type"].lower()].type for resource in recorded_resources())
    assert dict(kinds) == {
        "Microsoft.Compute/disks": 4, "Microsoft.Compute/snapshots": 2, "Microsoft.Compute/virtualMachines": 6,
        "Microsoft.Network/networkInterfaces": 1, "Microsoft.Network/networkSecurityGroups": 9, "Microsoft.Storage/storageAccounts": 33,
    }  # fmt: skip


def one(kind: str, method: str) -> Exchange:
    return next(found for found in exchanges() if found.method == method and found.resources() and KINDS[found.resources()[0]["type"].lower()].type == kind)  # fmt: skip


@needs_corpus
def test_a_rule_is_created_as_recorded(azure: AzureCloudServer, raw: Raw) -> None:
    theirs = one("Microsoft.Network/networkSecurityGroups/securityRules", "PUT")
    group = theirs.body["id"].partition("/securityRules/")[0]
    rebuild(azure, {"id": group, "type": "Microsoft.Network/networkSecurityGroups", "location": "eastus", "properties": {}})  # fmt: skip
    sent = {name: value for name, value in theirs.body["properties"].items() if name != "provisioningState"}
    ours = raw("PUT", theirs.path, theirs.version, json={"properties": sent})
    assert ours.status_code == theirs.status == 201
    assert set(differences(ours.json(), theirs.body)) == set()
    assert ours.json()["properties"] == theirs.body["properties"]
    ours_at, theirs_at = ours.headers["Azure-AsyncOperation"], theirs.headers["azure-asyncoperation"][0]
    assert ours_at.partition("/providers/")[2].rpartition("/")[0] == theirs_at.partition("/providers/")[2].rpartition("/")[0]  # fmt: skip


@needs_corpus
def test_tags_are_answered_as_recorded(azure: AzureCloudServer, raw: Raw) -> None:
    theirs = one("Microsoft.Resources/tags", "PATCH")
    machine = {"id": theirs.body["id"].partition("/providers/Microsoft.Resources/")[0], "type": "Microsoft.Compute/virtualMachines", "location": "eastus", "properties": {}}  # fmt: skip
    rebuild(azure, machine)
    ours = raw("PATCH", theirs.path, theirs.version, json={"operation": "Merge", "properties": theirs.body["properties"]})  # fmt: skip
    assert ours.status_code == theirs.status == 200
    assert {name: value for name, value in ours.json().items() if name != "id"} == {name: value for name, value in theirs.body.items() if name != "id"}  # fmt: skip


@needs_corpus
def test_a_lock_is_answered_as_recorded(azure: AzureCloudServer, raw: Raw) -> None:
    theirs = one("Microsoft.Authorization/locks", "PUT")
    # The recorded scope is a database server, which the local Azure has not: the lock goes on the group.
    ours = raw("PUT", f"/subscriptions/{SUB}/resourceGroups/rg-app/providers/Microsoft.Authorization/locks/sqllock", theirs.version, json={"properties": theirs.body["properties"]})  # fmt: skip
    assert ours.status_code == theirs.status == 201
    assert set(differences(ours.json(), theirs.body)) == set()


@needs_corpus
def test_a_deletion_begins_as_recorded(azure: AzureCloudServer, raw: Raw) -> None:
    """The body is empty and both addresses are given, under the provider's own name for its operations."""
    cassette = json.loads(next(CORPUS.glob("*SnapshotTest*")).read_text())
    theirs = next(entry["response"] for entry in cassette["interactions"] if entry["request"]["method"] == "DELETE")
    snapshot = next(found for found in exchanges() if found.cassette.startswith("SnapshotTest")).resources()[0]
    rebuild(azure, snapshot)
    ours = raw("DELETE", snapshot["id"], "2024-03-02")
    assert (ours.status_code, ours.content) == (theirs["status"]["code"], b"") == (202, b"")
    assert {"location", "azure-asyncoperation"} <= {name.lower() for name in theirs["headers"]}
    for name in ("Azure-AsyncOperation", "Location"):
        assert "/providers/Microsoft.Compute/locations/eastus/DiskOperations/" in ours.headers[name]
        assert "/providers/Microsoft.Compute/locations/eastus/DiskOperations/" in theirs["headers"][name.lower()][0]


@needs_corpus
def test_refusals_have_the_recorded_shape(raw: Raw) -> None:
    """`{"error": {"code", "message"}}`, both text, as every refusal in the corpus."""
    theirs = [
        entry["response"]["body"]["data"]
        for path in CORPUS.glob("*.json")
        for entry in json.loads(path.read_text())["interactions"]
        if entry["response"]["status"]["code"] >= 400
    ]
    assert theirs
    ours = raw("GET", f"/subscriptions/{SUB}/resourceGroups/rg-app/providers/Microsoft.Compute/virtualMachines/none", "2024-03-01").json()  # fmt: skip
    for recorded in theirs:
        assert set(differences(ours, recorded)) == set()


def test_the_shapes_are_those_of_the_installed_sdk() -> None:
    """After an upgrade: python -m stanch.local.azure.shapes_from_sdk"""
    assert TARGET.read_text() == text()
