"""What a function tells its operators, after the work is done: Powertools stays off the way to containment."""

from __future__ import annotations

import json
from functools import cache, partial
from threading import Lock
from typing import Any

from stanch.result import Result

_ONE = Lock()
"""Records of a batch end in several threads, and Powertools' metrics are one for the process."""


def observe(results: list[Result], **told: Any) -> None:
    """One structured log line, which also bears what is `told`, and one metric an outcome."""
    from aws_lambda_powertools.metrics import MetricUnit

    with _ONE:
        metrics, logger = _metrics(), _logger()
        for result in results:
            logger.info("answered", extra={**told, "result": result.as_json()})
            metrics.add_metric(name=f"outcome_{result.outcome.value}", unit=MetricUnit.Count, value=1)
        # Powertools flushes by itself at every hundredth value, and then none may be left.
        if metrics.provider.metric_set:
            metrics.flush_metrics()


def complain(message_id: str, error: BaseException) -> None:
    """Which message of a queue comes again, and why."""
    with _ONE:
        told = {"message_id": message_id, "error": f"{type(error).__name__}: {error}"}
        _logger().warning("to be delivered again", extra=told)


@cache
def _metrics() -> Any:
    from aws_lambda_powertools import Metrics

    return Metrics(namespace="Stanch", service="responder")


@cache
def _logger() -> Any:
    from aws_lambda_powertools import Logger

    # In ASCII, as JSON escapes it: what an event brings along may hold lone surrogates, bidi and control characters.
    return Logger(service="stanch-responder", json_serializer=partial(json.dumps, default=str))
