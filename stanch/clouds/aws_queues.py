"""Dead-letter queues on AWS: what lies in them, and back with it to where it came from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from stanch.clouds.aws import AwsSession
from stanch.errors import Refused
from stanch.sweep.turn import Waiting

COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")
AT_ONCE = 10
"""Messages a ReceiveMessage may bring (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html)."""

HIDDEN = 60
"""Seconds for which a message that is being moved is shown to nobody else."""


class SqsDeadLetters:
    """One dead-letter queue by its URL.

    Redriving needs `sqs:ListDeadLetterSourceQueues`, `sqs:ReceiveMessage`, `sqs:DeleteMessage` and `sqs:SendMessage`. StartMessageMoveTask would not do: it leaves what EventBridge put
    here itself (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html).
    """

    def __init__(self, home: Callable[[], AwsSession], url: str) -> None:
        self._home, self._url = home, url
        self.name = url.rpartition("/")[2]

    def waiting(self) -> Waiting:
        """The count, and the oldest of up to ten messages that are looked at; they stay visible. Raises the error tree's kinds."""
        count = self._count()
        return Waiting(count, self._oldest() if count else None)

    def redrive(self, limit: int | None = None) -> int:
        """Send each message to the queue whose dead letters these are, then delete it here. Raises Refused where that is not one queue."""
        target, left = self._source(), self._count() if limit is None else limit
        moved = 0
        while moved < left:
            messages = self._receive(min(AT_ONCE, left - moved), HIDDEN)
            if not messages:
                break
            for message in messages:
                self._call("send_message", QueueUrl=target, MessageBody=message["Body"])
                self._call("delete_message", QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
                moved += 1
        return moved

    def _count(self) -> int:
        answer = self._call("get_queue_attributes", QueueUrl=self._url, AttributeNames=list(COUNTS))
        return sum(int(answer["Attributes"].get(name, 0)) for name in COUNTS)

    def _oldest(self) -> datetime | None:
        sent = [int(message["Attributes"]["SentTimestamp"]) / 1000 for message in self._receive(AT_ONCE, 0)]
        return datetime.fromtimestamp(min(sent), UTC) if sent else None

    def _source(self) -> str:
        found = self._home().pages("sqs", "list_dead_letter_source_queues", "queueUrls", QueueUrl=self._url)
        if len(found) != 1:
            named = ", ".join(found) or "none"
            raise Refused("redrive", f"one queue must name {self.name} as its dead-letter queue, and these do: {named}")
        return str(found[0])

    def _receive(self, number: int, hidden: int) -> list[dict[str, Any]]:
        # A second of waiting asks all of the queue's servers; without, some are left out.
        answer = self._call(
            "receive_message", QueueUrl=self._url, MaxNumberOfMessages=number, VisibilityTimeout=hidden, WaitTimeSeconds=1,
            MessageSystemAttributeNames=["SentTimestamp"],
        )  # fmt: skip
        return list(answer.get("Messages", []))

    def _call(self, operation: str, **params: Any) -> Any:
        return self._home().call("sqs", operation, **params)
