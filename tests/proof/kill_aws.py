"""Leaked keys through SQS into Lambda: each is to be deactivated and its user's sessions revoked, once."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from stanch.action import Outcome
from stanch.sources import guardduty
from stanch.sweep.undelivered import UNDERWAY
from tests.proof import deployed
from tests.proof.queued import Worker
from tests.runtime import events
from tests.runtime.aws_stack import ACCOUNT, Stack
from tests.runtime.event_source import EventSource
from tests.runtime.rie import ExecutionEnvironment
from tests.tools import dynamodb_local

LEASE = 6
VISIBILITY = {True: 30, False: 8}
"""Seconds, the latter for many events (whole batches) or few. As in the template, a message comes again only once the lease of whoever died with it has run out."""

WRITES = ("UpdateAccessKey", "PutUserPolicy")
SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


class LeakedKeys:
    """`count` findings on the bus."""

    cloud = "AWS"

    def __init__(self, stack: Stack, source: EventSource, environments: list[ExecutionEnvironment], count: int) -> None:
        self._stack, self._source, self.events = stack, source, count
        self._keys = []
        made = [events.leaked_key() for _ in range(count)]
        for event in made:
            stack.plant(event, guardduty.parse)
            self._keys.append(events.key_of(event))
        for event in made:
            source.emit(event)
        stack.lab.own("DELETE", "calls")
        self.deliveries = 0
        self.workers = [Worker(partial(self._poll, one), one.kill, partial(_first, one)) for one in environments]
        self._told: Counter[str] | None = None

    def _poll(self, environment: ExecutionEnvironment) -> int:
        taken = self._source.poll(environment)
        self.deliveries += taken
        return taken

    def left(self) -> int:
        return self._source.left()

    def end(self, patient: bool) -> None:
        while self._source.waiting(self._source.dead):
            self._source.redrive()
            while self._source.left():
                self.workers[0].poll()
                time.sleep(0.2)
        time.sleep(LEASE)
        if patient:
            time.sleep(UNDERWAY.total_seconds())
        self._stack.function("SweepFunction").invoke(SCHEDULED)

    def lost(self) -> list[str]:
        iam = self._stack.client("iam", ACCOUNT)
        found = [f"a lock of action {item['action_id']['S']} is left" for item in self._stack.items("lock#")]
        for user, key in self._keys:
            if [one["Status"] for one in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]] != ["Inactive"]:
                found.append(f"key {key} is active")
            if not iam.list_user_policies(UserName=user)["PolicyNames"]:
                found.append(f"the sessions of {user} are not revoked")
        actions = self._stack.actions()
        waiting = {item.key for item in self._stack.journal.pending()}
        told = self._reports()
        for action in actions:
            if action.outcome is not Outcome.ACTED:
                found.append(f"action {action.id} ended as {action.outcome}: {action.reason}")
            if not any(key.startswith(f"{action.id}:") for key in (*told, *waiting)):
                found.append(f"nobody heard of action {action.id}")
        if len(actions) != 2 * self.events:
            found.append(f"{len(actions)} actions in the journal for {self.events} findings")
        return found

    def doubled(self) -> list[str]:
        calls = [one for one in self._stack.lab.own("GET", "calls")[1]["calls"] if one["operation"] in WRITES]
        each = Counter((one["operation"], _action(one["user_agent"])) for one in calls)
        found = [f"{operation} of action {action} {times} times" for (operation, action), times in each.items() if times > 1]  # fmt: skip
        for operation in WRITES:
            made = sum(one["operation"] == operation for one in calls)
            if made > self.events:
                found.append(f"{made} {operation} for {self.events} findings")
        states = Counter(key.rpartition(":")[0] for key in self._reports())
        return found + [f"{times} reports of {state}" for state, times in states.items() if times > 1]

    def repeats(self) -> int:
        return sum(times - 1 for times in self._reports().values())

    def _reports(self) -> Counter[str]:
        if self._told is None:
            self._told = Counter(one["MessageAttributes"]["report"]["Value"] for one in self._stack.reports())
        return self._told


def _first(environment: ExecutionEnvironment) -> int | None:
    return next(iter(environment.processes()), None)


def _action(agent: str) -> str:
    found = re.search(r"md/action#(\S+)", agent)
    return found.group(1) if found else ""


@contextmanager
def replay(folder: Path, count: int, workers: int) -> Iterator[LeakedKeys]:
    """The deployment with its findings on the bus, for as long as the context lasts."""
    with ExitStack() as ends:
        journal = ends.enter_context(dynamodb_local.running())
        stack = ends.enter_context(deployed.aws(folder, journal=journal, STANCH_LEASE_SECONDS=str(LEASE)))
        source = EventSource(stack, "GuardDuty", visibility=VISIBILITY[count > 10])
        environments = deployed.lambdas(stack, ends, "GuardDutyFunction", workers)
        yield LeakedKeys(stack, source, environments, count)
