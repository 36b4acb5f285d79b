"""Machines, disks and snapshots through azure-mgmt-compute."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.network import NetworkManagementClient

from stanch.local.azure.server import AzureCloudServer

from .conftest import GROUP, NETWORK, make_machine

DISK = f"{GROUP}/providers/Microsoft.Compute/disks/vm1-os"


def power(compute: ComputeManagementClient, name: str = "vm1") -> list[str]:
    return [status.code for status in compute.virtual_machines.instance_view("rg-app", name).statuses]


def test_a_machine_with_its_disk_and_interface(compute: ComputeManagementClient, network: NetworkManagementClient) -> None:  # fmt: skip
    machine = make_machine(compute, network)
    assert (machine.name, machine.type, machine.provisioning_state) == ("vm1", "Microsoft.Compute/virtualMachines", "Succeeded")  # fmt: skip
    assert machine.storage_profile.os_disk.managed_disk.id == DISK
    assert machine.os_profile.admin_password is None
    assert [nic.id for nic in machine.network_profile.network_interfaces] == [f"{NETWORK}/networkInterfaces/vm1-nic"]
    assert network.network_interfaces.get("rg-app", "vm1-nic").virtual_machine.id == machine.id
    disk = compute.disks.get("rg-app", "vm1-os")
    assert (disk.managed_by, disk.disk_state, disk.disk_size_gb, disk.os_type) == (machine.id, "Attached", 30, "Linux")
    assert power(compute) == ["ProvisioningState/succeeded", "PowerState/running"]


def test_deallocate_and_start(compute: ComputeManagementClient, network: NetworkManagementClient) -> None:
    make_machine(compute, network)
    compute.virtual_machines.begin_deallocate("rg-app", "VM1").result()
    machine = compute.virtual_machines.get("rg-app", "vm1", expand="instanceView")
    assert [status.code for status in machine.instance_view.statuses] == ["ProvisioningState/succeeded", "PowerState/deallocated"]  # fmt: skip
    assert machine.instance_view.vm_agent is None
    assert compute.disks.get("rg-app", "vm1-os").disk_state == "Reserved"
    compute.virtual_machines.begin_start("rg-app", "vm1").result()
    assert power(compute) == ["ProvisioningState/succeeded", "PowerState/running"]
    compute.virtual_machines.begin_power_off("rg-app", "vm1").result()
    assert power(compute) == ["ProvisioningState/succeeded", "PowerState/stopped"]


def test_a_machine_is_deallocating_until_the_operation_has_ended(
    compute: ComputeManagementClient, network: NetworkManagementClient, azure: AzureCloudServer, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    make_machine(compute, network)
    monkeypatch.setattr(azure.arm, "seconds", 60.0)
    poller = compute.virtual_machines.begin_deallocate("rg-app", "vm1")
    assert power(compute) == ["ProvisioningState/succeeded", "PowerState/deallocating"]
    assert not poller.done()
    for operation in azure.state.operations.values():
        operation.ready = 0.0
    poller.result(10)
    assert power(compute) == ["ProvisioningState/succeeded", "PowerState/deallocated"]
    assert any("/operations/" in call["path"] for call in azure.calls)


def test_an_operation_can_fail_while_it_is_polled(
    compute: ComputeManagementClient, network: NetworkManagementClient, azure: AzureCloudServer
) -> None:
    make_machine(compute, network)
    azure.fail("POST", "/deallocate$", 0, code="OperationNotAllowed", message="not now", late=True)
    with pytest.raises(HttpResponseError, match="OperationNotAllowed") as caught:
        compute.virtual_machines.begin_deallocate("rg-app", "vm1").result()
    assert caught.value.error.message == "not now"
    assert power(compute) == ["ProvisioningState/succeeded", "PowerState/running"]


def test_patch_replaces_the_tags_and_merges_the_rest(compute: ComputeManagementClient, network: NetworkManagementClient) -> None:  # fmt: skip
    before = make_machine(compute, network)
    after = compute.virtual_machines.begin_update("rg-app", "vm1", {"tags": {"quarantine": "1"}, "properties": {"hardwareProfile": {"vmSize": "Standard_B4ms"}}}).result()  # fmt: skip
    assert after.tags == {"quarantine": "1"}
    assert after.hardware_profile.vm_size == "Standard_B4ms"
    assert after.os_profile.computer_name == "vm1"
    assert after.vm_id == before.vm_id


def test_the_machines_own_etag_guards_an_update(compute: ComputeManagementClient, network: NetworkManagementClient) -> None:  # fmt: skip
    machine = make_machine(compute, network)
    compute.virtual_machines.begin_update("rg-app", "vm1", {"tags": {"a": "1"}}).result()
    with pytest.raises(HttpResponseError, match="PreconditionFailed"):
        compute.virtual_machines.begin_update("rg-app", "vm1", {"tags": {}}, headers={"If-Match": machine.etag}).result()  # fmt: skip
    assert compute.virtual_machines.get("rg-app", "vm1").tags == {"a": "1"}


def test_what_is_not_there(compute: ComputeManagementClient) -> None:
    with pytest.raises(ResourceNotFoundError) as caught:
        compute.virtual_machines.get("rg-app", "vm1")
    assert caught.value.error.code == "ResourceNotFound"
    assert "The Resource 'Microsoft.Compute/virtualMachines/vm1' under resource group 'rg-app' was not found." in caught.value.error.message  # fmt: skip
    with pytest.raises(ResourceNotFoundError, match="ResourceGroupNotFound"):
        compute.virtual_machines.get("rg-none", "vm1")
    with pytest.raises(ResourceNotFoundError, match="ResourceNotFound"):
        compute.virtual_machines.begin_deallocate("rg-app", "vm1")


def test_a_machine_needs_its_interface(compute: ComputeManagementClient) -> None:
    body = {"location": "westeurope", "properties": {"networkProfile": {"networkInterfaces": [{"id": f"{NETWORK}/networkInterfaces/none"}]}}}  # fmt: skip
    with pytest.raises(ResourceNotFoundError, match="networkInterfaces/none not found"):
        compute.virtual_machines.begin_create_or_update("rg-app", "vm1", body)


def test_lists(compute: ComputeManagementClient, network: NetworkManagementClient) -> None:
    make_machine(compute, network, "vm1")
    make_machine(compute, network, "vm2")
    assert [machine.name for machine in compute.virtual_machines.list_all()] == ["vm1", "vm2"]
    assert [machine.name for machine in compute.virtual_machines.list("rg-app")] == ["vm1", "vm2"]
    assert sorted(disk.name for disk in compute.disks.list()) == ["vm1-os", "vm2-os"]


def test_a_snapshot_of_a_disk(compute: ComputeManagementClient, network: NetworkManagementClient) -> None:
    make_machine(compute, network)
    body = {"location": "westeurope", "tags": {"for": "evidence"}, "properties": {"incremental": True, "creationData": {"createOption": "Copy", "sourceResourceId": DISK}}}  # fmt: skip
    snapshot = compute.snapshots.begin_create_or_update("rg-app", "snap1", body).result()
    assert (snapshot.provisioning_state, snapshot.disk_size_gb, snapshot.os_type, snapshot.incremental) == ("Succeeded", 30, "Linux", True)  # fmt: skip
    assert snapshot.creation_data.source_resource_id == DISK
    assert snapshot.tags == {"for": "evidence"}
    assert [found.name for found in compute.snapshots.list()] == ["snap1"]
    compute.snapshots.begin_delete("rg-app", "snap1").result()
    with pytest.raises(ResourceNotFoundError):
        compute.snapshots.get("rg-app", "snap1")


def test_a_snapshot_of_nothing(compute: ComputeManagementClient) -> None:
    body = {"location": "westeurope", "properties": {"creationData": {"createOption": "Copy", "sourceResourceId": DISK}}}  # fmt: skip
    with pytest.raises(ResourceNotFoundError):
        compute.snapshots.begin_create_or_update("rg-app", "snap1", body)
    assert list(compute.snapshots.list()) == []


def test_deleting_a_machine_leaves_its_parts(compute: ComputeManagementClient, network: NetworkManagementClient) -> None:  # fmt: skip
    make_machine(compute, network)
    with pytest.raises(HttpResponseError, match="NicInUse"):
        network.network_interfaces.begin_delete("rg-app", "vm1-nic")
    with pytest.raises(HttpResponseError, match="OperationNotAllowed"):
        compute.disks.begin_delete("rg-app", "vm1-os")
    compute.virtual_machines.begin_delete("rg-app", "vm1").result()
    assert compute.disks.get("rg-app", "vm1-os").disk_state == "Unattached"
    assert network.network_interfaces.get("rg-app", "vm1-nic").virtual_machine is None
