"""Cut a virtual machine off from every network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from remediations.azure.arm import POLLED, MachineTag, arm_id, gone, json_of, lower, name_of, names, reference
from remediations.azure.disk_snapshots import Snapshots, left_out
from remediations.azure.interfaces import Interface, Interfaces, balancers, group_of
from remediations.azure.quarantine import Flush, Group, flushes, is_ours, isolates
from stanch.clouds.azure_ids import ArmId
from stanch.clouds.azure_session import AzureSession
from stanch.finding import Resource
from stanch.remediation import Change, Permissions, Plan, Remediation, State

_JOINED = "ARM checks it for whatever the interface that is written refers to"


class _Part(Protocol):
    """What reads and writes one kind of change."""

    def read(self, data: Mapping[str, Any]) -> State: ...
    def write(self, data: Mapping[str, Any], wanted: State) -> None: ...


class IsolateVm(Remediation[AzureSession]):
    """Puts a security group of our own, which refuses everything both ways, on every interface of the machine.

    A rule in a group that the machine shares would isolate its neighbours too. The group of the subnet stays: both apply
    (https://learn.microsoft.com/azure/virtual-network/network-security-group-how-it-works). Connections that are open survive a change of group, so
    once it is on all interfaces flushConnection is switched on. Then a tag on the machine and snapshots of its managed disks.
    """

    id = "azure.compute.isolate_vm"
    title = "Isolate virtual machine"
    resource_type = "Microsoft.Compute/virtualMachines"
    countermeasure = "D3-NI"
    disruption = (
        "Everything the machine serves stops, open connections included, and nobody can sign in over the network."
    )
    facts: ClassVar[Mapping[str, str]] = {
        "load_balanced": "whether an interface is in the backend pool of a load balancer",
        "managed_identity": "whether the machine has identities of its own",
    }
    permissions = Permissions(
        plan=frozenset(
            {
                "Microsoft.Compute/virtualMachines/read",
                "Microsoft.Compute/snapshots/read",
                "Microsoft.Network/networkInterfaces/read",
                "Microsoft.Network/networkSecurityGroups/read",
            }
        ),
        apply=frozenset(
            {
                "Microsoft.Network/networkSecurityGroups/read",
                "Microsoft.Network/networkSecurityGroups/write",
                "Microsoft.Network/networkInterfaces/read",
                "Microsoft.Network/networkInterfaces/write",
                "Microsoft.Compute/virtualMachines/read",
                "Microsoft.Compute/snapshots/read",
                "Microsoft.Compute/snapshots/write",
                "Microsoft.Resources/tags/write",
            }
        ),
        undo=frozenset(
            {
                "Microsoft.Compute/virtualMachines/read",
                "Microsoft.Network/networkSecurityGroups/read",
                "Microsoft.Network/networkSecurityGroups/delete",
                "Microsoft.Network/networkInterfaces/read",
                "Microsoft.Network/networkInterfaces/write",
                "Microsoft.Resources/tags/write",
            }
        ),
        dependent={
            "Microsoft.Network/networkSecurityGroups/join/action": "puts a group on an interface, and the former one back",
            "Microsoft.Network/virtualNetworks/subnets/join/action": _JOINED,
            "Microsoft.Network/publicIPAddresses/join/action": _JOINED,
            "Microsoft.Network/loadBalancers/backendAddressPools/join/action": _JOINED,
            "Microsoft.Network/loadBalancers/inboundNatRules/join/action": _JOINED,
            "Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action": _JOINED,
            "Microsoft.Compute/disks/read": "ARM checks it for the disk that a snapshot copies",
            "Microsoft.Compute/disks/beginGetAccess/action": "a snapshot reads the disk that it copies",
            "Microsoft.Compute/locations/diskOperations/read": POLLED,
            "Microsoft.Network/locations/operations/read": POLLED,
            "Microsoft.Network/locations/operationResults/read": POLLED,
        },
    )

    def __init__(self, session: AzureSession, action_id: str) -> None:
        super().__init__(session, action_id)
        self._interfaces, self._group = Interfaces(session), Group(session, action_id)
        self._flush = Flush(session, self._group)
        self._tag, self._snapshots = MachineTag(session, action_id), Snapshots(session, action_id)

    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        vm = arm_id(resource)
        machine = self._machine(vm)
        if machine is None:
            return gone(self.session, resource)
        nics = self._interfaces.of(machine)
        changes = self._containment(vm, machine, nics)
        if changes:
            changes += [self._tag.change(machine), *self._snapshots.changes(machine, vm.group)]
        return Plan(
            resource,
            changes=tuple(changes),
            aliases=(machine["id"], machine["name"], *(nic["id"] for nic in nics)),
            tags=machine.get("tags") or {},
            facts={"load_balanced": any(map(balancers, nics)), "managed_identity": bool(machine.get("identity"))},
            breaks=_breaks(machine, nics),
            not_done=_not_done(machine),
            reason=None if changes else "every interface is in a quarantine group already",
        )

    def _machine(self, vm: ArmId) -> dict[str, Any] | None:
        found = self.session.call(self.session.compute.virtual_machines.get, vm.group, vm.name, missing=True)
        return json_of(found) if found else None

    def _containment(self, vm: ArmId, machine: Mapping[str, Any], nics: list[Interface]) -> list[Change]:
        """One group for all interfaces: they are in the machine's location and subscription, whatever their resource group."""
        standing = self._quarantines(nics)
        flush = [self._flush.change(group["id"]) for group in standing.values() if not flushes(group)]
        exposed = [nic for nic in nics if lower(group_of(nic)) not in standing]
        if not exposed:
            return flush
        ours = f"{vm.scope}/providers/Microsoft.Network/networkSecurityGroups/stanch-{self.action_id}"
        steps = [self._interfaces.change(nic, ours) for nic in exposed]
        create = self._group.change(ours, machine["location"], vm.name)
        return [create, *steps, self._flush.change(ours, requires=("group",)), *flush]

    def _quarantines(self, nics: list[Interface]) -> dict[str | None, dict[str, Any]]:
        """Those of the interfaces' groups that isolate already, by id."""
        ours = {lower(group_id): group_id for nic in nics if (group_id := group_of(nic)) and is_ours(group_id)}
        found = {key: self._group.find(group_id) for key, group_id in ours.items()}
        return {key: group for key, group in found.items() if group and isolates(group)}

    def read(self, change: Change) -> State:
        return self._part(change).read(change.data)

    def apply(self, change: Change) -> Change:
        self._part(change).write(change.data, change.after)
        return change

    def undo(self, change: Change) -> None:
        self._part(change).write(change.data, change.before)

    def _part(self, change: Change) -> _Part:
        parts: dict[str, _Part] = {
            "group": self._group,
            "interface": self._interfaces,
            "flush": self._flush,
            "tag": self._tag,
            "snapshot": self._snapshots,
        }
        return parts[change.id.partition(":")[0]]


def _breaks(machine: Mapping[str, Any], nics: list[Interface]) -> tuple[str, ...]:
    pools = [pool for nic in nics for pool in balancers(nic)]
    scale_set = reference(machine["properties"].get("virtualMachineScaleSet"))
    return (
        f"{machine['name']} is cut off on {len(nics)} interface(s): {names([nic['id'] for nic in nics])}",
        *([f"health probes fail, so load balancers take it out of {names(pools)}"] if pools else []),
        *([f"scale set {name_of(scale_set)} may replace it as unhealthy, evidence included"] if scale_set else []),
    )


def _not_done(machine: Mapping[str, Any]) -> tuple[str, ...]:
    """https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview#azure-platform-considerations"""
    uncopied = left_out(machine)
    return (
        "the machine keeps running, with all that is in its memory",
        "the platform's own addresses 168.63.129.16 and 169.254.169.254 (DNS, instance metadata) are not subject to security groups",
        *(["tokens that its identities obtained stay valid until they expire"] if machine.get("identity") else []),
        *([f"no snapshot can be taken of {', '.join(uncopied)}"] if uncopied else []),
    )
