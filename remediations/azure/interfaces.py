"""The network interfaces of a machine, and the security group on each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remediations.azure.arm import json_of, lower, place, reference
from stanch.clouds.azure_session import AzureSession
from stanch.remediation import Change, State

Interface = dict[str, Any]


def group_of(nic: Mapping[str, Any]) -> str | None:
    """Id of the security group on the interface itself; the subnet may have one besides."""
    return reference(nic["properties"].get("networkSecurityGroup"))


def balancers(nic: Mapping[str, Any]) -> list[str]:
    """Ids of the backend pools that the interface's addresses are in."""
    return [
        pool["id"]
        for address in nic["properties"].get("ipConfigurations") or ()
        for kind in ("loadBalancerBackendAddressPools", "applicationGatewayBackendAddressPools")
        for pool in address["properties"].get(kind) or ()
    ]


class Interfaces:
    """Reads them, and puts groups on them. ARM writes an interface as a whole, so each write bears the entity tag of what was read."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
        self._nics = session.network.network_interfaces
        self._etags: dict[str, str] = {}

    def of(self, machine: Mapping[str, Any]) -> list[Interface]:
        """Every interface of the machine that exists."""
        listed = machine["properties"].get("networkProfile", {}).get("networkInterfaces") or ()
        found = [self._session.call(self._nics.get, *place(each["id"]), missing=True) for each in listed]
        return [json_of(nic) for nic in found if nic]

    def change(self, nic: Interface, group_id: str) -> Change:
        group, name = place(nic["id"])
        former = group_of(nic)
        data = {"interface": nic["id"], "group": group_id, "former": former, "etag": nic["etag"]}
        target = f"security group of interface {name}"
        return Change(
            f"interface:{group}/{name}".lower(), target, lower(former), lower(group_id), data, requires=("group",)
        )

    def read(self, data: Mapping[str, Any]) -> State:
        nic = self._session.call(self._nics.get, *place(data["interface"]), missing=True)
        if nic is None:
            return "gone"
        self._etags[data["interface"]] = nic.etag
        return lower(group_of(json_of(nic)))

    def write(self, data: Mapping[str, Any], wanted: State) -> None:
        where = place(data["interface"])
        body = json_of(self._session.call(self._nics.get, *where), writable=True)
        if lower(group_of(body)) == wanted:
            return
        body["properties"].pop("networkSecurityGroup", None)
        if wanted is not None:
            exact = next(group for group in (data["group"], data["former"]) if lower(group) == wanted)
            body["properties"]["networkSecurityGroup"] = {"id": exact}
        # The plan's tag, unless we have seen a newer one: a change by somebody else since then is a conflict.
        headers = {"If-Match": self._etags.get(data["interface"], data["etag"])}
        written = self._session.call(self._nics.begin_create_or_update, *where, body, headers=headers)
        self._etags[data["interface"]] = written.etag
