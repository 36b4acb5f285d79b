"""Fetches what `npm/package-lock.json` pins, by name and checked against its hashes, into `.tools/`."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.tools import runtimes

HERE = Path(__file__).parent
TOOLS = HERE.parent.parent / ".tools"


def modules() -> Path:
    """The `node_modules` with Azurite and DynamoDB Local, installed on first use. Raises RuntimeError saying what npm said."""
    sources = [HERE / "npm/package.json", HERE / "npm/package-lock.json"]

    def install(folder: Path) -> None:
        for source in sources:
            shutil.copy(source, folder)
        command = [*runtimes.npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        path = f"{runtimes.node().parent}{os.pathsep}{os.environ['PATH']}"
        run(command, cwd=folder, env={**os.environ, "PATH": path})

    return made("npm", sources, install) / "node_modules"


def made(name: str, sources: list[Path], make: Callable[[Path], None]) -> Path:
    """The folder that `make` fills from the sources, made once for each of their contents, by one process at a time."""
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    TOOLS.mkdir(exist_ok=True)
    folder = TOOLS / f"{name}-{digest}"
    with (TOOLS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = TOOLS / f"{name}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(folder)
    return folder


def run(command: list[str], **options: Any) -> None:
    """Run it to its end. Raises RuntimeError with all it said if it failed."""
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if ended.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout}")
