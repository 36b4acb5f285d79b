"""Microsoft Sentinel incidents from the storage queue `stanch-sentinel`."""

from __future__ import annotations

from typing import Any

import azure.functions as func

from handlers import settings
from handlers.azure import wiring
from handlers.azure.entry import serve, serve_message
from stanch.responder import Delivery
from stanch.sources import sentinel

blueprint: func.Blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


def answer(raw: Any, delivery: Delivery | None = None) -> list[dict[str, Any]]:
    """One incident or record in, one object an action out. Raises Retryable for what must come again."""
    return serve(wiring.responder(), "sentinel", sentinel.parse, raw, delivery or Delivery())


@blueprint.function_name("sentinel")
@blueprint.queue_trigger(arg_name="message", queue_name="stanch-sentinel", connection="AzureWebJobsStorage")
def sentinel_trigger(message: func.QueueMessage) -> None:
    """The host delivers a message up to `maxDequeueCount` times (host.json), then moves it to `stanch-sentinel-poison`."""
    delivery = Delivery(last=(message.dequeue_count or 1) >= settings.max_deliveries())
    serve_message(wiring.responder(), "sentinel", sentinel.parse, message.get_body(), delivery)
