"""The credential that a deployment's calls are made with."""

from __future__ import annotations

from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.pipeline.transport import HttpTransport

from stanch.clouds.azure_settings import AzureSettings


def default_credential(
    settings: AzureSettings, client_id: str | None = None, transport: HttpTransport[Any, Any] | None = None
) -> TokenCredential:
    """azure-identity's default chain without interaction; against the local stand-in its managed identity alone, so that no real token is ever sent there.

    `transport`: connections to use; without it the credential keeps its own.
    """
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

    shared: dict[str, Any] = {"transport": transport} if transport is not None else {}
    if settings.local:
        return ManagedIdentityCredential(client_id=client_id, **shared)
    # Without the keyword azure-identity takes AZURE_CLIENT_ID; given as None it would take no identity.
    chosen: dict[str, Any] = {"managed_identity_client_id": client_id, **shared} if client_id else shared
    return DefaultAzureCredential(exclude_interactive_browser_credential=True, process_timeout=10, **chosen)
