"""Leaked keys, to many Lambda environments at once."""

from __future__ import annotations

import copy
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from handlers.aws import wiring
from stanch.action import Outcome
from stanch.errors import Refused
from stanch.sources import guardduty
from stanch.undo import Request, Undo
from tests.proof import deployed
from tests.proof.many import Many
from tests.runtime import events
from tests.runtime.aws_stack import Stack
from tests.runtime.rie import ExecutionEnvironment, FunctionError
from tests.tools import dynamodb_local

TELLING = ("dynamodb", "sns", "sqs", "events")
"""Services whose writes change no target."""


class Keys:
    """See `Many`."""

    def __init__(self, stack: Stack, environments: list[ExecutionEnvironment]) -> None:
        self._stack, self._environments = stack, environments
        self._deployment = wiring.build(stack.environment)
        self._reports: dict[str, str] = {}
        for one in environments:
            one.invoke({})  # started before anything is measured

    def new(self) -> Any:
        return events.leaked_key()

    def older(self, event: Any) -> Any:
        before = copy.deepcopy(event)
        before["detail"]["updatedAt"] = before["detail"]["createdAt"]
        before["detail"]["service"]["count"] = 0
        return before

    def sibling(self, event: Any) -> Any:
        other, unique = copy.deepcopy(event), uuid.uuid4().hex
        detail = other["detail"]
        detail["arn"] = detail["arn"].replace(detail["id"], unique)
        detail["id"], detail["type"] = unique, "Discovery:IAMUser/AnomalousBehavior"
        self.plant(other)
        return other

    def plant(self, event: Any) -> None:
        self._stack.plant(event, guardduty.parse)

    def deliver(self, worker: int, event: Any) -> bool:
        try:
            return not self._environments[worker].invoke(events.batch(event))["batchItemFailures"]
        except FunctionError as error:
            raise AssertionError(f"the function failed: {error}") from error

    def clear(self) -> None:
        self._stack.reports()
        self._stack.lab.own("DELETE", "calls")

    def writes(self) -> Counter[str]:
        return Counter(self._stack.writes(*TELLING))

    def told(self) -> Counter[str]:
        found = [one["MessageAttributes"] for one in self._stack.reports()]
        self._reports = {one["report"]["Value"]: f"{one['outcome']['Value']} {one.get('remediation', {}).get('Value', '')}" for one in found}  # fmt: skip
        return Counter(one["report"]["Value"] for one in found)

    def says(self, key: str) -> str:
        return self._reports[key]

    def quiet(self, write: str) -> bool:
        return False

    def undo(self) -> None:
        undone = 0
        for key in self._reports:
            with suppress(Refused):  # the sessions of a user are not armed again
                result = Undo(
                    self._deployment, Request(key.split(":")[0], "analyst@corp.example", "a false alarm")
                ).run()
                undone += result.outcome is Outcome.UNDONE
        assert undone == 1, f"{undone} actions were undone"


@contextmanager
def on_dynamodb(folder: Path, workers: int) -> Iterator[Many]:
    """The journal in Amazon's DynamoDB Local."""
    with dynamodb_local.running() as journal, ExitStack() as ends:
        stack = ends.enter_context(deployed.aws(folder, journal=journal))
        yield Keys(stack, deployed.lambdas(stack, ends, "GuardDutyFunction", workers))


@contextmanager
def on_sqlite(folder: Path, workers: int) -> Iterator[Many]:
    """The journal in one file that all workers share."""
    with deployed.aws(folder, STANCH_JOURNAL=f"sqlite://{folder}/journal.sqlite") as stack, ExitStack() as ends:
        yield Keys(stack, deployed.lambdas(stack, ends, "GuardDutyFunction", workers))
