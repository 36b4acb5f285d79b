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
    """The folder that `tools/package.py` fills for a cloud; whoever asks first builds it, whoever leaves last removes it."""
    base = sessions.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / f"artefact-{cloud}"
    with (shared / f"artefact-{cloud}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            packages.run([str(interpreter.program), str(ROOT / "tools/package.py"), cloud, str(partial)])
            partial.rename(folder)
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield folder
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another test process still uses it
        shutil.rmtree(folder)
