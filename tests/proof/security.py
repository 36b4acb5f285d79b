"""Security: what is forged, hostile, protected or secret, tried against the real handlers, pages and channels."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.proof.attacks import Tried, approvals, events, requests, secrets, texts
from tests.proof.figure import Figure, Size
from tests.proof.incoming import ROOT

CLAIM = (
    "No forged event or approval writes anything, no address in an event, approval or setting is asked, nothing hostile is active where people read it, nothing protected is touched, "
    "and no secret stands in a log, journal record, report, result or error."
)
PROTECTED = "tests/contract/test_contract_protected.py"


def measure(size: Size, folder: Path) -> Figure:
    tried = [each.attack(size, folder) for each in (events, approvals, requests, texts, secrets)]
    tried.append(protected(size))
    rows = [{"attack": one.name, "cases": one.cases, "failed": len(one.failures)} for one in tried]
    return Figure(CLAIM, sum(one.cases for one in tried), [failure for one in tried for failure in one.failures], rows)


def protected(size: Size) -> Tried:
    """The contract's own cases: every name, remediation and way of asking; the bounded part leaves them to the contract tests and counts those of one remediation."""
    tried = Tried("protected things × every action")
    only = [] if size == "full" else ["-k", "aws.iam.revoke_sessions and not_even_read"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--no-header", PROTECTED, *only], cwd=ROOT, capture_output=True, text=True, check=False
    )  # fmt: skip
    counts = {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|errors?)", ran.stdout)}
    tried.cases = sum(counts.values())
    if ran.returncode != 0 or not counts.get("passed"):
        tried.failures.append(f"{tried.name}: {ran.stdout[-400:]!a}")
    return tried
