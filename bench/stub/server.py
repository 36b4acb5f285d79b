"""`python -m bench.stub.server CERTIFICATE KEY`: the stub, until its standard input ends. Its port is the first line it prints.

Beside the clouds it answers `POST /stub/begin` (`{"delay": seconds, "moment": RFC 3339, "account": id}`: forget everything) and `GET /stub/calls`.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from datetime import datetime

from bench.stub.aws import Aws
from bench.stub.azure import Azure
from bench.stub.wire import Connection, Reply, Request


class Stub:
    """Answers every request and keeps the log of calls: `[name, received, answered]` in seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._aws, self._azure = Aws(), Azure()
        self._delay = 0.0
        self._calls: list[tuple[str, float, float]] = []

    def answer(self, request: Request, now: float) -> tuple[Reply, float]:
        if request.path.startswith("/stub/"):
            return self._control(request), 0.0
        reply = self._azure.answer(request) or self._aws.answer(request)
        reply = reply or Reply.json(f"UNKNOWN {request.method} {request.path}", {"error": {"code": "NotFound"}}, 404)
        if reply.call:
            self._calls.append((reply.call, now, now + self._delay))
        return reply, self._delay if reply.call else 0.0

    def _control(self, request: Request) -> Reply:
        if request.path == "/stub/begin":
            given = json.loads(request.body)
            self._delay, self._aws.account = given["delay"], given["account"]
            self._aws.moment = self._azure.moment = datetime.fromisoformat(given["moment"])
            self._calls.clear()
            self._aws.clear()
            self._azure.clear()
            return Reply.json("", {})
        return Reply.json("", self._calls)


async def serve(certificate: str, key: str) -> None:
    """Listen on a free port of loopback."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    stub = Stub()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(stub.answer), "127.0.0.1", 0, ssl=context, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:3]))
