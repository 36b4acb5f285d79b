"""Servers as child processes: ready when they say so, and ended with the process that started them."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds a server may take to become ready: it shares few cores with the rest of the tests."""


@contextmanager
def running(command: list[str], ready: Callable[[str], T | None], environment: Mapping[str, str]) -> Iterator[T]:
    """Start the command in an empty folder and wait until `ready` makes something of what it has printed.

    The child holds the end of a pipe as its standard input and is expected to leave when that closes. Raises RuntimeError with its output if it ends early or is late.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with log.open("w") as output:
            child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, **environment},
            )
        try:
            yield _await(child, log, ready)
        finally:
            _end(child)


def _await(child: subprocess.Popen[bytes], log: Path, ready: Callable[[str], T | None]) -> T:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = ready(log.read_text(errors="replace"))
        if found is not None:
            return found
        if child.poll() is not None:
            break
        time.sleep(0.02)
    state = "is not ready" if child.poll() is None else f"ended with {child.returncode}"
    raise RuntimeError(f"{child.args!r} {state}:\n{log.read_text(errors='replace')}")


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.stdin:
        child.stdin.close()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
