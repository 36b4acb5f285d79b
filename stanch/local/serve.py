"""`python -m stanch.local.serve FOLDER`: the local clouds in one process, until it is ended or its state folder is."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import threading
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

import boto3

from stanch.action import stamp
from stanch.local.aws.server import AwsCloud
from stanch.local.azure.server import AzureCloudServer
from stanch.local.environment import REGION
from stanch.local.process import ALIVE, Running
from stanch.local.teams import TeamsReceiver

LOOK = 1.0
"""Seconds between looks at the state folder: whoever deletes it ends the process."""


def main(folder: Path) -> None:
    """Start everything, say where in `process.json`, and wait."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    alive = _hold(folder)
    aws, azure = AwsCloud(), AzureCloudServer(folder)
    aws.start()
    azure.start()
    teams = TeamsReceiver(azure.tls)
    teams.start()
    running = Running(
        pid=os.getpid(),
        instance=uuid.uuid4().hex,
        aws=aws.url,
        azure=azure.url,
        teams=teams.url,
        ca=str(azure.ca),
        identity_header=azure.identity.header,
        topic=_prepare(aws.url, teams.url),
        started=stamp(),
    )
    file = folder / "process.json"
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(running)))
    partial.rename(file)
    while not ended.wait(LOOK) and _ours(file, running.instance):
        pass
    for server in (aws, azure, teams):
        server.stop()
    alive.close()


def _hold(folder: Path) -> TextIO:
    """The lock that says that this process lives. Whoever asks holds it for a moment, so this waits."""
    handle = (folder / ALIVE).open("w")
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def _ours(file: Path, instance: str) -> bool:
    """Whether the state folder still names this process: a deleted or taken-over folder ends it."""
    try:
        return bool(json.loads(file.read_text())["instance"] == instance)
    except (OSError, ValueError, KeyError):
        return False


def _prepare(aws: str, teams: str) -> str:
    """The topic that reports go to and the secret that holds the webhook's URL."""
    session = boto3.session.Session("LOCALHOMEKEY00000000", "local", region_name=REGION)
    session.client("secretsmanager", endpoint_url=aws).create_secret(Name="stanch-teams", SecretString=teams)
    return str(session.client("sns", endpoint_url=aws).create_topic(Name="stanch-reports")["TopicArn"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
