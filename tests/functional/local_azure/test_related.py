"""What stands behind a resource that a finding names, read from the local Azure."""

from __future__ import annotations

import pytest
import requests

from stanch.clouds.azure import AzureCloud
from stanch.clouds.azure_settings import AzureSettings
from stanch.errors import InvalidInput
from stanch.finding import Finding, Resource, Severity
from stanch.local.azure.seed import seed
from stanch.local.azure.server import AzureCloudServer

from .conftest import GROUP, NETWORK, SUB

MACHINES = "Microsoft.Compute/virtualMachines"
GROUPS = "Microsoft.Network/networkSecurityGroups"
USERS = "Microsoft.Graph/users"
MACHINE = f"{GROUP}/providers/{MACHINES}/web-1"
OID = "00000000-0000-0000-0000-0000000000b1"


def finding(*resources: Resource, account: str = SUB, **upstream: object) -> Finding:
    return Finding(
        "sentinel", "f1", "1", "Type", "Title", Severity.HIGH, account, None, resources=resources, upstream=upstream
    )


@pytest.fixture
def cloud(azure: AzureCloudServer) -> AzureCloud:
    return AzureCloud(AzureSettings.from_environment())


@pytest.fixture
def machine(azure: AzureCloudServer) -> Resource:
    resource = Resource(MACHINES, MACHINE, SUB, role="target")
    seed(azure.url, str(azure.ca), finding(resource))
    return resource


def test_a_machines_groups_are_those_of_interfaces_and_subnets(cloud: AzureCloud, machine: Resource) -> None:
    found = cloud.resolve(finding(machine), machine, GROUPS)
    assert [(group.id, group.account, group.role, group.details["via"]) for group in found] == [
        (f"{NETWORK}/networkSecurityGroups/web-1-nsg", SUB, "target", f"{NETWORK}/networkInterfaces/web-1-nic"),
        (f"{NETWORK}/networkSecurityGroups/web-1-subnet-nsg", SUB, "target", f"{NETWORK}/virtualNetworks/web-1-vnet/subnets/default"),
    ]  # fmt: skip


def test_a_machine_that_is_gone_has_no_groups(cloud: AzureCloud) -> None:
    gone = Resource(MACHINES, MACHINE, SUB)
    assert cloud.resolve(finding(gone), gone, GROUPS) == []


def test_a_host_name_leads_to_its_machine(cloud: AzureCloud, machine: Resource) -> None:
    named = finding(unresolved=[{"kind": "host", "name": "WEB-1.corp.example"}])
    assert [found.id for found in cloud.resolve(named, None, MACHINES)] == [MACHINE]
    unknown = finding(unresolved=[{"kind": "host", "name": "web-2"}, {"kind": "account", "name": "x"}, {"place": "p"}])
    assert cloud.resolve(unknown, None, MACHINES) == []
    assert cloud.resolve(finding(account="", unresolved=named.upstream["unresolved"]), None, MACHINES) == []


def test_a_name_of_two_machines_leads_to_none(azure: AzureCloudServer, cloud: AzureCloud, machine: Resource) -> None:
    twin = Resource(MACHINES, MACHINE.replace("rg-app", "rg-other"), SUB)
    seed(azure.url, str(azure.ca), finding(twin))
    assert cloud.resolve(finding(unresolved=[{"kind": "host", "name": "web-1"}]), None, MACHINES) == []


def test_a_principal_name_leads_to_its_user(azure: AzureCloudServer, cloud: AzureCloud) -> None:
    named = Resource(USERS, "bob_x#EXT#@corp.example", "", role="actor")
    seed(azure.url, str(azure.ca), finding(Resource(USERS, OID, "", details={"user_principal_name": named.id})))
    found = cloud.resolve(finding(named), named, USERS)
    assert [(user.id, user.role, user.details["user_principal_name"]) for user in found] == [(OID, "actor", named.id)]
    nobody = Resource(USERS, "nobody@corp.example", "")
    assert cloud.resolve(finding(nobody), nobody, USERS) == []
    known = Resource(USERS, OID, "")
    assert cloud.resolve(finding(known), known, USERS) == [known]


def test_a_synchronised_account_is_found_by_its_security_identifier(azure: AzureCloudServer, cloud: AzureCloud) -> None:
    sid = "S-1-5-21-1-2-3-1104"
    body = {"users": [{"id": OID, "userPrincipalName": "carl@corp.example", "onPremisesSecurityIdentifier": sid}]}
    requests.post(f"{azure.url}/stanch/azure/seed", json=body, verify=str(azure.ca), timeout=5)
    note = {"kind": "account", "name": "CORP\\carl", "sid": sid}
    assert [user.id for user in cloud.resolve(finding(unresolved=[note]), None, USERS)] == [OID]
    foreign = note | {"sid": "S-1-5-21-1-2-3-1104' or id ne '"}
    assert cloud.resolve(finding(unresolved=[foreign]), None, USERS) == []


def test_nothing_leads_from_a_storage_account_to_a_machine(cloud: AzureCloud) -> None:
    account = Resource("Microsoft.Storage/storageAccounts", f"{GROUP}/providers/Microsoft.Storage/storageAccounts/abc", SUB)  # fmt: skip
    assert cloud.resolve(finding(account), account, MACHINES) == []


def test_an_id_that_is_none_is_refused(cloud: AzureCloud) -> None:
    forged = Resource(MACHINES, f"{GROUP}/providers/{MACHINES}/../x", SUB)
    with pytest.raises(InvalidInput):
        cloud.resolve(finding(forged), forged, GROUPS)
