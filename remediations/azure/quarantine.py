"""The security group that lets nothing in and nothing out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remediations.azure.arm import TAG, json_of, name_of, place
from remediations.azure.security_rules import FIRST, Properties, properties, says, sources
from stanch.clouds.azure_session import AzureSession
from stanch.remediation import Change, State

PREFIX = "stanch-"

_DENY = {
    "protocol": "*", "access": "Deny", "priority": FIRST,
    "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*",
}  # fmt: skip


def document(location: str, action_id: str) -> dict[str, Any]:
    """The group as it is put to ARM. No rule can be asked before priority 100, and the first one that fits decides
    (https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview#security-rules)."""
    text = f"Quarantine by stanch action {action_id}"
    rules = [
        {"name": f"stanch-deny-{way.lower()}", "properties": {**_DENY, "direction": way, "description": text}}
        for way in ("Inbound", "Outbound")
    ]
    return {"location": location, "tags": {TAG: action_id}, "properties": {"securityRules": rules}}


def is_ours(group_id: str) -> bool:
    """Whether the group's name is one that Stanch gives."""
    return name_of(group_id).lower().startswith(PREFIX)


def isolates(group: Mapping[str, Any]) -> bool:
    """Whether the group is one of ours that refuses everything both ways before any other rule is asked."""
    shut = {str(rule["direction"]).title() for rule in map(properties, _rules(group)) if _refuses_everything(rule)}
    return is_ours(group["id"]) and shut == {"Inbound", "Outbound"}


def flushes(group: Mapping[str, Any]) -> bool:
    """Whether connections that are open are judged anew when the group's rules change."""
    return bool(group["properties"].get("flushConnection"))


def _rules(group: Mapping[str, Any]) -> list[dict[str, Any]]:
    return group["properties"].get("securityRules") or []


def _refuses_everything(rule: Properties) -> bool:
    return sources(rule) == ["*"] and all(says(rule, name, str(value)) for name, value in _DENY.items())


class Group:
    """The group itself, as one change: it exists with exactly its rules, or not at all."""

    def __init__(self, session: AzureSession, action_id: str) -> None:
        self._session, self._action_id = session, action_id
        self._groups = session.network.network_security_groups

    def find(self, group_id: str) -> dict[str, Any] | None:
        found = self._session.call(self._groups.get, *place(group_id), missing=True)
        return json_of(found) if found else None

    def change(self, group_id: str, location: str, machine: str) -> Change:
        data = {"group": group_id, "location": location}
        after = _state(document(location, self._action_id))
        return Change("group", f"quarantine group {name_of(group_id)} for {machine}", self.read(data), after, data)

    def read(self, data: Mapping[str, Any]) -> State:
        group = self.find(data["group"])
        return _state(group) if group else None

    def write(self, data: Mapping[str, Any], wanted: State) -> None:
        where = place(data["group"])
        if wanted is None:
            self._session.call(self._groups.begin_delete, *where, missing=True)
            return
        found = self.read(data)
        if found != wanted:  # a second put would switch flushConnection off again, and so would one that arrives late
            body, headers = document(data["location"], self._action_id), {} if found else {"If-None-Match": "*"}
            self._session.call(self._groups.begin_create_or_update, *where, body, headers=headers)


class Flush:
    """The group's flushConnection. It is switched on last: "Initial enablement will trigger re-evaluation" of the flows there are
    (https://learn.microsoft.com/rest/api/virtualnetwork/network-security-groups/create-or-update)."""

    def __init__(self, session: AzureSession, group: Group) -> None:
        self._session, self._group = session, group

    def change(self, group_id: str, requires: tuple[str, ...] = ()) -> Change:
        target = f"flushConnection of {name_of(group_id)}, which cuts the connections that are open"
        data = {"group": group_id}
        return Change(f"flush:{name_of(group_id)}", target, False, True, data, requires=requires, reversible=False)

    def read(self, data: Mapping[str, Any]) -> State:
        group = self._group.find(data["group"])
        return flushes(group) if group else None

    def write(self, data: Mapping[str, Any], wanted: State) -> None:
        groups, where = self._session.network.network_security_groups, place(data["group"])
        group = self._session.call(groups.get, *where)
        body = json_of(group, writable=True)
        body["properties"]["flushConnection"] = wanted
        self._session.call(groups.begin_create_or_update, *where, body, headers={"If-Match": group.etag})


def _state(group: Mapping[str, Any]) -> dict[str, Any]:
    """What of the group is compared. Who uses it, and whether it flushes, are states of other changes."""
    rules = {rule["name"]: properties(rule) for rule in _rules(group)}
    return {"rules": dict(sorted(rules.items())), "tag": (group.get("tags") or {}).get(TAG)}
