"""The timer's function in Microsoft's own worker: it ends what crashed, and tells what was given up; a person puts that back."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from azure.identity import ManagedIdentityCredential

from stanch.action import Outcome
from stanch.clouds.azure_queues import PoisonQueue
from stanch.errors import InvalidInput, Unreachable
from tests.runtime.azure_stack import AzureStack
from tests.runtime.functions_host import FunctionFailed, FunctionsHost
from tests.runtime.interpreter import Interpreter
from tests.runtime.machines import isolated, planted
from tests.runtime.storage_queue import StorageQueue


@pytest.fixture
def poison(azure: AzureStack, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of the poison queue; this process trusts its account."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azure.trusted))
    return f"{azure.storage.endpoint('queue')}/stanch-sentinel-poison"


@pytest.fixture
def sweeper(azure: AzureStack, interpreter: Interpreter, azure_artefact: Path, poison: str, tmp_path: Path) -> Iterator[FunctionsHost]:  # fmt: skip
    """The app as it is deployed, with its poison queue among the settings."""
    settings = azure.settings() | {"STANCH_POISON_QUEUES": poison}
    host = FunctionsHost(interpreter, azure_artefact, tmp_path / "worker", settings, tmp_path / "log")
    host.start()
    yield host
    host.stop()


def crash(azure: AzureStack, event: Any) -> None:
    """Let the worker die while the machine's first interface is to be written."""
    azure.cloud.fail("PUT", "/networkSecurityGroups/", 503, times=50)
    with pytest.raises(FunctionFailed):
        azure.host.queue("sentinel", json.dumps(event))
    azure.quiet()


def test_what_was_left_open_is_ended_without_another_delivery(azure: AzureStack, sweeper: FunctionsHost) -> None:
    name, event = planted(azure)
    crash(azure, event)
    (action,) = [one for one in azure.actions() if one.resource.id.endswith(f"/{name}")]
    assert (action.outcome, isolated(azure, name)) == (None, False)
    azure.lapse()

    sweeper.timer("sweep")

    assert isolated(azure, name)
    record = azure.journal.get(action.id)
    assert record is not None
    assert (record.outcome, azure.locks()) == (Outcome.ACTED, [])
    assert [name in card for card in azure.told() if "ACTED" in card] == [True]


def test_messages_that_were_given_up_are_told_once_and_can_be_put_back(azure: AzureStack, sweeper: FunctionsHost, poison: str) -> None:  # fmt: skip
    letters = PoisonQueue(ManagedIdentityCredential, poison)
    assert (letters.waiting().count, letters.redrive()) == (0, 0), "the host makes the queue when it is first needed"
    with ExitStack() as ends:
        queue = StorageQueue(azure, "sentinel", ends)
        sent = [base64.b64encode(f'{{"n": {number}}}'.encode()).decode() for number in range(35)]
        for text in sent:
            queue.poison.send_message(text)
        azure.quiet()

        sweeper.timer("sweep")
        sweeper.timer("sweep")

        (card,) = [one for one in azure.told() if "given up" in one]
        assert "stanch-sentinel-poison: 35, the oldest of " in card
        assert letters.redrive(3) == 3
        assert letters.waiting().count == 32
        assert (letters.redrive(), letters.waiting()) == (32, letters.waiting())
        assert letters.waiting().count == 0
        moved = [message.content for message in queue.client.receive_messages()]
        assert sorted(moved) == sorted(sent)


def test_a_storage_account_that_does_not_answer_is_an_error_of_ours(azure: AzureStack, poison: str) -> None:
    nowhere = poison.replace(f":{azure.storage.queue}/", ":9/")
    with pytest.raises(Unreachable, match="stanch-sentinel-poison"):
        PoisonQueue(ManagedIdentityCredential, nowhere).waiting()


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/stanch-sentinel-poison",
        "https://a.example/stanch-sentinel",
        "stanch-poison",
        "https://a\uff0fx.example/stanch-poison",
    ],
)
def test_tokens_go_to_poison_queues_alone(url: str) -> None:
    with pytest.raises(InvalidInput, match="STANCH_POISON_QUEUES"):
        PoisonQueue(ManagedIdentityCredential, url)
