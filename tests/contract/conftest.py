"""The local clouds behind the contract tests, one of each a test process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stanch.local.azure.server import AzureCloudServer
from tests.contract.harness import Bench, aws_lab, azure_lab
from tests.contract.scenario import Scenario
from tests.tools import local_clouds


@pytest.fixture(scope="session")
def local_aws() -> Iterator[str]:
    with local_clouds.local_aws() as server:
        yield server.url


@pytest.fixture(scope="session")
def local_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureCloudServer]:
    with local_clouds.local_azure(tmp_path_factory.mktemp("azure")) as server:
        yield server


@pytest.fixture
def bench(scenario: Scenario, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The bench of the scenario under test (parametrised by the test itself)."""
    return make_bench(scenario, request, tmp_path, monkeypatch)


def make_bench(
    scenario: Scenario, request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    """A deployment of the scenario's cloud over the local one."""
    if scenario.remediation.startswith("aws."):
        return aws_lab(request.getfixturevalue("local_aws"), folder, monkeypatch)
    return azure_lab(request.getfixturevalue("local_azure"), folder, monkeypatch)
