"""What the ARM remediations share: ids that compare without case, JSON of SDK models, and Stanch's tag on a machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stanch.clouds.azure_ids import ArmId
from stanch.clouds.azure_session import AzureSession
from stanch.errors import InvalidInput
from stanch.finding import Resource
from stanch.remediation import Change, Plan, State

TAG = "stanch:action"
"""The tag that names the action on what it made or changed."""

POLLED = "the SDK asks there whether a long-running operation has ended; granted on the resource group or above"
"""https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations#permission-for-tracking-async-status"""

_TAGS = "2021-04-01"
"""Version of https://learn.microsoft.com/rest/api/resources/tags/update-at-scope."""


def arm_id(resource: Resource) -> ArmId:
    """The resource's id, taken apart. Raises InvalidInput when it is not the ARM id of its type, or of another subscription than the resource's account."""
    found = ArmId.parse(resource.id)
    if not found.is_a(resource.type):
        raise InvalidInput("resource.id", f"{resource.id} is not the id of a {resource.type}")
    if found.subscription.lower() != resource.account.lower():
        raise InvalidInput("resource.account", f"{resource.id} is not in subscription {resource.account}")
    return found


def gone(session: AzureSession, resource: Resource) -> Plan:
    """The plan for what ARM does not know. Raises AccessDenied unless the session looks into the right subscription."""
    session.verify()
    return Plan(resource, reason="gone")


def place(resource_id: str) -> tuple[str, str]:
    """Resource group and name, as the SDK takes them."""
    found = ArmId.parse(resource_id)
    return found.group, found.name


def json_of(model: Any, *, writable: bool = False) -> dict[str, Any]:
    """An SDK model as ARM's JSON, with properties that the SDK does not know; with `writable` without what only ARM writes."""
    found: dict[str, Any] = model.as_dict(exclude_readonly=writable)
    return found


def reference(value: Mapping[str, Any] | None) -> str | None:
    """The id in a reference to another resource."""
    return value.get("id") if value else None


def lower(resource_id: str | None) -> str | None:
    """The form in which ids are compared: ARM answers with whatever case a resource was last written in."""
    return resource_id.lower() if resource_id is not None else None


def name_of(resource_id: str) -> str:
    return resource_id.rstrip("/").rpartition("/")[2]


def names(ids: Sequence[str]) -> str:
    """Names for a sentence, the first few of many."""
    shown = ", ".join(name_of(each) for each in ids[:5])
    return f"{shown} and {len(ids) - 5} more" if len(ids) > 5 else shown


class MachineTag:
    """Stanch's tag on a virtual machine.

    Written through the tags API: writing the machine would need the right to change all of it, and would race with others' tags.
    """

    def __init__(self, session: AzureSession, action_id: str) -> None:
        self._session, self._action_id = session, action_id

    def change(self, machine: Mapping[str, Any]) -> Change:
        before = (machine.get("tags") or {}).get(TAG)
        target = f"tag {TAG} of {machine['name']}"
        return Change("tag", target, before, self._action_id, {"machine": machine["id"]}, garnish=True)

    def read(self, data: Mapping[str, Any]) -> State:
        found = self._session.call(self._session.compute.virtual_machines.get, *place(data["machine"]), missing=True)
        return (json_of(found).get("tags") or {}).get(TAG) if found else None

    def write(self, data: Mapping[str, Any], wanted: State) -> None:
        operation, value = ("Delete", self._action_id) if wanted is None else ("Merge", wanted)
        body = {"operation": operation, "properties": {"tags": {TAG: value}}}
        path = f"{data['machine']}/providers/Microsoft.Resources/tags/default"
        self._session.arm("PATCH", path, _TAGS, body=body)
