"""The stores that the conformance suite runs against, each new and empty, and reached through as many handles as a test asks for."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import botocore.session
from azure.core.credentials import AzureNamedKeyCredential
from azure.data.tables import TableClient
from botocore.config import Config

from stanch.journal import Journal
from stanch.journal.dynamodb import DynamoJournal
from stanch.journal.dynamodb_table import create_table
from stanch.journal.sqlite import SqliteJournal
from stanch.journal.table_storage import TableJournal
from tests.tools.azurite import ACCOUNT, KEY

Store = Callable[[], Journal]
"""Each call is a new handle on the same data, as another process would have it."""

_SESSION = botocore.session.Session()
"""Shared, because it reads the service model from disk once."""


def sqlite(folder: Path) -> Store:
    """A file in the folder."""
    return lambda: SqliteJournal(str(folder / "journal.db"))


def dynamodb_client(endpoint: str, **options: Any) -> Any:
    """A botocore client for a DynamoDB on this machine."""
    return _SESSION.create_client(
        "dynamodb",
        region_name="eu-west-1",
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(connect_timeout=5, read_timeout=30, max_pool_connections=16, **options),
    )


@contextmanager
def dynamodb(endpoint: str) -> Iterator[Store]:
    """A table made from the definition that is deployed."""
    with closing(dynamodb_client(endpoint)) as client:
        name = f"journal-{uuid.uuid4().hex[:8]}"
        create_table(client, name)
        yield lambda: DynamoJournal(client, name)


def table_client(endpoint: str, name: str, key: str = KEY, **options: Any) -> TableClient:
    """A client for a table of the storage emulator."""
    credential = AzureNamedKeyCredential(ACCOUNT, key)
    return TableClient(endpoint, name, credential=credential, retry_backoff_factor=0.05, **options)


@contextmanager
def table_storage(endpoint: str) -> Iterator[Store]:
    """A table with the SDK's own defaults, but for shorter waits between its retries."""
    with table_client(endpoint, f"journal{uuid.uuid4().hex[:8]}") as client:
        client.create_table()
        yield lambda: TableJournal(client)
