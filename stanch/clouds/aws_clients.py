"""botocore's clients, made late and kept: one a service, region and set of credentials, all of them over one TLS context."""

from __future__ import annotations

import platform
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from types import ModuleType
from typing import Any

import botocore
import botocore.httpsession
import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import NoCredentialsError
from botocore.loaders import Loader, create_loader
from botocore.utils import parse_timestamp

from stanch import __version__

ACTION: ContextVar[str] = ContextVar("stanch_action", default="")
"""The id of the action that the call under way belongs to; CloudTrail shows it in the user agent."""

Keys = tuple[str, str, str]
"""Access key id, secret access key, session token."""

KEYS: ContextVar[Keys | None] = ContextVar("stanch_keys", default=None)
"""With whose credentials the call under way is signed, where one client serves the roles of all accounts."""

AGENT = f"stanch/{__version__} Botocore/{botocore.__version__} lang/python#{platform.python_version()}"
"""Left to itself botocore puts the user agent together twice for every request, which is a sixth of what a request costs."""

CONNECTIONS = 50
"""At once to one service: a batch of ten events reads three things of each."""


_MAKING = threading.Lock()


class Borrowed(Credentials):
    """The credentials of the call under way. A client costs as much as thirty calls, so a new one for every role would be what events wait for."""

    def __init__(self) -> None:
        super().__init__("borrowed", "borrowed", "borrowed", method="stanch")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Raises NoCredentialsError outside a call that says whose they are: nothing is ever signed with another account's."""
        keys = KEYS.get()
        if keys is None:
            raise NoCredentialsError()
        return ReadOnlyCredentials(*keys)


class _Lender:
    """What botocore asks for credentials."""

    def load_credentials(self) -> Borrowed:
        return Borrowed()


class Clients:
    """The clients of one deployment's own credentials, which botocore finds itself, or of those that calls say (`borrowed`). `local` means a cloud on this machine."""

    def __init__(self, region: str, *, borrowed: bool = False, local: bool = False, config: Config | None = None) -> None:  # fmt: skip
        self._session = botocore.session.get_session()
        self._session.register_component("data_loader", _models())
        self._session.set_config_variable("region", region)
        # dateutil guesses at formats; AWS writes RFC 3339, and what is something else botocore still reads.
        self._session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_moment)
        if borrowed:
            self._session.register_component("credential_provider", _Lender())
        self._local, self._config = local, config or _config(local)
        self._clients: dict[tuple[str, str], Any] = {}
        self._paginators: dict[tuple[int, str], Any] = {}

    def client(self, service: str, region: str) -> Any:
        """botocore's client creation is not thread-safe, hence the lock."""
        key = (service, region)
        found = self._clients.get(key)
        if found is None:
            with _MAKING:
                found = self._clients.get(key) or self._made(service, region)
                self._clients[key] = found
        return found

    def paginator(self, client: Any, operation: str) -> Any:
        """The paginator of an operation, made once."""
        key = (id(client), operation)
        if key not in self._paginators:
            self._paginators[key] = client.get_paginator(operation)
        return self._paginators[key]

    def _made(self, service: str, region: str) -> Any:
        # The journal's items are made and tested in one place; checking each of their attributes again takes as long as signing.
        config = self._config.merge(Config(parameter_validation=service != "dynamodb"))
        # botocore makes every client a TLS context of its own, in one place, and offers no other way to hand one in.
        context = _tls_context()
        with _patched(botocore.httpsession, "create_urllib3_context", lambda: context):
            made: Any = self._session.create_client(service, region_name=region, config=config)
        made.meta.events.register_last("request-created", _say_action)
        if service == "s3control" and self._local:
            made.meta.events.register("before-sign.s3-control", _without_account_host)
        return made


@cache
def _config(local: bool) -> Config:
    # A loopback endpoint has no wildcard name for the account-id host prefix of s3control.
    return Config(
        retries={"mode": "standard", "total_max_attempts": 4},
        connect_timeout=3,
        read_timeout=20,
        max_pool_connections=CONNECTIONS,
        user_agent=AGENT,
        inject_host_prefix=not local,
    )


@cache
def _models() -> Loader:
    """botocore reads and parses a service's model once for a process, not once for every assumed role."""
    return create_loader()


def _moment(value: Any) -> datetime:
    if isinstance(value, str) and value[4:5] == "-" and value.endswith("Z"):
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    found: datetime = parse_timestamp(value)
    return found


def _say_action(request: Any, **_: Any) -> None:
    """The user agent is not signed, so that it may be set last of all. Others, such as Powertools, append a second header rather than replace the first."""
    del request.headers["User-Agent"]
    request.headers["User-Agent"] = f"{AGENT} md/action#{ACTION.get() or 'none'}"


def _without_account_host(request: Any, **_: Any) -> None:
    """S3 Control's endpoint rules put the account id before the host, which a loopback address cannot bear."""
    head, _, rest = request.url.partition("://")
    account, dot, host = rest.partition(".")
    if dot and account.isdigit() and len(account) == 12:
        request.url = f"{head}://{host}"


class _Context(ssl.SSLContext):
    """A TLS context that reads a CA bundle once: urllib3 has it read anew for every connection, which takes longer than the handshake."""

    def __init__(self, *_: Any) -> None:
        self._read: set[Any] = set()
        self._reading = threading.Lock()

    def load_verify_locations(self, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        with self._reading:
            if (cafile, capath, cadata) not in self._read:
                super().load_verify_locations(cafile, capath, cadata)
                self._read.add((cafile, capath, cadata))


@cache
def _tls_context() -> ssl.SSLContext:
    """Made as botocore makes it, but of the class above."""
    with _patched(botocore.httpsession, "SSLContext", _Context):
        context: ssl.SSLContext = botocore.httpsession.create_urllib3_context()
    return context


@contextmanager
def _patched(module: ModuleType, name: str, value: Any) -> Iterator[None]:
    """Another value under a name that the module has. Raises AttributeError if it has none."""
    former = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, former)
