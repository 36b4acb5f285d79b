"""Local clouds of a test's own, and what was asked of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from handlers.aws import wiring as aws
from handlers.azure import wiring as azure
from stanch.cli import context
from stanch.cli.context import Context
from stanch.local.process import LocalProcess


@contextmanager
def local_clouds(folder: Path, playbooks: Path | None = None) -> Iterator[Context]:
    """Clouds in `folder`, entered as the command enters them; the environment is as before afterwards."""
    before = dict(os.environ)
    os.environ["STANCH_LOCAL_STATE"] = str(folder)
    os.environ.pop("STANCH_PLAYBOOKS", None)
    try:
        clouds = context.enter("local", None, playbooks)
        assert clouds.running is not None
        requests.delete(f"{clouds.running.aws}/stanch/aws/calls", timeout=60)  # what setting them up took
        yield clouds
    finally:
        LocalProcess(folder).stop()
        os.environ.clear()
        os.environ.update(before)
        for wiring in (aws, azure):
            wiring.reset()


def calls(clouds: Context) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What AWS and Azure were asked so far."""
    assert clouds.running is not None
    of_aws = requests.get(f"{clouds.running.aws}/stanch/aws/calls", timeout=60).json()["calls"]
    azure_url = f"{clouds.running.azure}/stanch/azure/calls"
    return of_aws, requests.get(azure_url, verify=clouds.running.ca, timeout=60).json()["calls"]
