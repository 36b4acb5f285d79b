"""`python -m bench`: measure, print the table, write bench/results.json and docs/performance.md. `--docs` only writes the page from the results there are."""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench import environments, lambdas, playbooks, replay, report, sides
from bench.goals import Results
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
    hand = sides.hand()
    with process.running(hand.path[0] / "botocore" / "cacert.pem") as stub, tempfile.TemporaryDirectory() as name:
        lab = lambdas.Lab(stub, rounds, results)
        for part, measure in _parts(lab, Path(name), events, root).items():
            if part in parts:
                print(f"… {part}", flush=True)
                measure()
    return results


def _parts(lab: lambdas.Lab, folder: Path, events: int, root: Path) -> dict[str, Callable[[], None]]:
    hand, others = sides.hand(), (sides.hand(), sides.powertools(), sides.custodian())
    compiled = sides.policy(folder)
    artefact = environments.artefact("aws", root)
    ours, member = sides.ours(artefact, compiled), lambdas.members(artefact, compiled)
    whole = sides.ours(artefact, None)
    shipped = {"shipped policy, two actions": sides.renamed(whole, "Stanch, shipped policy")}
    return {
        "cold": lambda: lambdas.cold(lab, others, ours, shipped, member),
        "warm": lambda: lambdas.warm(lab, others, ours),
        "latency": lambda: lambdas.latency(lab, hand, ours, member),
        "batch": lambda: lambdas.batch(lab, ours),
        "azure": lambda: lambdas.azure(lab, sides.naive(), sides.ours_on_azure(environments.artefact("azure", root))),
        "playbooks": lambda: playbooks.measure(lab.results, lab.rounds),
        "replay": lambda: replay.measure(lab.results, events, root),
    }


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
