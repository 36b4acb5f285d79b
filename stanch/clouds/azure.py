"""Azure: sessions for one subscription or tenant, and the resources that a finding only implies.

Importing this module imports no `azure.mgmt` package (they cost up to two seconds): a session's clients are made on first use.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.core.paging import ItemPaged
from azure.core.pipeline.transport import HttpTransport, RequestsTransport
from azure.core.polling import LROPoller

from stanch import __version__
from stanch.clouds.azure_errors import translate
from stanch.clouds.azure_ids import segment
from stanch.clouds.azure_rest import BoundedRetryPolicy, Rest, correlation
from stanch.errors import AccessDenied, Gone, InvalidInput, StanchError, Unreachable
from stanch.finding import Finding, Resource

if TYPE_CHECKING:
    from azure.mgmt.compute import ComputeManagementClient
    from azure.mgmt.network import NetworkManagementClient
    from azure.mgmt.storage import StorageManagementClient

Purpose = Literal["read", "act", "undo", "own"]
"""What an identity is for. `own` is the deployment itself, for its journal and its secrets: the identity of AZURE_CLIENT_ID, else the one azure-identity finds."""

PUBLIC_ARM = "https://management.azure.com"
PUBLIC_GRAPH = "https://graph.microsoft.com"
VAULT_SCOPE = "https://vault.azure.net/.default"
CONFIGURATION_SCOPE = "https://azconfig.io/.default"
EVENT_GRID_SCOPE = "https://eventgrid.azure.net/.default"
USERS = "Microsoft.Graph/users"

PERMISSIONS = frozenset({"Microsoft.Resources/subscriptions/read", "Organization.Read.All"})
"""What `verify` needs, beside what the remediations declare: the one for subscriptions, the other for a tenant."""


@dataclass(frozen=True, slots=True)
class AzureSettings:
    """Which cloud and who we are. Endpoints other than the public cloud's are sovereign clouds or the local stand-in.

    `identities` maps a purpose to the client id of the user-assigned managed identity to use for it; without one, azure-identity chooses.
    `own` are object and client ids of the responder's own identities. Times are seconds.
    """

    arm: str = PUBLIC_ARM
    graph: str = PUBLIC_GRAPH
    identities: Mapping[str, str] = field(default_factory=dict)
    own: tuple[str, ...] = ()
    operation_timeout: float = 120.0

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> AzureSettings:
        """Raises InvalidInput for an endpoint that is no https address: tokens go nowhere else."""
        names = {purpose: env.get(f"STANCH_IDENTITY_{purpose.upper()}", "") for purpose in ("read", "act", "undo")}
        identities = {purpose: name for purpose, name in names.items() if name}
        own = [env.get("STANCH_OWN_PRINCIPAL_ID", ""), env.get("AZURE_CLIENT_ID", ""), *identities.values()]
        return cls(
            arm=_endpoint(env, "STANCH_ARM_ENDPOINT", PUBLIC_ARM),
            graph=_endpoint(env, "STANCH_GRAPH_ENDPOINT", PUBLIC_GRAPH),
            identities=identities,
            own=tuple(dict.fromkeys(name for part in own for name in part.split(",") if name)),
        )

    @property
    def local(self) -> bool:
        """Whether ARM is the stand-in on this machine."""
        return urlsplit(self.arm).hostname in ("127.0.0.1", "localhost", "::1")

    @property
    def arm_scope(self) -> str:
        return f"{PUBLIC_ARM if self.local else self.arm}/.default"

    @property
    def graph_scope(self) -> str:
        return f"{PUBLIC_GRAPH if self.local else self.graph}/.default"


def _endpoint(env: Mapping[str, str], name: str, public: str) -> str:
    given = (env.get(name) or public).rstrip("/")
    parts = urlsplit(given)
    if parts.scheme != "https" or not parts.hostname:
        raise InvalidInput(name, f"must be an https address, not {given!r}")
    return given


class AzureSession:
    """Calls in one subscription (or tenant, for Entra users). Every error comes out as one of `stanch.errors`."""

    def __init__(
        self, credential: TokenCredential, account: str, settings: AzureSettings,
        purpose: Purpose = "read", action_id: str = "", transport: HttpTransport[Any, Any] | None = None,
    ) -> None:  # fmt: skip
        """`account` is the subscription id, or the tenant id or '' for Entra. `transport` is shared between sessions to keep connections alive."""
        self.account, self.settings, self.purpose, self.action_id = account, settings, purpose, action_id
        self._credential = credential
        self._transport = transport or new_transport()

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
        name = getattr(operation, "__qualname__", repr(operation))
        try:
            return self._finish(name, operation(*args, **kwargs))
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
        """ARM without an SDK, for answers that come at once. `path` is a resource id, case as you like. Answers and raises as `graph`."""
        try:
            return self._arm.send(method, path, query={"api-version": api_version}, headers=headers, body=body)
        except AzureError as error:
            return _absent(translate(f"ARM {method} {path}", error), missing, error)

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

    def _finish(self, name: str, result: Any) -> Any:
        if isinstance(result, ItemPaged):
            return list(result)
        if not isinstance(result, LROPoller):
            return result
        final = result.result(self.settings.operation_timeout)
        if not result.done():
            raise Unreachable(f"{name}: not finished after {self.settings.operation_timeout:g} s")
        return final

    def _headers(self, name: str) -> dict[str, str]:
        return {name: correlation(self.action_id)} if self.action_id else {}

    def _retry(self) -> dict[str, Any]:
        return {"retry_total": 3, "retry_backoff_factor": 0.02 if self.settings.local else 0.5, "retry_backoff_max": 8}

    def _client_options(self) -> dict[str, Any]:
        # The SDK waits 30 s between polls unless the service says otherwise in Retry-After.
        return {
            "credential_scopes": [self.settings.arm_scope],
            "transport": self._transport,
            "retry_policy": BoundedRetryPolicy(**self._retry()),
            "polling_interval": 0.01 if self.settings.local else 1,
            "user_agent": f"stanch/{__version__}",
            "headers": self._headers("x-ms-correlation-request-id"),
        }

    def _rest(self, endpoint: str, scope: str, headers: dict[str, str]) -> Rest:
        agent = f"stanch/{__version__}"
        return Rest(
            endpoint, scope, self._credential, self._transport, user_agent=agent, headers=headers, **self._retry()
        )


def new_transport() -> HttpTransport[Any, Any]:
    """Connections with bounded patience: 5 s to connect, 30 s for an answer."""
    transport: HttpTransport[Any, Any] = RequestsTransport(connection_timeout=5, read_timeout=30)
    return transport


def _absent(kind: StanchError, missing: bool, cause: AzureError) -> dict[str, Any] | None:
    if missing and isinstance(kind, Gone):
        return None
    raise kind from cause


class AzureCloud:
    """The sessions of one deployment. Tokens and connections are shared by all of them."""

    name = "azure"

    def __init__(self, settings: AzureSettings, credential: TokenCredential | None = None) -> None:
        self.settings = settings
        self._given = credential
        self._credentials: dict[str, TokenCredential] = {}
        self._transport = new_transport()
        self._verified: set[str] = set()
        self._lock = threading.Lock()

    def session(self, resource: Resource, purpose: Purpose, action_id: str, permissions: frozenset[str] = frozenset()) -> AzureSession:  # fmt: skip
        """A session in the resource's subscription, or tenant for Entra users.

        Azure tokens cannot be narrowed to `permissions`: what holds them down is the role of the purpose's identity. Raises InvalidInput when
        a resource of a subscription does not say which.
        """
        account = resource.account
        if resource.type != USERS and not account:
            raise InvalidInput("resource.account", f"{resource.id} names no subscription")
        return AzureSession(self.credential(purpose), account, self.settings, purpose, action_id, self._transport)

    def verify(self, session: AzureSession, tenant: bool = False) -> None:
        """Make sure that the subscription (or with `tenant` the tenant) answers and is the expected one; asked once for each.

        Only then does a 404 mean that a resource is gone, rather than that we look in the wrong place. Raises AccessDenied.
        """
        key = f"{'tenant' if tenant else 'subscription'}/{session.account.lower()}"
        if key in self._verified:
            return
        found = _tenant_of(session) if tenant else _subscription_of(session)
        if session.account and found.lower() != session.account.lower():
            raise AccessDenied("verify", "WrongAccount", f"expected {key}, answered by {found or 'none'}")
        self._verified.add(key)

    def own(self) -> tuple[str, ...]:
        """Object and client ids of the responder's own identities, which are never touched."""
        return self.settings.own

    protected_ids = own

    def resolve(self, finding: Finding, resource: Resource | None, wanted: str) -> list[Resource]:
        """The resources of type `wanted` behind a resource that the finding names (None: behind what it could not name), read live."""
        from stanch.clouds.azure_related import related

        return related(self, finding, resource, wanted)

    def credential(self, purpose: Purpose) -> TokenCredential:
        """The identity of a purpose, for clients that are made elsewhere (the journal's table)."""
        if self._given is not None:
            return self._given
        with self._lock:
            identity = self.settings.identities.get(purpose, "")
            if identity not in self._credentials:
                self._credentials[identity] = default_credential(self.settings, identity or None)
            return self._credentials[identity]


def default_credential(settings: AzureSettings, client_id: str | None = None) -> TokenCredential:
    """azure-identity's default chain without interaction; against the local stand-in its managed identity alone, so that no real token is ever sent there."""
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

    if settings.local:
        return ManagedIdentityCredential(client_id=client_id)
    # Without the keyword azure-identity takes AZURE_CLIENT_ID; given as None it would take no identity.
    chosen: dict[str, Any] = {"managed_identity_client_id": client_id} if client_id else {}
    return DefaultAzureCredential(exclude_interactive_browser_credential=True, process_timeout=10, **chosen)


def _subscription_of(session: AzureSession) -> str:
    answer = session.arm("GET", f"/subscriptions/{segment(session.account)}", "2022-12-01", missing=True) or {}
    return str(answer.get("subscriptionId", ""))


def _tenant_of(session: AzureSession) -> str:
    answer = session.graph("GET", "/organization?$select=id") or {}
    return next((str(tenant["id"]) for tenant in answer.get("value", [])), "")
