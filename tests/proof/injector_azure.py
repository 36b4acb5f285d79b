"""Faults at the connection under the SDKs of Azure: requests' adapter, which azure-core's transport sends everything through."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from unittest import mock

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from urllib3.response import HTTPResponse

from tests.proof.injector import HOOKS, Call, Death

POLLING = re.compile(r"/(operations|operationresults|operationstatuses|asyncoperations|diskoperations)/", re.IGNORECASE)
ANSWERS = {
    "throttled": (429, "TooManyRequests"),
    "server error": (503, "ServiceUnavailable"),
    "denied once": (403, "AuthorizationFailed"),
    "denied for good": (403, "AuthorizationFailed"),
}
UNIQUE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{20,}|[0-9a-f]{10,}(-[0-9a-f]+)?", re.IGNORECASE)


class Adapter:
    """`send` in the place of the adapter's own."""

    def __init__(self, send: Any) -> None:
        self._send = send
        self._rest: dict[str, list[Any]] = {}

    def send(self, adapter: HTTPAdapter, request: Any, **options: Any) -> requests.Response:
        if HOOKS.lit is None:
            return self._send(adapter, request, **options)  # type: ignore[no-any-return]
        path = request.path_url.partition("?")[0]
        rest = next((token for token in self._rest if token in request.path_url), None)
        if rest is not None:
            return _answer(adapter, request, 200, {"value": self._rest.pop(rest)})
        call, kind = HOOKS.lit.begin("sdk", f"{request.method} {UNIQUE.sub('*', path)}")
        again = HOOKS.lit.repeated.get(f"{request.method} {path}")
        HOOKS.lit.repeated = {f"{request.method} {path}": again} if again else {}
        kind = again or kind
        return self._suffer(adapter, request, options, call, kind)

    def _suffer(self, adapter: HTTPAdapter, request: Any, options: Any, call: Call, kind: str | None) -> Any:
        repeated = f"{request.method} {request.path_url.partition('?')[0]}"
        assert HOOKS.lit is not None
        if kind == "crash before":
            raise Death(call.name)
        if kind in ANSWERS:
            if kind in ("throttled", "server error"):
                HOOKS.lit.repeated = {repeated: kind}
            status, code = ANSWERS[kind]
            return _answer(adapter, request, status, {"error": {"code": code, "message": "said the test"}})
        if kind == "timed out":
            HOOKS.lit.repeated = {repeated: kind}
            raise requests.exceptions.ConnectTimeout("said the test", request=request)
        answer = self._send(adapter, request, **options)
        if kind == "crash after":
            HOOKS.lit.die(call.name)
        if kind in ("answer lost", "sent twice"):
            HOOKS.lit.repeated = {repeated: "timed out"} if kind == "answer lost" else {}
            raise requests.exceptions.ReadTimeout("said the test", request=request)
        return self._changed(adapter, request, call, kind, answer)

    def _changed(self, adapter: HTTPAdapter, request: Any, call: Call, kind: str | None, answer: Any) -> Any:
        body = answer.raw.read(decode_content=True) if answer.raw is not None else b""
        parsed = _parsed(body)
        call.cuttable = answer.status_code < 300 and len(body) > 1
        call.pageable = request.method == "GET" and bool(parsed.get("value")) and not parsed.get("nextLink")
        call.final = bool(POLLING.search(request.path_url)) and parsed.get("status") == "Succeeded"
        headers = {key: value for key, value in answer.headers.items() if key.lower() != "content-length"}
        if kind == "cut answer":
            body = body[: len(body) // 2]
        if kind == "page cut" and call.pageable:
            items, token = parsed["value"], f"page-{len(self._rest)}-of-the-test"
            self._rest[token] = items[len(items) // 2 :]
            link = f"{request.url}{'&' if '?' in request.url else '?'}$skiptoken={token}"
            body = json.dumps({**parsed, "value": items[: len(items) // 2], "nextLink": link}).encode()
        if kind == "failed after its effect" and call.final:
            failure = {"code": "OperationFailed", "message": "said the test"}
            body = json.dumps({**parsed, "status": "Failed", "error": failure}).encode()
        return _response(adapter, request, answer.status_code, headers, body)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body) if body else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _answer(adapter: HTTPAdapter, request: Any, status: int, body: Any) -> requests.Response:
    return _response(adapter, request, status, {"Content-Type": "application/json"}, json.dumps(body).encode())


def _response(
    adapter: HTTPAdapter, request: Any, status: int, headers: dict[str, str], body: bytes
) -> requests.Response:
    raw = HTTPResponse(BytesIO(body), headers=headers, status=status, preload_content=False)
    return adapter.build_response(request, raw)


@contextmanager
def watched() -> Iterator[None]:
    """Every request made inside passes the injector; the SDK's waits between its own tries are short."""
    through, sleep = Adapter(HTTPAdapter.send), RequestsTransport.sleep
    said = threading.excepthook
    with (
        mock.patch.object(threading, "excepthook", lambda of: None if of.exc_type is Death else said(of)),
        mock.patch.object(HTTPAdapter, "send", lambda self, request, **options: through.send(self, request, **options)),
        mock.patch.object(RequestsTransport, "sleep", lambda self, seconds: sleep(self, min(seconds, 0.002))),
    ):
        yield
