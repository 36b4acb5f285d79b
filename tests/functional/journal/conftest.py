"""`journal` and `store`: every test that asks for one runs against all the stores. `later` moves the clock by which they judge."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from stanch.journal import Journal
from tests.functional.journal import stores

EVERY = ["sqlite", "moto", "dynamodb_local", "azurite"]


@pytest.fixture(scope="session")
def moto_dynamodb() -> Iterator[str]:
    """The endpoint of moto in this process. DynamoDB's writes are atomic; moto's are where it answers one request at a time."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    assert server._server is not None
    server._server.app = _one_at_a_time(server._server.app)
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def _one_at_a_time(app: Any) -> Callable[..., Any]:
    lock = threading.Lock()

    def answer(environ: Any, start: Any) -> Any:
        with lock:
            return app(environ, start)

    return answer


@pytest.fixture(params=EVERY)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[stores.Store]:
    """A new, empty store."""
    if request.param == "sqlite":
        yield stores.sqlite(tmp_path)
    elif request.param == "azurite":
        with stores.table_storage(request.getfixturevalue("azurite").endpoint("table")) as opened:
            yield opened
    else:
        name = "moto_dynamodb" if request.param == "moto" else "dynamodb_local"
        with stores.dynamodb(request.getfixturevalue(name)) as opened:
            yield opened


@pytest.fixture
def journal(store: stores.Store) -> Journal:
    """One handle on a new, empty store."""
    return store()


@pytest.fixture
def zone() -> Iterator[Callable[[str], None]]:
    """Moves this machine to a time zone for as long as the test runs."""
    with pytest.MonkeyPatch.context() as patch:

        def move(name: str) -> None:
            patch.setenv("TZ", name)
            time.tzset()

        yield move
    time.tzset()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the wall clock of the journal, and of nothing else, by so many seconds from now."""

    def move(seconds: float) -> None:
        at = time.time() + seconds
        monkeypatch.setattr("stanch.journal.stored.time", SimpleNamespace(time=lambda: at))

    return move
