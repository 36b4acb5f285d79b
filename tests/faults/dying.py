"""`python -m tests.faults.dying aws|azure`: handles one event a fork, and ends itself in the middle of it.

Reads one JSON object a line, `{"event", "at": {"series", "k"} or null, "log"}`, and answers each with the exit code of the fork that handled it.
Everything is imported before the first fork, so that a fork costs little; each makes its own sessions and connections. Calls are written to `log` as they are made.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

KILLED = 137
"""What a shell reports of a process that SIGKILL ended."""

JOURNAL = ("look", "open", "record", "close", "sent")


class Fuse:
    """Ends the process at the k-th call of a series (`sdk` or `journal`, `before` or `after`)."""

    def __init__(self, at: dict[str, Any] | None, log: Path) -> None:
        self._series = tuple(at["series"]) if at else ()
        self._left = at["k"] if at else -1
        self._log = log
        self._one = threading.Lock()

    def call(self, kind: str, when: str, name: str) -> None:
        if when == "before":
            with self._log.open("a") as out:
                out.write(f"{kind} {name}\n")
        if (kind, when) != self._series:
            return
        with self._one:  # reads are made at the same time
            if self._left == 0:
                os._exit(KILLED)
            self._left -= 1


def watch_journal(fuse: Fuse) -> None:
    """Every call of the journal passes the fuse."""
    from stanch.journal.sqlite import SqliteJournal

    for name in JOURNAL:
        setattr(SqliteJournal, name, _passing(getattr(SqliteJournal, name), fuse, name))


def _passing(method: Callable[..., Any], fuse: Fuse, name: str) -> Callable[..., Any]:
    @functools.wraps(method)
    def passing(*args: Any) -> Any:
        fuse.call("journal", "before", name)
        answer = method(*args)
        fuse.call("journal", "after", name)
        return answer

    return passing


def watch_aws(fuse: Fuse) -> None:
    """Every call of every client passes the fuse, by botocore's own hooks."""
    from botocore.client import ClientCreator

    create = ClientCreator.create_client

    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        client = create(self, *args, **kwargs)
        for when in ("before", "after"):
            hook = functools.partial(_aws_call, fuse, when)
            client.meta.events.register(f"{when}-call", hook)
        return client

    ClientCreator.create_client = watched  # type: ignore[method-assign]


def _aws_call(fuse: Fuse, when: str, model: Any, **_: Any) -> None:
    fuse.call("sdk", when, f"{model.service_model.service_name}:{model.name}")


def watch_azure(fuse: Fuse) -> None:
    """Every request passes the fuse: those of the SDKs through azure-core's transport, and the card to Teams."""
    from requests.adapters import HTTPAdapter

    send = HTTPAdapter.send

    def watched(self: Any, request: Any, **options: Any) -> Any:
        name = f"{request.method} {request.path_url.partition('?')[0]}"
        fuse.call("sdk", "before", name)
        answer = send(self, request, **options)
        fuse.call("sdk", "after", name)
        return answer

    HTTPAdapter.send = watched  # type: ignore[method-assign,assignment]


def warm_aws() -> Callable[[Any], Any]:
    """What costs time on first use: imports, and the models of the services, which forks then share."""
    from handlers.aws import guardduty, wiring

    home = wiring.deployment().cloud.home  # type: ignore[attr-defined]
    for service in ("guardduty", "sts", "iam", "sns"):
        home.client(service)
    wiring.reset()
    return lambda event: guardduty.handler(event, None)


def warm_azure() -> Callable[[Any], Any]:
    from azure.identity import ManagedIdentityCredential  # noqa: F401
    from azure.mgmt.core.polling.arm_polling import ARMPolling  # noqa: F401

    from handlers.azure import sentinel

    return sentinel.answer


def main(cloud: str) -> None:
    """Serve until standard input closes."""
    handle = warm_aws() if cloud == "aws" else warm_azure()
    for line in sys.stdin:
        case = json.loads(line)
        child = os.fork()
        if child == 0:
            fuse = Fuse(case["at"], Path(case["log"]))
            watch_journal(fuse)
            (watch_aws if cloud == "aws" else watch_azure)(fuse)
            handle(case["event"])
            os._exit(0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
