"""Azurite, Microsoft's storage emulator: blobs, queues and tables in memory on loopback."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.tools import children, packages, runtimes

ACCOUNT = "stanchtest"
KEY = base64.b64encode(b"only for the emulator of the tests").decode()


@dataclass(frozen=True, slots=True)
class Azurite:
    """Where a running emulator listens: a port for each service, with or without TLS."""

    blob: int
    queue: int
    table: int
    scheme: str = "http"

    def endpoint(self, service: str) -> str:
        """The account's URL of `blob`, `queue` or `table`."""
        return f"{self.scheme}://127.0.0.1:{getattr(self, service)}/{ACCOUNT}"

    @property
    def connection_string(self) -> str:
        """What the storage SDKs and Functions bindings connect with."""
        endpoints = "".join(f"{name.title()}Endpoint={self.endpoint(name)};" for name in ("blob", "queue", "table"))
        return f"DefaultEndpointsProtocol={self.scheme};AccountName={ACCOUNT};AccountKey={KEY};{endpoints}"


@contextmanager
def running(certificate: tuple[Path, Path] | None = None) -> Iterator[Azurite]:
    """A fresh, empty emulator on free ports for as long as the context lasts. Raises RuntimeError if it does not start.

    With a `certificate` for 127.0.0.1 (its file and its key's) it speaks TLS and also takes Entra's tokens, of which it checks everything but the signature.
    """
    ports = [option for service in ("blob", "queue", "table") for option in (f"--{service}Port", "0")]
    command = [
        str(runtimes.node()),
        "--require",
        str(packages.HERE / "npm/leave_with_parent.cjs"),
        str(packages.modules() / "azurite/dist/src/azurite.js"),
        *("--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"),
        *ports,
        *(("--cert", str(certificate[0]), "--key", str(certificate[1]), "--oauth", "basic") if certificate else ()),
    ]
    with children.running(command, _ready, {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}) as azurite:
        yield azurite


def _ready(printed: str) -> Azurite | None:
    listening = re.findall(
        r"Azurite (\w+) service is successfully listening at (https?)://127\.0\.0\.1:(\d+)\n", printed
    )
    ports = {service.lower(): int(port) for service, _, port in listening}
    return Azurite(**ports, scheme=listening[0][1]) if len(ports) == 3 else None
