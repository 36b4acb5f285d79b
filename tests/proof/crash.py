"""Figure `crash`: whatever goes wrong at whichever call, once the event was delivered again there is one effect, a closed record and a report.

Walks the registry by the scenarios of the contract tests, so that a new remediation is covered without a line here.
"""

from __future__ import annotations

import random
import traceback
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stanch.errors import StanchError
from tests.contract.harness import REGISTRY, all_scenarios
from tests.proof.figure import Figure, Size
from tests.proof.injector import EVERYWHERE, SDK_ONLY, Death, Fault, Injector
from tests.proof.lab import Lab
from tests.proof.matrix import Job, Make, done, firsts
from tests.proof.outcome import (
    Effects,
    check_closed,
    check_contained,
    check_one_effect,
    check_told,
    check_truth,
    check_undo,
    check_writes,
    effects,
)

CLAIM = (
    "Each remediation is run with one fault at each call that it makes, of the cloud's SDK, of the journal and of the channel; then its event is delivered again, up to three times, "
    "and the sweep runs. After that the resource is contained, one action wrote and wrote nothing twice by the cloud's own record, no record is open, no lease is left, every state was "
    "told under one key, and undo brings back exactly what was there. What is denied for good is reported as not done until the right is given, and done then."
)

DELIVERIES = 4
"""The first and up to three more."""

SAMPLE = 4
"""Cases a remediation in the bounded part, drawn by a fixed seed."""

SEED = 20261123
CHUNK = 60


@dataclass
class Case:
    """What became of one fault. `calls` and `wrote` are those of a run without one."""

    scenario: int
    fault: Fault
    calls: Sequence[Sequence[str]]
    wrote: Effects
    where: str = ""
    failures: list[str] = field(default_factory=list)


NOTE = "Every call can suffer these faults: {everywhere}; one of an SDK also {sdk}, the last three where its answer has bytes to lose, is a list that the service may put on two pages, or ends a long-running operation."


def parts() -> list[str]:
    """The remediations: each can be measured by itself."""
    return sorted(REGISTRY)


def measure(size: Size, folder: Path, only: str = "") -> Figure:
    """Every fault at every call of every scenario (of one remediation, where one is named); bounded, some of them for each remediation."""
    scenarios = list(enumerate(all_scenarios())) if size == "full" else firsts()
    scenarios = [(at, scenario) for at, scenario in scenarios if only in ("", scenario.remediation)]
    workers = 2 if size == "full" else 1
    jobs: list[Job] = []
    calls: Counter[str] = Counter()
    for (at, scenario), (kinds, wrote) in zip(scenarios, done([Job(clean, at) for at, _ in scenarios], workers), strict=True):  # fmt: skip
        calls[scenario.remediation] += len(kinds)
        cases = [Case(at, Fault(k, kind), kinds, wrote) for k, some in enumerate(kinds) for kind in some]
        if size == "bounded":
            cases = random.Random(f"{SEED} {scenario.remediation}").sample(cases, SAMPLE)
        jobs += [Job(suffer, at, cases[start : start + CHUNK]) for start in range(0, len(cases), CHUNK)]
    return _figure([case for some in done(jobs, workers) for case in some], calls)


def clean(make: Make, _: Any) -> tuple[list[list[str]], Effects]:
    """A run without a fault: the faults that each of its calls can suffer, and what it wrote."""
    lab = make()
    lab.attempt()
    wrote: Effects = Counter()
    for action in lab.actions():
        wrote += effects(lab, action)
    return [list(call.kinds()) for call in lab.injector.calls], wrote


def suffer(make: Make, cases: list[Case]) -> list[Case]:
    """Each case in its turn."""
    for case in cases:
        lab = make()
        lab.injector = Injector(case.fault)
        try:
            _survive(lab, case)
        except Exception:  # noqa: BLE001 - whatever it is, it is this case's failure
            case.failures.append(f"an error that is none of ours: {traceback.format_exc(limit=-3)}")
        hit = lab.injector.hit
        case.where = f"{hit.layer} {hit.name}" if hit else "never reached"
    return cases


def _survive(lab: Lab, case: Case) -> None:
    raised, answered = deliver(lab)
    if answered and not case.fault.kind.startswith("denied"):
        case.failures.append(
            "a delivery was answered, so that it does not come again, and the resource was not contained"
        )
    if case.fault.kind == "denied for good":
        lab.sweep()
        case.failures += check_truth(lab, raised)
        lab.injector.mend()
        lab.lapse()
        deliver(lab)
    lab.sweep()
    case.failures += [*check_contained(lab), *check_closed(lab), *check_told(lab)]
    if case.fault.kind.startswith(
        "denied"
    ):  # what was refused is closed and told; what comes after is an action of its own
        case.failures += [problem for action in lab.actions() for problem in check_writes(lab, action, case.wrote)]
    else:
        case.failures += check_one_effect(lab, case.wrote)
    case.failures += check_undo(lab)
    if lab.injector.hit is None:
        case.failures.append("the call was never made")


def deliver(lab: Lab) -> tuple[bool, bool]:
    """The event as its queue delivers it: again after whatever came out, and once more after an answer, for queues repeat.

    Whether the last one raised, and whether one was answered although the resource was not contained.
    """
    raised = uncontained = False
    for number in range(DELIVERIES):
        try:
            lab.attempt(last=number == DELIVERIES - 1)
            raised, uncontained = False, uncontained or not lab.contained()
        except (Death, StanchError):
            raised = True
        lab.lapse()
        if number > 0 and not raised:
            break
    return raised, uncontained


def _figure(cases: Sequence[Case], calls: Counter[str]) -> Figure:
    scenarios, table = all_scenarios(), []
    by_remediation = defaultdict(list)
    for case in cases:
        by_remediation[scenarios[case.scenario].remediation].append(case)
    for name in sorted(by_remediation):
        mine = by_remediation[name]
        row: dict[str, Any] = {
            "remediation": name, "situations": len({case.scenario for case in mine}), "calls": calls[name],
            "cases": len(mine), "failed": sum(bool(case.failures) for case in mine),
        }  # fmt: skip
        table.append(row)
    failures = [
        f"{scenarios[case.scenario].remediation} ({scenarios[case.scenario].name}), {case.fault.kind} at call {case.fault.k} ({case.where}): {'; '.join(case.failures)}"
        for case in cases
        if case.failures
    ]
    return Figure(
        CLAIM, len(cases), failures, table, [NOTE.format(everywhere=", ".join(EVERYWHERE), sdk=", ".join(SDK_ONLY))]
    )
