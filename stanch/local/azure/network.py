"""Microsoft.Network: what its resources have in common, and virtual networks with their subnets."""

from __future__ import annotations

import copy
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from stanch.local.azure.errors import ArmError, invalid_reference, part_not_found
from stanch.local.azure.kinds import Kind, Reply, Request, checked, matching
from stanch.local.azure.state import Record, State

VERSIONS = ("2018-12-01", "2020-08-01", "2021-02-01", "2023-09-01", "2024-05-01", "2026-03-01")
SLOW = frozenset({"PUT", "DELETE"})


def reference(request: Request, source: str, target: str, location: str) -> dict[str, str]:
    """`{"id": …}` of a resource that exists in the same location; raises ArmError 400 InvalidResourceReference."""
    owner, mark, subnet = target.lower().partition("/subnets/")
    found = request.state.get(owner)
    subnets = found.properties.get("subnets", []) if found and mark else []
    if (
        found is None
        or found.location != location
        or (mark and subnet not in {item["name"].lower() for item in subnets})
    ):
        raise invalid_reference(target, source)
    return {"id": target if mark else found.id}


class NetworkKind(Kind):
    """What all network resources have: an etag, a GUID, operations that take a while, tags as the only thing a PATCH changes."""

    versions = VERSIONS
    patch_model = "network.TagsObject"
    slow = SLOW
    shows_etag = True

    def stored(self, request: Request, body: dict[str, Any], current: Record | None) -> dict[str, Any]:
        guid = current.properties["resourceGuid"] if current else str(uuid.uuid4())
        body["properties"]["resourceGuid"] = guid
        return body

    def shown(self, state: State, record: Record, version: str) -> dict[str, Any]:
        shown = super().shown(state, record, version)
        shown["properties"] = {"provisioningState": record.provisioning} | shown["properties"]
        return shown


def part(owner: Record, kind: str, collection: str, item: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    """A part of a network resource as answered: it bears the etag of its owner."""
    return {
        "name": item["name"],
        "id": f"{owner.id}/{collection}/{item['name']}",
        "etag": f'W/"{owner.etag}"',
        "type": f"{kind}/{collection}",
        "properties": {"provisioningState": owner.provisioning, **properties},
    }


class PartKind(Kind, ABC):
    """A part of another network resource, kept in a list of the owner's properties and addressed under it (a rule, a subnet)."""

    versions = VERSIONS
    slow = SLOW
    shows_etag = True
    located = False
    owner: Kind
    collection: str

    def holder(self, request: Request) -> Record:
        target = request.target
        names = target.names if target.tail else target.names[:-1]
        kinds = self.owner.type.split("/")[1:]
        owner = request.state.get(
            f"{target.scope}/providers/{target.namespace}/"
            + "/".join(f"{kind}/{name}" for kind, name in zip(kinds, names, strict=True))
        )
        if owner is None:
            raise part_not_found(request.target.id)
        return owner

    def items(self, owner: Record) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = owner.properties.setdefault(self.collection, [])
        return found

    def one(self, request: Request) -> tuple[Record, dict[str, Any] | None]:
        owner, name = self.holder(request), request.target.names[-1].lower()
        return owner, next((item for item in self.items(owner) if item["name"].lower() == name), None)

    @abstractmethod
    def part(self, state: State, owner: Record, item: dict[str, Any]) -> dict[str, Any]:
        """One of the owner's parts as a GET answers it."""

    @abstractmethod
    def whole(self, request: Request, owner: Record, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The owner's parts after a change, checked together."""

    def get(self, request: Request) -> Reply:
        owner, item = self.one(request)
        if item is None:
            raise part_not_found(request.target.id)
        return Reply(200, self.part(request.state, owner, item), {"ETag": f'W/"{owner.etag}"'})

    def listing(self, request: Request) -> list[dict[str, Any]]:
        """The collection as a GET answers it."""
        owner = self.holder(request)
        return [self.part(request.state, owner, item) for item in self.items(owner)]

    def put(self, request: Request) -> Reply:
        owner, item = self.one(request)
        matching(request, owner if item else None)
        body = checked(self.model, request.body, self.type, partial=False)
        new = {"name": item["name"] if item else request.target.names[-1], "properties": body.get("properties", {})}
        others = [other for other in self.items(owner) if other is not item]
        changed = self.whole(request, owner, [*others, new])
        if request.failure is None:
            owner.properties[self.collection] = changed
            request.state.put(owner)
        operation = request.state.begin(request.seconds, owner, request.failure)
        # Parts are answered as the request left them: updating, until the operation has ended.
        written = next((entry for entry in self.items(owner) if entry["name"] == new["name"]), new)
        headers = self.polling(request, operation, owner.location, both=False)
        return Reply(200 if item else 201, self.part(request.state, owner, written), headers)

    def delete(self, request: Request) -> Reply:
        owner, item = self.one(request)
        if item is None:
            return Reply(204)
        matching(request, owner)
        self.unused(request, owner, item)
        if request.failure is None:
            owner.properties[self.collection] = [other for other in self.items(owner) if other is not item]
            request.state.put(owner)
        operation = request.state.begin(request.seconds, owner, request.failure)
        return Reply(202, None, self.polling(request, operation, owner.location, both=True))

    def unused(self, request: Request, owner: Record, item: dict[str, Any]) -> None:
        """Raises ArmError where the part is in use."""


class Subnets(PartKind):
    type = "Microsoft.Network/virtualNetworks/subnets"
    model = "network.Subnet"
    collection = "subnets"

    def whole(self, request: Request, owner: Record, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [checked_subnet(request, owner.id, owner.location, item) for item in items]

    def part(self, state: State, owner: Record, item: dict[str, Any]) -> dict[str, Any]:
        subnet_id = f"{owner.id}/subnets/{item['name']}"
        used = [{"id": address} for address in using_subnet(state, subnet_id)]
        properties = copy.deepcopy(item["properties"]) | ({"ipConfigurations": used} if used else {})
        return part(owner, self.owner.type, "subnets", item, properties)

    def unused(self, request: Request, owner: Record, item: dict[str, Any]) -> None:
        in_use(request.state, owner.id, item["name"])


def checked_subnet(request: Request, owner: str, location: str, item: dict[str, Any]) -> dict[str, Any]:
    """A subnet with its defaults and references."""
    here, given = f"{owner}/subnets/{item.get('name', '')}", dict(item.get("properties", {}))
    if "addressPrefix" not in given and "addressPrefixes" not in given:
        raise ArmError(400, "NoAddressPrefixOrPoolProvided", f"Subnet {here} must have an address prefix.", details=[])
    if "networkSecurityGroup" in given:
        target = given["networkSecurityGroup"].get("id", "")
        given["networkSecurityGroup"] = reference(request, here, target, location)
    defaults = {"delegations": [], "privateEndpointNetworkPolicies": "Disabled", "privateLinkServiceNetworkPolicies": "Enabled"}  # fmt: skip
    return {"name": item["name"], "properties": defaults | given}


INTERFACES = "Microsoft.Network/networkInterfaces"


def using_subnet(state: State, subnet_id: str) -> Iterator[str]:
    """Ids of the interface addresses in a subnet."""
    for nic in state.of_type(INTERFACES):
        for entry in nic.properties["ipConfigurations"]:
            if entry["properties"]["subnet"]["id"].lower() == subnet_id.lower():
                yield f"{nic.id}/ipConfigurations/{entry['name']}"


def in_use(state: State, network: str, subnet: str) -> None:
    used = next(using_subnet(state, f"{network}/subnets/{subnet}"), None)
    if used:
        raise ArmError(400, "InUseSubnetCannotBeDeleted", f"Subnet {subnet} is in use by {used} and cannot be deleted. In order to delete the subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.", details=[])  # fmt: skip


class VirtualNetworks(NetworkKind):
    type = "Microsoft.Network/virtualNetworks"
    model = "network.VirtualNetwork"

    def stored(self, request: Request, body: dict[str, Any], current: Record | None) -> dict[str, Any]:
        body = super().stored(request, body, current)
        properties, here = body["properties"], self.canonical(request.target)
        given = properties.get("subnets", [])
        kept = {item.get("name", "").lower() for item in given}
        for old in current.properties["subnets"] if current else []:
            if old["name"].lower() not in kept:
                in_use(request.state, here, old["name"])
        properties["subnets"] = [checked_subnet(request, here, body["location"], item) for item in given]
        return body | {"properties": properties | {"virtualNetworkPeerings": [], "enableDdosProtection": properties.get("enableDdosProtection", False)}}  # fmt: skip

    def shown(self, state: State, record: Record, version: str) -> dict[str, Any]:
        shown = super().shown(state, record, version)
        shown["properties"]["subnets"] = [SUBNETS.part(state, record, item) for item in record.properties["subnets"]]
        return shown

    def release(self, request: Request, record: Record) -> None:
        for item in record.properties["subnets"]:
            in_use(request.state, record.id, item["name"])


SUBNETS = Subnets()
SUBNETS.owner = VirtualNetworks()
