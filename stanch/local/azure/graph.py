"""Microsoft Graph v1.0: users, what they are members of, their sign-in sessions.

https://learn.microsoft.com/graph/api/resources/user
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from stanch.local.azure.errors import GraphError
from stanch.local.azure.kinds import Reply
from stanch.local.azure.state import TENANT, State, now

USUAL = ("businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation", "preferredLanguage", "surname", "userPrincipalName", "id")  # fmt: skip
"""What a user is answered with unless $select says otherwise: not whether the account is enabled."""

ON_REQUEST = ("accountEnabled", "signInSessionsValidFromDateTime", "userType", "createdDateTime", "onPremisesSyncEnabled", "onPremisesSecurityIdentifier", "usageLocation", "department")  # fmt: skip
WRITABLE = {"accountEnabled": bool, "displayName": str, "givenName": str, "jobTitle": str, "surname": str, "usageLocation": str, "department": str,
            "mobilePhone": str, "officeLocation": str, "preferredLanguage": str, "userPrincipalName": str}  # fmt: skip
NOT_OURS = ("roles",)


class Graph:
    """Graph over a state. A user with `"privileged": true` needs a stronger role than the responder's: writes are answered 403."""

    def __init__(self, state: State, base: str = "") -> None:
        self.state, self.base = state, base

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Reply:
        """The answer to an authenticated request below `/v1.0`. Raises GraphError."""
        parts = [unquote(part) for part in path.split("/") if part]
        match (method, *parts):
            case ("GET", "organization"):
                return self._list("organization", [{"id": TENANT, "displayName": "Local"}], query)
            case ("GET", "users"):
                return self._list("users", [_picked(user, query) for user in self._filtered(query)], {})
            case ("GET", "users", key):
                return self._one(self._user(key), query)
            case ("PATCH", "users", key):
                return self._update(self._user(key), body)
            case ("POST", "users", key, "revokeSignInSessions" | "microsoft.graph.revokeSignInSessions"):
                return self._revoke(self._user(key))
            case ("GET", "users", key, "memberOf" | "transitiveMemberOf", *kind):
                return self._memberships(self._user(key), kind, query)
            case ("GET", "directoryRoles"):
                return self._list("directoryRoles", self._roles(), query)
        raise GraphError(400, "BadRequest", f"Resource not found for the segment '{parts[-1] if parts else ''}'.")

    def _user(self, key: str) -> dict[str, Any]:
        for user in self.state.users.values():
            if key.lower() in (user["id"].lower(), user["userPrincipalName"].lower()):
                return user
        raise GraphError(404, "Request_ResourceNotFound", f"Resource '{key}' does not exist or one of its queried reference-property objects are not present.")  # fmt: skip

    def _filtered(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        users, wanted = list(self.state.users.values()), query.get("$filter")
        if wanted is None:
            return users
        equal = re.fullmatch(r"(\w+) eq '((?:[^']|'')*)'", wanted.strip())
        if equal is None or equal[1] not in USUAL + ON_REQUEST:
            raise GraphError(400, "BadRequest", f"Invalid filter clause: {wanted}")
        value = equal[2].replace("''", "'").lower()
        return [user for user in users if str(user.get(equal[1], "")).lower() == value]

    def _one(self, user: dict[str, Any], query: Mapping[str, str]) -> Reply:
        names = query.get("$select")
        context = f"{self.base}/v1.0/$metadata#users{f'({names})' if names else ''}/$entity"
        return Reply(200, {"@odata.context": context, **_picked(user, query)})

    def _update(self, user: dict[str, Any], body: Any) -> Reply:
        if not isinstance(body, dict) or not body:
            raise GraphError(400, "BadRequest", "Empty Payload. JSON content expected.")
        for name, value in body.items():
            if name not in WRITABLE:
                raise GraphError(400, "Request_BadRequest", f"Invalid property '{name}'.")
            if not isinstance(value, WRITABLE[name]):
                raise GraphError(400, "Request_BadRequest", f"Cannot convert the literal '{value}' to the expected type of '{name}'.")  # fmt: skip
        _allowed(user)
        user.update(body)
        return Reply(204)

    def _revoke(self, user: dict[str, Any]) -> Reply:
        _allowed(user)
        user["signInSessionsValidFromDateTime"] = now()[:19] + "Z"
        return Reply(200, {"@odata.context": f"{self.base}/v1.0/$metadata#Edm.Boolean", "value": True})

    def _memberships(self, user: dict[str, Any], kind: list[str], query: Mapping[str, str]) -> Reply:
        roles = [_role(name) for name in user.get("roles", [])]
        if kind and kind != ["microsoft.graph.directoryRole"]:
            roles = []
        if not kind:
            roles = [{"@odata.type": "#microsoft.graph.directoryRole", **role} for role in roles]
        return self._list("directoryObjects", roles, query)

    def _roles(self) -> list[dict[str, Any]]:
        return [_role(name) for name in sorted({role for user in self.state.users.values() for role in user.get("roles", [])})]  # fmt: skip

    def _list(self, name: str, items: list[dict[str, Any]], query: Mapping[str, str]) -> Reply:
        names = query.get("$select", "").split(",") if query.get("$select") else []
        if names:
            items = [{key: value for key, value in item.items() if key in names or key.startswith("@")} for item in items]  # fmt: skip
        return Reply(200, {"@odata.context": f"{self.base}/v1.0/$metadata#{name}", "value": items})


def _picked(user: dict[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    names = tuple(query["$select"].split(",")) if query.get("$select") else USUAL
    for name in names:
        if name not in USUAL + ON_REQUEST:
            raise GraphError(400, "BadRequest", f"Parsing OData Select and Expand failed: Could not find a property named '{name}' on type 'microsoft.graph.user'.")  # fmt: skip
    return {name: user.get(name, [] if name == "businessPhones" else None) for name in names}


def _allowed(user: dict[str, Any]) -> None:
    if user.get("privileged"):
        raise GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def _role(name: str) -> dict[str, Any]:
    """A directory role by its display name, with ids that stay the same."""
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"role:{name}")),
        "displayName": name,
        "roleTemplateId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"template:{name}")),
        "description": name,
    }


def new_user(given: Mapping[str, Any]) -> dict[str, Any]:
    """An enabled member with the given properties, completed."""
    name = str(given.get("userPrincipalName") or f"user-{str(given.get('id', uuid.uuid4()))[:8]}@local.example")
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name.lower())), "userPrincipalName": name, "displayName": name.partition("@")[0],
        "accountEnabled": True, "userType": "Member", "createdDateTime": "2024-01-01T00:00:00Z",
        "signInSessionsValidFromDateTime": "2024-01-01T00:00:00Z", "mail": name, "businessPhones": [], **given,
    }  # fmt: skip
