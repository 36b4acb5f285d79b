"""Reads and writes of the Azure journal's table: complete, sure of their own writes, and with errors of Stanch's kind."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.data.tables import TableClient, TableEntity, UpdateMode

from stanch.clouds.azure_errors import translate
from stanch.errors import CloudError, Gone, StanchError, Throttled
from stanch.journal.table_storage_rows import Entity, body_of, part_keys

Operation = tuple[str, Entity, Mapping[str, Any]]

REMEMBERED = 200
"""Entity tags that are kept at most; the oldest goes first."""

TRIES = 10
"""How often something is tried again because another invocation came between its read and its write."""

# https://learn.microsoft.com/rest/api/storageservices/table-service-error-codes
_ABSENT = {"ResourceNotFound", "EntityNotFound"}
_CONDITION = {"EntityAlreadyExists", "UpdateConditionNotSatisfied", "ConditionNotMet"} | _ABSENT
_SLOW = {"ServerBusy"}


class ConditionFailed(StanchError):
    """A condition of the write did not hold, so nothing was written; the journal says what that means."""


def create(entity: Entity) -> Operation:
    """Write it if nothing has its key."""
    return "create", entity, {}


def put(entity: Entity) -> Operation:
    """Write it whatever was there."""
    return "upsert", entity, {"mode": UpdateMode.REPLACE}


def replace(entity: Entity, etag: str) -> Operation:
    """Write it if what is there still bears this entity tag."""
    unchanged = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
    return "update", entity, {"mode": UpdateMode.REPLACE, **unchanged}


def delete(key: Mapping[str, Any], etag: str) -> Operation:
    """Delete what has this key if it still bears this entity tag."""
    unchanged = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
    return "delete", {"PartitionKey": key["PartitionKey"], "RowKey": key["RowKey"]}, unchanged


def etag_of(stored: TableEntity) -> str:
    return str(stored.metadata["etag"])


class Etags:
    """The entity tags of what this process wrote last, so that it need not read before its next write. Each is used once.

    Nothing hangs on one being true: a write with a tag that is not fails its condition, and is then made after a read.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, str] = {}
        self._lock = threading.Lock()

    def keep(self, key: Hashable, etag: str | None) -> None:
        with self._lock:
            self._kept.pop(key, None)
            if etag is not None:
                self._kept[key] = etag
            while len(self._kept) > REMEMBERED:
                del self._kept[next(iter(self._kept))]

    def take(self, key: Hashable) -> str | None:
        with self._lock:
            return self._kept.pop(key, None)


class StorageTable:
    """One table through an `azure.data.tables.TableClient`."""

    def __init__(self, client: TableClient) -> None:
        self._client = client

    def write(self, proof: Entity, *operations: Operation) -> dict[str, str]:
        """All of the operations or none; the new entity tags by RowKey, none where the answer was lost. Raises ConditionFailed.

        The SDK repeats a transaction that a server error answered though it may have been done, and the repeat then meets its own write. So one entity that it
        writes, `proof`, is signed, and read back before a failed condition is believed.
        """
        signature = str(uuid4())
        signed = [
            (verb, {**entity, "writer": signature} if entity is proof else entity, options)
            for verb, entity, options in operations
        ]
        try:
            with _translated("transaction"):
                answers = self._client.submit_transaction(signed)
        except ConditionFailed:
            stored = self.get(proof)
            if stored is None or stored.get("writer") != signature:
                raise
            return {}
        rows = [str(entity["RowKey"]) for _, entity, _ in signed]
        return {row: answer["etag"] for row, answer in zip(rows, answers, strict=True) if "etag" in answer}

    def written(self, proof: Entity, *operations: Operation) -> bool:
        """As `write`; False, and nothing written, if a condition did not hold."""
        try:
            self.write(proof, *operations)
        except ConditionFailed:
            return False
        return True

    def get(self, key: Mapping[str, Any]) -> TableEntity | None:
        """The entity; None if it is not there."""
        with _translated("get"):
            try:
                return self._client.get_entity(key["PartitionKey"], key["RowKey"])
            except ResourceNotFoundError as error:
                if _code(error) in _ABSENT:
                    return None
                raise

    def either(self, *keys: Mapping[str, Any]) -> list[TableEntity | None]:
        """Entities of one partition, in one round trip; None for what is not there."""
        parameters = {f"row{number}": key["RowKey"] for number, key in enumerate(keys)}
        among = " or ".join(f"RowKey eq @{name}" for name in parameters)
        found = self.rows(
            f"PartitionKey eq @partition and ( {among} )", partition=keys[0]["PartitionKey"], **parameters
        )
        by_row = {entity["RowKey"]: entity for entity in found}
        return [by_row.get(key["RowKey"]) for key in keys]

    def body(self, key: Mapping[str, Any]) -> tuple[TableEntity, str] | None:
        """The entity with its whole body, parts put together; None if it is not there."""
        for attempt in range(TRIES):
            head = self.get(key)
            if head is None:
                return None
            body = body_of([head, *(self.get(part) for part in part_keys(head))])
            if body is not None:
                return head, body
            pause(attempt)
        raise Throttled("the journal's record is being written again and again")

    def rows(self, condition: str, select: list[str] | None = None, **parameters: Any) -> list[TableEntity]:
        """Every entity that fits the OData condition, page by page."""
        with _translated("query"):
            return list(self._client.query_entities(condition, select=select, parameters=parameters))


def pause(attempt: int) -> None:
    """Wait a little longer each time, by chance, so that rivals come apart."""
    time.sleep(random.uniform(0, 0.02 * 2 ** min(attempt, 5)))  # noqa: S311


@contextmanager
def _translated(operation: str) -> Iterator[None]:
    try:
        yield
    except HttpResponseError as error:
        code = _code(error)
        if operation == "transaction" and code in _CONDITION:
            raise ConditionFailed(f"journal: {code}") from error
        if code in _SLOW:
            raise Throttled(f"journal:{operation}: {error.message}") from error
        found = translate(f"journal:{operation}", error)
        # A missing table must not read as a missing resource.
        raise (CloudError(found.operation, code, found.message) if isinstance(found, Gone) else found) from error
    except AzureError as error:
        raise translate(f"journal:{operation}", error) from error


def _code(error: HttpResponseError) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")
