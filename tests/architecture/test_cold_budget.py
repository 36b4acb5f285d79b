"""What a cold function loads: nothing heavy before any event, and only so much until the resource is contained.

Milliseconds differ from machine to machine; what is imported does not. `make check` runs this, `make bench` measures the time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import certifi
import pytest

from bench import events, measure, sides
from bench.measure import Side
from bench.stub import process
from stanch.playbooks.compile import dump
from stanch.playbooks.load import load

ROOT = Path(__file__).parent.parent.parent
LAPTOP = {"yaml", "pydantic", "rich", "typer", "moto", "jsonschema", "stanch.cli", "stanch.local"}
AWS, AZURE = LAPTOP | {"azure"}, LAPTOP | {"boto3", "botocore", "azure.mgmt"}
HANDLERS = {
    "handlers.aws.guardduty": AWS,
    "handlers.aws.config": AWS,
    "handlers.aws.runbook": AWS,
    "handlers.aws.sweep": AWS,
    "handlers.azure.sentinel": AZURE,
    "handlers.azure.runbook": AZURE,
    "handlers.azure.sweep": AZURE,
}

STANDARD = "the standard library"
BUDGET = {
    "aws": {
        STANDARD: 225, "stanch": 78, "handlers": 12, "remediations": 6, "__main__": 1,
        "botocore": 76, "urllib3": 30, "certifi": 2, "dateutil": 11, "jmespath": 8, "six": 2, "msgspec": 12, "typing_extensions": 1,
    },
    "azure": {
        STANDARD: 285, "stanch": 104, "handlers": 15, "remediations": 8, "function_app": 1, "__main__": 1,
        "azure": 1, "azure.core": 60, "azure.data": 40, "azure.functions": 70, "azure.identity": 47, "msal": 22,
        "requests": 68, "urllib3": 30, "certifi": 2, "charset_normalizer": 9, "idna": 5, "isodate": 11, "typing_extensions": 1,
        "cryptography": 49, "_openssl": 2, "_cffi_backend": 1, "cython": 2,
        "werkzeug": 32, "markupsafe": 2, "yarl": 8, "multidict": 4, "propcache": 4, "msgspec": 12,
    },
}  # fmt: skip
"""Modules of each package that may be loaded when the call that contains is sent. Who needs more says so here, and why in the commit."""


@pytest.mark.parametrize("module", sorted(HANDLERS))
def test_a_cold_start_imports_nothing_heavy(module: str) -> None:
    """By name: what is imported when the runtime loads the handler, before any event."""
    probe = f"import sys, json; import {module}; print(json.dumps(sorted(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = json.loads(answer.stdout)
    heavy = [name for name in loaded for wrong in HANDLERS[module] if name == wrong or name.startswith(f"{wrong}.")]
    assert heavy == []


def test_no_garbage_is_looked_for_while_a_lambda_starts() -> None:
    probe = "import gc, handlers.aws; before = gc.get_stats(); import handlers.aws.guardduty; print(gc.get_stats() == before)"
    answer = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout == "True\n"


@pytest.fixture(scope="module")
def stub() -> Iterator[process.RunningStub]:
    with process.running(Path(certifi.where())) as running:
        yield running


@pytest.mark.parametrize("cloud", sorted(BUDGET))
def test_a_cold_function_loads_no_more_until_contained_than_its_budget(
    cloud: str, stub: process.RunningStub, tmp_path: Path
) -> None:
    loaded = _loaded_until_contained(cloud, stub, tmp_path)
    found = Counter(_package(name) for name in loaded if name not in ("cold_probe", "__mp_main__"))
    over = {name: count for name, count in found.items() if count > BUDGET[cloud].get(name, 0)}
    assert over == {}, f"over the budget; all: {dict(sorted(found.items()))}"
    assert {"stanch", "handlers", "remediations"} <= set(found), "the probe saw a function at work"


def _loaded_until_contained(cloud: str, stub: process.RunningStub, folder: Path) -> list[str]:
    """The modules in the process of the first event, when it sent the call that contains."""
    compiled = folder / "playbooks.json"
    compiled.write_text(dump(load(ROOT / "playbooks.yaml")))
    now = measure.now()
    side, event = {
        "aws": (sides.ours(ROOT, compiled), events.guardduty(1, now)),
        "azure": (sides.ours_on_azure(ROOT), events.sentinel(now)),
    }[cloud]
    run = measure.run(_probed(side, cloud, compiled, folder), stub, [event], moment=now, program=_bare())
    asked = [json.loads(line) for line in (folder / "probe").read_text().splitlines()]
    return [modules for at, modules in asked if at <= run.containing().received][-1]


def _probed(side: Side, cloud: str, compiled: Path, folder: Path) -> Side:
    env = {
        **side.env,
        "STANCH_PLAYBOOKS": str(compiled),
        "COLD_PROBE": str(folder / "probe"),
        "COLD_FIRST": side.first or side.handler.partition(":")[0],
    }
    path = (Path(__file__).parent, ROOT, _locked(cloud, folder / "libraries"))
    return replace(side, path=path, first="cold_probe", env=env)


def _bare() -> str:
    """Our Python without its environment, so that only what the function has can be imported."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _locked(cloud: str, folder: Path) -> Path:
    """The folder, filled with the installed libraries that the cloud's functions are locked to."""
    folder.mkdir()
    for line in (ROOT / "requirements" / f"{cloud}.txt").read_text().splitlines():
        name, locked, _ = line.partition("==")
        if locked:
            found = metadata.distribution(name.partition("[")[0])
            for part in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
                _linked(Path(str(found.locate_file(part))), folder / part)
    return folder


def _linked(source: Path, target: Path) -> None:
    if not target.exists():
        target.symlink_to(source)


def _package(name: str) -> str:
    parts = name.split(".")
    if parts[0] == "azure":  # several distributions share the name
        return ".".join(parts[: 3 if parts[1:2] == ["mgmt"] else 2])
    if "cython" in parts[0]:  # `_cython_3_3_0`: the runtime of compiled libraries
        return "cython"
    return STANDARD if parts[0] in sys.stdlib_module_names or parts[0].startswith("_sysconfigdata") else parts[0]
