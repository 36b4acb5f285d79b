"""Azure Resource Manager: who may ask, what a path means, which resource type answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from stanch.local.azure.compute import Disks, Snapshots, VirtualMachines
from stanch.local.azure.errors import ArmError
from stanch.local.azure.incidents import Comments, Incidents, Workspaces
from stanch.local.azure.interfaces import NetworkInterfaces, PublicAddresses
from stanch.local.azure.kinds import PAGE, Kind, Reply, Request
from stanch.local.azure.network import SUBNETS, PartKind, VirtualNetworks
from stanch.local.azure.paths import Target, parse
from stanch.local.azure.scopes import (
    SUBSCRIPTION_VERSIONS,
    Locks,
    ResourceGroups,
    Tags,
    forbid_locked,
    group_not_found,
    subscription,
)
from stanch.local.azure.security_groups import RULES, SecurityGroups
from stanch.local.azure.state import Fault, State
from stanch.local.azure.storage import BlobContainers, StorageAccounts

KINDS: dict[str, Kind] = {
    kind.type.lower(): kind
    for kind in (
        VirtualMachines(), Disks(), Snapshots(), SecurityGroups(), RULES, NetworkInterfaces(), VirtualNetworks(), SUBNETS, PublicAddresses(),
        StorageAccounts(), BlobContainers(), Workspaces(), Incidents(), Comments(), Tags(), Locks(),
    )
}  # fmt: skip
GROUPS = ResourceGroups()
NAMESPACES = {kind.partition("/")[0] for kind in KINDS}
OPERATIONS = ("operations", "diskoperations", "asyncoperations", "operationresults")


@dataclass
class Arm:
    """ARM over a state. Operations take `seconds`; `retry_after` is what their answers ask callers to wait (whole seconds)."""

    state: State
    base: str = ""
    seconds: float = 0.02
    retry_after: int = 0

    def answer(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: Any, fault: Fault | None = None
    ) -> Reply:  # fmt: skip
        """The answer to an authenticated request. Raises ArmError."""
        target = parse(path)
        version = query.get("api-version", "")
        if not version:
            raise ArmError(400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")  # fmt: skip
        failure = {"code": fault.code, "message": fault.message} if fault and fault.late else None
        request = Request(
            method, target, version, query, headers, body, self.state, self.base, self.seconds, self.retry_after, failure
        )  # fmt: skip
        self._known_subscription(target)
        if target.namespace is None:
            return self._scope(request)
        if len(target.types) == 2 and target.types[0].lower() == "locations" and target.types[1].lower() in OPERATIONS:
            return self._operation(request)
        if target.group and self.state.get(_group_id(target)) is None:
            raise group_not_found(target.group)
        return self._resource(request)

    def _known_subscription(self, target: Target) -> None:
        known = target.subscription is None or target.subscription.lower() in self.state.subscriptions
        if not known:
            raise ArmError(404, "SubscriptionNotFound", f"The subscription '{target.subscription}' could not be found.")

    def _scope(self, request: Request) -> Reply:
        target = request.target
        if target.group is None and target.tail is None:
            _supported("Microsoft.Resources/subscriptions", SUBSCRIPTION_VERSIONS, request.version)
            if target.subscription is None:
                return _page(request, [subscription(known) for known in self.state.subscriptions.values()])
            return Reply(200, subscription(self.state.subscriptions[target.subscription.lower()]))
        if target.group is None and (target.tail or "").lower() == "resourcegroups":
            return self._list(GROUPS, request)
        _supported(GROUPS.type, GROUPS.versions, request.version)
        if request.method in ("PUT", "PATCH", "DELETE"):
            forbid_locked(self.state, request.method, target.id)
        return _dispatch(GROUPS, request)

    def _resource(self, request: Request) -> Reply:
        target = request.target
        if target.tail is not None:
            collection = KINDS.get(f"{target.type.rstrip('/')}/{target.tail}".lower())
            if collection is not None and request.method == "GET":
                _supported(collection.type, collection.versions, request.version)
                return self._list(collection, request)
        kind = KINDS.get(target.type.lower()) if target.names else None
        if kind is None:
            raise _no_such_type(target, request.version)
        _supported(kind.type, kind.versions, request.version)
        if request.method != "GET" and not isinstance(kind, Locks):
            forbid_locked(self.state, request.method, target.id)
        if target.tail is None:
            return _dispatch(kind, request)
        record = kind.need(request)
        if request.method == "POST":
            return kind.post(request, record, target.tail)
        reply = kind.view(request, record, target.tail) if request.method == "GET" else None
        if reply is None:
            raise _no_such_type(target, request.version)
        return reply

    def _list(self, kind: Kind, request: Request) -> Reply:
        if isinstance(kind, PartKind):
            return _page(request, kind.listing(request))
        if request.target.names:
            parent = KINDS.get(request.target.type.lower())
            if parent is not None:
                parent.need(request)
        found = kind.records(request)
        return _page(request, [kind.answer(self.state, record, request.version) for record in found])

    def _operation(self, request: Request) -> Reply:
        operation = self.state.operations.get(request.target.names[1])
        if operation is None:
            raise ArmError(404, "NotFound", f"The operation '{request.target.names[1]}' was not found.")
        wait = {"Retry-After": str(self.retry_after)}
        if "monitor" in request.query:
            here = f"{self.base}{request.target.id}?monitor=true&api-version={request.version}"
            if not operation.done:
                return Reply(202, None, wait | {"Location": here})
            if operation.error:
                raise ArmError(409, operation.error["code"], operation.error["message"])
            if operation.record is None:
                return Reply(204 if (request.target.namespace or "").lower() == "microsoft.network" else 200)
            kind = KINDS[operation.record.type.lower()]
            return Reply(200, kind.answer(self.state, operation.record, request.version))
        body: dict[str, Any] = {"name": operation.id, "startTime": operation.started, "status": operation.status}
        if operation.done and operation.error:
            body["error"] = operation.error
        return Reply(200, body, {} if operation.done else wait)


def _dispatch(kind: Kind, request: Request) -> Reply:
    actions = {"GET": kind.get, "PUT": kind.put, "PATCH": kind.patch, "DELETE": kind.delete}
    if request.method not in actions or (request.method == "PATCH" and not hasattr(kind, "patch_model") and kind.type != Tags.type):  # fmt: skip
        raise ArmError(405, "HttpMethodNotAllowed", f"The method '{request.method}' is not supported on '{kind.type}'.")
    return actions[request.method](request)


def _supported(kind: str, versions: tuple[str, ...], given: str) -> None:
    if given not in versions:
        name = kind.partition("/")[2]
        raise ArmError(
            400, "NoRegisteredProviderFound",
            f"No registered resource provider found for location 'westeurope' and API version '{given}' for type '{name}'. "
            f"The supported api-versions are '{', '.join(versions)}'. The supported locations are 'westeurope, eastus'.",
        )  # fmt: skip


def _no_such_type(target: Target, version: str) -> ArmError:
    """ARM answers both with 404: the type is what was not found."""
    namespace = target.namespace or ""
    if namespace.lower() not in NAMESPACES:
        return ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
    name = "/".join((*target.types, *([target.tail] if target.tail else [])))
    return ArmError(404, "InvalidResourceType", f"The resource type '{name}' could not be found in the namespace '{namespace}' for api version '{version}'.")  # fmt: skip


def _group_id(target: Target) -> str:
    return f"/subscriptions/{target.subscription}/resourceGroups/{target.group}"


def _page(request: Request, items: list[dict[str, Any]]) -> Reply:
    """One page of a list, with the address of the next."""
    start = int(request.query.get("$skiptoken", "0") or 0)
    body: dict[str, Any] = {"value": items[start : start + PAGE]}
    if len(items) > start + PAGE:
        path = request.target.id + (f"/{request.target.tail}" if request.target.tail else "")
        if request.target.namespace and not request.target.names:
            path = f"{request.target.scope}/providers/{request.target.namespace}/{request.target.tail}"
        body["nextLink"] = f"{request.base}{quote(path)}?api-version={request.version}&$skiptoken={start + PAGE}"
    return Reply(200, body)
