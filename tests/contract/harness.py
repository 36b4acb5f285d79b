"""A deployment for contract tests: the real engine and SDKs, recording clouds, a journal on disk, a channel that keeps its reports."""

from __future__ import annotations

import importlib
import os
import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from remediations import aws, azure
from stanch.action import Action
from stanch.clouds.aws import AwsSettings
from stanch.clouds.azure_settings import AzureSettings
from stanch.deployment import Deployment, Settings
from stanch.finding import Resource
from stanch.journal.sqlite import SqliteJournal
from stanch.playbooks.limits import Protect
from stanch.playbooks.match import Matcher
from stanch.playbooks.model import Policy
from stanch.report import Report
from stanch.result import Result
from stanch.runbook import Request, Runbook
from stanch.undo import Request as UndoRequest
from stanch.undo import Undo
from tests.contract import scenarios
from tests.contract.recording import RecordingAwsCloud, RecordingAzureCloud
from tests.contract.scenario import Scenario
from tests.contract.worlds import AwsWorld

REGISTRY = {**aws.REGISTRY, **azure.REGISTRY}


def all_scenarios() -> list[Scenario]:
    """Every scenario of every module under `tests.contract.scenarios`."""
    found: list[Scenario] = []
    for module in pkgutil.walk_packages(scenarios.__path__, scenarios.__name__ + "."):
        found += getattr(importlib.import_module(module.name), "SCENARIOS", [])
    return found


class Kept:
    """A channel that accepts every report."""

    name = "kept"

    def __init__(self) -> None:
        self.reports: list[Report] = []

    def send(self, report: Report) -> None:
        self.reports.append(report)


@dataclass
class Bench:
    """One deployment and the world it acts on."""

    deployment: Deployment
    world: Any
    cloud: Any
    channel: Kept

    def request(self, scenario: Scenario, resource: Resource) -> Runbook:
        request = Request(scenario.remediation, resource, "tester", "contract test", scenario.params)
        return Runbook(self.deployment, request)

    def act(self, scenario: Scenario, resource: Resource) -> Result:
        return self.request(scenario, resource).apply()

    def undo(self, action_id: str, force: bool = True) -> Undo:
        return Undo(self.deployment, UndoRequest(action_id, "tester", "contract test", force))

    def action(self, result: Result) -> Action:
        found = self.deployment.journal.get(result.action_id or "")
        assert found is not None, f"the journal holds no {result.action_id}"
        return found

    def protect(self, *patterns: str) -> None:
        self.deployment.policy = Policy(protect=Protect(resources=patterns))


def _deployment(cloud: Any, registry: dict[str, str], folder: Path, channel: Kept) -> Deployment:
    policy = Policy()
    return Deployment(
        cloud=cloud, journal=SqliteJournal(str(folder / "journal.sqlite")), registry=registry, policy=policy, matcher=Matcher(policy),
        channels={"kept": channel}, route=lambda report: ["kept"], settings=Settings(ceiling="auto", verify_delays=(0.0, 0.05)),
    )  # fmt: skip


def aws_bench(url: str, folder: Path, role: str | None = "stanch") -> Bench:
    """A deployment in moto's default account that reaches the world's account through its roles."""
    cloud, channel = RecordingAwsCloud(AwsSettings("eu-west-1", "123456789012", role, endpoint=url)), Kept()
    return Bench(_deployment(cloud, aws.REGISTRY, folder, channel), AwsWorld(url), cloud, channel)


def azure_bench(server: Any, folder: Path) -> Bench:
    from tests.contract.azure_world import AzureWorld

    cloud, channel = RecordingAzureCloud(AzureSettings.from_environment()), Kept()
    return Bench(_deployment(cloud, azure.REGISTRY, folder, channel), AzureWorld(server), cloud, channel)


def aws_lab(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """What `aws_bench` makes, with the settings of the local AWS in the environment, as a function has them."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_CONFIG_FILE": os.devnull, "AWS_ENDPOINT_URL": url,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return aws_bench(url, folder)


def azure_lab(server: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """What `azure_bench` makes, likewise."""
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return azure_bench(server, folder)
