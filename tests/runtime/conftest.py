"""The runtimes' parts. What is missing raises, so that a test fails where others would skip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stanch.local.aws.server import AwsCloud
from tests.runtime import artefacts, azure_stack
from tests.runtime import interpreter as interpreters
from tests.runtime.aws_stack import Stack
from tests.runtime.azure_stack import AzureStack


@pytest.fixture(scope="session")
def interpreter() -> interpreters.Interpreter:
    """Python of the version that both clouds run."""
    return interpreters.deployed()


@pytest.fixture(scope="session")
def aws_artefact(interpreter: interpreters.Interpreter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What `make build` ships to Lambda."""
    with artefacts.built("aws", interpreter, tmp_path_factory) as folder:
        yield folder


@pytest.fixture(scope="session")
def azure_artefact(interpreter: interpreters.Interpreter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What `make build` ships to the Function app."""
    with artefacts.built("azure", interpreter, tmp_path_factory) as folder:
        yield folder


@pytest.fixture(scope="module")
def aws_cloud() -> Iterator[AwsCloud]:
    """The local AWS."""
    cloud = AwsCloud()
    cloud.start()
    yield cloud
    cloud.stop()


@pytest.fixture(scope="module")
def new_stack(
    aws_cloud: AwsCloud, aws_artefact: Path, interpreter: interpreters.Interpreter, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Stack]]:  # fmt: skip
    """Makes deployments on the local AWS; they end with the module."""
    made: list[Stack] = []

    def make(**options: Any) -> Stack:
        made.append(Stack(aws_cloud.url, aws_artefact, interpreter, tmp_path_factory.mktemp("stack"), **options))
        return made[-1]

    yield make
    for stack in made:
        stack.stop()


@pytest.fixture(scope="module")
def _stack(new_stack: Callable[..., Stack]) -> Stack:
    return new_stack()


@pytest.fixture
def stack(_stack: Stack) -> Stack:
    """The module's deployment as the template has it, quiet."""
    _stack.quiet()
    return _stack


@pytest.fixture(scope="module")
def _azure_stack(
    azure_artefact: Path, interpreter: interpreters.Interpreter, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AzureStack]:
    with azure_stack.running(interpreter, azure_artefact, tmp_path_factory.mktemp("azure")) as stack:
        yield stack


@pytest.fixture
def azure(_azure_stack: AzureStack, monkeypatch: pytest.MonkeyPatch) -> AzureStack:
    """The module's Azure deployment, quiet; this process's own SDK clients may use its clouds."""
    for name, value in _azure_stack.cloud.environment().items():
        monkeypatch.setenv(name, value)
    _azure_stack.quiet()
    return _azure_stack
