"""A Teams Workflows webhook on loopback: takes a card over TLS, answers 202 with an empty body, and remembers it."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LIMIT = 28 * 1024
"""Bytes that a Teams message may have (https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using)."""


class TeamsReceiver:
    """Answers as a Workflows webhook does: 202 and nothing for a card, 413 over the limit, 400 for what is no card.

    GET returns the cards; under `/vault` it is also the key vault that holds the webhook's URL.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        receiver = self
        self.cards: list[dict[str, Any]] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self._answer(receiver.take(body), b"")

            def do_GET(self) -> None:
                found = {"value": receiver.url} if self.path.startswith("/vault/secrets/") else receiver.cards
                self._answer(200, json.dumps(found).encode())

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        # The handshake waits for the handler's thread: a client that never sends one must not keep the others out.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._server.daemon_threads = True
        self.base = f"https://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.base}/workflows/stanch"

    def take(self, body: bytes) -> int:
        """Keep a card; the HTTP status to answer."""
        if len(body) > LIMIT:
            return 413
        try:
            message = json.loads(body)
            content = message["attachments"][0]["content"]
        except (ValueError, LookupError, TypeError):
            return 400
        if content.get("type") != "AdaptiveCard" or content.get("version") != "1.4":
            return 400
        self.cards.append(message)
        return 202

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="local-teams", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
