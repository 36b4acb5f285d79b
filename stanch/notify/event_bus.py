"""An action's new state as an event on an EventBridge bus, for tickets and other tools."""

from __future__ import annotations

from typing import Any, Protocol

from stanch import state_event
from stanch.errors import CloudError, Throttled, Unreachable
from stanch.report import Report


class Session(Protocol):
    """Calls in the bus's account; `stanch.clouds.aws.AwsSession` is one. `call` raises the error tree's kinds."""

    def call(self, service: str, operation: str, *, region: str | None = None, **params: Any) -> Any: ...


class EventBusChannel:
    """Puts one event a report. Whoever listens drops repeats by `detail.id`: EventBridge does not."""

    name = "event_bus"
    wants = staticmethod(state_event.wanted)

    def __init__(self, session: Session, bus: str) -> None:
        """`bus` is its name or its ARN."""
        self._session, self._bus = session, bus

    def send(self, report: Report) -> None:
        """Raises what the session's `call` raises, and by the entry's error code Throttled, Unreachable or CloudError."""
        answer = self._session.call(
            "events",
            "put_events",
            region=self._bus.split(":")[3] if self._bus.count(":") == 5 else None,
            Entries=[
                {
                    "Source": state_event.SOURCE,
                    "DetailType": state_event.DETAIL_TYPE,
                    "Detail": state_event.encoded(state_event.of_report(report)).decode(),
                    "EventBusName": self._bus,
                }
            ],
        )
        _judge(answer)


def _judge(answer: Any) -> None:
    """PutEvents answers 200 for entries that it did not take (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html)."""
    for entry in answer.get("Entries", []):
        code, text = entry.get("ErrorCode"), str(entry.get("ErrorMessage", ""))
        if code in ("ThrottlingException", "InternalFailure", "InternalException"):
            raise (Throttled if code == "ThrottlingException" else Unreachable)(f"events:put_events: {code}: {text}")
        if code:
            raise CloudError("events:put_events", code, text)
