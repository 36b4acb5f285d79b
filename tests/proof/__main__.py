"""`python -m tests.proof [NAME …]`: measure the figures (all of them without a name), write them to results/ and to docs/proof.md. Ends with 1 if a case failed."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.proof import page, parts
from tests.proof.figure import FIGURES, Size, measured_by

RESULTS = Path(__file__).with_name("results")
PAGE = Path(__file__).parent.parent.parent / "docs" / "proof.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="proof", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*FIGURES, []], help="the figures to measure; default: all")
    parser.add_argument(
        "--bounded", action="store_true", help="only the part that the test suite measures; nothing is written"
    )
    parser.add_argument("--docs", action="store_true", help="only write the page from the results that are there")
    parser.add_argument(
        "--only",
        action="append",
        metavar="PART",
        help="of a figure with parts (crash and undo: a remediation) only this one",
    )
    given = parser.parse_args()
    failed = 0
    for name in [] if given.docs else given.names or list(FIGURES):
        found: dict[str, Any] = {}
        for part in () if given.bounded else given.only or parts.parts(name):
            found = parts.merged(_kept().get(name), measured(name, "full", part), parts.parts(name))
            _keep(name, found)
        if not found:
            found = measured(name, "bounded" if given.bounded else "full")
            if not given.bounded:
                _keep(name, found)
        failed += len(found["failures"])
        print(page.section(name, found), flush=True)  # noqa: T201
    if given.docs:
        PAGE.write_text(page.page(_kept()))
    return 1 if failed else 0


def _kept() -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text()) for path in RESULTS.glob("*.json")}


def _keep(name: str, found: dict[str, Any]) -> None:
    """Each figure is kept as soon as it is there: the whole takes long."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page.page(_kept()))


def measured(name: str, size: Size, *part: str) -> dict[str, Any]:
    """A figure, or a part of it, as its result file holds it: with its day, its seconds and its machine."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="proof-") as folder:
        figure = measured_by(name)(size, Path(folder), *part)
    return {
        **figure.as_json(),
        "when": f"{datetime.now(UTC):%Y-%m-%d}",
        "seconds": round(time.perf_counter() - started, 1),
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
    }


if __name__ == "__main__":
    sys.exit(main())
