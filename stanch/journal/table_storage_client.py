"""Reads and writes of the Azure journal's table: complete, sure of their own writes, and with errors of Stanch's kind."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
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


def replace(entity: Entity, stored: TableEntity) -> Operation:
    """Write it if what is there is still as it was read."""
    unchanged = {"etag": stored.metadata["etag"], "match_condition": MatchConditions.IfNotModified}
    return "update", entity, {"mode": UpdateMode.REPLACE, **unchanged}


def delete(stored: TableEntity) -> Operation:
    """Delete it if it is still as it was read."""
    unchanged = {"etag": stored.metadata["etag"], "match_condition": MatchConditions.IfNotModified}
    return "delete", {"PartitionKey": stored["PartitionKey"], "RowKey": stored["RowKey"]}, unchanged


class StorageTable:
    """One table through an `azure.data.tables.TableClient`."""

    def __init__(self, client: TableClient) -> None:
        self._client = client

    def write(self, proof: Entity, *operations: Operation) -> None:
        """All of the operations or none. Raises ConditionFailed.

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
                self._client.submit_transaction(signed)
        except ConditionFailed:
            stored = self.get(proof)
            if stored is None or stored.get("writer") != signature:
                raise

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
