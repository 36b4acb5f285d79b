"""Which Azure cloud and who we are in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct, field

from stanch.errors import InvalidInput
from stanch.transaction import WRITE

Purpose = Literal["read", "act", "undo", "own"]
"""What an identity is for. `own` is the deployment itself, for its journal and its secrets: the identity of AZURE_CLIENT_ID, else the one azure-identity finds."""

PUBLIC_ARM = "https://management.azure.com"
PUBLIC_GRAPH = "https://graph.microsoft.com"
VAULT_SCOPE = "https://vault.azure.net/.default"
CONFIGURATION_SCOPE = "https://azconfig.io/.default"
COMPUTE_API = "2024-07-01"
"""https://learn.microsoft.com/rest/api/compute/virtual-machines/get"""
NETWORK_API = "2024-05-01"
"""https://learn.microsoft.com/rest/api/virtualnetwork/network-security-groups/get"""
EVENT_GRID_SCOPE = "https://eventgrid.azure.net/.default"


class AzureSettings(Struct, frozen=True):
    """Which cloud and who we are. Endpoints other than the public cloud's are sovereign clouds or the local stand-in.

    `identities` maps a purpose to the client id of the user-assigned managed identity to use for it; without one, azure-identity chooses.
    `own` are object and client ids of the responder's own identities. `operation_timeout` bounds a call with its repeats and the end of what it began, in seconds:
    the part of the journal's lease that a write may take, so that no other invocation takes over while one is on its way.
    """

    arm: str = PUBLIC_ARM
    graph: str = PUBLIC_GRAPH
    identities: Mapping[str, str] = field(default_factory=dict)
    own: tuple[str, ...] = ()
    operation_timeout: float = 60.0

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
            operation_timeout=WRITE * float(env.get("STANCH_LEASE_SECONDS", "90")),
            own=tuple(dict.fromkeys(name for part in own for name in part.split(",") if name)),
        )

    @property
    def patience(self) -> float:
        """Seconds to wait for one answer, and after which nothing is repeated."""
        return self.operation_timeout / 2

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
