"""An action's new state as a cloud event on an Event Grid custom topic, for tickets and other tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from stanch import state_event
from stanch.errors import InvalidInput
from stanch.report import Report

Publish = Callable[[str, Sequence[Mapping[str, Any]]], None]
"""Sends cloud events to a topic's endpoint; `stanch.clouds.azure_session.AzureSession.publish` is one. Raises the error tree's kinds."""

HOSTS = (".eventgrid.azure.net",)
"""Where topics live: a token for Event Grid goes nowhere else."""


class EventGridChannel:
    """Publishes one event a report. Whoever listens drops repeats by the event's `id`."""

    name = "event_grid"
    wants = staticmethod(state_event.wanted)

    def __init__(self, publish: Publish, topic: str, extra_hosts: Sequence[str] = ()) -> None:
        """`topic` is the endpoint (`https://NAME.REGION-1.eventgrid.azure.net/api/events`); `extra_hosts` are allowed by their whole name, for a topic that is
        played on this machine. Raises InvalidInput for what is no topic's endpoint."""
        parts = urlsplit(topic)
        host = parts.hostname or ""
        if parts.scheme != "https" or "@" in parts.netloc or not (host.endswith(HOSTS) or host in extra_hosts):
            raise InvalidInput("STANCH_EVENT_GRID_TOPIC", f"must be the https endpoint of a topic, not {topic!r}")
        self._publish, self._topic = publish, topic

    def send(self, report: Report) -> None:
        """Raises what `publish` raises."""
        self._publish(self._topic, [cloud_event(report)])


def cloud_event(report: Report) -> dict[str, Any]:
    """The report in the envelope of CloudEvents 1.0 (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md)."""
    return {
        "specversion": "1.0",
        "id": report.key,
        "source": state_event.SOURCE,
        "type": state_event.CLOUD_EVENT_TYPE,
        "subject": f"actions/{report.action_id}",
        "time": report.at,
        "datacontenttype": "application/json",
        "data": state_event.of_report(report),
    }
