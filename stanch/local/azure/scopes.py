"""Subscriptions, resource groups, and what is put on any scope: tags and locks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stanch.local.azure.errors import ArmError
from stanch.local.azure.kinds import Kind, Reply, Request, checked
from stanch.local.azure.state import TENANT, Record, State

SUBSCRIPTION_VERSIONS = ("2016-06-01", "2018-06-01", "2019-11-01", "2020-01-01", "2021-01-01", "2021-10-01", "2022-12-01")  # fmt: skip
GROUP_VERSIONS = ("2018-05-01", "2019-10-01", "2020-06-01", "2021-04-01", "2022-09-01", "2024-03-01", "2024-11-01", "2025-04-01")  # fmt: skip
GROUP = "Microsoft.Resources/resourceGroups"


def subscription(known: dict[str, Any]) -> dict[str, Any]:
    """A subscription as answered."""
    return {
        "id": f"/subscriptions/{known['subscriptionId']}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": known["subscriptionId"],
        "tenantId": TENANT,
        "displayName": known.get("displayName", known["subscriptionId"]),
        "state": known.get("state", "Enabled"),
        "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
        **({"tags": known["tags"]} if known.get("tags") else {}),
    }  # fmt: skip


class ResourceGroups(Kind):
    type = GROUP
    versions = GROUP_VERSIONS
    model = "resources.ResourceGroup"
    patch_model = "resources.ResourceGroupPatch"

    def canonical(self, target: Any) -> str:
        return f"/subscriptions/{target.subscription}/resourceGroups/{target.group}"

    def need(self, request: Request) -> Record:
        record = self.find(request)
        if record is None:
            raise group_not_found(request.target.group or "")
        return record

    def shown(self, state: State, record: Record, version: str) -> dict[str, Any]:
        return super().shown(state, record, version) | {"properties": {"provisioningState": "Succeeded"}}

    def records(self, request: Request) -> Iterable[Record]:
        return request.state.of_type(self.type, f"/subscriptions/{request.target.subscription}")

    def delete(self, request: Request) -> Reply:
        raise ArmError(405, "HttpMethodNotAllowed", "The stand-in deletes no resource groups.")


def group_not_found(name: str) -> ArmError:
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")


class Tags(Kind):
    """`…/providers/Microsoft.Resources/tags/default` on any resource: https://learn.microsoft.com/rest/api/resources/tags"""

    type = "Microsoft.Resources/tags"
    versions = GROUP_VERSIONS
    located = False

    def need(self, request: Request) -> Record:
        record = request.state.get(request.target.scope)
        if record is None:
            raise ArmError(404, "ResourceNotFound", f"The resource '{request.target.scope}' was not found.")
        return record

    def find(self, request: Request) -> Record | None:
        return request.state.get(request.target.scope)

    def answer(self, state: State, record: Record, version: str) -> dict[str, Any]:
        tags = dict(record.body.get("tags", {}))
        there = f"{record.id}/providers/{self.type}/default"
        return {"id": there, "name": "default", "type": self.type, "properties": {"tags": tags}}

    def put(self, request: Request) -> Reply:
        return self._set(request, checked("resources.Tags", request.body, self.type, partial=False), "Replace")

    def patch(self, request: Request) -> Reply:
        body = checked("resources.TagsPatch", request.body, self.type, partial=True)
        return self._set(request, body, str(body.get("operation", "Merge")))

    def delete(self, request: Request) -> Reply:
        self.need(request).body.pop("tags", None)
        return Reply(200)

    def _set(self, request: Request, body: dict[str, Any], operation: str) -> Reply:
        record = self.need(request)
        given = body.get("properties", {}).get("tags", {})
        old = record.body.get("tags", {})
        if operation.lower() == "replace":
            kept = given
        elif operation.lower() == "merge":
            kept = old | given
        else:
            kept = {name: value for name, value in old.items() if name not in given}
        record.body["tags"] = kept
        record.touch()
        return self.reply(200, request, record)


class Locks(Kind):
    """`…/providers/Microsoft.Authorization/locks/NAME` on any scope, inherited by all below it."""

    type = "Microsoft.Authorization/locks"
    versions = ("2016-09-01", "2017-04-01", "2020-05-01")
    model = "authorization.Lock"
    located = False

    def find(self, request: Request) -> Record | None:
        if not _exists(request):
            raise ArmError(404, "ResourceNotFound", f"The resource '{request.target.scope}' was not found.")
        return super().find(request)

    def records(self, request: Request) -> Iterable[Record]:
        here = request.target.scope.lower()
        for lock in request.state.of_type(self.type):
            scope = locked_scope(lock)
            if within(here, scope) or within(scope, here):
                yield lock


def _exists(request: Request) -> bool:
    target = request.target
    return target.scope.lower() == f"/subscriptions/{target.subscription}".lower() or request.state.get(target.scope) is not None  # fmt: skip


def locked_scope(lock: Record) -> str:
    return lock.id.lower().rpartition("/providers/microsoft.authorization/")[0]


def within(inner: str, outer: str) -> bool:
    return inner == outer or inner.startswith(f"{outer}/")


def forbid_locked(state: State, method: str, scope: str) -> None:
    """Raises ArmError 409 where a lock forbids the method on the scope.

    CanNotDelete stops deletions, ReadOnly every write, POST included: https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
    """
    held = {
        locked_scope(lock): lock
        for lock in state.of_type(Locks.type)
        if within(scope.lower(), locked_scope(lock))
        and (method == "DELETE" or lock.properties["level"].lower() == "readonly")
    }
    if held:
        doing = "delete" if method == "DELETE" else "write"
        scopes = ", ".join(
            f"'{lock.id.rpartition('/providers/Microsoft.Authorization/')[0]}'" for lock in held.values()
        )
        raise ArmError(409, "ScopeLocked", f"The scope '{scope}' cannot perform {doing} operation because following scope(s) are locked: {scopes}. Please remove the lock and try again.")  # fmt: skip
