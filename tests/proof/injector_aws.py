"""Faults at botocore's own hooks: `before-call` for what the service answers once the SDK's own retries are used up, `before-send` for what happens on the wire, `after-call`
for answers that hold less than they might."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any
from unittest import mock

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.client import ClientCreator
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError, UnknownServiceError
from botocore.hooks import EventAliaser
from botocore.httpsession import URLLib3Session
from botocore.retries.standard import ExponentialBackoff

from tests.proof.injector import HOOKS, Call, Death

ANSWERS = {
    "throttled": (429, "Throttling"),
    "server error": (500, "InternalFailure"),
    "denied once": (403, "AccessDenied"),
    "denied for good": (403, "AccessDenied"),
}


@dataclass
class _Now(threading.local):
    """The call that this thread is making, and what it is to suffer."""

    call: Call | None = None
    kind: str | None = None
    sent: int = 0


class Botocore:
    """Handlers for every client of the process."""

    def __init__(self) -> None:
        self._now = _Now()
        self._wire = URLLib3Session()
        self._rest: dict[str, Any] = {}

    def watch(self, client: Any) -> None:
        client.meta.events.register("before-call", self.before_call)
        client.meta.events.register_last("before-send", self.before_send)
        name = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register_first(
            f"after-call.{name}", self.after_call
        )  # before the SDK decodes IAM's policies

    def before_call(self, model: Any, params: Any, **_: Any) -> Any:
        if HOOKS.lit is None:
            self._now.call = self._now.kind = None
            return None
        rest = next((token for token in self._rest if token in json.dumps(params, default=str)), None)
        if rest is not None:  # the second page, which the service would have had
            return AWSResponse("https://test", 200, {}, _Half(b"")), self._rest.pop(rest)
        call, kind = HOOKS.lit.begin("sdk", f"{model.service_model.service_name}:{model.name}")
        self._now.call, self._now.kind, self._now.sent = call, kind, 0
        if kind == "crash before":
            raise Death(call.name)
        if kind in ANSWERS:
            status, code = ANSWERS[kind]
            parsed = {
                "Error": {"Code": code, "Message": "said the test"},
                "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}, "RequestId": "test"},
            }
            return AWSResponse("https://test", status, {}, None), parsed
        return None

    def before_send(self, request: Any, **_: Any) -> Any:
        kind, again = self._now.kind, self._now.sent > 0
        self._now.sent += 1
        if kind == "timed out" or (kind == "answer lost" and again):
            raise ConnectTimeoutError(endpoint_url=request.url)
        if kind not in ("crash after", "answer lost", "sent twice", "cut answer") or again:
            return None
        answer = self._wire.send(request)
        if kind == "crash after" and HOOKS.lit is not None:
            HOOKS.lit.die(str(self._now.call))
        if kind == "cut answer":
            return AWSResponse(answer.url, answer.status_code, answer.headers, _Half(answer.content))
        raise ReadTimeoutError(endpoint_url=request.url)

    def after_call(self, http_response: Any, parsed: Any, model: Any, **_: Any) -> None:
        call, kind = self._now.call, self._now.kind
        if HOOKS.lit is None or call is None:
            return
        call.cuttable = http_response.status_code < 300 and len(http_response.content) > 1
        lists = _lists(model, parsed)
        call.pageable = bool(lists)
        if kind == "page cut" and lists:
            self._cut(model, parsed, lists)

    def _cut(self, model: Any, parsed: dict[str, Any], lists: dict[str, list[Any]]) -> None:
        paging = _paging(model.service_model.service_name)[model.name]
        rest = deepcopy(parsed)
        for name, items in lists.items():
            parsed[name], rest[name] = items[: len(items) // 2], items[len(items) // 2 :]
        token = f"page-{len(self._rest)}-of-the-test"
        self._rest[token] = rest
        parsed[paging["output_token"]] = token
        if "more_results" in paging:
            parsed[paging["more_results"]] = True


def _lists(model: Any, parsed: dict[str, Any]) -> dict[str, list[Any]]:
    """What of an answer the service may put on two pages by itself. EC2 never does unless it is asked for pages."""
    paging = _paging(model.service_model.service_name).get(model.name, {})
    names = paging.get("result_key", [])
    names = [names] if isinstance(names, str) else names
    plain = isinstance(paging.get("output_token"), str) and paging["output_token"].isidentifier()
    if not plain or model.service_model.service_name == "ec2" or parsed.get(paging["output_token"]):
        return {}
    return {name: parsed[name] for name in names if parsed.get(name)}


@cache
def _paging(service: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = botocore.session.Session().get_component("data_loader").load_service_model(
            service, "paginators-1"
        )["pagination"]  # fmt: skip
    except (UnknownServiceError, LookupError):
        return {}
    return found


class _Half:
    """The first half of a body, with nothing to say that there was more."""

    def __init__(self, whole: bytes) -> None:
        self._half = whole[: len(whole) // 2]

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._half


@contextmanager
def watched() -> Iterator[None]:
    """Every client that is made inside passes the injector; the SDK's waits between its own tries are nothing, and neither is half of what a new session costs."""
    handlers, create = Botocore(), ClientCreator.create_client
    alias, known = EventAliaser._alias_event_name, dict[str, str]()

    def aliased(self: Any, name: str) -> str:
        if name not in known:
            known[name] = alias(self, name)
        return known[name]

    def made(self: Any, *args: Any, **more: Any) -> Any:
        client = create(self, *args, **more)
        handlers.watch(client)
        return client

    with (
        mock.patch.object(ClientCreator, "create_client", made),
        mock.patch.object(EventAliaser, "_alias_event_name", aliased),
        mock.patch.object(ExponentialBackoff, "delay_amount", return_value=0.0),
    ):
        yield
