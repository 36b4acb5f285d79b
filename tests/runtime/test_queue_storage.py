"""The whole way on Azure: the storage queue, the host's handling of it, the packaged app in Microsoft's worker, the poison queue."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from stanch.action import Outcome
from tests.runtime.azure_stack import AzureStack
from tests.runtime.machines import isolated, planted
from tests.runtime.storage_queue import StorageQueue


@pytest.fixture(scope="module")
def _queue(_azure_stack: AzureStack) -> Iterator[StorageQueue]:
    with ExitStack() as ends:
        yield StorageQueue(_azure_stack, "sentinel", ends)


@pytest.fixture
def queue(_queue: StorageQueue, azure: AzureStack) -> StorageQueue:
    """The queue of Sentinel's incidents, empty."""
    assert _queue.waiting() == (0, 0)
    return _queue


def outcomes(azure: AzureStack, name: str) -> list[str | None]:
    return [action.outcome for action in azure.actions() if action.resource.id.endswith(f"/{name}")]


def test_an_incident_comes_through_the_queue(azure: AzureStack, queue: StorageQueue) -> None:
    name, event = planted(azure)
    queue.send(json.dumps(event))
    assert queue.run() == 1
    assert isolated(azure, name)
    assert len(azure.told()) == 1
    assert queue.waiting() == (0, 0)


def test_a_message_that_no_one_can_read_is_reported_once_and_waits_in_the_poison_queue(
    azure: AzureStack, queue: StorageQueue
) -> None:
    queue.send('{"objectSchemaType": ')
    assert queue.run() == queue.last
    (card,) = azure.told()
    assert "REJECTED" in card
    assert queue.waiting() == (0, 1)
    queue.forget()


def test_a_failure_keeps_no_other_message_waiting(azure: AzureStack, queue: StorageQueue) -> None:
    (bad, first), (good, second) = planted(azure), planted(azure)
    azure.cloud.fail("GET", f"/virtualMachines/{bad}", 503, times=4)
    queue.send(json.dumps(first))
    queue.send(json.dumps(second))
    queue.poll()
    assert (isolated(azure, good), queue.waiting()) == (True, (1, 0))
    assert queue.run() == 1
    assert isolated(azure, bad)


def test_what_stays_unknown_is_held_at_the_last_delivery(azure: AzureStack, queue: StorageQueue) -> None:
    name, event = planted(azure)
    azure.cloud.fail("GET", f"/virtualMachines/{name}", 503, times=4 * queue.last)
    queue.send(json.dumps(event))
    assert queue.run() == queue.last
    assert outcomes(azure, name) == [Outcome.HELD]
    (card,) = azure.told()
    assert "HELD" in card
    assert queue.waiting() == (0, 0)


def test_a_worker_that_dies_in_the_middle_leaves_one_effect(
    azure: AzureStack, queue: StorageQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, event = planted(azure)
    queue.send(json.dumps(event))
    with monkeypatch.context() as slow:
        slow.setattr(azure.cloud.arm, "seconds", 60.0)  # the first write is accepted, and goes on and on
        turn = threading.Thread(target=queue.poll)
        turn.start()
        deadline = time.monotonic() + 30
        while not azure.writes():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        azure.host.kill()
        turn.join(30)
    with azure.cloud.state.lock:
        for operation in azure.cloud.state.operations.values():
            operation.ready = 0.0
    assert (azure.told(), len(azure.locks()), queue.waiting()) == ([], 1, (1, 0))

    queue.poll()  # too early: the dead worker's lease still lasts
    assert (azure.told(), queue.waiting()) == ([], (1, 0))
    azure.lapse()
    assert queue.run() == 1

    assert isolated(azure, name)
    assert (outcomes(azure, name), azure.locks()) == ([Outcome.ACTED], [])
    assert len(azure.told()) == 1
    made = [json.dumps([call["path"], call["body"]]) for call in azure.cloud.calls if call["method"] == "PUT"]
    assert len(made) == len(set(made)), made


def test_what_cannot_even_be_journaled_waits_in_the_poison_queue(azure: AzureStack, queue: StorageQueue) -> None:
    name, event = planted(azure)
    azure.journal_table.delete_table()
    queue.send(json.dumps(event))

    assert queue.run() == queue.last

    assert queue.waiting() == (0, 1)
    assert (azure.writes(), azure.told()) == ([], [])

    azure.journal_table.create_table()
    queue.redrive()
    assert queue.run() == 1
    assert isolated(azure, name)
    assert outcomes(azure, name) == [Outcome.ACTED]
