"""`python -m bench`: measure, print the table, write bench/results.json and docs/performance.md. `--docs` only writes the page from the results there are."""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from bench import environments, lambdas, playbooks, replay, report, sides
from bench.goals import Results
from bench.measure import Side
from bench.stub import process

PARTS = ("cold", "warm", "latency", "batch", "azure", "playbooks", "replay")
RESULTS = environments.BENCH / "results.json"
PAGE = environments.ROOT / "docs" / "performance.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], help="what to measure; default: everything, and the results are kept"
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--events", type=int, default=1000, help="how many events are replayed")
    parser.add_argument("--root", type=Path, default=environments.ROOT, help="the tree whose artefacts are measured")
    parser.add_argument("--docs", action="store_true", help="write the page from the results that are there")
    given = parser.parse_args()
    if not given.docs:
        results = _measured(given.parts or list(PARTS), given.rounds, given.events, given.root.resolve())
        print(report.text(results))
        if given.parts:
            return
        RESULTS.write_text(json.dumps(results.as_json(), indent=1, ensure_ascii=False) + "\n")
    results = Results.from_json(json.loads(RESULTS.read_text()))
    PAGE.write_text(report.page(results))
    PAGE.with_suffix(".svg").write_text(report.plot(results))


def _measured(parts: list[str], rounds: int, events: int, root: Path) -> Results:
    results = Results(_machine(rounds))
    began = time.monotonic()
    hand = sides.hand()
    with process.running(hand.path[0] / "botocore" / "cacert.pem") as stub, tempfile.TemporaryDirectory() as name:
        lab = lambdas.Lab(stub, rounds, results)
        for part, measure in _parts(lab, Path(name), events, root).items():
            if part in parts:
                start = time.monotonic()
                measure()
                print(f"{part}: {time.monotonic() - start:.0f} s", flush=True)
    results.machine["minutes"] = f"{(time.monotonic() - began) / 60:.1f}"
    return results


def _parts(lab: lambdas.Lab, folder: Path, events: int, root: Path) -> dict[str, Callable[[], None]]:
    """What is measured by name; what a part needs is built when it is asked for."""
    tree = Built(folder, root)
    return {
        "cold": lambda: lambdas.cold(lab, _others(), tree.ours, tree.shipped, tree.member),
        "warm": lambda: lambdas.warm(lab, _others(), tree.ours),
        "latency": lambda: lambdas.latency(lab, sides.hand(), tree.ours, tree.member),
        "batch": lambda: lambdas.batch(lab, tree.ours),
        "azure": lambda: lambdas.azure(lab, sides.naive(), sides.ours_on_azure(environments.artefact("azure", root))),
        "playbooks": lambda: playbooks.measure(lab.results, lab.rounds),
        "replay": lambda: replay.measure(lab.results, events, root),
    }


def _others() -> tuple[Side, ...]:
    return sides.hand(), sides.powertools(), sides.custodian()


class Built:
    """Our functions on AWS, packaged from the tree."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder, self._root = folder, root

    @cached_property
    def _artefact(self) -> Path:
        return environments.artefact("aws", self._root)

    @cached_property
    def _one_action(self) -> Path:
        return sides.policy(self._folder)

    @property
    def ours(self) -> Side:
        return sides.ours(self._artefact, self._one_action)

    @property
    def shipped(self) -> Side:
        return sides.renamed(sides.ours(self._artefact, None), "Stanch, shipped policy")

    @property
    def member(self) -> Side:
        return sides.member(self._artefact, self._one_action)


def _machine(rounds: int) -> dict[str, str]:
    return {
        "when": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "rounds": str(rounds),
        "load": f"{os.getloadavg()[0]:.1f}",
    }


if __name__ == "__main__":
    main()
