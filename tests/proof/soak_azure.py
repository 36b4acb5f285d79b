"""The daily life of the Function app: incidents, a runbook and the sweep in one worker, the journal in Azurite's table."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from handlers.azure import wiring
from stanch.decision import Decision, Identity
from stanch.decision import Request as Decide
from stanch.journal import Query
from stanch.sources import sentinel
from stanch.undo import Request, Undo
from tests.proof import deployed
from tests.runtime import events, machines
from tests.runtime.azure_stack import AzureStack
from tests.runtime.functions_host import FunctionFailed
from tests.runtime.test_functions_runbook import ENGINEER as HEADERS
from tests.runtime.test_functions_runbook import asked

ENGINEER = Identity("engineer@corp.example", "engineer")


class AzureTraffic:
    """See `Traffic`."""

    cloud = "Azure"

    def __init__(self, stack: AzureStack) -> None:
        self._stack, self._deployment = stack, wiring.build(stack.settings())
        self._last: Any = None

    def _planted(self, title: str | None = None) -> tuple[str, Any]:
        name = f"vm-{uuid.uuid4().hex[:8]}"
        event = events.mining_machine(name)
        if title is not None:
            facts = event["object"]["properties"]
            facts["title"] = title
            facts["alerts"][0]["properties"] |= {"alertDisplayName": title, "alertType": "VM_Unusual"}
        self._stack.plant(event, sentinel.parse)
        return name, event

    def _respond(self, event: Any) -> None:
        self._stack.host.queue("sentinel", json.dumps(event))

    def _expect(self, event: Any, name: str, outcome: str) -> str | None:
        self._respond(event)
        found = self._outcome(name)
        return None if found == outcome else f"{found}, expected {outcome}"

    def _of(self, name: str) -> Any:
        """The newest action on a machine."""
        recent = self._deployment.journal.find(Query(since=datetime.now(UTC) - timedelta(minutes=1)))
        return next((action for action in recent if action.resource.id.endswith(f"/{name}")), None)

    def _outcome(self, name: str) -> str | None:
        found = self._of(name)
        return None if found is None else found.outcome and found.outcome.value

    def act(self) -> str | None:
        name, event = self._planted()
        self._last = name, event
        return self._expect(event, name, "acted")

    def _again(self, event: Any, name: str) -> str | None:
        writes = len(self._stack.writes())
        self._respond(event)
        made = self._stack.writes()[writes:]
        return f"written again: {made}" if made or not machines.isolated(self._stack, name) else None

    def no_op(self) -> str | None:
        name, event = self._last
        return self._again(event, name)

    def older(self) -> str | None:
        name, event = self._last
        before = copy.deepcopy(event)
        facts = before["object"]["properties"]
        facts["lastModifiedTimeUtc"] = facts["firstActivityTimeUtc"]
        return self._again(before, name)

    def malformed(self) -> str | None:
        told = len(self._stack.teams.cards)
        try:
            self._stack.host.queue("sentinel", f'{{"objectSchemaType": "{uuid.uuid4()}", ')
        except FunctionFailed:
            return None if len(self._stack.teams.cards) == told + 1 else "nobody heard of it"
        return "taken as if it were answered"

    def throttled(self) -> str | None:
        name, event = self._planted()
        self._stack.cloud.fail("GET", f"/virtualMachines/{name}", 503, times=4)
        try:
            self._respond(event)
        except FunctionFailed:
            return self._expect(event, name, "acted")
        return "answered without an answer"

    def _asked(self) -> str:
        name, event = self._planted("A process that nobody knows")
        self._respond(event)
        return str(self._of(name).id)

    def approval(self) -> str | None:
        result = Decision(self._deployment, Decide(self._asked(), ENGINEER, "seen")).approve()
        return None if result.outcome == "acted" else str(result)

    def denial(self) -> str | None:
        result = Decision(self._deployment, Decide(self._asked(), ENGINEER, "a test machine")).deny()
        return None if result.outcome == "expired" else str(result)

    def undo(self) -> str | None:
        name, event = self._planted()
        self._respond(event)
        result = Undo(self._deployment, Request(self._of(name).id, ENGINEER.name, "a false alarm")).run()
        return self._expect(event, name, "held") if result.outcome == "undone" else str(result)

    def runbook(self) -> str | None:
        name, _ = self._planted()
        reply = self._stack.host.http("runbook", asked(name, apply=True, reason="seen in the wild"), HEADERS)
        return None if reply.status == 200 and machines.isolated(self._stack, name) else str(reply)

    def sweep(self) -> str | None:
        self._stack.host.timer("sweep")  # raises FunctionFailed where a step did not get through
        self._stack.quiet()
        return None

    def sample(self) -> dict[str, dict[str, float]]:
        process = self._stack.host.process
        assert process is not None
        return {
            "worker": deployed.usage(process),
            "journal": {"open records": deployed.open_records(self._stack.journal)},
        }

    def locks(self) -> int:
        return len(self._stack.locks())


@contextmanager
def traffic(folder: Path) -> Iterator[AzureTraffic]:
    """The deployment, for as long as the context lasts."""
    with deployed.azure(folder) as stack:
        yield AzureTraffic(stack)
