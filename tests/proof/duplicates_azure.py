"""Mining machines, to many workers of the Function app at once."""

from __future__ import annotations

import copy
import json
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from handlers.azure import wiring
from stanch.action import Outcome
from stanch.sources import sentinel
from stanch.undo import Request, Undo
from tests.proof import deployed
from tests.proof.many import Many
from tests.runtime import events
from tests.runtime.azure_stack import AzureStack
from tests.runtime.functions_host import FunctionFailed, FunctionsHost

KEY = re.compile(r"[0-9a-f]{12}-[0-9a-f]{11}:\w+:\d+")
NAMES = re.compile(r"[0-9a-f]{12}-[0-9a-f]{11}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|vm-[0-9a-f]{8}")
READS = ("/alerts", "/entities", "/bookmarks")


class Machines:
    """See `Many`."""

    def __init__(self, stack: AzureStack, hosts: list[FunctionsHost]) -> None:
        self._stack, self._hosts = stack, hosts
        self._deployment = wiring.build(stack.settings())
        self._told: list[str] = []

    def new(self) -> Any:
        return events.mining_machine(f"vm-{uuid.uuid4().hex[:8]}")

    def older(self, event: Any) -> Any:
        before = copy.deepcopy(event)
        facts = before["object"]["properties"]
        facts["lastModifiedTimeUtc"] = facts["lastActivityTimeUtc"]
        return before

    def sibling(self, event: Any) -> Any:
        (machine,) = {name for name in NAMES.findall(json.dumps(event)) if name.startswith("vm-")}
        other = events.mining_machine(machine)
        self.plant(other)
        return other

    def plant(self, event: Any) -> None:
        self._stack.plant(event, sentinel.parse)

    def deliver(self, worker: int, event: Any) -> bool:
        try:
            self._hosts[worker].queue("sentinel", json.dumps(event))
        except FunctionFailed as error:
            if "Retryable" in str(error) or "Busy" in str(error) or "in progress" in str(error):
                return False
            raise
        return True

    def clear(self) -> None:
        self._stack.quiet()

    def writes(self) -> Counter[str]:
        made = [one for one in self._stack.cloud.calls if one["method"] != "GET" and not one["path"].endswith(READS)]
        return Counter(NAMES.sub("…", f"{one['method']} {one['path'].partition('/providers/')[2]}") for one in made)

    def told(self) -> Counter[str]:
        self._told = [KEY.findall(card)[0] for card in self._stack.told()]
        return Counter(self._told)

    def says(self, key: str) -> str:
        return key.split(":")[1]

    def quiet(self, write: str) -> bool:
        return "SecurityInsights" in write

    def undo(self) -> None:
        (action,) = {key.split(":")[0] for key in self._told if ":acted:" in key}
        result = Undo(self._deployment, Request(action, "analyst@corp.example", "a false alarm")).run()
        assert result.outcome is Outcome.UNDONE, result


@contextmanager
def on_azurite(folder: Path, workers: int) -> Iterator[Many]:
    """The journal in Azurite's table."""
    with deployed.azure(folder) as stack, ExitStack() as ends:
        yield Machines(stack, deployed.hosts(stack, ends, workers))


@contextmanager
def on_sqlite(folder: Path, workers: int) -> Iterator[Many]:
    """The journal in one file that all workers share."""
    with deployed.azure(folder, STANCH_JOURNAL=f"sqlite://{folder}/journal.sqlite") as stack, ExitStack() as ends:
        yield Machines(stack, deployed.hosts(stack, ends, workers))
