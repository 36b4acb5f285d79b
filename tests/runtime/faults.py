"""A loopback proxy before the local AWS that can make single requests fail, hang or fatal."""

from __future__ import annotations

import http.client
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` requests whose text (`METHOD PATH TARGET`, a line break, the body) fits the regular expression.

    With `forward` the request takes effect first. `act` gives what the caller gets instead of the real answer: None drops the connection.
    """

    pattern: str
    act: Callable[[], Answer | None]
    forward: bool = False
    times: int = 1


class FaultyProxy:
    """Forwards everything to `upstream` but what was arranged to fail."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._released = threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _serve(self) -> None:
                answer = proxy._answer(self)
                if answer is None:
                    self.close_connection = True
                    return
                headers = {**answer.headers, "Content-Length": str(len(answer.body))}
                lines = [f"HTTP/1.1 {answer.status} said", *(f"{name}: {value}" for name, value in headers.items())]
                self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def arrange(self, fault: Fault) -> None:
        """Let it happen."""
        with self._lock:
            self._faults.append(fault)

    def throttle(self, pattern: str, times: int = 4) -> None:
        """Refuse requests of the query protocol; four are what one call of ours makes before it gives up (`total_max_attempts`)."""
        body = b"<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"
        self.arrange(Fault(pattern, lambda: Answer(400, {"Content-Type": "text/xml"}, body), times=times))

    def hang(self) -> None:
        """For `Fault.act`: no answer for as long as the test lasts."""
        self._released.wait(60)

    def calm(self) -> None:
        """Forget what was arranged and let go whatever hangs."""
        with self._lock:
            self._faults.clear()
        self._released.set()
        self._released = threading.Event()

    def stop(self) -> None:
        self.calm()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> Answer | None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        target = request.headers.get("X-Amz-Target", "")
        fault = self._fitting(f"{request.command} {request.path} {target}\n{body.decode('utf-8', 'replace')}")
        real = self._forward(request, body) if fault is None or fault.forward else None
        return real if fault is None else fault.act()

    def _fitting(self, text: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if re.search(fault.pattern, text, re.DOTALL):
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                    return fault
        return None

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(self._upstream.hostname or "", self._upstream.port or 80, timeout=60)
        try:
            connection.request(request.command, request.path, body, dict(request.headers.items()))
            found = connection.getresponse()
            content = found.read()
        finally:
            connection.close()
        headers = {name: value for name, value in found.getheaders() if name.lower() not in HOP_BY_HOP}
        return Answer(found.status, headers, content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that was killed in the middle of a call is what some tests are about; anything else is a defect and is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]
