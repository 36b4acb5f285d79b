"""One deployment over the toy cloud: the real engine and a real journal, with a clock and channels that tests control."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from stanch import outbox
from stanch.action import Action
from stanch.deployment import Deployment, Settings, Upstream
from stanch.errors import Unreachable
from stanch.finding import Finding, Resource, Severity
from stanch.journal import Query
from stanch.journal.sqlite import SqliteJournal
from stanch.playbooks.limits import Exempt, Protect
from stanch.playbooks.match import Matcher
from stanch.playbooks.model import Playbook, Policy, Step
from stanch.report import Report
from stanch.responder import Delivery, Responder
from stanch.result import Result
from stanch.runbook import Request, Runbook
from stanch.undo import Request as UndoRequest
from stanch.undo import Undo
from tests.unit.engine.toy import ACCOUNT, ToyCloud
from tests.unit.engine.toy_remediations import REGISTRY, CloseDoor, SealVault

LEASE = 90.0
FAST = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where journals lie: every commit is made durable, which in memory costs nothing."""

VERBS = ("open", "reopen", "claim", "record", "close", "note", "file", "sent")

OPEN = {"front": "open", "back": "open", "tags": {}, "aliases": [], "fire_exit": False, "impact": None, "etag": 1}
VAULT = {"barrier": "none", "alarm": "off", "connections": 3, "label": None, "photo": None, "tags": {}}


class Wall:
    """The wall clock of leases, under a test's control; sleeping is free."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.slept: list[float] = []
        self.perf_counter = time.perf_counter

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Kept:
    """A channel that keeps its reports, or refuses them while `broken`."""

    def __init__(self, name: str) -> None:
        self.name, self.broken = name, False
        self.reports: list[Report] = []

    def send(self, report: Report) -> None:
        if self.broken:
            raise Unreachable(f"{self.name} does not answer")
        self.reports.append(report)


class WatchedJournal:
    """The real journal with hooks around every write: they may raise, as a store or a crash would."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal
        self.before: list[Callable[[str], None]] = []
        self.after: list[Callable[[str], None]] = []
        self.writes: list[str] = []
        self.order: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._journal, name)
        if name not in VERBS and name != "look":
            return found

        def call(*args: Any) -> Any:
            for hook in list(self.before):
                hook(name)
            answer = found(*args)
            self.writes.append(name)
            if name in ("open", "note"):
                self.order.append(args[0].id)
            for hook in list(self.after):
                hook(name)
            return answer

        return call


def door(name: str = "door-1", account: str = ACCOUNT) -> Resource:
    return Resource("AWS::Toy::Door", name, account, "eu-west-1", "target")


def vault(name: str = "vault-1") -> Resource:
    return Resource("AWS::Toy::Vault", name, ACCOUNT, "eu-west-1", "target")


def finding(*resources: Resource, **changes: Any) -> Finding:
    """A fresh finding about the door, unless told otherwise."""
    now = datetime.now(UTC)
    given: dict[str, Any] = {
        "source": "toy", "id": "finding-1", "version": "1", "type": "Toy:Door/Open", "title": "A door is open",
        "severity": Severity.HIGH, "account": ACCOUNT, "region": "eu-west-1", "resources": resources or (door(),),
        "last_seen": now, "updated_at": now,
    }  # fmt: skip
    return Finding(**{**given, **changes})


def playbook(name: str, *steps: str | Step, when: Any = None, **more: Any) -> Playbook:
    """Acts on doors of its own accord, unless told otherwise."""
    made = tuple(Step(step) if isinstance(step, str) else step for step in steps)
    conditions = {key: tuple(values) for key, values in (when or {"type": [{"prefix": "Toy:"}]}).items()}
    return Playbook(name, conditions, made, more.pop("mode", "auto"), **more)


def of_type(remediation: Any) -> dict[str, Any]:
    return {"type": [{"prefix": "Toy:"}], "resource.type": [remediation.resource_type]}


DEFAULT = (
    playbook("doors", CloseDoor.id, when=of_type(CloseDoor)),
    playbook("vaults", SealVault.id, when=of_type(SealVault)),
)


@dataclass
class Bench:
    """Everything of one test."""

    path: Path
    cloud: ToyCloud
    wall: Wall
    playbooks: Sequence[Playbook] = DEFAULT
    protect: Protect = field(default_factory=Protect)
    upstreams: dict[str, Upstream] = field(default_factory=dict)
    registry: dict[str, str] = field(default_factory=lambda: dict(REGISTRY))
    settings: Settings = field(default_factory=lambda: Settings(ceiling="auto", lease=LEASE, verify_delays=(0.2, 0.5)))
    channel: Kept = field(default_factory=lambda: Kept("soc"))
    policy: dict[str, Any] = field(default_factory=dict)
    wiring: dict[str, Any] = field(default_factory=dict)
    """More of the policy, and of what the deployment is made of."""

    def __post_init__(self) -> None:
        self.journal = WatchedJournal(SqliteJournal(str(self.path / "journal.sqlite")))

    @property
    def deployment(self) -> Deployment:
        policy = Policy(tuple(self.playbooks), **{"protect": self.protect, **self.policy})
        return Deployment(
            cloud=self.cloud, journal=self.journal, registry=self.registry, policy=policy, matcher=Matcher(policy),
            channels={"soc": self.channel}, route=lambda report: ["soc"], upstreams=self.upstreams, settings=self.settings,
            **self.wiring,
        )  # fmt: skip

    def door(self, name: str = "door-1", **attributes: Any) -> Resource:
        self.cloud.things[name] = {**OPEN, **attributes}
        return door(name)

    def vault(self, name: str = "vault-1", **attributes: Any) -> Resource:
        self.cloud.things[name] = {**VAULT, **attributes}
        return vault(name)

    def respond(self, *findings: Finding, last: bool = False) -> list[Result]:
        return Responder(self.deployment).respond(findings, Delivery(last))

    def deliver(self, given: Finding | None = None, last: bool = False) -> Result:
        """The only result of one finding."""
        (result,) = self.respond(given or finding(), last=last)
        return result

    def undo(self, action_id: str | None, force: bool = False, who: str = "analyst") -> Undo:
        return Undo(self.deployment, UndoRequest(action_id or "", who, "a false alarm", force))

    def runbook(self, resource: Resource, remediation: str = CloseDoor.id, reason: str = "seen live", **more: Any) -> Runbook:  # fmt: skip
        return Runbook(self.deployment, Request(remediation, resource, "oncall", reason, **more))

    def action(self, result: Result) -> Action:
        found: Action | None = self.journal.get(result.action_id)
        assert found is not None, f"the journal holds no {result.action_id}"
        return found

    def actions(self) -> list[Action]:
        """Every action, oldest first."""
        return sorted(self.journal.find(Query()), key=lambda action: self.journal.order.index(action.id))

    def locks(self) -> list[tuple[str, int, float]]:
        """The locks as they stand in the file: action, attempt, until."""
        with closing(sqlite3.connect(self.path / "journal.sqlite")) as connection:
            return connection.execute("SELECT action_id, attempt, until FROM locks").fetchall()

    def told(self) -> list[tuple[str, str | None]]:
        """What the channel accepted: outcome and reason of each report."""
        return [(report.outcome, report.reason) for report in self.channel.reports]

    def drain(self) -> int:
        return outbox.drain(self.journal, self.deployment.channels)

    def lapse(self) -> None:
        """Let every lease run out."""
        self.wall.now += LEASE + 1

    def exempt(self, **exemption: Any) -> None:
        self.playbooks = [replace(self.playbooks[0], exempt=Exempt(**exemption))]
