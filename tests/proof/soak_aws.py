"""The daily life of the AWS deployment: findings, a runbook and the sweep, each in its function's own environment, the journal in DynamoDB Local."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from handlers.aws import wiring
from stanch.decision import Decision, Identity
from stanch.decision import Request as Decide
from stanch.sources import guardduty
from stanch.undo import Request, Undo
from tests.proof import deployed
from tests.runtime import events
from tests.runtime.aws_stack import ACCOUNT, Stack
from tests.runtime.rie import FunctionError
from tests.tools import dynamodb_local

KEY = "aws.iam.deactivate_access_key"
ENGINEER = Identity("engineer@corp.example", "engineer")
SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
FUNCTIONS = ("GuardDutyFunction", "RunbookFunction", "SweepFunction")


class AwsTraffic:
    """See `Traffic`."""

    cloud = "AWS"

    def __init__(self, stack: Stack) -> None:
        self._stack, self._deployment = stack, wiring.build(stack.environment)
        self._last: Any = None

    def _planted(self, **detail: Any) -> Any:
        event = events.leaked_key()
        event["detail"] |= detail
        self._stack.plant(event, guardduty.parse)
        return event

    def _respond(self, event: Any) -> dict[str, str]:
        """Outcome of the key's remediation and of others, and the action's id."""
        rows = self._stack.function("GuardDutyFunction").invoke(event)["actions"]
        return {row["remediation"] or "": row["outcome"] for row in rows} | {"id": next((row["action_id"] for row in rows if row["remediation"] == KEY), "")}  # fmt: skip

    def _expect(self, event: Any, outcome: str) -> str | None:
        found = self._respond(event)
        return None if found.get(KEY) == outcome else f"{found}, expected {outcome}"

    def act(self) -> str | None:
        self._last = self._planted()
        return self._expect(self._last, "acted")

    def no_op(self) -> str | None:
        return self._expect(self._last, "no_op")

    def older(self) -> str | None:
        event = copy.deepcopy(self._last)
        event["detail"]["updatedAt"] = event["detail"]["createdAt"]
        return self._expect(event, "no_op")

    def malformed(self) -> str | None:
        found = self._respond({"source": "aws.guardduty", "detail-type": "GuardDuty Finding", "detail": {"id": 7}})
        return None if found.get("") == "rejected" else f"{found}, expected rejected"

    def throttled(self) -> str | None:
        event = self._planted()
        user, _ = events.key_of(event)
        self._stack.proxy.throttle(f"Action=ListAccessKeys.*{user}")
        try:
            return f"answered {self._stack.function('GuardDutyFunction').invoke(event)} without an answer"
        except FunctionError:
            self._stack.proxy.calm()
        return self._expect(event, "acted")

    def _asked(self) -> str:
        event = self._planted(severity=2)
        return self._respond(event)["id"]

    def approval(self) -> str | None:
        result = Decision(self._deployment, Decide(self._asked(), ENGINEER, "seen")).approve()
        return None if result.outcome == "acted" else str(result)

    def denial(self) -> str | None:
        result = Decision(self._deployment, Decide(self._asked(), ENGINEER, "a test key")).deny()
        return None if result.outcome == "expired" else str(result)

    def undo(self) -> str | None:
        event = self._planted()
        result = Undo(self._deployment, Request(self._respond(event)["id"], ENGINEER.name, "a false alarm")).run()
        return self._expect(event, "held") if result.outcome == "undone" else str(result)

    def runbook(self) -> str | None:
        _, key = events.key_of(self._planted())
        asked = {"remediation": KEY, "resource": key, "account": ACCOUNT, "apply": True, "reason": "seen in the wild"}
        answer = self._stack.function("RunbookFunction").invoke(events.http(asked))
        return None if answer["statusCode"] == 200 else str(answer)

    def sweep(self) -> str | None:
        steps = self._stack.function("SweepFunction").invoke(SCHEDULED)["steps"]
        # The moto of this machine keeps every call and every mail; the deployment's own growth is what counts.
        self._stack.quiet()
        errors = [error for row in steps for error in row["errors"]]
        return "; ".join(errors) or None

    def sample(self) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        for name in FUNCTIONS:
            (process,) = self._stack.function(name).processes()
            found[name] = deployed.usage(process)
        found["journal"] = {"open records": deployed.open_records(self._stack.journal)}
        return found

    def locks(self) -> int:
        return len(self._stack.items("lock#"))


@contextmanager
def traffic(folder: Path) -> Iterator[AwsTraffic]:
    """The deployment, for as long as the context lasts; its calls pass a proxy that can refuse them."""
    with ExitStack() as ends:
        journal = ends.enter_context(dynamodb_local.running())
        stack = ends.enter_context(deployed.aws(folder, journal=journal))
        stack.environment["AWS_ENDPOINT_URL"] = stack.proxy.url
        yield AwsTraffic(stack)
