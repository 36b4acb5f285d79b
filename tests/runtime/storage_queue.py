"""The Functions host's own side of a storage queue: receive, call, delete or give back, and the poison queue in the end.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#poison-messages
"""

from __future__ import annotations

import base64
import json
from contextlib import ExitStack
from typing import Any

from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.queue import QueueClient

from tests.runtime.azure_stack import AzureStack
from tests.runtime.functions_host import FunctionFailed, FunctionsHost
from tests.runtime.interpreter import ROOT
from tests.tools.azurite import ACCOUNT, KEY


class StorageQueue:
    """The queue of one function, by the function's own binding and host.json; what failed is visible again after `again` seconds."""

    def __init__(self, azure: AzureStack, function: str, ends: ExitStack, again: int = 0) -> None:
        self._azure, self._function, self._again = azure, function, again
        self._options: dict[str, Any] = json.loads((ROOT / "host.json").read_text())["extensions"]["queues"]
        name = azure.host.functions[function][0]["queueName"]
        self.client, self.poison = (self._made(one, ends) for one in (name, f"{name}-poison"))

    def _made(self, name: str, ends: ExitStack) -> QueueClient:
        account = self._azure.storage.endpoint("queue")
        key = AzureNamedKeyCredential(ACCOUNT, KEY)
        client = ends.enter_context(
            QueueClient(account, name, credential=key, connection_verify=str(self._azure.trusted))
        )
        client.create_queue()
        return client

    @property
    def last(self) -> int:
        """How often a message is delivered at most."""
        return int(self._options["maxDequeueCount"])

    def send(self, text: str) -> None:
        """Put a message into the queue as the Logic App does."""
        self.client.send_message(base64.b64encode(text.encode()).decode())

    def waiting(self) -> tuple[int, int]:
        """How many messages there are in the queue and in its poison queue."""
        return tuple(len(one.peek_messages(32)) for one in (self.client, self.poison))  # type: ignore[return-value]

    def left(self) -> int:
        """How many messages are in the queue, those included that are being worked on or wait to become visible again."""
        return int(self.client.get_queue_properties().approximate_message_count or 0)

    def poll(self, host: FunctionsHost | None = None) -> int:
        """One turn of the host (another than the app's own, where one is given): how many messages it took."""
        received = list(self.client.receive_messages(max_messages=self._options["batchSize"], visibility_timeout=600))
        for message in received:
            self._process(message, host or self._azure.host)
        return len(received)

    def _process(self, message: Any, host: FunctionsHost) -> None:
        try:
            text = base64.b64decode(message.content).decode()
            host.queue(self._function, text, message.id, message.dequeue_count)
        except FunctionFailed:
            if message.dequeue_count < self.last:
                self.client.update_message(message, visibility_timeout=self._again)
                return
            self.poison.send_message(message.content)
        self.client.delete_message(message)

    def run(self) -> int:
        """Turns until the queue is empty; how many it took."""
        turns = 0
        while self.poll():
            turns += 1
            assert turns < 20, "the host never gives up"
        return turns

    def forget(self) -> None:
        """Throw the poisoned messages away."""
        self.poison.clear_messages()

    def redrive(self) -> None:
        """Put the poisoned messages back into the queue."""
        for message in list(self.poison.receive_messages()):
            self.client.send_message(message.content)
            self.poison.delete_message(message)
