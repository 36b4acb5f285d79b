"""The real local AWS on a free loopback port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stanch.local.aws.server import AwsCloud
from tests.functional.local_aws.lab import Lab


@pytest.fixture(scope="package")
def cloud() -> Iterator[AwsCloud]:
    cloud = AwsCloud()
    cloud.start()
    yield cloud
    cloud.stop()


@pytest.fixture
def lab(cloud: AwsCloud) -> Lab:
    """The cloud, empty."""
    lab = Lab(cloud.url)
    lab.own("POST", "reset")
    return lab
