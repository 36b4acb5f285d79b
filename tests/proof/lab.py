"""One local cloud with deployments of Stanch on it, each as a new process would make it: real engine, real SDKs, a journal on disk, a channel that keeps its reports."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

from remediations import aws, azure
from stanch.action import Action, Outcome
from stanch.clouds.azure_rest import correlation
from stanch.decision import Decision, Identity
from stanch.decision import Request as Approval
from stanch.deployment import Deployment, Settings
from stanch.errors import StanchError
from stanch.finding import Finding, Resource, Severity
from stanch.journal import Journal, Query
from stanch.journal.sqlite import SqliteJournal
from stanch.playbooks.match import Matcher
from stanch.playbooks.model import Playbook, Policy, Step
from stanch.responder import Delivery, Responder
from stanch.result import Result
from stanch.sweep import Sweep
from stanch.undo import Request as UndoRequest
from stanch.undo import Undo
from tests.contract.harness import Kept
from tests.contract.scenario import Scenario
from tests.proof.injector import HOOKS, VERBS, Death, Injector, Tapped
from tests.proof.wall import Wall

LEASE = 90.0
PEOPLE = 2
"""As many as ever have to agree to one action."""

HOME = "123456789012"
FAST = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where journals lie: every commit is made durable, which in memory costs nothing."""


class Local:
    """A local cloud in this process. Use as a context manager; one a process at a time."""

    name: str

    def __init__(self, folder: Path) -> None:
        self.folder, self.world = folder, None
        self._open = ExitStack()

    def __enter__(self) -> Local:
        self._open.__enter__()
        self._start(self._open)
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def _start(self, closing: ExitStack) -> None:
        raise NotImplementedError

    def cloud(self) -> Any:
        """A cloud as a new process has it: no session, no token, no connection yet."""
        raise NotImplementedError

    def forget(self) -> None:
        """Empty the cloud."""
        raise NotImplementedError

    def clear(self) -> None:
        """Begin a case: no calls are on record."""
        raise NotImplementedError

    def effects(self, action_id: str) -> Counter[str]:
        """The writes for an action that the cloud accepted, by its own record."""
        raise NotImplementedError


class LocalAws(Local):
    name = "aws"

    def _start(self, closing: ExitStack) -> None:
        from stanch.local.aws.server import AwsCloud as Server
        from tests.contract.worlds import AwsWorld
        from tests.proof import injector_aws
        from tests.proof.light import light

        closing.enter_context(light())
        server = Server()
        server.start()
        closing.callback(server.stop)
        self.url = server.url
        named = {
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_ENDPOINT_URL": self.url, "AWS_DEFAULT_REGION": "eu-west-1",
        }  # fmt: skip
        closing.enter_context(mock.patch.dict(os.environ, named))
        closing.enter_context(injector_aws.watched())
        self.world = AwsWorld(self.url)

    def cloud(self) -> Any:
        from stanch.clouds.aws import AwsCloud, AwsSettings

        return AwsCloud(AwsSettings("eu-west-1", HOME, "stanch", endpoint=self.url))

    def forget(self) -> None:
        urlopen(HttpRequest(f"{self.url}/stanch/aws/reset", method="POST")).close()
        from tests.contract.worlds import AwsWorld

        self.world = AwsWorld(self.url)

    def clear(self) -> None:
        urlopen(HttpRequest(f"{self.url}/stanch/aws/calls", method="DELETE")).close()

    def effects(self, action_id: str) -> Counter[str]:
        with urlopen(f"{self.url}/stanch/aws/calls") as answer:
            calls = json.load(answer)["calls"]
        return Counter(
            f"{call['service']}:{call['operation']}"
            for call in calls
            if call["write"] and call["status"] < 400 and f"md/action#{action_id}" in call["user_agent"]
        )


class LocalAzure(Local):
    name = "azure"

    def _start(self, closing: ExitStack) -> None:
        from stanch.local.azure.server import AzureCloudServer
        from tests.contract.azure_world import AzureWorld
        from tests.proof import injector_azure

        self.server = AzureCloudServer(self.folder, operation_seconds=0.0)
        self.server.start()
        closing.callback(self.server.stop)
        closing.enter_context(mock.patch.dict(os.environ, self.server.environment()))
        closing.enter_context(injector_azure.watched())
        self.world = AzureWorld(self.server)

    def cloud(self) -> Any:
        from stanch.clouds.azure import AzureCloud, AzureSettings

        return AzureCloud(AzureSettings.from_environment())

    def forget(self) -> None:
        with self.server.state.lock:
            self.server.state.clear()

    clear = forget  # it costs nothing here, and the SDK's lists stay short

    def effects(self, action_id: str) -> Counter[str]:
        ours = correlation(action_id)
        return Counter(
            f"{call['method']} {call['path']}"
            for call in self.server.calls
            if call["method"] != "GET" and 0 < call["status"] < 400 and call["correlation"] == ours
        )


def local(name: str, folder: Path) -> Local:
    """The local cloud of this name. It is not started yet."""
    return {"aws": LocalAws, "azure": LocalAzure}[name](folder)


@dataclass
class Lab:
    """What is known of one case: its cloud, its journal, its reports, its faults, its clock."""

    local: Any
    folder: Path
    scenario: Scenario
    wall: Wall
    injector: Injector = field(default_factory=Injector)
    store: Any = None
    """Makes a new handle on the journal; SQLite in the folder by default."""
    _process: Deployment | None = None

    def __post_init__(self) -> None:
        self.wall.ahead = 0.0
        self.folder.mkdir(parents=True, exist_ok=True)
        self.local.clear()
        self.channel = Kept()
        self.world = self.local.world
        self.resource: Resource = self.scenario.expose(self.world)
        self.before = self.scenario.snapshot(self.world, self.resource)
        self.finding = _finding(self.resource)

    def journal(self) -> Journal:
        """The journal itself, past the injector."""
        made: Journal = self.store() if self.store else SqliteJournal(str(self.folder / "journal.sqlite"))
        return made

    @property
    def process(self) -> Deployment:
        """What a process keeps from one invocation to the next; a new one after a death."""
        if self._process is None:
            self._process = self.deployment()
        return self._process

    def deployment(self, **changes: Any) -> Deployment:
        """As a new process makes it."""
        playbook = Playbook(
            "all", {"type": ("seen",)}, (Step(self.scenario.remediation, dict(self.scenario.params)),), "auto"
        )
        policy, registry = Policy((playbook,)), aws.REGISTRY if self.local.name == "aws" else azure.REGISTRY
        given: dict[str, Any] = {
            "cloud": self.local.cloud(),
            "journal": Tapped(self.journal(), self, "journal", VERBS),
            "channels": {"kept": Tapped(self.channel, self, "channel", ("send",))},
            "settings": Settings(ceiling="auto", lease=LEASE, verify_delays=(0.0,)),
        }
        return Deployment(
            registry=registry, policy=policy, matcher=Matcher(policy), route=lambda report: ["kept"], **{**given, **changes}
        )  # fmt: skip

    @contextmanager
    def lit(self) -> Iterator[None]:
        """Calls made inside are counted and may fail."""
        before, HOOKS.lit = HOOKS.lit, self.injector
        self.injector.repeated, self.injector.dead = {}, False  # a new process
        try:
            yield
        except Exception:
            if not self.injector.dead:
                raise
        finally:
            HOOKS.lit = before
            if self.injector.dead:
                self._process = None
        if self.injector.dead:  # in a thread of the SDK's, perhaps; nothing that came after it counts
            raise Death

    def deliver(self, last: bool = False) -> Result:
        """The finding, to the process that lives. Raises whatever comes out of it."""
        with self.lit():
            (result,) = Responder(self.process).respond([self.finding], Delivery(last=last))
        return result

    def attempt(self, last: bool = False) -> Result:
        """The finding delivered, and what it asks people for approved. Raises what comes out of either."""
        result = self.deliver(last)
        for number in range(PEOPLE):
            if result.outcome is not Outcome.AWAITING_APPROVAL:
                break
            request = Approval(result.action_id or "", Identity(f"person {number}", f"subject {number}"))
            with self.lit():
                result = Decision(self.process, request).approve()
        return result

    def undo(self, action_id: str, force: bool = True) -> Result:
        """By a person."""
        with self.lit():
            return Undo(self.process, UndoRequest(action_id, "tester", "it was a test", force)).run()

    @contextmanager
    def rival(self, ahead: float = 0.0) -> Iterator[None]:
        """Inside, another process takes its turn, whose clock is `ahead` seconds ahead of this one's."""
        mine = self.injector, self._process
        self.injector, self._process = Injector(), None
        self.wall.ahead += ahead
        try:
            yield
        finally:
            self.injector, self._process = mine
            self.wall.ahead -= ahead

    def sweep(self) -> None:
        """Whoever runs it is told if it cannot even begin."""
        with self.lit(), self.wall.judged(), suppress(StanchError):
            Sweep(self.process).run()

    def lapse(self) -> None:
        """Let every lease run out, and whatever may still be under way."""
        self.wall.ahead += LEASE + 121

    def contained(self) -> bool:
        return self.scenario.contained(self.world, self.resource)

    def snapshot(self) -> Any:
        return self.scenario.snapshot(self.world, self.resource)

    def actions(self) -> list[Action]:
        """Every action, oldest first."""
        return sorted(self.journal().find(Query()), key=lambda action: (action.opened_at, action.attempt))

    def lease(self) -> Any:
        """The lock that is left on the effect of any action, if one is."""
        journal = self.journal()
        left = (journal.look(action.effect, None).lease for action in self.actions())
        return next((lease for lease in left if lease is not None), None)


def _finding(resource: Resource) -> Finding:
    now = datetime.now(UTC)
    account, region = resource.account, resource.region
    return Finding("toy", "finding-1", "1", "seen", "seen", Severity.CRITICAL, account, region, (resource,), last_seen=now, updated_at=now)  # fmt: skip
