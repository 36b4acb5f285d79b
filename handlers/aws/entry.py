"""What every event-driven Lambda does: one event or an SQS batch in, one object an action out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from handlers.aws import batch, wiring
from handlers.aws.log import observe
from stanch.errors import MalformedEvent
from stanch.finding import Finding
from stanch.responder import Delivery
from stanch.result import Result
from stanch.sources.loading import load

Parse = Callable[[Any], list[Finding]]


def serve(source: str, parse: Parse, event: Any, context: Any) -> dict[str, Any]:
    """Answer a direct call with `{"actions": […]}` and an SQS batch with `{"batchItemFailures": […]}`.

    What must come again raises Retryable (direct) or is a batch item failure; refusals end normally, reported. A message that holds no finding is a failure
    too, so that the queue keeps it among its dead letters.
    """
    if batch.is_batch(event):
        wiring.responder()  # put together once, before several threads ask for it
        return batch.failures(event["Records"], parse, partial(_text, source, parse))
    results = answer(source, parse, event, Delivery())
    observe(results)
    return {"actions": [result.as_json() for result in results]}


def answer(source: str, parse: Parse, event: Any, delivery: Delivery) -> list[Result]:
    """Parse and respond; an event that holds no finding is one rejected result."""
    responder = wiring.responder()
    try:
        findings = parse(event)
    except MalformedEvent as error:
        return [responder.reject(source, error, event)]
    return responder.respond(findings, delivery)


def _text(source: str, parse: Parse, text: str, delivery: Delivery) -> list[Result]:
    """What an event that came as text led to. Raises MalformedEvent for what holds no finding: told once, however often it comes, it waits among the dead letters in
    the end for a version that can read it."""
    responder = wiring.responder()
    try:
        findings = parse(load(text, "body"))
    except MalformedEvent as error:
        observe([responder.reject(source, error, text)])
        raise
    return responder.respond(findings, delivery)
