"""Azure for the contract tests: literal azure-mgmt clients and Graph requests that bypass Stanch.

The process's environment must name the stand-in's certificate authority and identity endpoint (`AzureCloudServer.environment()`).
"""

from __future__ import annotations

import uuid
from functools import cached_property
from typing import Any

import requests
from azure.identity import ManagedIdentityCredential
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.storage import StorageManagementClient

from stanch.local.azure.server import AzureCloudServer
from stanch.local.azure.state import TENANT

SUBSCRIPTION = "00000000-0000-0000-0000-0000000000a1"
LOCATION = "westeurope"


class AzureWorld:
    """The stand-in `server`, in one subscription. Whatever is made gets a name of its own."""

    def __init__(self, server: AzureCloudServer, account: str = SUBSCRIPTION) -> None:
        self.server, self.endpoint = server, server.url
        self.account, self.tenant = account, TENANT
        self._credential = ManagedIdentityCredential()
        self._http = requests.Session()

    @staticmethod
    def unique(prefix: str) -> str:
        """A name no other scenario of the same server uses."""
        return f"{prefix}-{uuid.uuid4().hex[:10]}"

    @cached_property
    def compute(self) -> Any:
        return ComputeManagementClient(self._credential, self.account, self.endpoint, **self._options())

    @cached_property
    def network(self) -> Any:
        return NetworkManagementClient(self._credential, self.account, self.endpoint, **self._options())

    @cached_property
    def storage(self) -> Any:
        return StorageManagementClient(self._credential, self.account, self.endpoint, **self._options())

    def _options(self) -> dict[str, Any]:
        return {"credential_scopes": ["https://management.azure.com/.default"], "polling_interval": 0.01}

    def graph(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        token = self._credential.get_token("https://graph.microsoft.com/.default").token
        return self._send(method, f"/v1.0{path}", {"Authorization": f"Bearer {token}"}, body)

    def seed(self, **document: Any) -> None:
        """What no API makes: subscriptions, resource groups, users."""
        self._send("POST", "/stanch/azure/seed", {}, document)

    def _send(self, method: str, path: str, headers: dict[str, str], body: Any) -> dict[str, Any]:
        answer = self._http.request(method, self.endpoint + path, headers=headers, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else {}

    # What the scenarios are made of

    def group(self, prefix: str = "rg") -> str:
        """A new resource group."""
        name = self.unique(prefix)
        self.seed(
            resources=[{"id": f"/subscriptions/{self.account}/resourceGroups/{name}", "body": {"location": LOCATION}}]
        )
        return name

    def security_group(self, group: str, rules: dict[str, dict[str, Any]], **properties: Any) -> Any:
        """A security group with rules by name."""
        listed = [{"name": name, "properties": rule} for name, rule in rules.items()]
        body: Any = {
            "location": LOCATION,
            "tags": {"team": "payments"},
            "properties": {"securityRules": listed, **properties},
        }
        return self.network.network_security_groups.begin_create_or_update(group, self.unique("nsg"), body).result()

    def subnet(self, group: str, security_group: str | None = None) -> str:
        """Id of the only subnet of a new network."""
        subnet: dict[str, Any] = {"name": "default", "properties": {"addressPrefix": "10.1.0.0/16"}}
        if security_group:
            subnet["properties"]["networkSecurityGroup"] = {"id": security_group}
        body: Any = {
            "location": LOCATION,
            "properties": {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}, "subnets": [subnet]},
        }
        made = self.network.virtual_networks.begin_create_or_update(group, self.unique("vnet"), body).result()
        return str(made.properties.subnets[0].id)

    def interface(self, group: str, subnet: str, security_group: str | None = None) -> Any:
        """A network interface, with a security group of its own or without."""
        address = {
            "name": "ipconfig1",
            "properties": {"subnet": {"id": subnet}, "privateIPAllocationMethod": "Dynamic"},
        }
        body: Any = {
            "location": LOCATION,
            "tags": {"team": "payments"},
            "properties": {"ipConfigurations": [address]},
        }
        if security_group:
            body["properties"]["networkSecurityGroup"] = {"id": security_group}
        return self.network.network_interfaces.begin_create_or_update(group, self.unique("nic"), body).result()

    def machine(self, group: str, interfaces: list[Any], data_disks: int = 0, **more: Any) -> Any:
        """A running machine with a managed system disk and empty data disks. `more` are top-level properties of its document."""
        name = self.unique("vm")
        disks = [
            {"lun": lun, "name": f"{name}-data{lun}", "createOption": "Empty", "diskSizeGB": 8}
            for lun in range(data_disks)
        ]
        body: Any = {
            "location": LOCATION,
            "tags": {"team": "payments"},
            "properties": {
                "hardwareProfile": {"vmSize": "Standard_B1s"},
                "storageProfile": {
                    "osDisk": {"name": f"{name}-os", "osType": "Linux", "createOption": "FromImage"},
                    "dataDisks": disks,
                },
                "networkProfile": {"networkInterfaces": [{"id": nic.id} for nic in interfaces]},
            },
            **more,
        }
        return self.compute.virtual_machines.begin_create_or_update(group, name, body).result()

    def storage_account(self, group: str, **properties: Any) -> Any:
        """A general-purpose account."""
        body: Any = {
            "location": LOCATION,
            "kind": "StorageV2",
            "sku": {"name": "Standard_LRS"},
            "tags": {"team": "payments"},
            "properties": properties,
        }
        return self.storage.storage_accounts.begin_create(group, f"st{uuid.uuid4().hex[:12]}", body).result()

    def user(self, **properties: Any) -> dict[str, Any]:
        """A member of the tenant whose sessions were never revoked."""
        name = f"{self.unique('user')}@corp.example"
        given = {
            "id": str(uuid.uuid4()),
            "userPrincipalName": name,
            "mail": name,
            "displayName": "Test user",
            **properties,
        }
        self.seed(users=[given])
        return given

    def forget_user(self, user_id: str) -> None:
        """As if an administrator had deleted the user."""
        with self.server.state.lock:
            del self.server.state.users[user_id]
