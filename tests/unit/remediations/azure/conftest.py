"""The real SDKs against the Azure stand-in: what a plan says, and what a change does when the world is not as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stanch.clouds.azure import AzureCloud
from stanch.clouds.azure_settings import AzureSettings, Purpose
from stanch.finding import Resource
from stanch.local.azure.server import AzureCloudServer
from stanch.remediation import Plan, Remediation
from tests.contract.azure_world import AzureWorld
from tests.tools import local_clouds

ACTION = "0123456789ab-01234567890"

Make = Callable[..., Any]


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureCloudServer]:
    with local_clouds.local_azure(tmp_path_factory.mktemp("azure")) as server:
        yield server


@pytest.fixture
def world(stand_in: AzureCloudServer, monkeypatch: pytest.MonkeyPatch) -> AzureWorld:
    """An empty Azure."""
    for name, value in stand_in.environment().items():
        monkeypatch.setenv(name, value)
    stand_in.state.clear()
    return AzureWorld(stand_in)


@pytest.fixture
def make(world: AzureWorld) -> Make:
    """A remediation of the given class, as the engine makes it: anew for each purpose."""
    cloud = AzureCloud(AzureSettings.from_environment())

    def made(declared: type[Remediation[Any]], purpose: Purpose = "read") -> Remediation[Any]:
        entra = declared.resource_type.startswith("Microsoft.Graph/")
        somewhere = Resource(declared.resource_type, "-", world.tenant if entra else world.account)
        return declared(cloud.session(somewhere, purpose, ACTION), ACTION)

    return made


def writes(world: AzureWorld) -> list[str]:
    """Method and last part of the path of each request that was no read."""
    return [
        f"{call['method']} {call['path'].rpartition('/')[2]}"
        for call in world.server.calls
        if call["method"] != "GET" and "/seed" not in call["path"]
    ]


def apply_all(remediation: Remediation[Any], plan: Plan) -> None:
    for change in plan.changes:
        remediation.apply(change)


def undo_all(remediation: Remediation[Any], plan: Plan) -> None:
    """As the engine does: everything is read before anything is written."""
    todo = [change for change in reversed(plan.changes) if change.reversible]
    live = {change.id: remediation.read(change) for change in todo}
    for change in todo:
        assert live[change.id] == change.after
        remediation.undo(change)
