"""The programs that hear of an action on Azure beside people: the Sentinel workspace whose incidents are believed, and an Event Grid topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stanch.clouds.azure import AzureCloud
from stanch.finding import Resource
from stanch.upstream.write_back import WriteBack


def programs(cloud: AzureCloud, env: Mapping[str, str]) -> list[WriteBack]:
    """Raises InvalidInput for what is no topic's endpoint."""
    found: list[WriteBack] = []
    if env.get("STANCH_SENTINEL_WORKSPACE"):
        from stanch.upstream.sentinel_write_back import SentinelWriteBack

        found.append(SentinelWriteBack(cloud, env["STANCH_SENTINEL_WORKSPACE"]))
    if env.get("STANCH_EVENT_GRID_TOPIC"):
        from stanch.notify.event_grid import EventGridChannel

        local = ("127.0.0.1", "localhost") if cloud.settings.local else ()

        def publish(topic: str, events: Sequence[Mapping[str, Any]]) -> None:
            cloud.session(Resource("Microsoft.Graph/users", "", ""), "own", "").publish(topic, events)

        found.append(EventGridChannel(publish, env["STANCH_EVENT_GRID_TOPIC"], local))
    return found
