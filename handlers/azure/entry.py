"""What every queue-driven Function does: one message in, one object an action out."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from stanch.errors import MalformedEvent
from stanch.finding import Finding
from stanch.responder import Delivery, Responder
from stanch.sources.loading import load

Parse = Callable[[Any], list[Finding]]

logger = logging.getLogger("stanch")


def serve(responder: Responder, source: str, parse: Parse, raw: Any, delivery: Delivery) -> list[dict[str, Any]]:
    """Parse and respond; what holds no finding is one rejected object. Raises Retryable for what must come again."""
    try:
        findings = _read(parse, raw)
    except MalformedEvent as error:
        return [_rejected(responder, source, error, raw)]
    return [result.as_json() for result in responder.respond(findings, delivery)]


def serve_message(responder: Responder, source: str, parse: Parse, raw: bytes, delivery: Delivery) -> None:
    """Answer a message of a queue. Raises Retryable for what must come again, and MalformedEvent for what holds no finding: told once, however often it comes,
    it waits in the poison queue in the end for a version that can read it."""
    try:
        findings = _read(parse, raw)
    except MalformedEvent as error:
        observe([_rejected(responder, source, error, raw)])
        raise
    observe([result.as_json() for result in responder.respond(findings, delivery)])


def _read(parse: Parse, raw: Any) -> list[Finding]:
    return parse(load(raw, "message") if isinstance(raw, bytes | str) else raw)


def _rejected(responder: Responder, source: str, error: MalformedEvent, raw: Any) -> dict[str, Any]:
    shown = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    return responder.reject(source, error, shown).as_json()


def observe(rows: list[dict[str, Any]]) -> None:
    """One structured log line an outcome; Application Insights keeps it."""
    for row in rows:
        logger.info(json.dumps({"message": "answered", "result": row}, default=str))
