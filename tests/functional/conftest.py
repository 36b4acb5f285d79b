"""Whole deployments over the local clouds, and one over a cloud in a dict."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stanch.deployment import Settings
from stanch.local.azure.server import AzureCloudServer
from tests.contract.harness import Bench as Lab
from tests.contract.harness import aws_bench, azure_bench
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
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_CONFIG_FILE": os.devnull, "AWS_ENDPOINT_URL": aws_url,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return aws_bench(aws_url, tmp_path)


@pytest.fixture
def azure_lab(azure_server: AzureCloudServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    for name, value in azure_server.environment().items():
        monkeypatch.setenv(name, value)
    return azure_bench(azure_server, tmp_path)


@pytest.fixture
def toy_bench(tmp_path: Path) -> Bench:
    """The real engine on a cloud in a dict."""
    return Bench(tmp_path, ToyCloud(), Wall(), settings=Settings(ceiling="auto", verify_delays=()))
