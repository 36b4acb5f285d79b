"""Calls in one subscription or tenant: through the SDK's clients, or as plain REST where an answer comes at once.

Importing this module imports no `azure.mgmt` package (they cost up to two seconds): a session's clients are made on first use.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.core.paging import ItemPaged
from azure.core.pipeline.transport import HttpTransport
from azure.core.polling import LROPoller

from stanch import __version__
from stanch.clouds.azure_errors import translate
from stanch.clouds.azure_place import verify
from stanch.clouds.azure_rest import BoundedRetryPolicy, Rest, correlation
from stanch.clouds.azure_settings import EVENT_GRID_SCOPE, VAULT_SCOPE, AzureSettings, Purpose
from stanch.clouds.azure_transport import new_transport
from stanch.errors import CloudError, Gone, StanchError, Unreachable

if TYPE_CHECKING:
    from azure.mgmt.compute import ComputeManagementClient
    from azure.mgmt.network import NetworkManagementClient
    from azure.mgmt.storage import StorageManagementClient


class AzureSession:
    """Calls in one subscription (or tenant, for Entra users). Every error comes out as one of `stanch.errors`."""

    def __init__(
        self, credential: TokenCredential, account: str, settings: AzureSettings,
        purpose: Purpose = "read", action_id: str = "", transport: HttpTransport[Any, Any] | None = None, verified: set[str] | None = None,
    ) -> None:  # fmt: skip
        """`account` is the subscription id, or the tenant id or '' for Entra. `transport` and what `verify` found out are shared between sessions."""
        self.account, self.settings, self.purpose, self.action_id = account, settings, purpose, action_id
        self._credential = credential
        self._transport = transport or new_transport(settings.patience)
        self._verified = set() if verified is None else verified

    def verify(self, *, tenant: bool = False) -> None:
        """Make sure that the subscription (or with `tenant` the tenant) answers and is the expected one; asked once for each.

        Only then does a 404 mean that a resource is gone, rather than that we look in the wrong place. Raises AccessDenied.
        """
        verify(self, self._verified, tenant)

    @cached_property
    def compute(self) -> ComputeManagementClient:
        from azure.mgmt.compute import ComputeManagementClient

        return ComputeManagementClient(self._credential, self.account, self.settings.arm, **self._client_options())

    @cached_property
    def network(self) -> NetworkManagementClient:
        from azure.mgmt.network import NetworkManagementClient

        return NetworkManagementClient(self._credential, self.account, self.settings.arm, **self._client_options())

    @cached_property
    def storage(self) -> StorageManagementClient:
        from azure.mgmt.storage import StorageManagementClient

        return StorageManagementClient(self._credential, self.account, self.settings.arm, **self._client_options())

    @cached_property
    def _arm(self) -> Rest:
        headers = self._headers("x-ms-correlation-request-id")
        return self._rest(self.settings.arm, self.settings.arm_scope, headers)

    @cached_property
    def _graph(self) -> Rest:
        return self._rest(self.settings.graph, self.settings.graph_scope, self._headers("client-request-id"))

    def call(self, operation: Callable[..., Any], *args: Any, missing: bool = False, **kwargs: Any) -> Any:
        """What an SDK method returns: its result once a long-running operation has ended, a list for a paged one.

        With `missing`, None when the resource does not exist. Raises the error tree's kinds; Unreachable when the operation has not ended after
        `operation_timeout` seconds, for then it is unknown whether it will.
        """
        name, begun = getattr(operation, "__qualname__", repr(operation)), time.monotonic()
        try:
            result = operation(*args, **kwargs)
            if isinstance(result, LROPoller):
                return self._ended(name, result, begun)
            return list(result) if isinstance(result, ItemPaged) else result
        except AzureError as error:
            return _absent(translate(name, error), missing, error)

    def graph(self, method: str, path: str, *, body: Any = None, missing: bool = False) -> dict[str, Any] | None:
        """Microsoft Graph v1.0, `path` such as `/users/ID?$select=id`. {} for an empty answer; None on 404 with `missing`. Raises as `call`."""
        name = f"Graph {method} {path.partition('?')[0]}"
        try:
            return self._graph.send(method, f"/v1.0{path}", body=body)
        except AzureError as error:
            return _absent(translate(name, error), missing, error)

    def arm(
        self, method: str, path: str, api_version: str, *,
        body: Any = None, headers: Mapping[str, str] | None = None, missing: bool = False,
    ) -> dict[str, Any] | None:  # fmt: skip
        """ARM without its generated clients, which take a tenth of a second and more to import, for answers that come at once.

        `path` is a resource id, case as you like. Answers and raises as `graph`.
        """
        try:
            return self._arm.send(method, path, query={"api-version": api_version}, headers=headers, body=body)
        except AzureError as error:
            return _absent(translate(f"ARM {method} {path}", error), missing, error)

    def operate(
        self, method: str, path: str, api_version: str, *,
        body: Any = None, headers: Mapping[str, str] | None = None, missing: bool = False,
    ) -> dict[str, Any] | None:  # fmt: skip
        """As `arm`, for what ARM goes on with after its answer: the result once the operation has ended. Raises as `call`."""
        name, begun = f"ARM {method} {path}", time.monotonic()
        query, interval = {"api-version": api_version}, self._interval
        try:
            poller = self._arm.begin(method, path, query=query, headers=headers, body=body, interval=interval)
            return self._ended(name, poller, begun) or {}
        except AzureError as error:
            return _absent(translate(name, error), missing, error)

    def vault(self, url: str, path: str) -> dict[str, Any] | None:
        """GET from the key vault at `url` (data plane, https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret). Raises as `call`."""
        return self.data(url, path, VAULT_SCOPE, "7.4")

    def data(self, url: str, path: str, scope: str, api_version: str) -> dict[str, Any]:
        """GET from the data plane of a store at `url`, with a token for its `scope`. Raises as `call`."""
        rest = self._rest(url, scope, {})
        try:
            return rest.send("GET", path, query={"api-version": api_version})
        except AzureError as error:
            raise translate(f"GET {url.partition('://')[2]}{path}", error) from error

    def publish(self, topic: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Cloud events to the Event Grid custom topic at `topic`, all of them or none
        (https://learn.microsoft.com/azure/event-grid/cloud-event-schema). Raises as `call`."""
        rest = self._rest(topic, EVENT_GRID_SCOPE, {})
        batch = {"Content-Type": "application/cloudevents-batch+json; charset=utf-8"}
        try:
            rest.send("POST", "", query={"api-version": "2018-01-01"}, headers=batch, body=list(events))
        except AzureError as error:
            raise translate("Event Grid POST", error) from error

    def _ended(self, name: str, operation: LROPoller[Any], begun: float) -> Any:
        """The result, waited for until `operation_timeout` seconds after `begun`. The error of an operation that had begun says so."""
        try:
            final = operation.result(max(self.settings.operation_timeout - (time.monotonic() - begun), 0.0))
        except AzureError as error:
            kind = translate(name, error)
            if isinstance(kind, CloudError):
                kind.begun = True
            raise kind from error
        if not operation.done():
            raise Unreachable(f"{name}: not finished after {self.settings.operation_timeout:g} s")
        return final

    @property
    def _interval(self) -> float:
        # The SDK waits 30 s between polls unless the service says otherwise in Retry-After.
        return 0.01 if self.settings.local else 1

    def _headers(self, name: str) -> dict[str, str]:
        return {name: correlation(self.action_id)} if self.action_id else {}

    def _retry(self) -> dict[str, Any]:
        """Repeats begin in the first half of the time that a call may take; `patience` sees to it that the last one ends within it."""
        factor = 0.02 if self.settings.local else 0.5
        return {
            "retry_total": 3,
            "retry_backoff_factor": factor,
            "retry_backoff_max": 8,
            "timeout": self.settings.patience,
        }

    def _client_options(self) -> dict[str, Any]:
        return {
            "credential_scopes": [self.settings.arm_scope],
            "transport": self._transport,
            "retry_policy": BoundedRetryPolicy(**self._retry()),
            "polling_interval": self._interval,
            "user_agent": f"stanch/{__version__}",
            "headers": self._headers("x-ms-correlation-request-id"),
        }

    def _rest(self, endpoint: str, scope: str, headers: dict[str, str]) -> Rest:
        agent = f"stanch/{__version__}"
        return Rest(
            endpoint, scope, self._credential, self._transport, user_agent=agent, headers=headers, **self._retry()
        )


def _absent(kind: StanchError, missing: bool, cause: AzureError) -> dict[str, Any] | None:
    if missing and isinstance(kind, Gone):
        return None
    raise kind from cause
