"""HTTP/1.1 as the stub needs it: requests out of a byte stream, replies into it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit


@dataclass(slots=True)
class Request:
    """One request. `headers` have lower-case names."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    def form(self) -> dict[str, str]:
        """The body of AWS's query protocol."""
        return dict(parse_qsl(self.body.decode()))


@dataclass(slots=True)
class Reply:
    """`call` names the API operation for the log; '' keeps it out of it."""

    call: str
    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, call: str, value: object, status: int = 200, **headers: str) -> Reply:
        return cls(call, status, json.dumps(value).encode(), "application/json", headers)

    def encoded(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Reply", f"Content-Length: {len(self.body)}"]
        lines += [f"Content-Type: {self.kind}"] if self.body else []
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


Answer = Callable[[Request, float], tuple[Reply, float]]
"""From a request and the time it came to its reply and the seconds to wait before it is sent."""


class Connection(asyncio.Protocol):
    """Keeps a connection alive and answers its requests in order. Bodies must say their length: no SDK chunks what it sends here."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (request := self._next()) is not None:
            reply, delay = self._answer(request, time.monotonic())
            asyncio.get_running_loop().call_later(delay, self._send, reply.encoded()) if delay else self._send(
                reply.encoded()
            )

    def _send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _next(self) -> Request | None:
        head, mark, rest = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if headers.get("expect", "").lower() == "100-continue" and len(rest) < length:
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if len(rest) < length:
            return None
        self._buffer = rest[length:]
        method, target, _ = first.split(" ", 2)
        return Request(method, target, headers, rest[:length])
