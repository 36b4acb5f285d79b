"""Both deployments for the figures: the handlers as they are deployed, in the clouds' own runtimes, as many of them at once as a figure asks for.

The app is the source tree with the locked packages and the compiled policy: what `tools/package.py` copies, without the copying.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from stanch.journal import Journal, Query
from stanch.local.aws.server import AwsCloud
from stanch.playbooks.load import load
from tests.proof.light import light
from tests.runtime import azure_stack, interpreter
from tests.runtime.aws_stack import Stack
from tests.runtime.azure_stack import AzureStack
from tests.runtime.functions_host import FunctionsHost
from tests.runtime.interpreter import ROOT
from tests.runtime.rie import ExecutionEnvironment


def app(folder: Path, policy: str | None = None) -> Path:
    """A folder as the function's code lies in it. `policy` is YAML in place of the shipped policy."""
    made = interpreter.deployed().only(folder / "app", "*")
    for name in ("stanch", "handlers", "remediations", "function_app.py", "host.json"):
        (made / name).unlink(missing_ok=True)
        (made / name).symlink_to(ROOT / name)
    source = ROOT / "playbooks.yaml" if policy is None else folder / "policy.yaml"
    if policy is not None:
        source.write_text(policy)
    (made / "playbooks.json").write_text(json.dumps(load(source).as_json(), sort_keys=True))
    return made


@contextmanager
def aws(folder: Path, policy: str | None = None, journal: str | None = None, **settings: str) -> Iterator[Stack]:
    """The AWS deployment on a local AWS of its own; `journal` is another DynamoDB's endpoint, `settings` go over the template's."""
    found = {"POWERTOOLS_LOG_LEVEL": "CRITICAL", "STANCH_PLAYBOOKS": str(folder / "app/playbooks.json")} | settings
    with ExitStack() as ends:
        ends.enter_context(light())
        cloud = AwsCloud()
        cloud.start()
        ends.callback(cloud.stop)
        stack = Stack(cloud.url, app(folder, policy), interpreter.deployed(), folder, journal=journal, **found)
        ends.callback(stack.stop)
        # Nothing is to fail here, so the calls take the straight way.
        stack.environment["AWS_ENDPOINT_URL"] = cloud.url
        ends.enter_context(_environment(stack.environment))
        yield stack


def lambdas(stack: Stack, ends: ExitStack, logical_id: str, count: int) -> list[ExecutionEnvironment]:
    """So many execution environments of one function, as Lambda runs that many of its calls at once."""
    found = [stack.another(logical_id, number) for number in range(count)]
    for one in found:
        ends.callback(one.stop)
    return found


@contextmanager
def azure(folder: Path, policy: str | None = None, **settings: str) -> Iterator[AzureStack]:
    """The Azure deployment on a local Azure and a storage account of its own; one worker runs."""
    place = app(folder, policy)
    found = {"STANCH_PLAYBOOKS": str(place / "playbooks.json")} | settings
    running = azure_stack.running(interpreter.deployed(), place, folder, **found)
    with running as stack, _environment(stack.settings()):
        stack.cloud.state.calls = deque()  # all of them: by default only the latest thousands are kept
        yield stack


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """For the figure's own clients, and for what a person does beside the handlers."""
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def hosts(stack: AzureStack, ends: ExitStack, count: int) -> list[FunctionsHost]:
    """So many workers of the app, the first one the deployment's own, as the platform scales out."""
    found = [stack.host]
    for number in range(1, count):
        found.append(stack.another(number))
        ends.callback(found[-1].stop)
    return found


def open_records(journal: Journal) -> float:
    """Actions without an outcome and reports that some channel has not accepted."""
    return float(len(list(journal.find(Query(open_only=True)))) + len(list(journal.pending())))


def usage(pid: int) -> dict[str, Any]:
    """What a process uses now: resident memory in MiB, open file descriptors, threads."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return {
        "memory": round(int(status["VmRSS"].split()[0]) / 1024, 1),
        "handles": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "threads": int(status["Threads"]),
    }
