"""What Microsoft's worker finds in the packaged app, and what is packaged."""

from __future__ import annotations

import json
from pathlib import Path

from tests.runtime.functions_host import FunctionsHost
from tests.runtime.interpreter import ROOT, Interpreter

LAPTOP = {
    "boto3",
    "botocore",
    "aws_lambda_powertools",
    "typer",
    "rich",
    "yaml",
    "moto",
    "pytest",
    "tests",
    "events",
    "docs",
    "tools",
    "bench",
}


def test_only_what_the_app_needs_is_in_it(azure_artefact: Path) -> None:
    names = {path.name for path in azure_artefact.iterdir()}
    assert {"function_app.py", "host.json", "requirements.txt", "playbooks.json", "azure"} <= names
    assert names & LAPTOP == set()
    for folder in ("stanch/cli", "stanch/local", "handlers/aws", "remediations/aws"):
        assert not (azure_artefact / folder).exists()
    assert (azure_artefact / "host.json").read_bytes() == (ROOT / "host.json").read_bytes()


def test_every_module_is_compiled(azure_artefact: Path) -> None:
    for source in (
        path
        for name in ("stanch", "handlers", "remediations", "azure")
        for path in (azure_artefact / name).rglob("*.py")
    ):
        compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
        assert compiled.read_bytes()[4:8] == b"\x01\0\0\0", compiled


def test_the_worker_finds_exactly_the_functions_that_there_are(
    azure_artefact: Path, interpreter: Interpreter, tmp_path: Path
) -> None:
    host = FunctionsHost(interpreter, azure_artefact, tmp_path / "worker", {}, tmp_path / "log")
    host.start()
    host.stop()
    assert set(host.functions) == {"sentinel", "runbook", "approval", "sweep"}
    (timer,) = host.functions["sweep"]
    assert (timer["type"], timer["schedule"], timer["runOnStartup"]) == ("timerTrigger", "0 */5 * * * *", False)
    (queue,) = host.functions["sentinel"]
    assert (queue["type"], queue["queueName"], queue["connection"]) == (
        "queueTrigger",
        "stanch-sentinel",
        "AzureWebJobsStorage",
    )
    trigger, answer = host.functions["runbook"]
    assert (trigger["type"], trigger["route"], trigger["methods"]) == ("httpTrigger", "runbook", ["POST"])
    assert trigger["authLevel"] == "FUNCTION"
    assert answer["type"] == "http"


def test_the_host_takes_base64_as_the_playbooks_send_it_and_gives_up_when_the_app_thinks_it_does(
    azure_artefact: Path,
) -> None:
    from handlers.settings import max_deliveries

    queues = json.loads((azure_artefact / "host.json").read_text())["extensions"]["queues"]
    assert queues["messageEncoding"] == "base64"
    assert queues["maxDequeueCount"] == max_deliveries({})
