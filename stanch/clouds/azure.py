"""Azure: the sessions of one deployment, whether they look at the right place, and the resources that a finding only implies."""

from __future__ import annotations

import threading

from azure.core.credentials import TokenCredential

from stanch.clouds.azure_credentials import default_credential
from stanch.clouds.azure_ids import segment
from stanch.clouds.azure_session import AzureSession
from stanch.clouds.azure_settings import AzureSettings, Purpose
from stanch.clouds.azure_transport import new_transport
from stanch.errors import AccessDenied, InvalidInput
from stanch.finding import Finding, Resource

USERS = "Microsoft.Graph/users"

PERMISSIONS = frozenset({"Microsoft.Resources/subscriptions/read", "Organization.Read.All"})
"""What `verify` needs, beside what the remediations declare: the one for subscriptions, the other for a tenant."""


class AzureCloud:
    """The sessions of one deployment. Tokens and connections are shared by all of them."""

    name = "azure"

    def __init__(self, settings: AzureSettings, credential: TokenCredential | None = None) -> None:
        self.settings = settings
        self._given = credential
        self._credentials: dict[str, TokenCredential] = {}
        self.transport = new_transport()
        """The connections of every session, and of the clients that are made elsewhere (the journal's table)."""
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
        return AzureSession(self.credential(purpose), account, self.settings, purpose, action_id, self.transport)

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
                self._credentials[identity] = default_credential(self.settings, identity or None, self.transport)
            return self._credentials[identity]


def _subscription_of(session: AzureSession) -> str:
    answer = session.arm("GET", f"/subscriptions/{segment(session.account)}", "2022-12-01", missing=True) or {}
    return str(answer.get("subscriptionId", ""))


def _tenant_of(session: AzureSession) -> str:
    answer = session.graph("GET", "/organization?$select=id") or {}
    return next((str(tenant["id"]) for tenant in answer.get("value", [])), "")
