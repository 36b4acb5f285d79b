"""Microsoft.Storage: storage accounts and their blob containers.

Public access takes both switches, the account's and the container's: https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-configure
"""

from __future__ import annotations

import copy
from typing import Any

from stanch.local.azure.errors import ArmError
from stanch.local.azure.kinds import Kind, Reply, Request, merged
from stanch.local.azure.state import Record, State, now

VERSIONS = ("2019-04-01", "2021-02-01", "2023-01-01", "2023-05-01", "2024-01-01", "2026-09-01")


class StorageAccounts(Kind):
    type = "Microsoft.Storage/storageAccounts"
    versions = VERSIONS
    model = "storage.StorageAccountCreateParameters"
    patch_model = "storage.StorageAccountUpdateParameters"
    slow = frozenset({"PUT"})
    operations = "asyncoperations"

    def stored(self, request: Request, body: dict[str, Any], current: Record | None) -> dict[str, Any]:
        name = request.target.names[0]
        if not (3 <= len(name) <= 24 and name.isascii() and name.isalnum() and name == name.lower()):
            raise ArmError(400, "AccountNameInvalid", f"{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only.")  # fmt: skip
        old = copy.deepcopy(current.properties) if current else self._new(name, body)
        body["sku"]["tier"] = body["sku"]["name"].partition("_")[0]
        body["properties"] = merged(old, body["properties"])
        self._completed(body["properties"])
        return body

    def _new(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        moment, sku = now(), str(body["sku"]["name"])
        service = {"enabled": True, "lastEnabledTime": moment}
        services = _services(str(body["kind"]), sku)
        new = {
            "keyCreationTime": {"key1": moment, "key2": moment},
            "privateEndpointConnections": [],
            "networkAcls": {"bypass": "AzureServices", "virtualNetworkRules": [], "ipRules": [], "defaultAction": "Allow"},
            "supportsHttpsTrafficOnly": True,
            "encryption": {"services": {"file": dict(service), "blob": dict(service)}, "keySource": "Microsoft.Storage"},
            "creationTime": moment,
            "primaryEndpoints": _endpoints(name, services),
            "primaryLocation": body["location"],
            "statusOfPrimary": "available",
        }  # fmt: skip
        if "RA" in sku:
            elsewhere = _endpoints(f"{name}-secondary", [kind for kind in services if kind != "file"])
            new |= {"secondaryEndpoints": elsewhere, "secondaryLocation": "northeurope", "statusOfSecondary": "available"}  # fmt: skip
        return new

    def _completed(self, properties: dict[str, Any]) -> None:
        acls = properties["networkAcls"]
        acls["virtualNetworkRules"] = [
            {"action": "Allow", **rule, "state": "Succeeded"} for rule in acls["virtualNetworkRules"]
        ]
        acls["ipRules"] = [{"action": "Allow", **rule} for rule in acls["ipRules"]]

    def patched(self, request: Request, record: Record, body: dict[str, Any]) -> None:
        super().patched(request, record, body)
        self._completed(record.properties)

    def shown(self, state: State, record: Record, version: str) -> dict[str, Any]:
        shown = super().shown(state, record, version)
        shown.setdefault("properties", {})["provisioningState"] = record.provisioning
        if version < "2021-01-01":
            for later in ("keyCreationTime", "privateEndpointConnections"):
                shown["properties"].pop(later, None)
        if "tags" not in record.body:
            shown["tags"] = {}
        return shown

    def begun(self, status: int, request: Request, record: Record | None) -> Reply:
        if request.method != "PUT" or (record and status == 200 and request.failure is None):
            return self.reply(status, request, record)
        operation = request.state.begin(request.seconds, record, request.failure)
        headers = self.polling(request, operation, record.location if record else "", both=True)
        return Reply(202, None, {name: value for name, value in headers.items() if name != "Azure-AsyncOperation"})


def _services(kind: str, sku: str) -> list[str]:
    """https://learn.microsoft.com/azure/storage/common/storage-account-overview#types-of-storage-accounts"""
    if sku.startswith("Premium") and kind != "StorageV2":
        return ["file"] if kind == "FileStorage" else ["blob"]
    return {"Storage": ["blob", "queue", "table", "file"], "StorageV2": ["blob", "queue", "table", "file", "dfs", "web"]}.get(kind, ["blob", "dfs"])  # fmt: skip


def _endpoints(name: str, services: list[str]) -> dict[str, str]:
    return {kind: f"https://{name}.{'z6.web' if kind == 'web' else kind}.core.windows.net/" for kind in services}


class BlobContainers(Kind):
    type = "Microsoft.Storage/storageAccounts/blobServices/containers"
    versions = VERSIONS
    model = "storage.BlobContainer"
    patch_model = "storage.BlobContainer"
    located = False
    shows_etag = True

    def stored(self, request: Request, body: dict[str, Any], current: Record | None) -> dict[str, Any]:
        account = request.state.get(request.target.id.partition("/blobServices/")[0])
        if account is None:
            raise ArmError(404, "ResourceNotFound", f"The storage account '{request.target.names[0]}' was not found.")
        self._permitted(account, body["properties"])
        defaults = {"publicAccess": "None", "leaseStatus": "Unlocked", "leaseState": "Available", "lastModifiedTime": now()}  # fmt: skip
        return {"properties": defaults | body["properties"]}

    def patched(self, request: Request, record: Record, body: dict[str, Any]) -> None:
        account = request.state.get(record.id.partition("/blobServices/")[0])
        if account is not None:
            self._permitted(account, body.get("properties", {}))
        super().patched(request, record, body)

    def _permitted(self, account: Record, properties: dict[str, Any]) -> None:
        public = properties.get("publicAccess", "None") != "None"
        if public and account.properties.get("allowBlobPublicAccess") is False:
            raise ArmError(409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account.")
