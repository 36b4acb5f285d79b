"""Real exchanges with ARM, as cassettes beside this checkout, and how to rebuild their resources in the local Azure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from stanch.local.azure import shapes
from stanch.local.azure.arm import KINDS
from stanch.local.azure.planting import plant
from stanch.local.azure.server import AzureCloudServer

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "arm"


@dataclass(frozen=True)
class Exchange:
    """One recorded answer that is a success: where it was asked, and with what JSON it was answered."""

    cassette: str
    method: str
    path: str
    version: str
    expand: str
    status: int
    headers: dict[str, list[str]]
    body: Any

    def resources(self) -> list[dict[str, Any]]:
        """The resources of supported types in the answer."""
        found = self.body.get("value", [self.body]) if isinstance(self.body, dict) else []
        return [item for item in found if isinstance(item, dict) and str(item.get("type", "")).lower() in KINDS and "properties" in item]  # fmt: skip


def exchanges() -> Iterator[Exchange]:
    """Every successful ARM exchange of the corpus that answered resources of supported types."""
    for path in sorted(CORPUS.glob("*.json")):
        for entry in json.loads(path.read_text())["interactions"]:
            request, response = entry["request"], entry["response"]
            url = urlsplit(request["uri"])
            if url.hostname != "management.azure.com" or response["status"]["code"] >= 300:
                continue
            query = parse_qs(url.query)
            exchange = Exchange(
                path.stem.partition("--")[2], request["method"], unquote(url.path), query.get("api-version", [""])[0],
                query.get("$expand", [""])[0], response["status"]["code"], {name.lower(): value for name, value in response["headers"].items()},
                response["body"].get("data"),
            )  # fmt: skip
            if exchange.resources():
                yield exchange


def rebuild(server: AzureCloudServer, recorded: dict[str, Any]) -> set[str]:
    """Put the recorded resource, with what it refers to, into the local Azure. Returns the paths that its PUT body does not know."""
    kind = KINDS[recorded["type"].lower()]
    reading = shapes.read(kind.model, recorded)
    body = {key: value for key, value in reading.value.items() if key not in ("id", "name", "type")}
    documents = [*_needed(recorded), {"id": recorded["id"], "body": body}, *_users(recorded)]
    result = plant(server.arm, {"resources": documents})
    assert result["refused"] == []
    return {path.partition("[")[0] for path, _ in reading.unknown}


def _needed(recorded: dict[str, Any]) -> Iterator[dict[str, Any]]:
    properties, location = recorded["properties"], recorded.get("location", "westeurope")
    for reference in properties.get("networkProfile", {}).get("networkInterfaces", []):
        scope = reference["id"].rpartition("/networkInterfaces/")[0]
        subnet = f"{scope}/virtualNetworks/net/subnets/default"
        yield _network(subnet, location)
        entry = {"name": "ipconfig1", "properties": {"subnet": {"id": subnet}}}
        yield {"id": reference["id"], "body": {"location": location, "properties": {"ipConfigurations": [entry]}}}
    for address in properties.get("ipConfigurations", []):
        yield _network(address["properties"]["subnet"]["id"], location)
        if public := address["properties"].get("publicIPAddress"):
            yield {"id": public["id"], "body": {"location": location}}
    if source := properties.get("creationData", {}).get("sourceResourceId"):
        yield {"id": source, "body": {"location": location, "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 30, "osType": "Linux"}}}  # fmt: skip


def _users(recorded: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Whatever the recorded resource says that it is used by."""
    properties, location = recorded["properties"], recorded.get("location", "westeurope")
    if recorded["type"] == "Microsoft.Network/networkSecurityGroups":
        for subnet in properties.get("subnets", []):
            yield _network(subnet["id"], location, recorded["id"])
    if machine := properties.get("virtualMachine"):
        profile = {"networkProfile": {"networkInterfaces": [{"id": recorded["id"]}]}}
        yield {"id": machine["id"], "body": {"location": location, "properties": profile}}
    if recorded.get("managedBy"):
        disk = {"name": recorded["name"], "createOption": "Attach", "managedDisk": {"id": recorded["id"]}}
        yield {"id": recorded["managedBy"], "body": {"location": location, "properties": {"storageProfile": {"osDisk": disk}}}}  # fmt: skip


def _network(subnet: str, location: str, group: str = "") -> dict[str, Any]:
    network, _, name = subnet.partition("/subnets/")
    inside: dict[str, Any] = {"addressPrefix": "10.0.0.0/16"} | ({"networkSecurityGroup": {"id": group}} if group else {})  # fmt: skip
    properties = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [{"name": name, "properties": inside}]}  # fmt: skip
    return {"id": network, "body": {"location": location, "properties": properties}}


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Pairs (`extra`, `lacking` or `type`; path): values may differ, names and JSON types may not."""
    if type(ours) is not type(theirs):
        yield "type", path
    elif isinstance(ours, dict) and not path.endswith(".tags"):
        yield from (("extra", f"{path}.{name}") for name in ours.keys() - theirs.keys())
        yield from (("lacking", f"{path}.{name}") for name in theirs.keys() - ours.keys())
        for name in ours.keys() & theirs.keys():
            yield from differences(ours[name], theirs[name], f"{path}.{name}")
    elif isinstance(ours, list):
        if len(ours) != len(theirs):
            yield "extra" if len(ours) > len(theirs) else "lacking", f"{path}[]"
        for left, right in zip(_ordered(ours), _ordered(theirs), strict=False):
            yield from differences(left, right, f"{path}[]")


def _ordered(items: list[Any]) -> list[Any]:
    return sorted(items, key=lambda item: str(item.get("name", item.get("id", ""))) if isinstance(item, dict) else "")
