"""Microsoft.Network: interfaces and public addresses."""

from __future__ import annotations

import ipaddress
import uuid
from typing import Any

from stanch.local.azure.errors import ArmError
from stanch.local.azure.kinds import Request
from stanch.local.azure.network import INTERFACES, NetworkKind, part, reference
from stanch.local.azure.state import Record, State


class NetworkInterfaces(NetworkKind):
    type = INTERFACES
    model = "network.NetworkInterface"

    def stored(self, request: Request, body: dict[str, Any], current: Record | None) -> dict[str, Any]:
        body = super().stored(request, body, current)
        properties, here = body["properties"], self.canonical(request.target)
        if "networkSecurityGroup" in properties:
            target = properties["networkSecurityGroup"].get("id", "")
            properties["networkSecurityGroup"] = reference(request, here, target, body["location"])
        used = addresses(request.state, skip=here)
        properties["ipConfigurations"] = [
            self._address(request, here, body["location"], entry, number == 0, used)
            for number, entry in enumerate(properties.get("ipConfigurations", []))
        ]
        if not properties["ipConfigurations"]:
            raise ArmError(400, "NetworkInterfaceMustHaveOneIpConfiguration", f"Network interface {here} must have at least one IP configuration.", details=[])  # fmt: skip
        given = properties.get("dnsSettings", {}).get("dnsServers", [])
        suffix = f"{uuid.UUID(properties['resourceGuid']).hex[:26]}.ax.internal.cloudapp.net"
        properties["dnsSettings"] = {"dnsServers": given, "appliedDnsServers": given, "internalDomainNameSuffix": suffix}  # fmt: skip
        for name in ("enableAcceleratedNetworking", "enableIPForwarding"):
            properties.setdefault(name, False)
        properties.setdefault("nicType", "Standard")
        return body

    def _address(self, request: Request, here: str, location: str, entry: dict[str, Any], primary: bool, used: set[str]) -> dict[str, Any]:  # fmt: skip
        given = entry.get("properties", {})
        subnet = reference(request, here, given.get("subnet", {}).get("id", ""), location)
        address = given.get("privateIPAddress") or free_address(request.state, subnet["id"], used)
        used.add(address)
        kept = {
            "privateIPAddress": address,
            "privateIPAllocationMethod": given.get("privateIPAllocationMethod", "Dynamic"),
            "subnet": subnet,
            "primary": given.get("primary", primary),
            "privateIPAddressVersion": given.get("privateIPAddressVersion", "IPv4"),
        }
        if "publicIPAddress" in given:
            kept["publicIPAddress"] = reference(request, here, given["publicIPAddress"].get("id", ""), location)
        return {"name": entry.get("name", "ipconfig1"), "properties": given | kept}

    def shown(self, state: State, record: Record, version: str) -> dict[str, Any]:
        shown = super().shown(state, record, version)
        properties = shown["properties"]
        properties["ipConfigurations"] = [
            part(record, self.type, "ipConfigurations", entry, entry["properties"]) for entry in properties["ipConfigurations"]
        ]  # fmt: skip
        machine = machine_of(state, record.id)
        if machine:
            digits = uuid.UUID(properties["resourceGuid"]).hex[:6].upper()
            mac = f"00-0D-3A-{digits[:2]}-{digits[2:4]}-{digits[4:6]}"
            properties |= {"virtualMachine": {"id": machine.id}, "primary": True, "macAddress": mac}
        return shown | {"properties": properties | {"hostedWorkloads": [], "tapConfigurations": []}}

    def release(self, request: Request, record: Record) -> None:
        if machine := machine_of(request.state, record.id):
            raise ArmError(400, "NicInUse", f"Network Interface {record.id} is used by existing resource {machine.id}. In order to delete the network interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic.", details=[])  # fmt: skip


def machine_of(state: State, nic: str) -> Record | None:
    """The virtual machine that an interface belongs to."""
    for machine in state.of_type("Microsoft.Compute/virtualMachines"):
        nics = machine.properties.get("networkProfile", {}).get("networkInterfaces", [])
        if any(entry["id"].lower() == nic.lower() for entry in nics):
            return machine
    return None


def addresses(state: State, skip: str = "") -> set[str]:
    """Private addresses in use on other interfaces."""
    return {
        entry["properties"]["privateIPAddress"]
        for nic in state.of_type(NetworkInterfaces.type)
        if nic.id.lower() != skip.lower()
        for entry in nic.properties["ipConfigurations"]
    }


def free_address(state: State, subnet_id: str, used: set[str]) -> str:
    """The first free address; Azure keeps the first four of a subnet: https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq"""
    network = state.get(subnet_id[: subnet_id.lower().index("/subnets/")])
    name = subnet_id.rpartition("/")[2].lower()
    subnets = network.properties["subnets"] if network else []
    prefix = next((subnet["properties"]["addressPrefix"] for subnet in subnets if subnet["name"].lower() == name), "10.0.0.0/24")  # fmt: skip
    hosts = ipaddress.ip_network(prefix).hosts()
    return next(str(host) for number, host in enumerate(hosts) if number >= 3 and str(host) not in used)


class PublicAddresses(NetworkKind):
    type = "Microsoft.Network/publicIPAddresses"
    model = "network.PublicIPAddress"

    def stored(self, request: Request, body: dict[str, Any], current: Record | None) -> dict[str, Any]:
        body = super().stored(request, body, current)
        number = current.hidden["number"] if current else next(request.state.numbers) % 254 + 1
        defaults = {"publicIPAddressVersion": "IPv4", "publicIPAllocationMethod": "Static", "idleTimeoutInMinutes": 4, "ipTags": []}  # fmt: skip
        # 203.0.113.0/24 is set aside for documentation (RFC 5737).
        body["properties"] = defaults | body["properties"] | {"ipAddress": f"203.0.113.{number}"}
        body.setdefault("sku", {"name": "Standard", "tier": "Regional"})
        return body

    def saved(self, request: Request, record: Record) -> None:
        record.hidden.setdefault("number", int(record.properties["ipAddress"].rpartition(".")[2]))

    def shown(self, state: State, record: Record, version: str) -> dict[str, Any]:
        shown = super().shown(state, record, version)
        if used := self.user(state, record):
            shown["properties"]["ipConfiguration"] = {"id": used}
        return shown

    def user(self, state: State, record: Record) -> str | None:
        """The interface address that uses it."""
        for nic in state.of_type(NetworkInterfaces.type):
            for entry in nic.properties["ipConfigurations"]:
                if entry["properties"].get("publicIPAddress", {}).get("id", "").lower() == record.id.lower():
                    return f"{nic.id}/ipConfigurations/{entry['name']}"
        return None

    def release(self, request: Request, record: Record) -> None:
        if used := self.user(request.state, record):
            raise ArmError(400, "PublicIPAddressCannotBeDeleted", f"Public IP address {record.id} can not be deleted since it is still allocated to resource {used}. In order to delete the public IP, disassociate/detach the Public IP address from the resource. To learn how to do this, see aka.ms/deletepublicip.", details=[])  # fmt: skip
