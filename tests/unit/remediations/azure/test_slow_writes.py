"""A write that takes longer than we wait for it: nobody else begins while it is on its way, and the next attempt does not do it again."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from remediations.azure.deallocate_vm import DeallocateVm
from stanch.action import Outcome
from stanch.clouds.azure_settings import AzureSettings
from stanch.deployment import Settings
from stanch.errors import Busy, Unreachable
from stanch.transaction import MARGIN, WRITE
from tests.contract.azure_world import AzureWorld
from tests.contract.harness import Bench, azure_bench
from tests.contract.scenarios.azure import revoke_nsg_rule
from tests.unit.remediations.azure.conftest import Make, writes

LEASE = 6.0


def test_a_call_ends_within_the_lease_of_its_write() -> None:
    assert AzureSettings.from_environment({}).operation_timeout <= WRITE * Settings().lease
    assert AzureSettings().operation_timeout <= WRITE * Settings().lease
    shorter = AzureSettings.from_environment({"STANCH_LEASE_SECONDS": "30"})
    assert shorter.operation_timeout == pytest.approx(20)
    assert MARGIN + WRITE < 1


def test_no_answer_is_waited_for_longer_than_a_call_may_take(world: AzureWorld, make: Make) -> None:
    """Repeats begin in the first half, and each is waited for as long as the other half."""
    settings = AzureSettings.from_environment()
    session: Any = make(DeallocateVm).session
    assert session._retry()["timeout"] + session._transport.connection_config.read_timeout <= settings.operation_timeout


@pytest.fixture
def bench(world: AzureWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("STANCH_LEASE_SECONDS", str(LEASE))
    found = azure_bench(world.server, tmp_path)
    found.deployment.settings = replace(found.deployment.settings, lease=LEASE)
    return found


def test_a_write_that_outlasts_our_patience_is_done_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first invocation waits as long as it may, a second one meanwhile is sent away, a third one finds the write made."""
    scenario = next(one for one in revoke_nsg_rule.SCENARIOS if one.remediation == revoke_nsg_rule.REMEDIATION)
    resource = scenario.expose(bench.world)
    bench.world.server.state.calls.clear()
    monkeypatch.setattr(bench.world.server.arm, "seconds", 60.0)
    ended: list[BaseException | None] = []

    def first() -> None:
        try:
            bench.act(scenario, resource)
        except Unreachable as error:
            ended.append(error)

    invocation = threading.Thread(target=first)
    invocation.start()
    while not writes(bench.world):
        time.sleep(0.02)
    for _ in range(3):
        with pytest.raises(Busy, match="in progress"):
            bench.act(scenario, resource)
        time.sleep(LEASE * WRITE / 8)
    invocation.join(LEASE)
    assert [type(error) for error in ended] == [Unreachable]
    done = writes(bench.world)
    assert len(done) == 1

    monkeypatch.setattr(bench.world.server.arm, "seconds", 0.0)
    for operation in bench.world.server.state.operations.values():
        operation.ready = 0.0
    assert bench.act(scenario, resource).outcome is Outcome.ACTED
    assert writes(bench.world) == done
    assert scenario.contained(bench.world, resource)
