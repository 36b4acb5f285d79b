"""Every death on one cloud, once for all tests of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stanch.local.aws.server import AwsCloud
from stanch.local.azure.server import AzureCloudServer
from tests.faults.clouds import Aws, Azure
from tests.faults.survival import Survival, survive


@pytest.fixture(scope="module")
def survival(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Survival]:
    """On the cloud that the test's file names."""
    cloud = request.module.CLOUD
    folder = tmp_path_factory.mktemp(f"faults-{cloud}")
    with pytest.MonkeyPatch.context() as patch:
        make = _aws if cloud == "aws" else _azure
        yield from make(folder, patch)


def _aws(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Survival]:
    server = AwsCloud()
    server.start()
    cloud = Aws(server.url, folder)
    yield from _survived(cloud, folder, patch)
    server.stop()


def _azure(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Survival]:
    # Operations end at once: how often one is polled must not depend on how busy the machine is, for the n-th call of every run is the same one.
    server = AzureCloudServer(folder, operation_seconds=0.0)
    server.start()
    cloud = Azure(server, folder)
    yield from _survived(cloud, folder, patch)
    cloud.teams.stop()
    server.stop()


def _survived(cloud: Any, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Survival]:
    for name, value in cloud.environment.items():
        patch.setenv(name, value)
    cloud.open()
    cloud.wiring.reset()
    yield survive(cloud, folder)
    cloud.wiring.reset()
