"""`python tools/package.py aws|azure FOLDER`: one cloud's deployment artefact: our code, the locked libraries, the compiled policy, and bytecode.

The bytecode is checked against nothing at import (`unchecked-hash`): the artefact is immutable, and a cold start that need not compile is two to four times
shorter.
"""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

from cut_models import cut

ROOT = Path(__file__).parent.parent
OTHER = {"aws": "azure", "azure": "aws"}
DEPLOYED = (3, 13)
"""The Python of both clouds' functions. Another one's bytecode would only be ballast there."""

LAPTOP = ("cli", "local", "__main__.py")
PLATFORM = (
    "--platform",
    "manylinux2014_x86_64",
    "--only-binary",
    ":all:",
    "--python-version",
    ".".join(map(str, DEPLOYED)),
    "--implementation",
    "cp",
)


def package(cloud: str, target: Path) -> None:
    """Fill `target` anew."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    _libraries(cloud, target)
    for name in ("stanch", "handlers", "remediations"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in LAPTOP:
        _remove(target / "stanch" / name)
    for name in ("handlers", "remediations"):
        _remove(target / name / OTHER[cloud])
    if cloud == "azure":
        for name in ("function_app.py", "host.json"):
            shutil.copy(ROOT / name, target)
        shutil.copy(ROOT / "requirements" / "azure.txt", target / "requirements.txt")
    if cloud == "aws":
        _models(target)
    write_policy(target)
    if sys.version_info[:2] == DEPLOYED:
        compileall.compile_dir(target, quiet=1, workers=2, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    else:
        print("no bytecode in it, so it starts slowly: build it with Python 3.13", file=sys.stderr)


def _libraries(cloud: str, target: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--no-compile",
        "--no-deps",
    ]
    subprocess.run(
        [*command, *PLATFORM, "-r", str(ROOT / "requirements" / f"{cloud}.txt"), "--target", str(target)], check=True
    )


def _models(target: Path) -> None:
    """Only what the functions call, beside what botocore calls by itself (where a bucket is)."""
    ours = [target / name for name in ("stanch", "handlers", "remediations")]
    cut(target / "botocore" / "data", ours, [target / "botocore"])


def write_policy(target: Path) -> None:
    """The compiled policy with its index, so that nothing parses YAML in a cold function: the file of STANCH_PLAYBOOKS, else the shipped one."""
    sys.path.insert(0, str(ROOT))
    from stanch.cli.catalog import remediations
    from stanch.errors import PolicyError
    from stanch.playbooks.compile import dump
    from stanch.playbooks.load import load

    try:
        compiled = dump(load(os.environ.get("STANCH_PLAYBOOKS") or "shipped", remediations()))
    except PolicyError as error:
        sys.exit(f"the policy is wrong, so nothing is built: {error}")
    (target / "playbooks.json").write_text(compiled, encoding="utf-8")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    package(sys.argv[1], Path(sys.argv[2]))
