"""The laptop's Azure as one https server on loopback."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from email.message import Message
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import trustme

from stanch.local.azure.arm import Arm
from stanch.local.azure.errors import ArmError, GraphError, unauthenticated
from stanch.local.azure.graph import Graph
from stanch.local.azure.identity import ARM_AUDIENCES, GRAPH_AUDIENCES, Identity
from stanch.local.azure.kinds import Reply
from stanch.local.azure.planting import plant
from stanch.local.azure.state import Fault, State

LARGEST_BODY = 4 * 1024 * 1024
"""Bytes; ARM's own limit for a request."""


class AzureCloudServer:
    """ARM, Graph and the identity endpoint at one address, with a certificate of a throw-away authority.

    `directory` receives `ca.pem`, the authority's certificate; its key never leaves memory. `operation_seconds` is how long long-running operations take and
    `retry_after` what they ask callers to wait between polls (whole seconds).
    """

    def __init__(self, directory: Path, operation_seconds: float = 0.02, retry_after: int = 0) -> None:
        self.state = State()
        self.identity = Identity()
        self.arm = Arm(self.state, seconds=operation_seconds, retry_after=retry_after)
        self.graph = Graph(self.state)
        self.ca = directory / "ca.pem"
        self._server: _Server | None = None
        self.url = ""

    def start(self, port: int = 0) -> str:
        """Listen on 127.0.0.1 and serve until `stop`. Returns the address, which is also `url`."""
        authority = trustme.CA()
        self.ca.parent.mkdir(parents=True, exist_ok=True)
        authority.cert_pem.write_to_path(str(self.ca))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        self.tls = context
        self._server = _Server(("127.0.0.1", port), self, context)
        self.url = self.arm.base = self.graph.base = f"https://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="local-azure", daemon=True).start()
        return self.url

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def environment(self) -> dict[str, str]:
        """What a process must have in its environment to use this cloud through the unmodified SDKs."""
        bypass = ",".join(filter(None, (os.environ.get("NO_PROXY", ""), "127.0.0.1,localhost")))
        return {
            "STANCH_ARM_ENDPOINT": self.url, "STANCH_GRAPH_ENDPOINT": self.url, "REQUESTS_CA_BUNDLE": str(self.ca),
            "IDENTITY_ENDPOINT": f"{self.url}/msi/token", "IDENTITY_HEADER": self.identity.header, "NO_PROXY": bypass,
        }  # fmt: skip

    def fail(self, method: str, path: str, status: int, **more: Any) -> None:
        """Arrange for the next request that fits (`path` is a regular expression, whatever the case) to fail; see Fault."""
        with self.state.lock:
            self.state.faults.append(Fault(method, path, status, **more))

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Every request to ARM and Graph since the last reset: method, path, api_version, status, headers of interest, body."""
        return list(self.state.calls)

    def respond(self, method: str, url: str, headers: Mapping[str, str], raw: bytes) -> Reply | None:
        """The answer to one request; None means to drop the connection."""
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if parts.path.startswith("/stanch/azure/"):
            return self._control(method, parts.path.rpartition("/")[2], raw)
        if parts.path == "/msi/token":
            return self.identity.answer(query, headers)
        with self.state.lock:
            call = {
                "method": method, "path": parts.path, "api_version": query.get("api-version"), "query": query, "status": 0,
                "correlation": headers.get("x-ms-correlation-request-id") or headers.get("client-request-id"),
                "user_agent": headers.get("User-Agent"), "at": time.time(), "body": _json(raw),
            }  # fmt: skip
            self.state.calls.append(call)
            reply = self._guarded(method, parts.path, query, headers, raw)
            call["status"] = reply.status if reply else 0
        return reply

    def _guarded(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], raw: bytes) -> Reply | None:  # fmt: skip
        fault = self._fault(method, path)
        if fault is not None and not fault.after and not fault.late:
            return _faulty(fault, path)
        try:
            reply = self._routed(method, path, query, headers, raw, fault)
        except ArmError as error:
            reply = Reply(error.status, error.body, error.headers)
        except GraphError as error:
            reply = Reply(error.status, _graph_body(error.code, error.message))
        return _faulty(fault, path) if fault is not None and fault.after else reply

    def _routed(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], raw: bytes, fault: Fault | None
    ) -> Reply:  # fmt: skip
        on_graph = path.startswith("/v1.0/")
        refusal = self.identity.refusal(headers.get("Authorization"), GRAPH_AUDIENCES if on_graph else ARM_AUDIENCES)
        if on_graph:
            if refusal:
                raise GraphError(401, "InvalidAuthenticationToken", refusal[1])
            return self.graph.answer(method, path.removeprefix("/v1.0"), query, _json(raw))
        if refusal:
            raise unauthenticated(*refusal)
        body = _json(raw)
        if raw and body is None and raw.strip() != b"null":
            raise ArmError(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized.")  # fmt: skip
        return self.arm.answer(method, path, query, headers, body, fault)

    def _fault(self, method: str, path: str) -> Fault | None:
        for fault in self.state.faults:
            if fault.method in (method, "*") and re.search(fault.path, path, re.IGNORECASE):
                fault.times -= 1
                if fault.times <= 0:
                    self.state.faults.remove(fault)
                return fault
        return None

    def _control(self, method: str, name: str, raw: bytes) -> Reply:
        body = _json(raw)
        with self.state.lock:
            match (method, name):
                case ("GET", "health"):
                    return Reply(200, {"status": "ok", "resources": len(self.state.records), "users": len(self.state.users)})  # fmt: skip
                case ("GET", "calls"):
                    return Reply(200, {"calls": list(self.state.calls)})
                case ("DELETE", "calls"):
                    self.state.calls.clear()
                    return Reply(204)
                case ("POST", "reset"):
                    self.state.clear()
                    return Reply(204)
                case ("POST", "seed"):
                    return Reply(200, plant(self.arm, body if isinstance(body, dict) else {}))
                case ("POST", "faults"):
                    fault = Fault(**(body if isinstance(body, dict) else {}))
                    self.state.faults.append(fault)
                    return Reply(200, asdict(fault))
        return Reply(404, {"error": {"code": "NotFound", "message": f"There is no {method} {name} here."}})


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None


def _graph_body(code: str, message: str) -> dict[str, Any]:
    inner = {"date": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()), "request-id": str(uuid.uuid4()), "client-request-id": str(uuid.uuid4())}  # fmt: skip
    return {"error": {"code": code, "message": message, "innerError": inner}}


def _faulty(fault: Fault, path: str) -> Reply | None:
    if fault.status == 0:
        return None
    wait = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if path.startswith("/v1.0/"):
        return Reply(fault.status, _graph_body(fault.code, fault.message), wait)
    return Reply(fault.status, {"error": {"code": fault.code, "message": fault.message}}, wait)


class _Headers(dict[str, str]):
    """Header names in any case."""

    def __init__(self, given: Message) -> None:
        super().__init__((name.lower(), value) for name, value in given.items())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


_PHRASES = {int(status): status.phrase for status in HTTPStatus}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], cloud: AzureCloudServer, context: ssl.SSLContext) -> None:
        super().__init__(address, _Handler)
        self.cloud, self.context = cloud, context

    def get_request(self) -> tuple[socket.socket, Any]:
        plain, peer = self.socket.accept()
        # The handshake is left to the connection's own thread, so that one slow caller keeps nobody waiting.
        return self.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), peer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up or does not trust us is its own affair; anything else is a defect of ours and is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are in the call log."""

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            self.close_connection = True
            self._write(Reply(413, {"error": {"code": "RequestContentTooLarge", "message": "The request is too large."}}))  # fmt: skip
            return
        raw = self.rfile.read(length) if length else b""
        reply = self.server.cloud.respond(self.command, self.path, _Headers(self.headers), raw)
        if reply is None:
            self.close_connection = True
        else:
            self._write(reply)

    def _write(self, reply: Reply) -> None:
        body = b"" if reply.body is None else json.dumps(reply.body, separators=(",", ":")).encode()
        lines = [f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, 'Status')}", f"Date: {formatdate(usegmt=True)}", f"Content-Length: {len(body)}"]  # fmt: skip
        lines += ["Content-Type: application/json; charset=utf-8"] * bool(body)
        lines += [f"x-ms-request-id: {uuid.uuid4()}", *_header_lines(reply.headers.items())]
        # Head and body in one write: one TLS record, no waiting for an acknowledgement in between.
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    do_GET = do_PUT = do_PATCH = do_POST = do_DELETE = _serve


def _header_lines(items: Iterable[tuple[str, str]]) -> Iterable[str]:
    return (f"{name}: {value}" for name, value in items)
