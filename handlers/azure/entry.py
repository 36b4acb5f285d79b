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

logger = logging.getLogger("stanch")


def serve(
    responder: Responder, source: str, parse: Callable[[Any], list[Finding]], raw: Any, delivery: Delivery
) -> list[dict[str, Any]]:
    """Parse and respond; what holds no finding is one rejected object. Raises Retryable for what must come again."""
    try:
        event = load(raw, "message") if isinstance(raw, bytes | str) else raw
        findings = parse(event)
    except MalformedEvent as error:
        shown = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
        return [responder.reject(source, error, shown).as_json()]
    return [result.as_json() for result in responder.respond(findings, delivery)]


def observe(rows: list[dict[str, Any]]) -> None:
    """One structured log line an outcome; Application Insights keeps it."""
    for row in rows:
        logger.info(json.dumps({"message": "answered", "result": row}, default=str))
