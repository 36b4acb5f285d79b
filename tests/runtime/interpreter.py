"""Python as both clouds run it: the deployed version, with nothing on its path but what a test puts there."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from tests.tools import packages

ROOT = Path(__file__).parent.parent.parent
DEPLOYED = (3, 13)
"""`Runtime: python3.13` in template.yaml, and what the worker library of the Function app needs."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """`program` and the folder where its installed packages are."""

    program: Path
    packages: Path

    def bare(self, *arguments: str) -> list[str]:
        """A command that sees the standard library and PYTHONPATH, and none of the installed packages."""
        return [str(self.program), "-S", "-P", *arguments]

    def only(self, folder: Path, *names: str) -> Path:
        """The folder, filled with these installed packages alone. Raises FileNotFoundError for one that is not installed."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            found = sorted(self.packages.glob(name))
            if not found:
                raise FileNotFoundError(f"{name} is not installed in {self.packages}")
            for path in found:
                (folder / path.name).symlink_to(path)
        return folder


def deployed() -> Interpreter:
    """The tests' own interpreter where it is of the deployed version, else one with the same locked packages. Raises RuntimeError where there is none."""
    if sys.version_info[:2] == DEPLOYED:
        return Interpreter(Path(sys.executable), Path(sysconfig.get_path("purelib")))
    return _made(_found())


def _found() -> Path:
    said = subprocess.run([ROOT / "tools/python"], capture_output=True, text=True, check=True).stdout.strip()
    version = subprocess.run([said, "--version"], capture_output=True, text=True, check=True).stdout
    if not version.startswith("Python {}.{}.".format(*DEPLOYED)):
        raise RuntimeError(f"the deployed version, Python 3.13, is not on this machine: {said} is {version.strip()}")
    return Path(said)


def _made(program: Path) -> Interpreter:
    locked = ROOT / "requirements/dev.txt"

    def install(folder: Path) -> None:
        packages.run([str(program), "-m", "venv", str(folder)])
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        packages.run([*pip, "--require-hashes", "-r", str(locked)])

    folder = packages.made("python-3.13", [locked], install)
    return Interpreter(folder / "bin/python", folder / "lib/python3.13/site-packages")
