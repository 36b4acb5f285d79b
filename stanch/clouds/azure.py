"""Azure: the sessions of one deployment, whether they look at the right place, and the resources that a finding only implies."""

from __future__ import annotations

import threading

from azure.core.credentials import TokenCredential

from stanch.clouds.azure_credentials import default_credential
from stanch.clouds.azure_session import AzureSession
from stanch.clouds.azure_settings import AzureSettings, Purpose
from stanch.clouds.azure_transport import new_transport
from stanch.errors import InvalidInput
from stanch.finding import Finding, Resource

USERS = "Microsoft.Graph/users"


class AzureCloud:
    """The sessions of one deployment. Tokens and connections are shared by all of them."""

    name = "azure"

    def __init__(self, settings: AzureSettings, credential: TokenCredential | None = None) -> None:
        self.settings = settings
        self._given = credential
        self._credentials: dict[str, TokenCredential] = {}
        self.transport = new_transport(settings.patience)
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
        return AzureSession(
            self.credential(purpose), account, self.settings, purpose, action_id, self.transport, self._verified
        )

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
