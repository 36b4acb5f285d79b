"""The one WSGI application of the local AWS: our own routes, our additions to moto, and moto for everything else."""

from __future__ import annotations

import importlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import cache
from io import BytesIO
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import BackendRequest, DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Response

from stanch import __version__
from stanch.errors import InvalidInput
from stanch.local.aws.calls import Call, identify

Environ = dict[str, Any]
StartResponse = Callable[..., Any]

PREFIX = "/stanch/aws/"
KEPT_CALLS = 20_000
ADDITIONS = {
    "config": "config_rules:ConfigRules",
    "ec2": "ec2_rules:Ec2",
    "guardduty": "guardduty:GuardDuty",
    "securityhub": "security_hub:SecurityHub",
    "sns": "sns:Sns",
}
"""Services whose calls we answer, by moto's own response classes with what they lack: module and class, imported on use (EC2 takes half a second)."""


class Front:
    """Routes a request and keeps the record of calls."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._calls: deque[Call] = deque(maxlen=KEPT_CALLS)
        self._seeding = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        body = _take_body(environ)
        if path.startswith(PREFIX):
            return self._own(environ["REQUEST_METHOD"], path.removeprefix(PREFIX), body)(environ, start_response)
        if path == "/moto-api/reset" and environ["REQUEST_METHOD"] == "POST":
            self._calls.clear()
        call = identify(environ, body)
        if call is None:
            return self._moto(environ, start_response)  # type: ignore[no-any-return]
        self._calls.append(call)
        environ["wsgi.input"] = BytesIO(body)

        def started(status: str, *rest: Any) -> Any:
            call.status = int(status.split()[0])
            return start_response(status, *rest)

        if call.service in ADDITIONS and call.operation:
            return _dispatch(call, environ)(environ, started)
        return self._moto(environ, started)  # type: ignore[no-any-return]

    def _own(self, method: str, name: str, body: bytes) -> Response:
        handler = {
            ("GET", "health"): self._health, ("POST", "reset"): self._reset, ("GET", "calls"): self._list_calls,
            ("DELETE", "calls"): self._forget_calls, ("POST", "seed"): self._seed,
        }.get((method, name))  # fmt: skip
        if handler is None:
            return _json({"error": f"no {method} {PREFIX}{name} here"}, 404)
        try:
            return _json(handler(body))
        except InvalidInput as error:
            return _json({"error": str(error)}, 400)

    def _health(self, _: bytes) -> dict[str, Any]:
        return {"service": "stanch-local-aws", "version": __version__, "account": DEFAULT_ACCOUNT_ID}

    def _reset(self, _: bytes) -> dict[str, Any]:
        with self._seeding:
            moto_api_backend.reset()
            self._calls.clear()
        return {"reset": True}

    def _list_calls(self, _: bytes) -> dict[str, Any]:
        return {"calls": [call.as_json() for call in list(self._calls)]}

    def _forget_calls(self, _: bytes) -> dict[str, Any]:
        self._calls.clear()
        return {"calls": []}

    def _seed(self, body: bytes) -> dict[str, Any]:
        from stanch.local.aws.finding_json import finding_from_json
        from stanch.local.aws.seeding import seed_finding

        try:
            asked = json.loads(body)
        except ValueError as error:
            raise InvalidInput("seed", f"the body is not JSON: {error}") from error
        if not isinstance(asked, dict):
            raise InvalidInput("seed", "the body is no object")
        with self._seeding:
            created = seed_finding(
                finding_from_json(asked.get("finding")), str(asked.get("home_account") or DEFAULT_ACCOUNT_ID)
            )
        return {"created": created}


def _take_body(environ: Environ) -> bytes:
    """Read the body, if its length is known, and put it back for the next reader."""
    if environ.get("wsgi.input_terminated"):
        body = environ["wsgi.input"].read()
    else:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = BytesIO(body)
    return bytes(body)


@cache
def _addition(service: str) -> Any:
    module, _, name = ADDITIONS[service].partition(":")
    return getattr(importlib.import_module(f"stanch.local.aws.{module}"), name)


def _dispatch(call: Call, environ: Environ) -> Response:
    try:
        status, headers, body = _addition(call.service).dispatch(BackendRequest(environ))
    except NotImplementedError as error:
        # 4xx, so that no client retries what will never be there.
        text = str(error) or f"{call.service}:{call.operation} is not available here"
        return _json({"__type": "NotImplemented", "message": text}, 400)
    return Response(
        body, status=status, headers={name: str(value) for name, value in headers.items() if name != "status"}
    )


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status=status, content_type="application/json")
