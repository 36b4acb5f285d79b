"""Servers on loopback that answer as a store in trouble does: with errors, or without the answer to what they did."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""

Request = tuple[str, str, dict[str, str], bytes]
"""Method, path, headers, body."""


@contextmanager
def serving(answer: Callable[[Request], Answer]) -> Iterator[str]:
    """The URL of a server that answers every request with what `answer` makes of it."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, content = answer((self.command, self.path, dict(self.headers), body))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Forgetful:
    """Stands before a real store and passes everything on, but answers the next `lose` writes with a server's error although they were done."""

    def __init__(self, target: str, is_write: Callable[[Request], bool]) -> None:
        self.target, self._is_write = target, is_write
        self.lose = 0
        self.lost = 0

    def __call__(self, request: Request) -> Answer:
        answer = self._pass_on(request)
        if self.lose and self._is_write(request):
            self.lose, self.lost = self.lose - 1, self.lost + 1
            return 500, {"Content-Type": "application/json"}, b"{}"
        return answer

    def _pass_on(self, request: Request) -> Answer:
        method, path, headers, body = request
        passed = {name: value for name, value in headers.items() if name.lower() not in ("host", "connection")}
        forwarded = urllib.request.Request(self.target + path, body or None, passed, method=method)
        try:
            with urllib.request.urlopen(forwarded) as response:
                return response.status, _kept(dict(response.headers)), response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _kept(dict(error.headers)), error.read()


def _kept(headers: dict[str, str]) -> dict[str, str]:
    dropped = ("content-length", "transfer-encoding", "connection", "date", "server")
    return {name: value for name, value in headers.items() if name.lower() not in dropped}
