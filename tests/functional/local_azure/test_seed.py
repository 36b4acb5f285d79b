"""What a finding names exists after seeding, exposed; what was there stays as it was."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.storage import StorageManagementClient

from stanch.clouds.azure import AzureCloud
from stanch.clouds.azure_settings import AzureSettings
from stanch.errors import Unreachable
from stanch.finding import Finding, Resource, Severity
from stanch.local.azure.seed import seed
from stanch.local.azure.server import AzureCloudServer
from stanch.sources import sentinel
from stanch.upstream.sentinel import SentinelUpstream

from .conftest import GROUP, NETWORK, SUB, Raw, put

MACHINE = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/web-1"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stanchdata1"
WORKSPACE = f"/subscriptions/{SUB}/resourceGroups/rg-sec/providers/Microsoft.OperationalInsights/workspaces/law"
INCIDENT = f"{WORKSPACE}/providers/Microsoft.SecurityInsights/Incidents/00000000-0000-0000-0000-0000000000f1"
OID = "00000000-0000-0000-0000-0000000000b1"


def finding(*resources: Resource, raw: dict[str, Any] | None = None, **upstream: Any) -> Finding:
    return Finding(
        "sentinel", "f1", "1", "Type", "Title", Severity.HIGH, SUB, None, resources=resources, upstream=upstream, raw=raw or {}
    )  # fmt: skip


def machine(machine_id: str = MACHINE) -> Resource:
    return Resource("Microsoft.Compute/virtualMachines", machine_id, SUB)


def test_a_machine_is_running_and_open(azure: AzureCloudServer, compute: ComputeManagementClient, network: NetworkManagementClient) -> None:  # fmt: skip
    created = seed(azure.url, str(azure.ca), finding(machine()))
    assert created == [
        f"{NETWORK}/networkSecurityGroups/web-1-nsg", f"{NETWORK}/networkSecurityGroups/web-1-subnet-nsg",
        f"{NETWORK}/virtualNetworks/web-1-vnet", f"{NETWORK}/publicIPAddresses/web-1-ip",
        f"{NETWORK}/networkInterfaces/web-1-nic", f"{NETWORK}/networkInterfaces/web-1-nic2", MACHINE,
    ]  # fmt: skip
    live = compute.virtual_machines.get("rg-app", "web-1", expand="instanceView")
    assert live.instance_view.statuses[-1].code == "PowerState/running"
    assert live.provisioning_state == "Succeeded"
    nics = [network.network_interfaces.get("rg-app", name) for name in ("web-1-nic", "web-1-nic2")]
    assert [nic.network_security_group and nic.network_security_group.id for nic in nics] == [f"{NETWORK}/networkSecurityGroups/web-1-nsg", None]  # fmt: skip
    subnet = network.subnets.get("rg-app", "web-1-vnet", "default")
    assert subnet.network_security_group.id == f"{NETWORK}/networkSecurityGroups/web-1-subnet-nsg"
    rules = network.network_security_groups.get("rg-app", "web-1-nsg").security_rules
    assert [(rule.name, rule.source_address_prefix, rule.destination_port_range, rule.access) for rule in rules] == [
        ("AllowSshFromAnywhere", "*", "22", "Allow"), ("AllowHttpsFromOffice", "198.51.100.0/24", "443", "Allow"),
    ]  # fmt: skip


def test_a_windows_machine_is_open_for_remote_desktop(azure: AzureCloudServer, network: NetworkManagementClient) -> None:  # fmt: skip
    seed(azure.url, str(azure.ca), finding(machine(), raw={"osFamily": "Windows"}))
    rule = network.security_rules.get("rg-app", "web-1-nsg", "AllowRdpFromAnywhere")
    assert rule.destination_port_range == "3389"


def test_ids_as_defender_writes_them(azure: AzureCloudServer, compute: ComputeManagementClient) -> None:
    shouted = f"/SUBSCRIPTIONS/{SUB}/RESOURCEGROUPS/Sample-RG/providers/Microsoft.Compute/virtualMachines/Sample-VM"
    seed(azure.url, str(azure.ca), finding(machine(shouted)))
    assert compute.virtual_machines.get("sample-rg", "sample-vm").id == f"/subscriptions/{SUB}/resourceGroups/Sample-RG/providers/Microsoft.Compute/virtualMachines/Sample-VM"  # fmt: skip


def test_groups_accounts_and_users(
    azure: AzureCloudServer, raw: Raw, network: NetworkManagementClient, storage: StorageManagementClient
) -> None:
    resources = (
        Resource("Microsoft.Network/networkSecurityGroups", f"{NETWORK}/networkSecurityGroups/open", SUB),
        Resource("Microsoft.Network/networkSecurityGroups/securityRules", f"{NETWORK}/networkSecurityGroups/other/securityRules/bad", SUB),
        Resource("Microsoft.Storage/storageAccounts", ACCOUNT, SUB),
        Resource("Microsoft.Graph/users", OID, "", details={"user_principal_name": "alice@corp.example"}),
        Resource("Microsoft.Graph/users", "bob@corp.example", ""),
        Resource("Microsoft.KeyVault/vaults", f"{GROUP}/providers/Microsoft.KeyVault/vaults/v", SUB),
    )  # fmt: skip
    seed(azure.url, str(azure.ca), finding(*resources))
    assert [rule.name for rule in network.security_rules.list("rg-app", "open")] == ["AllowSshFromAnywhere", "AllowHttpsFromOffice"]  # fmt: skip
    assert network.security_rules.get("rg-app", "other", "bad").source_address_prefix == "*"
    assert storage.storage_accounts.get_properties("rg-app", "stanchdata1").allow_blob_public_access is True
    assert [found.public_access for found in storage.blob_containers.list("rg-app", "stanchdata1")] == ["Blob"]
    for name in ("alice@corp.example", "bob@corp.example"):
        assert raw("GET", f"/v1.0/users/{name}?$select=accountEnabled").json()["accountEnabled"] is True
    assert raw("GET", f"/v1.0/users/{OID}").json()["userPrincipalName"] == "alice@corp.example"


def test_what_is_there_stays(azure: AzureCloudServer, compute: ComputeManagementClient, network: NetworkManagementClient) -> None:  # fmt: skip
    first = seed(azure.url, str(azure.ca), finding(machine()))
    network.security_rules.begin_delete("rg-app", "web-1-nsg", "AllowSshFromAnywhere").result()
    compute.virtual_machines.begin_deallocate("rg-app", "web-1").result()
    assert len(first) == 7
    assert seed(azure.url, str(azure.ca), finding(machine())) == []
    assert [rule.name for rule in network.security_rules.list("rg-app", "web-1-nsg")] == ["AllowHttpsFromOffice"]
    assert compute.virtual_machines.instance_view("rg-app", "web-1").statuses[-1].code == "PowerState/deallocated"


def test_an_existing_group_of_the_machine_keeps_its_rules(azure: AzureCloudServer, network: NetworkManagementClient) -> None:  # fmt: skip
    put(azure, f"{NETWORK}/networkSecurityGroups/web-1-nsg", {"location": "westeurope"}, "2024-05-01")
    seed(azure.url, str(azure.ca), finding(machine()))
    assert list(network.security_rules.list("rg-app", "web-1-nsg")) == []


def test_host_names_become_machines(azure: AzureCloudServer, compute: ComputeManagementClient) -> None:
    notes = [{"kind": "host", "name": "db-7.corp"}, {"kind": "host", "name": "a b/c"}, {"kind": "account", "name": "x"}, {"place": "p", "reason": "r"}]  # fmt: skip
    seed(azure.url, str(azure.ca), finding(unresolved=notes))
    assert [found.name for found in compute.virtual_machines.list_all()] == ["db-7"]


def test_names_that_cannot_be_are_left_out_and_said(azure: AzureCloudServer, caplog: pytest.LogCaptureFixture) -> None:
    impossible = ACCOUNT.replace("stanchdata1", "Sample-Storage")
    assert seed(azure.url, str(azure.ca), finding(Resource("Microsoft.Storage/storageAccounts", impossible, SUB))) == []
    assert "AccountNameInvalid" in caplog.text


def test_no_local_cloud(azure: AzureCloudServer) -> None:
    with pytest.raises(Unreachable):
        seed("https://127.0.0.1:9", str(azure.ca), finding(machine()))


ALERT = {
    "id": f"{WORKSPACE}/providers/Microsoft.SecurityInsights/Entities/00000000-0000-0000-0000-0000000000e1",
    "name": "00000000-0000-0000-0000-0000000000e1", "type": "Microsoft.SecurityInsights/Entities", "kind": "SecurityAlert",
    "properties": {
        "systemAlertId": "00000000-0000-0000-0000-0000000000e1", "alertDisplayName": "SSH brute force succeeded", "alertType": "VM_LoginBruteForceSuccess",
        "severity": "High", "status": "New", "productName": "Azure Security Center", "endTimeUtc": "2026-11-01T10:00:00Z",
        "processingEndTime": "2026-11-01T10:01:00Z",
    },
}  # fmt: skip
HOST = {"id": "x", "name": "h", "kind": "Host", "properties": {"hostName": "web-1", "azureID": MACHINE}}
PROPERTIES = {
    "title": "Brute force", "severity": "High", "status": "New", "incidentNumber": 9, "lastModifiedTimeUtc": "2026-11-01T10:02:00Z",
    "labels": [{"labelName": "vip", "labelType": "User"}], "additionalData": {"alertProductNames": ["Azure Security Center"], "alertsCount": 1},
}  # fmt: skip
EVENTS: dict[str, dict[str, Any]] = {
    "automation rule": {"objectSchemaType": "Incident", "objectEventType": "Create", "object": {
        "id": INCIDENT, "name": "f1", "properties": PROPERTIES | {"alerts": [ALERT], "relatedEntities": [HOST]}}},
    "without alerts": {"objectSchemaType": "Incident", "object": {"id": INCIDENT, "properties": PROPERTIES | {"relatedEntities": [HOST]}}},
    "sdk": {"id": INCIDENT, "name": "f1", "title": "Brute force", "severity": "Low", "status": "Active", "incident_number": 14,
            "last_modified_time_utc": "2026-11-01T10:02:00.5+00:00", "labels": [{"label_name": "vip", "label_type": "User"}], "owner": {"assigned_to": None}},
    "table": {"Type": "SecurityIncident", "IncidentName": "00000000-0000-0000-0000-0000000000f1", "Title": "Brute force", "Severity": "Low", "Status": "New",
              "Owner": '{"objectId":null,"assignedTo":"someone"}', "IncidentNumber": "15216", "LastModifiedTime": "2026-11-01 10:02:00.9+00:00", "ClosedTime": "None",
              "Labels": '[{"labelName":"vip"}]', "AlertIds": "[]", "IncidentUrl": f"https://portal.azure.com/#asset/Microsoft_Azure_Security_Insights/Incident{INCIDENT}"},
    "closed": {"objectSchemaType": "Incident", "object": {"id": INCIDENT, "properties": PROPERTIES | {"status": "Closed"}}},
    "id alone": {"incidentArmId": INCIDENT},
}  # fmt: skip


@pytest.mark.parametrize("form", EVENTS)
def test_a_seeded_incident_confirms_the_finding_it_came_from(azure: AzureCloudServer, form: str) -> None:
    (given,) = sentinel.parse(EVENTS[form])
    created = seed(azure.url, str(azure.ca), given)
    assert INCIDENT in created
    upstream = SentinelUpstream(AzureCloud(AzureSettings.from_environment()), WORKSPACE)
    (copy,), text = upstream.confirm(given)
    assert text == "Sentinel workspace law has the incident"
    assert (copy.id, copy.type, copy.title, copy.severity, copy.archived) == (given.id, given.type, given.title, max(given.severity, Severity.INFORMATIONAL), given.archived)  # fmt: skip
    assert [resource.key() for resource in copy.resources] == [resource.key() for resource in given.resources]
    if form != "id alone":
        assert copy.updated_at == given.updated_at
        assert copy.version == given.version


@pytest.mark.parametrize("form", ["automation rule", "table", "sdk"])
def test_a_seeded_incident_keeps_what_the_event_says(azure: AzureCloudServer, raw: Raw, form: str) -> None:
    (given,) = sentinel.parse(EVENTS[form])
    seed(azure.url, str(azure.ca), given)
    live = raw("GET", INCIDENT, "2024-09-01").json()["properties"]
    number = {"automation rule": 9, "table": 15216, "sdk": 14}[form]
    assert (live["incidentNumber"], [label["labelName"] for label in live["labels"]]) == (number, ["vip"])
    assert live["owner"]["assignedTo"] == ("someone" if form == "table" else None)
    assert live["additionalData"]["alertsCount"] == (1 if form == "automation rule" else 0)


def test_seeding_knows_nothing_of_remediations() -> None:
    code = "import sys, stanch.local.azure.seed, stanch.local.azure.server; print([name for name in sys.modules if name.startswith(('remediations', 'azure.', 'stanch.clouds'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "sentinel"


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the recorded events are not beside this checkout")
@pytest.mark.parametrize("event", sorted(CORPUS.glob("*.json")), ids=lambda path: path.stem[-40:])
def test_recorded_incidents_are_seeded_and_confirmed(azure: AzureCloudServer, event: Path) -> None:
    text = re.sub(r"<REDACTED_[A-Z_]+>", SUB, event.read_text())
    for given in sentinel.parse(json.loads(text)):
        seed(azure.url, str(azure.ca), given)
        for resource in given.resources:
            assert resource.type != "Microsoft.Compute/virtualMachines" or azure.state.get(resource.id) is not None
        if given.upstream["incident_id"]:
            copies, _ = SentinelUpstream(AzureCloud(AzureSettings.from_environment()), "*").confirm(given)
            assert [copy.id for copy in copies] == [given.id]
