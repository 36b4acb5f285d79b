"""Microsoft.Compute: virtual machines with their power states, disks and snapshots.

Power states: https://learn.microsoft.com/azure/virtual-machines/states-billing
"""

from __future__ import annotations

import copy
import uuid
from typing import Any, ClassVar

from stanch.local.azure.errors import ArmError
from stanch.local.azure.kinds import Kind, Reply, Request
from stanch.local.azure.state import TENANT, Operation, Record, State, now

SLOW = frozenset({"PUT", "PATCH", "DELETE"})
_POWER = {"deallocate": ("deallocating", "deallocated"), "poweroff": ("stopping", "stopped"), "start": ("starting", "running"), "restart": ("running", "running")}  # fmt: skip


class VirtualMachines(Kind):
    type = "Microsoft.Compute/virtualMachines"
    versions = ("2020-12-01", "2022-11-01", "2024-03-01", "2024-07-01", "2026-04-01")
    model = "compute.VirtualMachine"
    patch_model = "compute.VirtualMachineUpdate"
    slow = SLOW

    def stored(self, request: Request, body: dict[str, Any], current: Record | None) -> dict[str, Any]:
        properties = body["properties"]
        old = current.properties if current else {}
        properties["vmId"] = old.get("vmId") or str(uuid.uuid4())
        properties["timeCreated"] = old.get("timeCreated") or now()
        profile = properties.setdefault("storageProfile", copy.deepcopy(old.get("storageProfile", {})))
        profile.setdefault("dataDisks", [])
        login = properties.get("osProfile", {})
        login.pop("adminPassword", None)  # never answered
        login.setdefault("secrets", [])
        for entry in properties.get("networkProfile", {}).get("networkInterfaces", []):
            _existing(request, entry.get("id", ""))
        if "SystemAssigned" in str(body.get("identity", {}).get("type", "")):
            principal = current.body.get("identity", {}).get("principalId") if current else None
            body["identity"] |= {"principalId": principal or str(uuid.uuid4()), "tenantId": TENANT}
        return body

    def saved(self, request: Request, record: Record) -> None:
        record.hidden.setdefault("power", ("running", "running", None))
        profile = record.properties["storageProfile"]
        for disk in filter(None, (profile.get("osDisk"), *profile["dataDisks"])):
            _provide_disk(request, record, disk)

    def shown(self, state: State, record: Record, version: str) -> dict[str, Any]:
        shown = super().shown(state, record, version)
        shown["properties"]["provisioningState"] = record.provisioning
        if version < "2022-03-01":
            shown["properties"].pop("timeCreated")
        if version >= "2024-07-01":
            shown["etag"] = f'"{record.etag}"'
        return shown

    def get(self, request: Request) -> Reply:
        reply = super().get(request)
        if "instanceview" in request.query.get("$expand", "").lower():
            reply.body["properties"]["instanceView"] = instance_view(self.need(request))
        return reply

    def view(self, request: Request, record: Record, tail: str) -> Reply | None:
        return Reply(200, instance_view(record)) if tail.lower() == "instanceview" else None

    def post(self, request: Request, record: Record, action: str) -> Reply:
        during, after = _POWER.get(action.lower(), ("", ""))
        if not during:
            return super().post(request, record, action)
        operation = request.state.begin(request.seconds, None, request.failure)
        if request.failure is None:
            record.hidden["power"] = (during, after, operation)
        return Reply(202, None, self.polling(request, operation, record.location, both=True))


def power(record: Record) -> str:
    """`running`, `deallocating`, `deallocated` …"""
    during, after, operation = record.hidden["power"]
    waiting: Operation | None = operation
    return str(during if waiting and not waiting.done else after)


def instance_view(record: Record) -> dict[str, Any]:
    """What the platform and the guest's agent say of a machine; without a host there is no agent."""
    state, properties = power(record), record.properties
    view: dict[str, Any] = {}
    if state == "running":
        view["computerName"] = properties.get("osProfile", {}).get("computerName", record.name)
        windows = properties["storageProfile"].get("osDisk", {}).get("osType") == "Windows"
        view |= {"osName": "Windows Server 2022", "osVersion": "10.0.20348"} if windows else {"osName": "ubuntu", "osVersion": "24.04"}  # fmt: skip
        ready = _status("ProvisioningState/succeeded", "Ready") | {"message": "Guest Agent is running", "time": now()}
        view["vmAgent"] = {"vmAgentVersion": "2.9.1.1", "statuses": [ready]}
    done = _status("ProvisioningState/succeeded", "Provisioning succeeded") | {"time": properties["timeCreated"]}
    profile = properties["storageProfile"]
    names = [disk["name"] for disk in [profile.get("osDisk"), *profile["dataDisks"]] if disk]
    view["disks"] = [{"name": name, "statuses": [done]} for name in names]
    view["hyperVGeneration"] = "V1"
    view["statuses"] = [done, _status(f"PowerState/{state}", f"VM {state}")]
    return view


def _status(code: str, text: str) -> dict[str, Any]:
    return {"code": code, "level": "Info", "displayStatus": text}


def _existing(request: Request, nic: str) -> None:
    if request.state.get(nic) is None:
        raise ArmError(404, "NotFound", f"Resource {nic} not found.", details=[])


def _provide_disk(request: Request, machine: Record, disk: dict[str, Any]) -> None:
    """The managed disk behind a machine's disk, made with the machine unless it is there."""
    disk.setdefault("name", f"{machine.name}_OsDisk_1_{uuid.uuid4().hex}")
    managed = disk.setdefault("managedDisk", {})
    managed.setdefault("storageAccountType", "Standard_LRS")
    managed.setdefault(
        "id", f"{machine.id.partition('/providers/')[0]}/providers/Microsoft.Compute/disks/{disk['name']}"
    )
    disk.setdefault("caching", "ReadWrite")
    disk.setdefault("diskSizeGB", 30)
    if request.state.get(managed["id"]) is None:
        made = {"sku": managed["storageAccountType"], "size": disk["diskSizeGB"], "option": disk.get("createOption", "Empty")}  # fmt: skip
        body = _disk_body(machine.location, disk.get("osType"), **made)
        request.state.put(Record(managed["id"], Disks.type, body))


def _disk_body(location: str, system: str | None, sku: str, size: int, option: str) -> dict[str, Any]:
    properties: dict[str, Any] = {"osType": system} if system else {}
    properties |= {"creationData": {"createOption": option}, "diskSizeGB": size, "timeCreated": now()}
    return {"location": location, "sku": {"name": sku, "tier": sku.partition("_")[0]}, "properties": properties}


class Disks(Kind):
    type = "Microsoft.Compute/disks"
    versions: ClassVar[tuple[str, ...]] = ("2018-09-30", "2020-09-30", "2023-04-02", "2024-03-02", "2026-03-02")
    model = "compute.Disk"
    patch_model = "compute.DiskUpdate"
    slow = SLOW
    operations = "DiskOperations"

    def stored(self, request: Request, body: dict[str, Any], current: Record | None) -> dict[str, Any]:
        properties = body["properties"]
        properties["timeCreated"] = current.properties["timeCreated"] if current else now()
        sku = body.setdefault("sku", {"name": "Standard_LRS"})
        sku["tier"] = str(sku["name"]).partition("_")[0]
        if "creationData" not in properties:
            raise ArmError(400, "InvalidParameter", "Required parameter 'disk.properties.creationData' is missing (null).", target="disk.properties.creationData")  # fmt: skip
        self._copied(request, properties)
        return body

    def _copied(self, request: Request, properties: dict[str, Any]) -> None:
        data = properties["creationData"]
        if str(data.get("createOption", "")).lower() != "copy":
            return
        source = request.state.get(data.get("sourceResourceId", ""))
        if source is None:
            raise ArmError(404, "NotFound", f"The resource {data.get('sourceResourceId')} was not found.", target="sourceResourceId")  # fmt: skip
        data["sourceUniqueId"] = source.hidden.setdefault("unique", str(uuid.uuid4()))
        for name in ("diskSizeGB", "osType"):
            if name in source.properties:
                properties.setdefault(name, source.properties[name])

    def shown(self, state: State, record: Record, version: str) -> dict[str, Any]:
        shown = super().shown(state, record, version)
        shown["properties"]["provisioningState"] = record.provisioning
        machine = _holder(state, record)
        attached = machine is not None
        if machine is not None:
            shown["managedBy"] = machine.id
        reserved = machine is not None and power(machine) == "deallocated"
        shown["properties"]["diskState"] = "Reserved" if reserved else "Attached" if attached else "Unattached"
        return shown

    def release(self, request: Request, record: Record) -> None:
        if machine := _holder(request.state, record):
            raise ArmError(409, "OperationNotAllowed", f"Disk {record.name} is attached to VM {machine.id}.")


def _holder(state: State, disk: Record) -> Record | None:
    for machine in state.of_type(VirtualMachines.type):
        profile = machine.properties["storageProfile"]
        for entry in [profile.get("osDisk"), *profile["dataDisks"]]:
            if entry and entry["managedDisk"]["id"].lower() == disk.id.lower():
                return machine
    return None


class Snapshots(Disks):
    type = "Microsoft.Compute/snapshots"
    versions = ("2020-09-30", "2023-04-02", "2024-03-02", "2026-03-02")
    model = "compute.Snapshot"
    patch_model = "compute.SnapshotUpdate"

    def stored(self, request: Request, body: dict[str, Any], current: Record | None) -> dict[str, Any]:
        body = super().stored(request, body, current)
        properties, old = body["properties"], current.properties if current else {}
        properties["uniqueId"] = old.get("uniqueId") or str(uuid.uuid4())
        properties.setdefault("incremental", False)
        properties.setdefault("networkAccessPolicy", "AllowAll")
        properties["diskSizeBytes"] = int(properties.get("diskSizeGB", 0)) * 1024**3
        return body

    def begun(self, status: int, request: Request, record: Record | None) -> Reply:
        reply = super().begun(status, request, record)
        return Reply(202, reply.body, reply.headers) if request.method == "PUT" else reply
