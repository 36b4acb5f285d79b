"""The real stores, started on first use, once for each test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.tools import azurite as azurite_tool
from tests.tools import dynamodb_local as dynamodb_local_tool

# How long an example takes says more about the machine than about the code.
settings.register_profile("stanch", deadline=None)
settings.load_profile("stanch")


@pytest.fixture(scope="session")
def azurite() -> Iterator[azurite_tool.Azurite]:
    """Microsoft's storage emulator: endpoints and a connection string for blobs, queues and tables."""
    with azurite_tool.running() as emulator:
        yield emulator


@pytest.fixture(scope="session")
def dynamodb_local() -> Iterator[str]:
    """The endpoint of Amazon's DynamoDB Local; any credentials and region will do."""
    with dynamodb_local_tool.running() as endpoint:
        yield endpoint
