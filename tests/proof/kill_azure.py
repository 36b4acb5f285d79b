"""Mining machines through a storage queue into the Functions worker: each is to be isolated on every interface, once."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from stanch.action import Outcome
from stanch.sources import sentinel
from stanch.sweep.undelivered import UNDERWAY
from tests.proof import deployed
from tests.proof.queued import Worker
from tests.runtime import events, machines
from tests.runtime.azure_stack import AzureStack
from tests.runtime.functions_host import FunctionsHost
from tests.runtime.storage_queue import StorageQueue

LEASE, AGAIN = 6, 8
"""Seconds; a message comes again only once the lease of whoever died with it has run out."""

KEY = re.compile(r"[0-9a-f]{12}-[0-9a-f]{11}:\w+:\d+")


class MiningMachines:
    """`count` incidents in the queue."""

    cloud = "Azure"

    def __init__(self, stack: AzureStack, queue: StorageQueue, workers: list[FunctionsHost], count: int) -> None:
        self._stack, self._queue, self.events = stack, queue, count
        self._names = [f"vm-{uuid.UUID(int=number).hex[-6:]}" for number in range(count)]
        made = [events.mining_machine(name) for name in self._names]
        for event in made:
            stack.plant(event, sentinel.parse)
        stack.quiet()
        for event in made:
            queue.send(json.dumps(event))
        self.deliveries = 0
        self.workers = [Worker(partial(self._poll, one), one.kill, lambda one=one: one.process) for one in workers]  # type: ignore[misc]

    def _poll(self, host: FunctionsHost) -> int:
        taken = self._queue.poll(host)
        self.deliveries += taken
        return taken

    def left(self) -> int:
        return self._queue.left()

    def end(self, patient: bool) -> None:
        while self._queue.waiting()[1]:
            self._queue.redrive()
            while self._queue.left():
                self.workers[0].poll()
                time.sleep(0.2)
        time.sleep(LEASE)
        if patient:
            time.sleep(UNDERWAY.total_seconds())
        self._stack.host.timer("sweep")

    def lost(self) -> list[str]:
        found = [f"a lock is left: {row['RowKey']}" for row in self._stack.locks()]
        found += [f"{name} is not isolated" for name in self._names if not machines.isolated(self._stack, name)]
        actions = self._stack.actions()
        heard = {*self._keys(), *(item.key for item in self._stack.journal.pending())}
        for action in actions:
            if action.outcome is not Outcome.ACTED:
                found.append(f"action {action.id} ended as {action.outcome}: {action.reason}")
            if not any(key.startswith(f"{action.id}:") for key in heard):
                found.append(f"nobody heard of action {action.id}")
        if len(actions) != self.events:
            found.append(f"{len(actions)} actions in the journal for {self.events} incidents")
        return found

    def doubled(self) -> list[str]:
        writes = [one for one in self._stack.cloud.calls if one["method"] in ("PUT", "PATCH", "DELETE")]
        each = Counter(_shown(one) for one in writes if "/SecurityInsights/" not in one["path"].replace("Microsoft.", "/"))  # fmt: skip
        found = [f"{times} times {write}" for write, times in each.items() if times > 1]
        comments = {one["path"] for one in writes if "/comments/" in one["path"]}
        said = Counter(path.partition("/comments/")[0] for path in comments)
        found += [f"{times} comments on {incident}" for incident, times in said.items() if times > 1]
        states = Counter(key.rpartition(":")[0] for key in self._keys())
        return found + [f"{times} reports of {state}" for state, times in states.items() if times > 1]

    def repeats(self) -> int:
        return sum(times - 1 for times in self._keys().values())

    def _keys(self) -> Counter[str]:
        """The key of every report that the channel took: cards say it among their ids."""
        return Counter(KEY.findall(card)[0] for card in self._stack.told() if KEY.search(card))


def _shown(call: dict[str, Any]) -> str:
    return f"{call['method']} {call['path']} {json.dumps(call['body'], sort_keys=True)}"


@contextmanager
def replay(folder: Path, count: int, workers: int) -> Iterator[MiningMachines]:
    """The deployment with its incidents in the queue, for as long as the context lasts."""
    with deployed.azure(folder, STANCH_LEASE_SECONDS=str(LEASE)) as stack, ExitStack() as ends:
        queue = StorageQueue(stack, "sentinel", ends, again=AGAIN)
        yield MiningMachines(stack, queue, deployed.hosts(stack, ends, workers), count)
