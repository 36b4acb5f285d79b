"""What every event-driven Lambda does: one event or an SQS batch in, one object an action out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from handlers import settings
from handlers.aws import wiring
from stanch.errors import MalformedEvent
from stanch.finding import Finding
from stanch.responder import Delivery
from stanch.result import Result
from stanch.sources.loading import load

Parse = Callable[[Any], list[Finding]]


def serve(source: str, parse: Parse, event: Any, context: Any) -> dict[str, Any]:
    """Answer a direct call with `{"actions": […]}` and an SQS batch with `{"batchItemFailures": […]}`.

    What must come again raises Retryable (direct) or is a batch item failure; refusals end normally, reported.
    """
    if is_batch(event):
        return _batch(source, parse, event, context)
    results = answer(source, parse, event, Delivery())
    observe(results)
    return {"actions": [result.as_json() for result in results]}


def is_batch(event: Any) -> bool:
    """Whether Lambda's event source mapping sent messages of a queue."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    return (
        isinstance(records, list)
        and bool(records)
        and isinstance(records[0], Mapping)
        and records[0].get("eventSource") == "aws:sqs"
    )


def answer(source: str, parse: Parse, event: Any, delivery: Delivery) -> list[Result]:
    """Parse and respond; an event that holds no finding is one rejected result."""
    responder = wiring.responder()
    try:
        findings = parse(event)
    except MalformedEvent as error:
        return [responder.reject(source, error, event)]
    return responder.respond(findings, delivery)


def _batch(source: str, parse: Parse, event: Any, context: Any) -> dict[str, Any]:
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

    def one(record: Any) -> None:
        received = int(record["attributes"].get("ApproximateReceiveCount", "1"))
        delivery = Delivery(last=received >= settings.max_deliveries())
        try:
            body = load(record["body"], "body")
        except MalformedEvent as error:
            observe([wiring.responder().reject(source, error, record["body"])])
            return
        observe(answer(source, parse, body, delivery))

    # An entirely failed batch is answered like a partly failed one, so that a single poison message is no function error.
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return dict(process_partial_response(event=event, record_handler=one, processor=processor, context=context))


def observe(results: list[Result]) -> None:
    """One structured log line and one metric an outcome, after the work is done: Powertools stays off the way to containment."""
    from aws_lambda_powertools import Logger, Metrics
    from aws_lambda_powertools.metrics import MetricUnit

    # In ASCII, as JSON escapes it: what an event brings along may hold lone surrogates, bidi and control characters.
    logger = Logger(service="stanch-responder", json_serializer=partial(json.dumps, default=str))
    metrics = Metrics(namespace="Stanch", service="responder")
    for result in results:
        logger.info("answered", extra={"result": json.loads(json.dumps(result.as_json(), default=str))})
        metrics.add_metric(name=f"outcome_{result.outcome.value}", unit=MetricUnit.Count, value=1)
    if metrics.provider.metric_set:  # Powertools flushes by itself at every hundredth value, and then none may be left
        metrics.flush_metrics()
