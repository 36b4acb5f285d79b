"""Puts what a test or a replay needs into the stand-in, where it is missing, through the same doors as any caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stanch.local.azure.arm import GROUPS, KINDS, Arm
from stanch.local.azure.errors import ArmError
from stanch.local.azure.graph import new_user
from stanch.local.azure.incidents import INCIDENT
from stanch.local.azure.paths import parse

READ_ONLY = ("createdTimeUtc", "incidentNumber", "lastModifiedTimeUtc", "providerIncidentId", "providerName", "relatedAnalyticRuleIds")  # fmt: skip
LOCATION = "westeurope"


def plant(arm: Arm, document: Mapping[str, Any]) -> dict[str, Any]:
    """`{"resources": [{"id", "body"}], "users": [{…}], "incidents": [{"id", "properties", "alerts", "entities"}]}` →
    `{"created": [id, …], "refused": [{"id", "reason"}, …]}`.

    Subscriptions, resource groups and workspaces come into being with what lies in them. Refused is what ARM would refuse too (a name that cannot be).
    """
    created: list[str] = []
    refused: list[dict[str, str]] = []
    for resource in document.get("resources", []):
        try:
            created += _resource(arm, str(resource["id"]), resource.get("body", {}))
        except ArmError as error:
            refused.append({"id": str(resource["id"]), "reason": str(error)})
    for user in document.get("users", []):
        created += _user(arm, user)
    for incident in document.get("incidents", []):
        try:
            created += _incident(arm, incident)
        except ArmError as error:
            refused.append({"id": str(incident["id"]), "reason": str(error)})
    return {"created": created, "refused": refused}


def _resource(arm: Arm, resource_id: str, body: dict[str, Any]) -> list[str]:
    target = parse(resource_id)
    if target.subscription is not None:
        known = {"subscriptionId": target.subscription}
        arm.state.subscriptions.setdefault(target.subscription.lower(), known)
    group = f"/subscriptions/{target.subscription}/resourceGroups/{target.group}"
    if target.group is not None and arm.state.get(group) is None:
        _put(arm, group, GROUPS.versions[-1], {"location": body.get("location", LOCATION)})
    if target.namespace is None:
        return []
    kind = KINDS.get(target.type.lower())
    if kind is None:
        raise ArmError(404, "InvalidResourceType", f"The stand-in has no '{target.type}'.")
    return [] if _there(arm, resource_id, kind.versions[-1]) else _put(arm, resource_id, kind.versions[-1], body)


def _there(arm: Arm, resource_id: str, version: str) -> bool:
    try:
        arm.answer("GET", resource_id, {"api-version": version}, {}, None)
    except ArmError as error:
        if error.status == 404:
            return False
        raise
    return True


def _put(arm: Arm, resource_id: str, version: str, body: dict[str, Any]) -> list[str]:
    # What is planted is there at once.
    replace(arm, seconds=0.0).answer("PUT", resource_id, {"api-version": version}, {}, body)
    return [resource_id]


def _user(arm: Arm, given: Mapping[str, Any]) -> list[str]:
    user = new_user(given)
    names = {user["id"].lower(), user["userPrincipalName"].lower()}
    for known in arm.state.users.values():
        if names & {known["id"].lower(), known["userPrincipalName"].lower()}:
            return []
    arm.state.users[user["id"].lower()] = user
    return [user["id"]]


def _incident(arm: Arm, given: Mapping[str, Any]) -> list[str]:
    incident_id, properties = str(given["id"]), dict(given["properties"])
    workspace = parse(incident_id).scope
    _resource(arm, workspace, {"location": LOCATION, "properties": {}})
    if arm.state.get(incident_id) is not None:
        return []
    extra = properties.pop("additionalData", None)
    fixed = {name: properties[name] for name in READ_ONLY if properties.get(name) is not None}
    _put(arm, incident_id, KINDS[INCIDENT.lower()].versions[-1], {"properties": properties})
    record = arm.state.records[incident_id.lower()]
    record.properties.update(fixed)
    counts = ("alertsCount", "commentsCount", "bookmarksCount")
    record.hidden["additionalData"] = {key: value for key, value in (extra or {}).items() if key not in counts}
    arm.state.incident_parts[incident_id.lower()] = {
        "alerts": list(given.get("alerts", [])), "entities": list(given.get("entities", [])),
    }  # fmt: skip
    return [incident_id]
