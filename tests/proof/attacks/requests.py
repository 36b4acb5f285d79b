"""Addresses in events, approvals and settings: no request leaves to any of them."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from stanch.approval.links import Links
from stanch.clouds.azure_queues import PoisonQueue
from stanch.errors import InvalidInput, StanchError
from stanch.notify.teams import TeamsChannel
from tests.proof.attacks import Tried
from tests.proof.attacks.approvals import foreign_tokens
from tests.proof.entrances import judged
from tests.proof.figure import Size
from tests.proof.incoming import ROOT
from tests.proof.mutation import paths
from tests.proof.seeded import World, entered
from tests.unit.notify.samples import report
from tests.unit.notify.test_notify_webhook_urls import PATH, REFUSED

PAYLOADS = (
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/", "http://169.254.169.254/metadata/identity/oauth2/token", "http://[fd00:ec2::254]/latest/meta-data/", "http://169.254.170.2/v2/credentials",
    "http://2852039166/", "http://0xa9fea9fe/", "http://metadata.google.internal/", "http://127.0.0.1:{trap}/x", "https://localhost:{trap}/x", "http://[::1]:{trap}/x", "http://0.0.0.0:{trap}/", "file:///etc/passwd",
    "gopher://127.0.0.1:{trap}/_x", "ftp://127.0.0.1:{trap}/x", "dict://127.0.0.1:{trap}/", "ldap://127.0.0.1:{trap}/a", "//127.0.0.1:{trap}/x", "http://trap.evil.example/", "\\\\evil.example\\share",
    "https://prod-1.westeurope.logic.azure.com.evil.example/", "https://management.azure.com@127.0.0.1:{trap}/", "@127.0.0.1:{trap}", "127.0.0.1:{trap}", "evil.example", "169.254.169.254", "/subscriptions/../../@127.0.0.1:{trap}/",
)  # fmt: skip

_watched: list[tuple[set[Any], list[str]]] = []


def _audit(name: str, arguments: tuple[Any, ...]) -> None:
    """Python tells of every name that is looked up and every connection that is made."""
    if not _watched or name not in ("socket.getaddrinfo", "socket.connect", "socket.gethostbyname"):
        return
    known, found = _watched[-1]
    address = arguments[1] if name == "socket.connect" else arguments
    where = address[:2] if isinstance(address, tuple) else address
    if where not in known and not (
        isinstance(where, tuple) and (where[0], str(where[1] if len(where) > 1 else "")) in known
    ):
        found.append(f"{name} {where!a}")


@contextmanager
def watched(ports: set[int]) -> Iterator[list[str]]:
    """What was asked for beyond this machine's own clouds, whose ports these are."""
    if not _watched:
        sys.addaudithook(_audit)
    known = {(host, port) for host in ("127.0.0.1", "localhost") for one in ports for port in (one, str(one))}
    found: list[str] = []
    _watched.append((known, found))
    try:
        yield found
    finally:
        _watched[-1] = (known, [])  # an audit hook stays: from here on nobody reads what it finds


@contextmanager
def trap() -> Iterator[tuple[int, list[str]]]:
    """A port that nobody has a reason to connect to, and who did."""
    met: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                with suppress(OSError):
                    connection, address = listening.accept()
                    met.append(str(address))
                    connection.close()

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield listening.getsockname()[1], met
        finally:
            over.set()
            thread.join()


def attack(size: Size, folder: Path) -> Tried:
    tried = Tried("addresses that ask for a request")
    with (
        entered(folder / "requests") as world,
        trap() as (port, met),
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
    ):
        with watched(_ports(world)) as found:
            _in_events(tried, world, port, found, size)
            _in_tokens(tried, world, found)
            _in_settings(tried, port, found)
        tried.held("the trap met nobody", not met, met)
    return tried


def _ports(world: World) -> set[int]:
    running = world.clouds.running
    assert running is not None
    return {
        int(url.partition("://")[2].partition("/")[0].rpartition(":")[2])
        for url in (running.aws, running.azure, running.teams)
    }


def _in_events(tried: Tried, world: World, port: int, found: list[str], size: Size) -> None:
    """In every field of every sample and request, one address after the other."""
    number = 0
    for door in world.doors:
        for seed in door.seeds[: len(list((ROOT / "events" / door.name).glob("*.json"))) or None]:
            for at, way in enumerate(paths(seed, 400)):
                number += 1
                if not isinstance(_at(seed, way), str) or (size == "bounded" and number % 40):
                    continue
                event = json.loads(json.dumps(seed))
                _at(event, way[:-1])[way[-1]] = PAYLOADS[(number + at) % len(PAYLOADS)].format(trap=port)
                verdict, _ = judged(door, event, json.dumps(event))
                where = f"{door.name} {'.'.join(map(str, way))}"
                tried.held(where, not verdict.wrong and not found, verdict.wrong or found)
                found.clear()


def _at(event: Any, way: tuple[Any, ...]) -> Any:
    for key in way:
        event = event[key]
    return event


def _in_tokens(tried: Tried, world: World, found: list[str]) -> None:
    """Headers that name where a key is to be fetched."""
    door = next(one for one in world.doors if one.name == "approval")
    for token in foreign_tokens():
        visit = door.seeds[1] | {"queryStringParameters": {"t": token}}
        verdict, _ = judged(door, visit, None)
        tried.held("a token that names its key's place", not verdict.wrong and not found, verdict.wrong or found)
        found.clear()


def _in_settings(tried: Tried, port: int, found: list[str]) -> None:
    """As webhook, as the approval page's URL, as a poison queue."""
    for payload in (*(f"{base}{PATH}" for base in REFUSED.values()), *(one.format(trap=port) for one in PAYLOADS)):
        for what, use in (
            ("webhook", lambda given: TeamsChannel("soc", lambda: given).send(report())),
            (
                "approval page",
                lambda given: Links.from_environment({"STANCH_SIGNING_SECRET": "s", "STANCH_APPROVAL_URL": given}, str),
            ),
            ("poison queue", lambda given: PoisonQueue(_nobody, given).waiting()),
        ):
            refused = False
            try:
                use(payload)
            except (StanchError, InvalidInput):
                refused = True
            tried.held(f"{what} {payload}", not found and (refused or what == "approval page"), found)
            found.clear()


def _nobody() -> Any:
    raise InvalidInput("credential", "a token was asked for")
