"""Whole deployments over the local clouds, and one over a cloud in a dict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stanch.deployment import Settings
from stanch.local.azure.server import AzureCloudServer
from tests.contract import harness
from tests.contract.harness import Bench as Lab
from tests.tools import local_clouds
from tests.unit.engine.bench import Bench, Wall
from tests.unit.engine.toy import ToyCloud


@pytest.fixture(scope="module")
def aws_url() -> Iterator[str]:
    with local_clouds.local_aws() as server:
        yield server.url


@pytest.fixture(scope="module")
def azure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureCloudServer]:
    with local_clouds.local_azure(tmp_path_factory.mktemp("azure")) as server:
        yield server


@pytest.fixture
def aws_lab(aws_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The real engine and SDKs on the local AWS."""
    return harness.aws_lab(aws_url, tmp_path, monkeypatch)


@pytest.fixture
def azure_lab(azure_server: AzureCloudServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return harness.azure_lab(azure_server, tmp_path, monkeypatch)


@pytest.fixture
def toy_bench(tmp_path: Path) -> Bench:
    """The real engine on a cloud in a dict."""
    return Bench(tmp_path, ToyCloud(), Wall(), settings=Settings(ceiling="auto", verify_delays=()))
