"""The deployment artefacts, built by the tool that builds the deployed ones, once for all test processes of a session."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.runtime.interpreter import ROOT, Interpreter
from tests.tools import packages


@contextmanager
def built(cloud: str, interpreter: Interpreter, sessions: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that `tools/package.py` fills for a cloud; who asks first builds it, who leaves last removes it."""
    base = sessions.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"artefact-{cloud}"
    with folder.with_suffix(".users").open("w") as users:
        with _alone(folder):
            fcntl.flock(users, fcntl.LOCK_SH)
            if not folder.exists():
                partial = folder.with_suffix(".partial")
                packages.run([str(interpreter.program), str(ROOT / "tools/package.py"), cloud, str(partial)])
                partial.rename(folder)
        yield folder
        with _alone(folder):
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # another test process still uses it
            shutil.rmtree(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
