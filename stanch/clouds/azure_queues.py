"""Poison queues on Azure: what lies in them, and back with it to where it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

from stanch.clouds.azure_errors import translate
from stanch.errors import Gone, InvalidInput
from stanch.sweep.turn import Waiting

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

POISON = "-poison"
"""What the Functions host adds to a queue's name
(https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#poison-messages)."""

HIDDEN = 60
"""Seconds for which a message that is being moved is shown to nobody else."""


class PoisonQueue:
    """One poison queue by its URL. Messages are moved as they are, base64 and all. Redriving needs the role Storage Queue Data Contributor."""

    def __init__(self, credential: Callable[[], TokenCredential], url: str) -> None:
        """Raises InvalidInput for a URL that is none of a poison queue: tokens go nowhere else."""
        if _scheme(url) != "https" or not url.endswith(POISON):
            raise InvalidInput(
                "STANCH_POISON_QUEUES", f"must be https URLs of queues that end in {POISON}, not {url!r}"
            )
        self._credential, self._url = credential, url
        self.name = url.rpartition("/")[2]

    def waiting(self) -> Waiting:
        """The count and the time of the first message. A queue that does not exist has never been needed. Raises the error tree's kinds."""
        try:
            with self._client(self._url) as queue:
                count = queue.get_queue_properties().approximate_message_count or 0
                first = queue.peek_messages(max_messages=1) if count else []
        except Gone:
            return Waiting(0)
        return Waiting(count, first[0].inserted_on if first else None)

    def redrive(self, limit: int | None = None) -> int:
        """Send each message to the queue without the suffix, then delete it here."""
        moved = 0
        left = self.waiting().count if limit is None else limit
        if not left:
            return 0
        with self._client(self._url) as queue, self._client(self._url.removesuffix(POISON)) as target:
            for message in queue.receive_messages(max_messages=left, visibility_timeout=HIDDEN):
                target.send_message(message.content)
                queue.delete_message(message)
                moved += 1
        return moved

    @contextmanager
    def _client(self, url: str) -> Iterator[QueueClient]:
        # The SDK's import takes a tenth of a second that no other function needs; by itself it would wait 15 s before it tries again.
        from azure.storage.queue import LinearRetry, QueueClient

        patience: dict[str, Any] = {
            "retry_policy": LinearRetry(backoff=1, retry_total=2),
            "connection_timeout": 5,
            "read_timeout": 20,
        }
        with (
            _translated(url.rpartition("/")[2]),
            QueueClient.from_queue_url(url, credential=self._credential(), **patience) as client,
        ):
            yield client


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except AzureError as error:
        raise translate(f"queue {name}", error) from error


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:  # what is no URL has none
        return ""
