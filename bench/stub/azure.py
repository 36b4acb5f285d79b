"""Azure as the benchmarks need it: tokens, one Sentinel incident, one machine behind one security group, one storage table."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from bench import events
from bench.stub.tables import Tables
from bench.stub.wire import Reply, Request

MACHINE_GROUP = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourcegroups/rg-web/providers"
NIC = f"{MACHINE_GROUP}/Microsoft.Network/networkInterfaces/nic-web-1"
GROUP = f"{MACHINE_GROUP}/Microsoft.Network/networkSecurityGroups/nsg-web"

_RULE = {
    "protocol": "Tcp", "sourcePortRange": "*", "destinationPortRange": "22", "sourceAddressPrefix": "*",
    "destinationAddressPrefix": "*", "access": "Allow", "priority": 100, "direction": "Inbound", "provisioningState": "Succeeded",
}  # fmt: skip


class Azure:
    """`moment` is when the incident was told. The open rule goes when it is deleted."""

    def __init__(self) -> None:
        self.moment = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
        self._open = True
        self._tables = Tables()

    def clear(self) -> None:
        self._open = True
        self._tables.clear()

    def answer(self, request: Request) -> Reply | None:
        """None for what is none of Azure's."""
        path = unquote(request.path).lower()
        if path.startswith("/msi/token"):
            token = {"access_token": "token", "expires_on": str(int(time.time()) + 86400), "token_type": "Bearer"}
            return Reply.json("identity:token", {**token, "resource": request.query.get("resource", "")})
        if path.startswith("/tables/"):
            return self._tables.answer(request)
        if not path.startswith("/subscriptions/"):
            return None
        if "/providers/microsoft.securityinsights/" in path:
            return self._incident(request.method, path)
        if "/locations/" in path:
            return Reply.json("arm:poll", {"status": "Succeeded", "name": "1"})
        return self._resource(request, path)

    def _incident(self, method: str, path: str) -> Reply:
        event = events.sentinel(self.moment)["object"]
        properties = dict(event["properties"])
        alerts, entities = properties.pop("alerts"), properties.pop("relatedEntities")
        if path.endswith("/alerts"):
            return Reply.json("sentinel:alerts", {"value": alerts})
        if path.endswith("/entities"):
            return Reply.json("sentinel:entities", {"entities": entities, "metaData": []})
        return Reply.json("sentinel:incident", {**event, "properties": properties})

    def _resource(self, request: Request, path: str) -> Reply:
        kind, _, name = path.rpartition("/")
        kind = kind.rpartition("/")[2]
        if kind == "securityrules" and request.method == "DELETE":
            self._open = False
            poll = f"https://{request.headers['host']}{MACHINE_GROUP.rpartition('/resourcegroups')[0]}/providers/Microsoft.Network/locations/westeurope/operations/1"
            headers = {"Azure-AsyncOperation": poll, "Location": poll, "Retry-After": "0"}
            return Reply("network:deleteRule", 202, b"", headers=headers)
        found = {
            "subscriptions": {"subscriptionId": name, "state": "Enabled"},
            "virtualmachines": _machine(path),
            "networkinterfaces": _interface(),
            "networksecuritygroups": self._group(),
        }.get(kind)
        if found is None:
            return Reply.json(f"UNKNOWN {request.method} {path}", {"error": {"code": "NotFound", "message": path}}, 404)
        return Reply.json(f"arm:{kind}", found)

    def _group(self) -> dict[str, Any]:
        rule = {"id": f"{GROUP}/securityRules/ssh", "name": "ssh", "etag": 'W/"1"', "properties": _RULE}
        properties = {"provisioningState": "Succeeded", "securityRules": [rule] if self._open else []}
        properties |= {"networkInterfaces": [{"id": NIC}]}
        return _resource(GROUP, properties)


def _machine(path: str) -> dict[str, Any]:
    profile = {"networkInterfaces": [{"id": NIC, "properties": {"primary": True}}]}
    return _resource(path, {"networkProfile": profile, "osProfile": {"computerName": "vm-web-1"}})


def _interface() -> dict[str, Any]:
    return _resource(NIC, {"networkSecurityGroup": {"id": GROUP}, "ipConfigurations": []})


def _resource(ident: str, properties: dict[str, Any]) -> dict[str, Any]:
    kind = "/".join(re.split("/providers/", ident, flags=re.IGNORECASE)[1].split("/")[:2])
    named = {"id": ident, "name": ident.rpartition("/")[2], "type": kind, "location": "westeurope", "etag": 'W/"1"'}
    return json.loads(json.dumps({**named, "tags": {}, "properties": properties}))
