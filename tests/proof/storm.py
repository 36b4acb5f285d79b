"""Thousands of findings at once, with a budget: the queue drains, writes stay within the budget, people get one summary, memory stays flat, every finding is answered."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from stanch.action import Outcome
from stanch.sources import guardduty
from tests.proof import deployed, kill
from tests.proof.figure import Figure, Size
from tests.proof.queued import Worker
from tests.runtime import events
from tests.runtime.aws_stack import Stack
from tests.runtime.event_source import EventSource
from tests.runtime.rie import ExecutionEnvironment
from tests.tools import dynamodb_local

FINDINGS: dict[Size, int] = {"bounded": 40, "full": 5000}
BUDGET: dict[Size, int] = {"bounded": 10, "full": 200}
WORKERS: dict[Size, int] = {"bounded": 2, "full": 5}
"""Five is what the template lets the queue call at once."""

VISIBILITY = 720
"""Seconds, the template's."""

FLAT = 8.0
"""MiB that a worker may have more at the end than in the middle."""

POLICY = """
playbooks:
  - id: key-leak
    when: {source: [guardduty], "resource.type": ["AWS::IAM::AccessKey"]}
    remediations: [aws.iam.deactivate_access_key]
    mode: auto
budget: {default: {actions: %d, window: 24h}}
"""


class Storm:
    """The findings in the queue, and the workers that take them."""

    cloud = "AWS"

    def __init__(self, stack: Stack, source: EventSource, environments: list[ExecutionEnvironment], count: int) -> None:
        self._stack, self._source, self.events = stack, source, count
        self._environments = environments
        self.deliveries, self.memory = 0, dict[int, list[float]]()
        made = [events.leaked_key() for _ in range(count)]
        self.keys = {event["detail"]["resource"]["accessKeyDetails"]["accessKeyId"] for event in made}
        for event in made:
            stack.plant(event, guardduty.parse)
        for event in made:
            source.emit(event)
        stack.lab.own("DELETE", "calls")
        self.workers = [Worker(partial(self._poll, number), one.kill, lambda: None) for number, one in enumerate(environments)]  # fmt: skip
        self._lock = threading.Lock()

    def _poll(self, number: int) -> int:
        taken = self._source.poll(self._environments[number])
        with self._lock:
            self.deliveries += taken
        if taken:
            (process,) = self._environments[number].processes()
            self.memory.setdefault(number, []).append(deployed.usage(process)["memory"])
        return taken

    def left(self) -> int:
        return self._source.left()

    def end(self, patient: bool) -> None:
        """Nothing comes after the queue here."""

    def lost(self) -> list[str]:
        actions = self._stack.actions()
        answered = Counter(action.resource.id for action in actions)
        found = [f"no answer for {key} in the journal" for key in sorted(self.keys - answered.keys())]
        found += [f"{times} answers for {key}" for key, times in answered.items() if times > 1]
        odd = [one for one in actions if one.outcome not in (Outcome.ACTED, Outcome.AWAITING_APPROVAL)]
        found += [f"action {one.id} ended as {one.outcome}: {one.reason}" for one in odd]
        dead = self._source.waiting(self._source.dead)
        return found + ([f"{dead} dead letters"] if dead else [])

    def doubled(self) -> list[str]:
        return []

    def repeats(self) -> int:
        return 0

    def writes(self) -> int:
        return self._stack.writes("dynamodb", "sns", "sqs", "events").count("iam:UpdateAccessKey")

    def reports(self) -> tuple[Counter[str], int]:
        """How often each outcome was told, and how many summaries of a used-up budget there were among them."""
        told = self._stack.reports()
        summaries = sum("Budget used up" in f"{one.get('Subject')} {one['Message']}" for one in told)
        return Counter(one["MessageAttributes"]["outcome"]["Value"] for one in told), summaries


def measure(size: Size, folder: Path) -> Figure:
    with ExitStack() as ends:
        journal = ends.enter_context(dynamodb_local.running())
        stack = ends.enter_context(deployed.aws(folder, POLICY % BUDGET[size], journal=journal))
        source = EventSource(stack, "GuardDuty", visibility=VISIBILITY)
        environments = deployed.lambdas(stack, ends, "GuardDutyFunction", WORKERS[size])
        storm = Storm(stack, source, environments, FINDINGS[size])
        started = time.perf_counter()
        kill.drain(storm, [worker.poll for worker in storm.workers])
        seconds = time.perf_counter() - started
        return _figure(storm, size, seconds)


def _figure(storm: Storm, size: Size, seconds: float) -> Figure:
    failures, writes, (told, summaries) = storm.lost(), storm.writes(), storm.reports()
    if not 0 < writes <= BUDGET[size]:
        failures.append(f"{writes} writes under a budget of {BUDGET[size]}")
    if summaries != 1:
        failures.append(f"{summaries} summaries of the used-up budget")
    memory = _memory(storm.memory)
    grown = round(memory["end"] - memory["middle"], 1)
    if size == "full" and grown > FLAT:
        failures.append(f"a worker grew by {grown} MiB from the middle to the end")
    row: dict[str, Any] = {
        "findings": storm.events, "budget": BUDGET[size], "workers": WORKERS[size], "drained in s": round(seconds, 1),
        "findings a second": round(storm.events / seconds, 1), "deliveries": storm.deliveries, "writes": writes, "summaries": summaries,
        **{f"MiB at the {when}": value for when, value in memory.items()},
    }  # fmt: skip
    return Figure(
        "Five thousand findings at once: what is written stays within the budget, one summary tells that it is used up (beside the request for each approval), memory is flat, and the journal has an answer for every finding.",
        storm.events,
        failures,
        [row],
        [
            f"Each finding is of a key of its own; the budget is {BUDGET[size]} actions a day. Memory is the resident memory of a worker after its first batch, halfway and after its last, the most of all workers. "
            f"Told: {', '.join(f'{times:,} {outcome}' for outcome, times in sorted(told.items()))}."
        ],
    )


def _memory(found: dict[int, list[float]]) -> dict[str, float]:
    return {
        "start": max(values[0] for values in found.values()),
        "middle": max(values[len(values) // 2] for values in found.values()),
        "end": max(values[-1] for values in found.values()),
    }
