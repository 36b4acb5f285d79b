"""Reads and writes of the DynamoDB journal's table: retried on conflict, complete, and with errors of Stanch's kind."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from stanch.clouds.aws import translate
from stanch.errors import CloudError, Gone, StanchError, Throttled
from stanch.journal.dynamodb_table import Item, body_of, key_of, part_keys

T = TypeVar("T")

PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4)
"""Seconds (at most) between the tries after a conflict with another transaction."""

BATCH = 100
"""Keys a BatchGetItem may name (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html)."""

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html: the reasons of a cancellation
_CONFLICT = {"TransactionConflict", "TransactionConflictException", "TransactionInProgressException"}
_SLOW = {"ThrottlingError", "ProvisionedThroughputExceeded"}


class ConditionFailed(StanchError):
    """A condition of the write did not hold, so nothing was written; the journal says what that means."""


class _Conflict(Throttled):
    """Another transaction was at the same items: worth a second try at once."""


class DynamoTable:
    """One table through a botocore DynamoDB client."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name

    def write(self, *writes: Mapping[str, Mapping[str, Any]]) -> None:
        """All of the writes or none. Raises ConditionFailed.

        botocore sends one ClientRequestToken with all tries of a call, so that a repeat after a lost answer finds its own write done.
        """
        named = [{verb: {"TableName": self._name, **what} for verb, what in write.items()} for write in writes]

        def attempt() -> None:
            with _translated("TransactWriteItems"):
                self._client.transact_write_items(TransactItems=named)

        _patiently(attempt)

    def written(self, *writes: Mapping[str, Mapping[str, Any]]) -> bool:
        """As `write`; False, and nothing written, if a condition did not hold."""
        try:
            self.write(*writes)
        except ConditionFailed:
            return False
        return True

    def update(self, key: Item, **arguments: Any) -> Item:
        """The item as an UpdateItem left it. Raises ConditionFailed. A try whose answer is lost may have been done, and botocore tries again."""

        def attempt() -> Item:
            with _translated("UpdateItem"):
                answer = self._client.update_item(TableName=self._name, Key=key, ReturnValues="ALL_NEW", **arguments)
            item: Item = answer["Attributes"]
            return item

        return _patiently(attempt)

    def together(self, *keys: Item) -> list[Item | None]:
        """The items as they stood at one moment; None for what is not there."""
        named = [{"Get": {"TableName": self._name, "Key": key}} for key in keys]

        def attempt() -> list[Item | None]:
            with _translated("TransactGetItems"):
                answer = self._client.transact_get_items(TransactItems=named)
            return [found.get("Item") or None for found in answer["Responses"]]

        return _patiently(attempt)

    def bodies(self, keys: Sequence[Item]) -> list[tuple[Item, str] | None]:
        """Each key's item with its whole body, parts put together; strongly consistent. None for what is not there."""

        def attempt() -> list[tuple[Item, str] | None]:
            heads = self.items(keys)
            parts = self.items([key for head in heads.values() for key in part_keys(head)])
            found: dict[tuple[str, str], tuple[Item, str]] = {}
            for name, head in heads.items():
                body = body_of(head, [parts.get(key_of(key)) for key in part_keys(head)])
                if body is None:
                    raise _Conflict("the journal's record was written while it was read")
                found[name] = head, body
            return [found.get(key_of(key)) for key in keys]

        return _patiently(attempt)

    def items(self, keys: Sequence[Item]) -> dict[tuple[str, str], Item]:
        """The items that are there, by `key_of`; strongly consistent, a round trip for every hundred."""
        found: dict[tuple[str, str], Item] = {}
        waiting = list({key_of(key): key for key in keys}.values())
        while waiting:
            # Each answer brings something: where nothing can be read, DynamoDB raises instead.
            batch, waiting = waiting[:BATCH], waiting[BATCH:]
            with _translated("BatchGetItem"):
                answer = self._client.batch_get_item(RequestItems={self._name: {"Keys": batch, "ConsistentRead": True}})
            found |= {key_of(item): item for item in answer["Responses"].get(self._name, [])}
            waiting += answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
        return found

    def rows(self, operation: str, **arguments: Any) -> list[Item]:
        """Every row of a `query` or a `scan`, page by page."""
        with _translated(operation):
            pages = self._client.get_paginator(operation).paginate(TableName=self._name, **arguments)
            return [item for page in pages for item in page["Items"]]


def _patiently(attempt: Callable[[], T]) -> T:
    for pause in PAUSES:
        try:
            return attempt()
        except _Conflict:
            time.sleep(random.uniform(pause / 2, pause))  # noqa: S311  (spreads the rivals, guards no secret)
    return attempt()


@contextmanager
def _translated(operation: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise _of_client(f"journal:{operation}", error) from error
    except BotoCoreError as error:
        raise translate(f"journal:{operation}", error) from error


def _of_client(operation: str, error: ClientError) -> StanchError:
    code, text = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    reasons = {str(reason.get("Code")) for reason in error.response.get("CancellationReasons", [])}
    if code == "ConditionalCheckFailedException" or "ConditionalCheckFailed" in reasons:
        return ConditionFailed(f"{operation}: {text}")
    if code in _CONFLICT or reasons & (_CONFLICT | _SLOW):
        return _Conflict(f"{operation}: {code}: {text}")
    found = translate(operation, error)
    # A missing table must not read as a missing resource.
    return CloudError(operation, code, text) if isinstance(found, Gone) else found
