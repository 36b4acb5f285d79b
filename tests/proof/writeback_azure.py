"""The incident with our tag and comment, the state changes on the Event Grid topic, the cards, and Event Grid's events of our own writes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from stanch.action import Outcome
from stanch.sources import sentinel
from tests.functional.write_back.test_event_grid import Topic
from tests.proof import deployed
from tests.runtime import events
from tests.runtime.azure_stack import AzureStack
from tests.runtime.functions_host import FunctionFailed, FunctionsHost

ENGINEER = {
    "X-MS-CLIENT-PRINCIPAL-NAME": "engineer@corp.example",
    "X-MS-CLIENT-PRINCIPAL-ID": "00000000-0000-0000-0000-0000000000e1",
}


class AzureEchoes:
    """See `Echoes`."""

    cloud = "Azure"

    def __init__(self, stack: AzureStack, host: FunctionsHost, topic: Topic, count: int) -> None:
        self._stack, self._host, self._topic, self._known = stack, host, topic, set[str]()
        self._incidents = [events.mining_machine(f"vm-echo-{number}") for number in range(count)]
        for event in self._incidents:
            stack.plant(event, sentinel.parse)
        stack.quiet()
        for event in self._incidents:
            host.queue("sentinel", json.dumps(event))
        self._calls = [call for call in stack.cloud.calls if call["method"] in ("PUT", "PATCH", "DELETE")]

    def echoes(self) -> dict[str, list[Any]]:
        return {
            "the incident with our tag": [again for event in self._incidents for again in self._tagged(event)],
            "the comment": [_commented(event, call) for event in self._incidents for call in self._calls if _of(event, call, "/comments/")],
            "state changes on the topic": list(self._topic.events),
            "cards": list(self._stack.teams.cards),
            "Event Grid's events of our writes": [_written(call) for call in self._calls if "SecurityInsights" not in call["path"]],
        }  # fmt: skip

    def _tagged(self, event: Any) -> Iterator[Any]:
        """As an automation rule on every change of an incident sends it, after each of our updates."""
        for call in self._calls:
            if _of(event, call, "") and "/comments/" not in call["path"]:
                again = copy.deepcopy(event)
                again["object"]["properties"] |= call["body"]["properties"]
                assert any(
                    label["labelName"].startswith("stanch:") for label in again["object"]["properties"]["labels"]
                )
                again["objectEventType"] = "Update"
                yield again

    def doors(self) -> Mapping[str, Callable[[Any], object]]:
        host = self._host
        return {
            "sentinel": self._sent,
            "runbook": lambda event: host.http("runbook", json.dumps(event).encode(), ENGINEER),
            "approval": self._decided,
        }

    def _sent(self, event: Any) -> None:
        with suppress(FunctionFailed):  # what holds no finding is left to the poison queue
            self._host.queue("sentinel", json.dumps(event))

    def _decided(self, event: Any) -> None:
        with suppress(FunctionFailed, ValueError):  # a refusal, or a page: what counts is what was done
            self._host.http("approval", json.dumps(event).encode(), ENGINEER)

    def acted(self) -> list[str]:
        found = [write for write in self._stack.writes() if "Microsoft.SecurityInsights" not in write]
        with self._stack.cloud.state.lock:
            self._stack.cloud.state.calls.clear()
        new = [one for one in self._stack.actions() if one.id not in self._known]
        self._known |= {one.id for one in new}
        return found + [f"action {one.id}" for one in new if one.outcome is Outcome.ACTED]


def _of(event: Any, call: dict[str, Any], part: str) -> bool:
    return str(call["path"]).lower().startswith(str(event["object"]["id"]).lower()) and part in call["path"]


def _commented(event: Any, call: dict[str, Any]) -> Any:
    again = copy.deepcopy(event)
    again["objectEventType"] = "Update"
    again["object"]["properties"]["comments"] = [call["body"]]
    return again


def _written(call: dict[str, Any]) -> Any:
    """https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions"""
    return {
        "id": "00000000-0000-0000-0000-000000000001", "subject": call["path"], "topic": "/subscriptions/00000000-0000-0000-0000-0000000000a1",
        "eventType": "Microsoft.Resources.ResourceWriteSuccess", "eventTime": "2026-11-20T03:20:00Z", "dataVersion": "2", "metadataVersion": "1",
        "data": {"httpRequest": {"method": call["method"]}, "resourceUri": call["path"], "status": "Succeeded", "operationName": "write"},
    }  # fmt: skip


@contextmanager
def echoing(folder: Path, count: int) -> Iterator[AzureEchoes]:
    """The deployment with every write-back switched on, after it has acted."""
    with deployed.azure(folder) as stack:
        topic = Topic(stack.cloud)
        host = stack.another(1, STANCH_EVENT_GRID_TOPIC=topic.endpoint)
        try:
            yield AzureEchoes(stack, host, topic, count)
        finally:
            host.stop()
            topic.server.shutdown()
            topic.server.server_close()
