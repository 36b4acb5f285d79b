"""The sweep on Azure, started by a timer. What only it needs is imported when it runs: the Functions host loads this module for the events of other functions too."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import azure.functions as func

from handlers.azure import wiring
from handlers.azure.entry import logger, observe
from stanch.errors import Retryable

if TYPE_CHECKING:
    from stanch.clouds.azure_queues import PoisonQueue
    from stanch.sweep import Sweep

blueprint: func.Blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("sweep")
@blueprint.timer_trigger(arg_name="timer", schedule="0 */5 * * * *", run_on_startup=False, use_monitor=True)
def sweep_trigger(timer: func.TimerRequest) -> None:
    """Raises Retryable once every step was tried if one of them failed: the next sweep does it again, and people hear of it."""
    swept = sweep().run()
    observe([result.as_json() for row in swept.rows for result in row.results])
    for row in swept.rows:
        logger.info(json.dumps({"message": "swept", "step": row.step, "done": row.done, "left": row.left}))
    if swept.errors:
        raise Retryable("; ".join(swept.errors))


def sweep(env: Mapping[str, str] = os.environ) -> Sweep:
    """The sweep of this deployment, with its poison queues."""
    from stanch.sweep import Sweep

    return Sweep(wiring.deployment(), poison_queues(env))


def poison_queues(env: Mapping[str, str] = os.environ) -> list[PoisonQueue]:
    """The queues of what was given up, by the URLs in the settings. Raises InvalidInput for one that is none."""
    from stanch.clouds.azure_queues import PoisonQueue

    cloud: Any = wiring.deployment().cloud
    urls = [url.strip() for url in env.get("STANCH_POISON_QUEUES", "").split(",")]
    return [PoisonQueue(lambda: cloud.credential("own"), url) for url in urls if url]
