"""Where each side runs from: the packaged artefacts, and the comparators' own locked libraries, under .tools/bench and .tools/bench/artefacts."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

BENCH = Path(__file__).parent
ROOT = BENCH.parent
HOME = ROOT / ".tools" / "bench"
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3")
"""What Lambda's Python runtime brings, and a Custodian archive therefore does not."""


def interpreter() -> str:
    """The deployed Python itself, without the environment that `make` runs in. Raises RuntimeError for another version."""
    if sys.version_info[:2] != (3, 13):
        raise RuntimeError(f"the deployed Python is 3.13, this one is {sys.version.split()[0]}")
    return str(getattr(sys, "_base_executable", sys.executable))


def artefact(cloud: str, root: Path = ROOT) -> Path:
    """What is deployed, built anew from the tree as it is."""
    target = HOME / "artefacts" / f"{cloud}-{hashlib.sha256(str(root).encode()).hexdigest()[:8]}"
    _run([sys.executable, str(root / "tools" / "package.py"), cloud, str(target)], cwd=root)
    return target


def comparator(name: str) -> Path:
    """The folder of a comparator's libraries, compiled as ours are; made once for each lock file."""
    return _made(name, lambda folder: _install(name, folder))


def custodian() -> tuple[Path, Path]:
    """Custodian's archive, unpacked as Lambda unpacks it (it carries no bytecode), and the runtime's libraries beside it."""
    libraries = comparator("custodian")
    archive = _made("custodian-archive", lambda folder: _archive(libraries, folder), "custodian")
    runtime = _made("custodian-runtime", lambda folder: _runtime(libraries, folder), "custodian")
    for source, target in (("custodian.json", "config.json"), ("custodian_policy.py", "custodian_policy.py")):
        shutil.copy(BENCH / "comparators" / source, archive / target)
    return archive, runtime


def _made(name: str, make: Callable[[Path], None], lock: str | None = None) -> Path:
    known = hashlib.sha256((BENCH / "requirements" / f"{lock or name}.txt").read_bytes())
    folder = HOME / f"{name}-{known.hexdigest()[:12]}"
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        make(partial)
        partial.rename(folder)
    return folder


def _install(name: str, folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    lock = BENCH / "requirements" / f"{name}.txt"
    _run([*pip, "--require-hashes", "--no-deps", "--target", str(folder), "-r", str(lock)])
    _compile(folder)


def _archive(libraries: Path, folder: Path) -> None:
    """As `c7n.mu.PolicyLambda` makes it: the package, the policy and the handler."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from c7n.mu import custodian_archive\n"
        "made = custodian_archive(); made.close()\n"
        "import zipfile; zipfile.ZipFile(made.path).extractall(sys.argv[2])\n"
    )
    _run([interpreter(), "-I", "-c", script, str(libraries), str(folder)])


def _runtime(libraries: Path, folder: Path) -> None:
    for name in RUNTIME:
        source = libraries / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    _compile(folder)


def _compile(folder: Path) -> None:
    mode = ["--invalidation-mode", "unchecked-hash"]
    _run([interpreter(), "-m", "compileall", "-q", "-j", "2", *mode, str(folder)])


def _run(command: list[str], cwd: Path = ROOT) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr[-2000:]}")
