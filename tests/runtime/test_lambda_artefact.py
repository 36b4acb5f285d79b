"""What is shipped to Lambda, and what a cold function loads of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stanch.playbooks.compile import dump, load_compiled
from stanch.playbooks.load import load
from stanch.sources import guardduty
from tests.runtime import events, template
from tests.runtime.aws_stack import Stack
from tests.runtime.interpreter import ROOT, Interpreter
from tests.runtime.rie import ExecutionEnvironment

LAPTOP = {
    "azure",
    "typer",
    "rich",
    "yaml",
    "moto",
    "pydantic",
    "jsonschema",
    "pytest",
    "tests",
    "events",
    "docs",
    "tools",
    "bench",
}
HEAVY = {"azure", "jsonschema", "moto", "pydantic", "rich", "typer", "yaml"}

PROBE = """
import sys

from handlers.aws.guardduty import handler as answer


def handler(event, context):
    rows = answer(event, context)["actions"]
    return {"outcomes": [row["outcome"] for row in rows], "modules": sorted(sys.modules)}
"""


def test_only_what_a_function_needs_is_in_it(aws_artefact: Path) -> None:
    assert {path.name for path in aws_artefact.iterdir()} & LAPTOP == set()
    for folder in ("stanch/cli", "stanch/local", "handlers/azure", "remediations/azure"):
        assert not (aws_artefact / folder).exists()
    assert {path.name for path in (aws_artefact / "handlers/aws").glob("*.py")} == {
        path.name for path in (ROOT / "handlers/aws").glob("*.py")
    }
    unzipped = sum(path.stat().st_size for path in aws_artefact.rglob("*") if path.is_file())
    assert unzipped < 250_000_000  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html


def test_every_module_is_compiled_and_its_bytecode_is_not_checked_against_the_source(aws_artefact: Path) -> None:
    sources = list(aws_artefact.rglob("*.py"))
    assert len(sources) > 500
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
        # Bit 0: by hash; bit 1: to be checked (https://peps.python.org/pep-0552/).
        assert compiled.read_bytes()[4:8] == b"\x01\0\0\0", compiled


def test_the_policy_and_its_index_are_compiled(aws_artefact: Path) -> None:
    policy = load(ROOT / "playbooks.yaml")
    assert (aws_artefact / "playbooks.json").read_text(encoding="utf-8") == dump(policy)
    packaged = load_compiled(aws_artefact / "playbooks.json")
    assert packaged == policy
    assert packaged.index is not None
    assert not (aws_artefact / "playbooks.yaml").exists()


def test_the_template_names_handlers_that_are_in_it(aws_artefact: Path) -> None:
    for name in template.functions():
        module, _, function = template.properties(name)["Handler"].rpartition(".")
        source = aws_artefact / f"{module.replace('.', '/')}.py"
        assert f"def {function}(event" in source.read_text()
        assert template.properties(name)["Runtime"] == "python3.13"


@pytest.fixture
def probed(
    new_stack: Callable[..., Stack], aws_artefact: Path, interpreter: Interpreter, tmp_path: Path
) -> Any:  # fmt: skip
    """A cold function's answer to a finding, where everything that the laptop has could be imported."""
    stack = new_stack()
    event = events.leaked_key()
    stack.plant(event, guardduty.parse)
    (tmp_path / "probe.py").write_text(PROBE)
    function = ExecutionEnvironment(
        interpreter, "probe.handler", [tmp_path, aws_artefact, interpreter.packages], stack.environment, tmp_path / "log"
    )  # fmt: skip
    try:
        return function.invoke(event)
    finally:
        function.stop()


def test_a_cold_function_loads_nothing_of_the_laptop_or_the_other_cloud(probed: Any, interpreter: Interpreter) -> None:
    assert probed["outcomes"] == ["acted", "acted"]
    loaded = {name.partition(".")[0] for name in probed["modules"]}
    assert {"botocore", "aws_lambda_powertools", "stanch"} <= loaded
    assert loaded & HEAVY == set()
    assert all((interpreter.packages / name).exists() for name in HEAVY), "the probe would prove nothing"
    assert [
        name for name in probed["modules"] if name.startswith(("stanch.local", "stanch.cli", "stanch.clouds.azure"))
    ] == []
