"""Stop a virtual machine and give its host back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from remediations.azure.arm import POLLED, arm_id, gone, json_of, name_of, reference
from stanch.clouds.azure_ids import ArmId
from stanch.clouds.azure_session import AzureSession
from stanch.errors import Unreachable
from stanch.finding import Resource
from stanch.remediation import Change, Permissions, Plan, Remediation, State

LOST = "the machine's memory and temporary disk are lost for good; isolate it and take what evidence is needed first"

_SETTLES_AS = {"starting": "running", "stopping": "stopped"}


class DeallocateVm(Remediation[AzureSession]):
    """Deallocates the machine, so that nothing on it runs and nobody can sign in; undo starts it again.

    Power states: https://learn.microsoft.com/azure/virtual-machines/states-billing. What undo gives back is the power state; memory and temporary disk are gone, hence
    `facts["approve"]`. A machine that was not running stays deallocated on undo: to be stopped again it would have to boot.
    """

    id = "azure.compute.deallocate_vm"
    title = "Deallocate virtual machine"
    resource_type = "Microsoft.Compute/virtualMachines"
    countermeasure = "D3-HS"
    disruption = f"Everything the machine serves stops, and {LOST}."
    facts: ClassVar[Mapping[str, str]] = {
        "approve": "why a person has to agree",
        "power": "running, stopped, deallocating or deallocated",
        "ephemeral": "whether the system disk lives on the host alone, so that Azure refuses to deallocate",
    }
    permissions = Permissions(
        plan=frozenset({"Microsoft.Compute/virtualMachines/read"}),
        apply=frozenset(
            {"Microsoft.Compute/virtualMachines/deallocate/action", "Microsoft.Compute/virtualMachines/read"}
        ),
        undo=frozenset({"Microsoft.Compute/virtualMachines/start/action", "Microsoft.Compute/virtualMachines/read"}),
        dependent={"Microsoft.Compute/locations/operations/read": POLLED},
    )

    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        machine = self._machine(arm_id(resource))
        if machine is None:
            return gone(self.session, resource)
        power, storage = _power(machine), machine["properties"].get("storageProfile") or {}
        ephemeral = bool((storage.get("osDisk") or {}).get("diffDiskSettings"))
        before = _SETTLES_AS.get(power, power)
        change = Change(
            "power", f"power state of {machine['name']}", before, "deallocated", {"machine": machine["id"]},
            reversible=before == "running",
        )  # fmt: skip
        return Plan(
            resource,
            changes=() if power == "deallocated" else (change,),
            aliases=(machine["id"], machine["name"]),
            tags=machine.get("tags") or {},
            facts={"approve": LOST, "power": power, "ephemeral": ephemeral},
            breaks=tuple(_breaks(machine, power, ephemeral)),
            not_done=(
                "disks, network and identities stay as they are: whoever may start the machine can start it again",
                *(
                    ["tokens that its managed identities obtained stay valid until they expire"]
                    if machine.get("identity")
                    else []
                ),
            ),
            reason="the machine is deallocated already" if power == "deallocated" else None,
        )

    def __init__(self, session: AzureSession, action_id: str) -> None:
        super().__init__(session, action_id)
        self._under_way = False
        """Whether the machine was seen on its way to where it should be."""

    def read(self, change: Change) -> State:
        machine = self._machine(ArmId.parse(change.data["machine"]))
        power = _power(machine) if machine else "gone"
        self._under_way = power == "deallocating"
        return _SETTLES_AS.get(power, power)

    def halfway(self, change: Change, live: State) -> bool:
        return bool(live == "deallocating")

    def apply(self, change: Change) -> Change:
        if self._under_way:  # an earlier attempt began it and did not see the end
            raise Unreachable(f"{change.target}: it is being deallocated and not there yet")
        machine = ArmId.parse(change.data["machine"])
        self.session.call(self.session.compute.virtual_machines.begin_deallocate, machine.group, machine.name)
        return change

    def undo(self, change: Change) -> None:
        if self._under_way:  # what is under way would have the last word
            raise Unreachable(f"{change.target}: it is still being deallocated, and can be started only after that")
        machine = ArmId.parse(change.data["machine"])
        self.session.call(self.session.compute.virtual_machines.begin_start, machine.group, machine.name)

    def _machine(self, vm: ArmId) -> dict[str, Any] | None:
        found = self.session.call(
            self.session.compute.virtual_machines.get, vm.group, vm.name, expand="instanceView", missing=True
        )
        return json_of(found) if found else None


def _power(machine: Mapping[str, Any]) -> str:
    statuses = (machine["properties"].get("instanceView") or {}).get("statuses") or ()
    codes = (str(status.get("code", "")).partition("/") for status in statuses)
    return next((state.lower() for kind, _, state in codes if kind.lower() == "powerstate"), "unknown")


def _breaks(machine: Mapping[str, Any], power: str, ephemeral: bool) -> list[str]:
    scale_set = reference(machine["properties"].get("virtualMachineScaleSet"))
    return [
        "a public address that is not static changes",
        *(["Azure refuses to deallocate a machine with an ephemeral system disk"] if ephemeral else []),
        *([f"the machine is {power}: undo leaves it deallocated, for nothing but booting it would change that"] if power not in ("running", "starting") else []),
        *([f"scale set {name_of(scale_set)} may replace it"] if scale_set else []),
    ]  # fmt: skip
