"""The credential that a deployment's calls are made with."""

from __future__ import annotations

from collections import defaultdict
from threading import Lock
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenCredential, TokenRequestOptions
from azure.core.pipeline.transport import HttpTransport

from stanch.clouds.azure_settings import AzureSettings


class InTurn:
    """A credential that is asked for tokens of a scope by one thread at a time: the others wait for the first one's answer, which azure-identity then has in its cache."""

    def __init__(self, credential: Any) -> None:
        self._credential = credential
        self._turns: defaultdict[tuple[str, ...], Lock] = defaultdict(Lock)

    def get_token(self, *scopes: str, **more: Any) -> AccessToken:
        with self._turns[scopes]:
            token: AccessToken = self._credential.get_token(*scopes, **more)
            return token

    def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        with self._turns[scopes]:
            token: AccessTokenInfo = self._credential.get_token_info(*scopes, options=options)
            return token

    def close(self) -> None:
        self._credential.close()


def default_credential(
    settings: AzureSettings, client_id: str | None = None, transport: HttpTransport[Any, Any] | None = None
) -> TokenCredential:
    """azure-identity's default chain without interaction; against the local stand-in its managed identity alone, so that no real token is ever sent there.

    `transport`: connections to use; without it the credential keeps its own.
    """
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

    shared: dict[str, Any] = {"transport": transport} if transport is not None else {}
    if settings.local:
        return InTurn(ManagedIdentityCredential(client_id=client_id, **shared))
    # Without the keyword azure-identity takes AZURE_CLIENT_ID; given as None it would take no identity.
    chosen: dict[str, Any] = {"managed_identity_client_id": client_id, **shared} if client_id else shared
    return InTurn(DefaultAzureCredential(exclude_interactive_browser_credential=True, process_timeout=10, **chosen))
