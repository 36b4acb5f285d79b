"""The local Azure, and the real SDKs that talk to it unmodified over TLS."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import requests
from azure.identity import ManagedIdentityCredential
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.storage import StorageManagementClient

from stanch.local.azure.server import AzureCloudServer
from tests.tools import local_clouds

SUB = "00000000-0000-0000-0000-0000000000a1"
GROUP = f"/subscriptions/{SUB}/resourceGroups/rg-app"
NETWORK = f"{GROUP}/providers/Microsoft.Network"
PUBLIC = "https://management.azure.com"

SSH = {
    "priority": 300, "direction": "Inbound", "access": "Allow", "protocol": "Tcp", "sourceAddressPrefix": "*",
    "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "22",
}  # fmt: skip


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureCloudServer]:
    with local_clouds.local_azure(tmp_path_factory.mktemp("azure")) as server:
        yield server


@pytest.fixture
def azure(running: AzureCloudServer, monkeypatch: pytest.MonkeyPatch) -> AzureCloudServer:
    """An empty cloud with one subscription and the resource group `rg-app`, in the environment of this process."""
    running.state.clear()
    for name, value in running.environment().items():
        monkeypatch.setenv(name, value)
    put(running, GROUP, {"location": "westeurope"}, "2021-04-01")
    running.state.calls.clear()
    return running


def put(server: AzureCloudServer, resource_id: str, body: dict[str, Any], version: str) -> dict[str, Any]:
    """A resource put straight through ARM's door, without the wire; its subscription comes into being with it."""
    server.state.subscriptions.setdefault(SUB, {"subscriptionId": SUB})
    reply = server.arm.answer("PUT", resource_id, {"api-version": version}, {}, body)
    answer: dict[str, Any] = reply.body
    return answer


def identity() -> ManagedIdentityCredential:
    """One for all tests of a cloud: it finds the endpoint in the environment when it is made, and keeps that endpoint's tokens."""
    return _identity(os.environ["IDENTITY_ENDPOINT"])


@cache
def _identity(endpoint: str) -> ManagedIdentityCredential:
    return ManagedIdentityCredential()


class Raw:
    """Requests without an SDK, with the SDK's own tokens."""

    def __init__(self, server: AzureCloudServer) -> None:
        self.server = server
        self.session = requests.Session()
        self.session.verify = str(server.ca)
        self.credential = identity()

    def __call__(
        self, method: str, path: str, version: str | None = None, *, headers: dict[str, str] | None = None, **more: Any
    ) -> requests.Response:
        audience = "https://graph.microsoft.com" if path.startswith("/v1.0") else PUBLIC
        token = self.credential.get_token(f"{audience}/.default").token
        query = {"api-version": version} if version else {}
        return self.session.request(
            method, self.server.url + path, params=query, headers={"Authorization": f"Bearer {token}", **(headers or {})}, timeout=10, **more
        )  # fmt: skip


@pytest.fixture
def raw(azure: AzureCloudServer) -> Iterator[Raw]:
    caller = Raw(azure)
    yield caller
    caller.session.close()


@pytest.fixture
def options(azure: AzureCloudServer) -> dict[str, Any]:
    """How any caller points an azure-mgmt client at another cloud."""
    return {
        "credential": identity(), "subscription_id": SUB, "base_url": azure.url,
        "credential_scopes": [f"{PUBLIC}/.default"], "polling_interval": 0.01, "retry_total": 1,
    }  # fmt: skip


@pytest.fixture
def network(options: dict[str, Any]) -> Iterator[NetworkManagementClient]:
    with NetworkManagementClient(**options) as client:
        yield client


@pytest.fixture
def compute(options: dict[str, Any]) -> Iterator[ComputeManagementClient]:
    with ComputeManagementClient(**options) as client:
        yield client


@pytest.fixture
def storage(options: dict[str, Any]) -> Iterator[StorageManagementClient]:
    with StorageManagementClient(**options) as client:
        yield client


def make_group(network: NetworkManagementClient, name: str = "nsg1", **rules: dict[str, Any]) -> Any:
    body = [{"name": rule, "properties": SSH | properties} for rule, properties in rules.items()]
    return network.network_security_groups.begin_create_or_update(
        "rg-app", name, {"location": "westeurope", "properties": {"securityRules": body}}
    ).result()


def make_interface(network: NetworkManagementClient, name: str = "nic1", **properties: Any) -> Any:
    """An interface in the subnet `net1/default`, which is made when missing."""
    vnet = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [{"name": "default", "properties": {"addressPrefix": "10.0.0.0/24"}}]}  # fmt: skip
    if "net1" not in [found.name for found in network.virtual_networks.list("rg-app")]:
        network.virtual_networks.begin_create_or_update("rg-app", "net1", {"location": "westeurope", "properties": vnet}).result()  # fmt: skip
    entry = {"name": "ipconfig1", "properties": {"subnet": {"id": f"{NETWORK}/virtualNetworks/net1/subnets/default"}}}
    body = {"location": "westeurope", "properties": {"ipConfigurations": [entry], **properties}}
    return network.network_interfaces.begin_create_or_update("rg-app", name, body).result()


def make_machine(compute: ComputeManagementClient, network: NetworkManagementClient, name: str = "vm1") -> Any:
    nic = make_interface(network, f"{name}-nic")
    body = {
        "location": "westeurope", "tags": {"env": "test"},
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_B2s"},
            "storageProfile": {"osDisk": {"osType": "Linux", "createOption": "FromImage", "diskSizeGB": 30, "name": f"{name}-os"}},
            "osProfile": {"computerName": name, "adminUsername": "localadmin", "adminPassword": "not kept"},
            "networkProfile": {"networkInterfaces": [{"id": nic.id}]},
        },
    }  # fmt: skip
    return compute.virtual_machines.begin_create_or_update("rg-app", name, body).result()
