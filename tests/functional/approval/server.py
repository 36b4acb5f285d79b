"""The approval page on a loopback port, as a browser meets it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from handlers import approval
from stanch.approval.links import PARAMETER
from stanch.decision import Identity
from tests.unit.approval.desk import LINKS, Desk


class Site(ThreadingHTTPServer):
    """Answers for one desk. `caller` is whom a cloud's sign-in would have verified; `seen` lists the requests."""

    daemon_threads = True

    def __init__(self, desk: Desk) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.desk = desk
        self.caller: Identity | None = None
        self.seen: list[str] = []

    def url(self, token: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/approval?{PARAMETER}={token}"


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_GET

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        self.server.seen.append(f"{self.command} {parts.path}")
        if parts.path != "/approval":
            self.send_error(404)
            return
        visit = approval.Visit(
            self.command,
            parse_qs(parts.query).get(PARAMETER, [""])[0],
            self.server.caller,
            self.rfile.read(int(self.headers.get("Content-Length") or 0)),
            self.headers.get("Content-Type", ""),
        )
        reply = approval.answer(self.server.desk.deployment, LINKS, visit)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def serving(desk: Desk) -> Iterator[Site]:
    with Site(desk) as site:
        thread = threading.Thread(target=site.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield site
        finally:
            site.shutdown()
            thread.join()
