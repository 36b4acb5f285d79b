"""Makes what a finding names exist in the local Azure, in the exposed state that the finding describes."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import requests

from stanch.errors import Unreachable
from stanch.finding import Finding, Resource
from stanch.local.azure.seed_incident import incident

_log = logging.getLogger(__name__)

LOCATION = "westeurope"
USERS = "microsoft.graph/users"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_WINDOWS = re.compile(r"windows|\brdp\b|\b3389\b", re.IGNORECASE)


def seed(endpoint: str, ca: str, finding: Finding) -> list[str]:
    """Ids of what was created at `endpoint` (whose certificate `ca` vouches for); what is there already stays as it is.

    Raises Unreachable when the local cloud does not answer. What no cloud could hold (an impossible name) is logged and left out.
    """
    try:
        answer = requests.post(f"{endpoint}/stanch/azure/seed", json=document(finding), verify=ca, timeout=30)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise Unreachable(f"the local Azure at {endpoint}: {error}") from error
    result: dict[str, Any] = answer.json()
    for refusal in result["refused"]:
        _log.warning("not seeded: %s: %s", refusal["id"], refusal["reason"])
    created: list[str] = result["created"]
    return created


def document(finding: Finding) -> dict[str, list[dict[str, Any]]]:
    """What to create, in the form that `/stanch/azure/seed` takes, parts before what refers to them."""
    port = "3389" if _WINDOWS.search(json.dumps(finding.raw, default=str)) else "22"
    resources: list[dict[str, Any]] = []
    for resource in finding.resources:
        resources += _resource(resource, port)
    for name in _hosts(finding):
        group = f"/subscriptions/{finding.account}/resourceGroups/rg-{name.lower()}"
        resources += machine(f"{group}/providers/Microsoft.Compute/virtualMachines/{name}", port)
    users = [user(resource) for resource in finding.resources if resource.type.lower() == USERS]
    incidents = incident(finding)
    return {"resources": resources, "users": users, "incidents": [incidents] if incidents else []}


def _hosts(finding: Finding) -> list[str]:
    """Host names without an Azure id, as far as they can be names of machines in a known subscription."""
    notes = finding.upstream.get("unresolved") or () if finding.account else ()
    names = [str(note.get("name") or "").partition(".")[0] for note in notes if note.get("kind") == "host"]
    return [name for name in names if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}", name)]


def _resource(resource: Resource, port: str) -> list[dict[str, Any]]:
    match resource.type.lower():
        case "microsoft.compute/virtualmachines" if resource.id.startswith("/"):
            return machine(resource.id, port)
        case "microsoft.network/networksecuritygroups":
            return [security_group(resource.id, port)]
        case "microsoft.network/networksecuritygroups/securityrules":
            group, _, rule = resource.id.rpartition("/securityRules/")
            return [security_group(group, port, rule)] if group else []
        case "microsoft.storage/storageaccounts":
            return [account(resource.id), container(resource.id)]
    return []


def security_group(group_id: str, port: str, rule: str = "") -> dict[str, Any]:
    """A group that lets anyone reach the admin port, and one known network reach https."""
    rules = [
        _rule(rule or ("AllowRdpFromAnywhere" if port == "3389" else "AllowSshFromAnywhere"), 300, "*", port),
        _rule("AllowHttpsFromOffice", 310, "198.51.100.0/24", "443"),
    ]
    return {"id": group_id, "body": {"location": LOCATION, "tags": {"env": "local"}, "properties": {"securityRules": rules}}}  # fmt: skip


def _rule(name: str, priority: int, source: str, port: str) -> dict[str, Any]:
    return {"name": name, "properties": {
        "priority": priority, "direction": "Inbound", "access": "Allow", "protocol": "Tcp", "sourceAddressPrefix": source, "sourcePortRange": "*",
        "destinationAddressPrefix": "*", "destinationPortRange": port,
    }}  # fmt: skip


def machine(machine_id: str, port: str) -> list[dict[str, Any]]:
    """A running machine with two interfaces: the first has its own open group and a public address, the second only its subnet's group."""
    scope, _, name = machine_id.rpartition("/providers/")[0], "", machine_id.rpartition("/")[2]
    network = f"{scope}/providers/Microsoft.Network"
    group, subnet_group = (
        f"{network}/networkSecurityGroups/{name}-nsg",
        f"{network}/networkSecurityGroups/{name}-subnet-nsg",
    )
    vnet, address = f"{network}/virtualNetworks/{name}-vnet", f"{network}/publicIPAddresses/{name}-ip"
    subnet = {"name": "default", "properties": {"addressPrefix": "10.0.0.0/17", "networkSecurityGroup": {"id": subnet_group}}}  # fmt: skip
    return [
        security_group(group, port),
        security_group(subnet_group, port),
        {"id": vnet, "body": {"location": LOCATION, "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [subnet]}}},
        {"id": address, "body": {"location": LOCATION, "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}},
        _interface(f"{network}/networkInterfaces/{name}-nic", vnet, group, address),
        _interface(f"{network}/networkInterfaces/{name}-nic2", vnet),
        {"id": machine_id, "body": _machine_body(name, network, port)},
    ]  # fmt: skip


def _interface(nic: str, vnet: str, group: str = "", address: str = "") -> dict[str, Any]:
    entry: dict[str, Any] = {"subnet": {"id": f"{vnet}/subnets/default"}, "privateIPAllocationMethod": "Dynamic"}
    if address:
        entry["publicIPAddress"] = {"id": address}
    properties: dict[str, Any] = {"ipConfigurations": [{"name": "ipconfig1", "properties": entry}]}
    if group:
        properties["networkSecurityGroup"] = {"id": group}
    return {"id": nic, "body": {"location": LOCATION, "properties": properties}}


def _machine_body(name: str, network: str, port: str) -> dict[str, Any]:
    windows = port == "3389"
    system = "Windows" if windows else "Linux"
    disk = {"osType": system, "createOption": "FromImage", "caching": "ReadWrite", "diskSizeGB": 30, "deleteOption": "Detach",
            "managedDisk": {"storageAccountType": "Standard_LRS"}}  # fmt: skip
    nics = [{"id": f"{network}/networkInterfaces/{name}-{suffix}", "properties": {"primary": suffix == "nic"}} for suffix in ("nic", "nic2")]  # fmt: skip
    return {"location": LOCATION, "tags": {"env": "local"}, "properties": {
        "hardwareProfile": {"vmSize": "Standard_B2s"}, "storageProfile": {"osDisk": disk},
        "osProfile": {"computerName": name[:15], "adminUsername": "localadmin"}, "networkProfile": {"networkInterfaces": nics},
    }}  # fmt: skip


def account(account_id: str) -> dict[str, Any]:
    """A storage account that lets containers be public."""
    properties = {"allowBlobPublicAccess": True, "minimumTlsVersion": "TLS1_2", "publicNetworkAccess": "Enabled"}
    return {"id": account_id, "body": {"location": LOCATION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "tags": {"env": "local"},
                                       "properties": properties}}  # fmt: skip


def container(account_id: str) -> dict[str, Any]:
    """A container that anyone may read."""
    there = f"{account_id}/blobServices/default/containers/public"
    return {"id": there, "body": {"properties": {"publicAccess": "Blob"}}}


def user(resource: Resource) -> dict[str, Any]:
    """An enabled user under the object id or user principal name that the finding gives."""
    name = resource.details.get("user_principal_name")
    if _GUID.match(resource.id):
        return {"id": resource.id, **({"userPrincipalName": name} if name else {}), "accountEnabled": True}
    return {"userPrincipalName": resource.id, "accountEnabled": True}
