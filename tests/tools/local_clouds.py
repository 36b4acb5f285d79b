"""The local clouds in this process, for as long as a fixture lives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stanch.local.aws.server import AwsCloud
from stanch.local.azure.server import AzureCloudServer


@contextmanager
def local_aws() -> Iterator[AwsCloud]:
    server = AwsCloud()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def local_azure(folder: Path) -> Iterator[AzureCloudServer]:
    """`folder` is for its certificates."""
    server = AzureCloudServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
