"""The Azure deployment on this machine: the app in Microsoft's worker, ARM and Graph, a storage account with queue and journal table, Teams.

All of it over TLS, with managed identities: the app's own wiring is used as it is deployed.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import trustme
from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables import TableClient

from stanch.action import Action
from stanch.finding import Finding
from stanch.journal import Query
from stanch.journal.table_storage import TableJournal
from stanch.local.azure.identity import Identity
from stanch.local.azure.kinds import Reply
from stanch.local.azure.seed import seed
from stanch.local.azure.server import AzureCloudServer
from stanch.local.azure.state import TENANT
from stanch.local.teams import TeamsReceiver
from tests.runtime.functions_host import FunctionsHost
from tests.runtime.interpreter import Interpreter
from tests.tools import azurite
from tests.tools.azurite import ACCOUNT, KEY, Azurite

STORAGE = "https://storage.azure.com"
TABLE = "stanchjournal"


class StorageIdentity(Identity):
    """Also issues tokens for storage, in the form that the emulator reads (https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference)."""

    def answer(self, query: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        reply = super().answer(query, headers)
        if reply.status == 200 and query["resource"].rstrip("/") == STORAGE:
            until = int(reply.body["expires_on"])
            claims = {"aud": STORAGE, "iss": f"https://sts.windows.net/{TENANT}/", "iat": int(time.time()) - 5, "nbf": int(time.time()) - 5, "exp": until}  # fmt: skip
            parts = (json.dumps(part).encode() for part in ({"typ": "JWT", "alg": "none"}, claims))
            token = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
            return Reply(reply.status, reply.body | {"access_token": token}, reply.headers)
        return reply


class AzureStack:
    """One deployment, its clouds and its storage account."""

    def __init__(
        self, cloud: AzureCloudServer, teams: TeamsReceiver, storage: Azurite, trusted: Path, interpreter: Interpreter, app: Path, folder: Path,
        **settings: str,
    ) -> None:  # fmt: skip
        self.cloud, self.teams, self.storage, self.trusted = cloud, teams, storage, trusted
        self._interpreter, self._app, self._folder, self._settings = interpreter, app, folder, settings
        self.journal_table = TableClient(
            storage.endpoint("table"), TABLE, credential=AzureNamedKeyCredential(ACCOUNT, KEY), connection_verify=str(trusted)
        )  # fmt: skip
        self.journal = TableJournal(self.journal_table)
        self.host: FunctionsHost

    def settings(self) -> dict[str, str]:
        """The app settings, and what the platform itself would set."""
        return {
            **self.cloud.environment(), "REQUESTS_CA_BUNDLE": str(self.trusted), "STANCH_MODE": "auto",
            "STANCH_JOURNAL": f"azuretable://{ACCOUNT}/{TABLE}", "STANCH_TABLE_ENDPOINT": self.storage.endpoint("table"),
            "STANCH_TEAMS_SECRET": "stanch-teams", "STANCH_KEY_VAULT": f"{self.teams.base}/vault", "STANCH_MAX_DELIVERIES": "5",
            "STANCH_SENTINEL_WORKSPACE": WORKSPACE, "STANCH_VERIFY_DELAYS": "0.05,0.2", "WEBSITE_AUTH_ENABLED": "True", **self._settings,
        }  # fmt: skip

    def another(self, number: int = 0, **settings: str) -> FunctionsHost:
        """One more worker of the app, started; whoever asked for it stops it."""
        name, found = f"worker-{number}", self.settings() | settings
        host = FunctionsHost(self._interpreter, self._app, self._folder / name, found, self._folder / f"{name}.log")
        host.start()
        return host

    def plant(self, event: Any, parse: Callable[[Any], list[Finding]]) -> None:
        """Create what the event names, in the exposed state, and the incident in its workspace."""
        for finding in parse(event):
            seed(self.cloud.url, str(self.cloud.ca), finding)

    def quiet(self) -> None:
        """As at the start of a test: no faults, no calls on record, no cards."""
        with self.cloud.state.lock:
            self.cloud.state.faults.clear()
            self.cloud.state.calls.clear()
        self.teams.cards.clear()

    def writes(self) -> list[str]:
        """The calls on record that change something in ARM or Graph."""
        reads = ("/alerts", "/entities", "/bookmarks")
        return [
            f"{call['method']} {call['path']}"
            for call in self.cloud.calls
            if call["method"] != "GET" and not (call["method"] == "POST" and call["path"].endswith(reads))
        ]

    def told(self) -> list[str]:
        """The text of each card that Teams got."""
        return [json.dumps(card, ensure_ascii=False) for card in self.teams.cards]

    def actions(self) -> list[Action]:
        """Every action in the journal, newest first."""
        return list(self.journal.find(Query()))

    def locks(self) -> list[Any]:
        """The effect locks in the journal's table, as storage has them."""
        rows = self.journal_table.query_entities("RowKey ge 'lock' and RowKey lt 'locl'")
        return list(rows)

    def lapse(self) -> None:
        """Let every lease in the journal have run out, as if its time had passed."""
        for row in self.locks():
            self.journal_table.update_entity({**row, "until": 1.0})


WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg-soc/providers/Microsoft.OperationalInsights/workspaces/law-soc"
)  # fmt: skip
"""Where the sample incidents are."""


@contextmanager
def running(interpreter: Interpreter, app: Path, folder: Path, **settings: str) -> Iterator[AzureStack]:
    """The whole deployment, for as long as the context lasts; the worker is started. `settings` go over those that every app has."""
    with ExitStack() as ends:
        cloud = AzureCloudServer(folder)
        cloud.identity = StorageIdentity()
        cloud.start()
        ends.callback(cloud.stop)
        teams = TeamsReceiver(cloud.tls)
        teams.start()
        ends.callback(teams.stop)
        certificate, trusted = _certificate(folder, cloud.ca)
        storage = ends.enter_context(azurite.running(certificate))
        stack = AzureStack(cloud, teams, storage, trusted, interpreter, app, folder, **settings)
        ends.callback(stack.journal_table.close)
        stack.journal_table.create_table()
        stack.host = stack.another()
        ends.callback(stack.host.stop)
        yield stack


def _certificate(folder: Path, other: Path) -> tuple[tuple[Path, Path], Path]:
    """Certificate and key for the storage account, and a bundle of what the deployment is to trust."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key, trusted = folder / "storage.pem", folder / "storage.key", folder / "trusted.pem"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    trusted.write_bytes(other.read_bytes() + os.linesep.encode() + authority.cert_pem.bytes())
    return (certificate, key), trusted
