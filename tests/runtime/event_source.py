"""From the event bus to the function, as the template wires it: rule → queue → event source mapping → function, and the dead-letter queue beside it."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import Any

from tests.functional.local_aws.lab import HOME
from tests.runtime import events, template
from tests.runtime.aws_stack import Stack
from tests.runtime.rie import ExecutionEnvironment, FunctionError


class EventSource:
    """One source's way in. Without a visibility timeout (seconds) what comes again comes at once.

    How the mapping treats messages: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html.
    """

    def __init__(self, stack: Stack, source: str, visibility: int = 0) -> None:
        self._stack, self._sqs, self._bus = stack, stack.client("sqs"), stack.client("events")
        self._one = threading.Lock()  # moto's queues are not made for two who take from one at the same moment
        self._function = f"{source}Function"
        self._mapping = template.properties(self._function)["Events"]["Queue"]["Properties"]
        name = f"{stack.table}-{source}"
        self.dead = self._queue(f"{name}-dead", {})
        redrive = template.properties(f"{source}Queue")["RedrivePolicy"] | {"deadLetterTargetArn": self._arn(self.dead)}
        self.queue = self._queue(name, {"VisibilityTimeout": str(visibility), "RedrivePolicy": json.dumps(redrive)})
        pattern = _resolved(template.properties(f"{source}Rule")["EventPattern"])
        self._bus.put_rule(Name=name, EventPattern=json.dumps(pattern))
        self._bus.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": self._arn(self.queue)}])

    def _queue(self, name: str, attributes: dict[str, str]) -> str:
        return str(self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def _arn(self, queue: str) -> str:
        asked = self._sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        return str(asked["Attributes"]["QueueArn"])

    def emit(self, event: dict[str, Any]) -> None:
        """Put the event on the bus of its account: the responder's own."""
        entry = {"Source": event["source"], "DetailType": event["detail-type"], "Detail": json.dumps(event["detail"])}
        assert self._bus.put_events(Entries=[entry])["FailedEntryCount"] == 0

    def send(self, body: str) -> None:
        """Put a message into the queue past the rule."""
        self._sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    def waiting(self, queue: str) -> int:
        """How many messages there are in a queue."""
        name = "ApproximateNumberOfMessages"
        return int(self._sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])["Attributes"][name])

    def left(self) -> int:
        """How many messages are in the queue, those included that are being worked on or wait to become visible again."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def poll(self, function: ExecutionEnvironment | None = None) -> int:
        """One turn of the mapping: how many messages it took. What the function did not finish stays in the queue. `function` is another environment than the stack's."""
        with self._one:
            received = self._sqs.receive_message(
                QueueUrl=self.queue, MaxNumberOfMessages=self._mapping["BatchSize"], AttributeNames=["All"]
            ).get("Messages", [])
        if received:
            for handle in self._finished(received, function or self._stack.function(self._function)):
                # moto refuses the handle of a message that was received again meanwhile; SQS takes it.
                with self._one, suppress(self._sqs.exceptions.ReceiptHandleIsInvalid):
                    self._sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=handle)
        return len(received)

    def _finished(self, received: list[dict[str, Any]], function: ExecutionEnvironment) -> list[str]:
        records = [
            events.record(one["MessageId"], one["Body"], int(one["Attributes"]["ApproximateReceiveCount"]))
            for one in received
        ]
        try:
            answer = function.invoke({"Records": records})
        except FunctionError:
            return []
        again = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        return [one["ReceiptHandle"] for one in received if one["MessageId"] not in again]

    def run(self) -> int:
        """Turns until the queue is empty; how many it took."""
        turns = 0
        while self.poll():
            turns += 1
            assert turns < 20, "the queue never gives up"
        return turns

    def forget(self) -> None:
        """Throw the dead letters away."""
        self._sqs.purge_queue(QueueUrl=self.dead)

    def redrive(self) -> None:
        """Put the dead letters back into the queue, as `StartMessageMoveTask` does."""
        for one in self._sqs.receive_message(QueueUrl=self.dead, MaxNumberOfMessages=10).get("Messages", []):
            self.send(one["Body"])
            self._sqs.delete_message(QueueUrl=self.dead, ReceiptHandle=one["ReceiptHandle"])


def _resolved(pattern: Any) -> Any:
    """The pattern with the deployment's own account in it."""
    if pattern == {"Ref": "AWS::AccountId"}:
        return HOME
    if isinstance(pattern, dict):
        return {name: _resolved(value) for name, value in pattern.items()}
    return [_resolved(value) for value in pattern] if isinstance(pattern, list) else pattern
