"""Evidence of a machine's disks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from remediations.azure.arm import TAG, json_of, lower, name_of, reference
from stanch.clouds.azure_session import AzureSession
from stanch.remediation import Change, State


def left_out(machine: Mapping[str, Any]) -> list[str]:
    """Names of the disks that cannot be copied: those in storage accounts, and ephemeral ones, which live on the host alone
    (https://learn.microsoft.com/azure/virtual-machines/ephemeral-os-disks)."""
    return [str(disk.get("name")) for _, disk in _disks(machine) if _source(disk) is None]


def _disks(machine: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    storage = machine["properties"].get("storageProfile") or {}
    if storage.get("osDisk"):
        yield "os", storage["osDisk"]
    for disk in storage.get("dataDisks") or ():
        yield f"lun{disk['lun']}", disk


def _source(disk: Mapping[str, Any]) -> str | None:
    return None if disk.get("diffDiskSettings") else reference(disk.get("managedDisk"))


class Snapshots:
    """One snapshot for each managed disk, named after the action, beside the machine."""

    def __init__(self, session: AzureSession, action_id: str) -> None:
        self._session, self._action_id = session, action_id
        self._snapshots = session.compute.snapshots

    def changes(self, machine: Mapping[str, Any], group: str) -> Iterator[Change]:
        """Copies are kept when the isolation is undone: they are evidence."""
        for where, disk in _disks(machine):
            source = _source(disk)
            if source is None:
                continue
            name = f"stanch-{self._action_id}-{where}"
            data = {"group": group, "name": name, "source": source, "location": machine["location"]}
            target = f"snapshot {name} of disk {name_of(source)}"
            after = {"source": lower(source)}
            yield Change(f"snapshot:{where}", target, self.read(data), after, data, garnish=True, reversible=False)

    def read(self, data: Mapping[str, Any]) -> State:
        found = self._session.call(self._snapshots.get, data["group"], data["name"], missing=True)
        if found is None:
            return None
        return {"source": lower(json_of(found)["properties"]["creationData"].get("sourceResourceId"))}

    def write(self, data: Mapping[str, Any], wanted: State) -> None:
        """Incremental snapshots can be taken of every kind of disk (https://learn.microsoft.com/azure/virtual-machines/disks-incremental-snapshots)."""
        body = {
            "location": data["location"],
            "tags": {TAG: self._action_id},
            "properties": {
                "creationData": {"createOption": "Copy", "sourceResourceId": data["source"]},
                "incremental": True,
            },
        }
        self._session.call(self._snapshots.begin_create_or_update, data["group"], data["name"], body)
