"""The local AWS as a threaded server on loopback."""

from __future__ import annotations

import socket
import threading
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from stanch.local.aws.front import Front

HOST = "127.0.0.1"


class _Handler(MotoRequestHandler):
    # Headers and body leave in one segment: with Nagle's algorithm and delayed acknowledgement a second write could wait 40 ms.
    disable_nagle_algorithm = True
    wbufsize = -1

    def make_environ(self) -> dict[str, Any]:
        self.wfile.flush()  # the '100 Continue' that a client may be waiting for before it sends the body
        return super().make_environ()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: `GET /stanch/aws/calls` tells."""


class AwsCloud:
    """One local AWS: any account and region, in memory, reached by unmodified SDKs through AWS_ENDPOINT_URL.

    State belongs to the process (moto's), so one instance a process.
    """

    def __init__(self) -> None:
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None

    def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; 0 takes a free port. Raises OSError where the port is taken."""
        listening = socket.create_server((HOST, port))
        # Werkzeug would end the process on a taken port, so it is given a socket that already listens; it keeps its own copy.
        self._server = make_server(HOST, port, Front(), threaded=True, request_handler=_Handler, fd=listening.fileno())
        listening.close()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="local-aws", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, for AWS_ENDPOINT_URL. Raises RuntimeError before start."""
        if self._server is None:
            raise RuntimeError("the local AWS is not started")
        return f"http://{HOST}:{self._server.port}"

    def stop(self) -> None:
        """Stop listening; what was created stays until the process ends or is reset. Harmless when not started."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
        self._server = self._thread = None
