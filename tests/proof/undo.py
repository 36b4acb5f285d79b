"""Figure `undo`: what was done is undone exactly, never over what somebody else did since, never twice, and also when the undo itself is interrupted."""

from __future__ import annotations

import random
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stanch.action import Action, Outcome
from stanch.errors import Refused, StanchError
from stanch.remediation import load
from stanch.transaction import same, undoable
from tests.contract.harness import REGISTRY, all_scenarios
from tests.proof.figure import Figure, Size
from tests.proof.injector import Death, Fault, Injector
from tests.proof.lab import Lab
from tests.proof.matrix import Job, Make, done, firsts
from tests.proof.outcome import check_closed, check_told, differing

CLAIM = (
    "Every reversible remediation, in every situation of the contract: done and undone, everything is exactly as it was; undone again, nothing is written; after a foreign change undo is refused and "
    "writes nothing, and with `--force` it restores, or says of each change why the cloud would not have it, and the journal says who forced it and why; and with a fault at each call of the undo, undo asked for again ends exactly where it should."
)

KINDS = ("crash before", "crash after", "throttled", "timed out", "answer lost")
SAMPLE = 2
SEED = 20261123
CHUNK = 60
TRIES = 3


@dataclass
class Case:
    """`fault` is None for what is tried without one."""

    scenario: int
    what: str
    fault: Fault | None = None
    where: str = ""
    failures: list[str] = field(default_factory=list)


def parts() -> list[str]:
    """The reversible remediations: each can be measured by itself."""
    return sorted(name for name, entry in REGISTRY.items() if not load(entry).irreversible)


def measure(size: Size, folder: Path, only: str = "") -> Figure:
    """Every fault at every call of every undo (of one remediation, where one is named); bounded, some of them for each remediation."""
    scenarios = list(enumerate(all_scenarios())) if size == "full" else firsts()
    scenarios = [(at, each) for at, each in scenarios if each.remediation in ([only] if only else parts())]
    workers = 2 if size == "full" else 1
    jobs = []
    for (at, scenario), calls in zip(scenarios, done([Job(clean, at) for at, _ in scenarios], workers), strict=True):
        faults = [Fault(k, kind) for k in range(calls) for kind in KINDS]
        if size == "bounded":
            faults = random.Random(f"{SEED} {scenario.remediation}").sample(faults, SAMPLE)
        cases = [Case(at, "interrupted", fault) for fault in faults]
        cases += [Case(at, what) for what in PLAIN if what == "done and undone" or scenario.drift is not None]
        jobs += [Job(try_all, at, cases[start : start + CHUNK]) for start in range(0, len(cases), CHUNK)]
    return _figure([case for some in done(jobs, workers) for case in some])


def clean(make: Make, _: Any) -> int:
    """How many calls an undo makes."""
    lab = make()
    action = _acted(lab)
    lab.undo(action.id)
    return len(lab.injector.calls)


def try_all(make: Make, cases: list[Case]) -> list[Case]:
    """Each case in its turn."""
    for case in cases:
        lab = make()
        try:
            case.failures += _interrupted(lab, case) if case.fault else PLAIN[case.what](lab)
        except Exception:  # noqa: BLE001 - whatever it is, it is this case's failure
            case.failures.append(f"an error that is none of ours: {traceback.format_exc(limit=-3)}")
    return cases


def _acted(lab: Lab) -> Action:
    """Done without a fault; calls are counted from here on."""
    result = lab.attempt()
    if result.outcome is not Outcome.ACTED:
        raise RuntimeError(f"it could not be done: {result.outcome}: {result.reason}")
    lab.injector = Injector()
    (action,) = [action for action in lab.actions() if action.id == result.action_id]
    return action


def _done_and_undone(lab: Lab) -> Iterator[str]:
    action = _acted(lab)
    result = lab.undo(action.id)
    if result.outcome is not Outcome.UNDONE:
        yield f"it ended as {result.outcome}: {result.reason}"
    yield from _as_it_was(lab)
    written = lab.local.effects(action.id)
    try:
        lab.undo(action.id)
        yield "a second undo was not refused"
    except Refused as error:
        if error.guard != "undone":
            yield f"a second undo was refused for another reason: {error}"
    yield from _as_it_was(lab)
    if lab.local.effects(action.id) != written:
        yield f"a second undo wrote {lab.local.effects(action.id) - written}"


def _refused(lab: Lab) -> Iterator[str]:
    """After a foreign change."""
    action = _acted(lab)
    assert lab.scenario.drift is not None
    lab.scenario.drift(lab.world, lab.resource)
    gone = lab.scenario.drift is lab.scenario.remove
    found, written = None if gone else lab.snapshot(), lab.local.effects(action.id)
    try:
        lab.undo(action.id, force=False)
        yield "it was not refused"
    except Refused:
        pass
    if lab.local.effects(action.id) != written:
        yield f"it wrote {lab.local.effects(action.id) - written}"
    if not gone and lab.snapshot() != found:
        yield f"the foreign change is not what it was: {differing(found, lab.snapshot())}"
    yield from check_closed(lab)


def _forced(lab: Lab) -> Iterator[str]:
    """After a foreign change: what is not as it was before has its reason told, and the journal says who wanted it, and why."""
    action = _acted(lab)
    assert lab.scenario.drift is not None
    lab.scenario.drift(lab.world, lab.resource)
    gone = lab.scenario.drift is lab.scenario.remove
    try:
        result = lab.undo(action.id, force=True)
    except StanchError as error:
        if not gone:
            yield f"it was not honoured: {error}"
        return
    (known,) = [each for each in lab.actions() if each.id == action.id]
    said = {name: (known.undo or {}).get(name) for name in ("requester", "reason", "force")}
    if said != {"requester": "tester", "reason": "it was a test", "force": True}:
        yield f"the journal says {said}"
    if gone:
        if result.outcome is Outcome.UNDONE:
            yield "what is gone is said to be restored"
        return
    reader = lab.process.bind(load(REGISTRY[action.remediation]), action.resource, "undo", action.id)
    kept = [
        step
        for step in undoable(known)
        if not step.change.garnish and not same(reader.read(step.change), step.change.before)
    ]
    if (result.outcome is Outcome.UNDONE) is bool(kept):
        yield f"it ended as {result.outcome}: {result.reason}, and what is not as it was: {[step.change.target for step in kept]}"
    for step in (
        kept
    ):  # the cloud itself may say no: a security group never holds two rules that differ in their description alone
        if not step.error or step.error not in str(result.reason):
            yield f"{step.change.target} is not as it was, and nobody is told why"
    yield from check_closed(lab)


def _interrupted(lab: Lab, case: Case) -> Iterator[str]:
    action = _acted(lab)
    lab.injector = Injector(case.fault)
    for _ in range(TRIES):
        try:
            lab.undo(action.id)
            break
        except (Death, StanchError) as error:
            if isinstance(error, Refused) and error.guard == "undone":
                break
        lab.lapse()
    lab.lapse()
    lab.sweep()
    hit = lab.injector.hit
    case.where = f"{hit.layer} {hit.name}" if hit else "never reached"
    if hit is None:
        yield "the call was never made"
    (known,) = lab.actions() if len(lab.actions()) == 1 else [each for each in lab.actions() if each.id == action.id]
    if known.outcome is not Outcome.UNDONE:
        yield f"it ended as {known.outcome or 'open'}: {known.reason}"
    yield from _as_it_was(lab)
    yield from check_closed(lab)
    yield from check_told(lab)


def _as_it_was(lab: Lab) -> Iterator[str]:
    if lab.snapshot() != lab.before:
        yield f"it is not what it was: {differing(lab.before, lab.snapshot())}"


PLAIN: dict[str, Callable[[Lab], Iterator[str]]] = {
    "done and undone": _done_and_undone,
    "refused after a foreign change": _refused,
    "forced after a foreign change": _forced,
}


def _figure(cases: list[Case]) -> Figure:
    scenarios = all_scenarios()
    by_remediation = defaultdict(list)
    for case in cases:
        by_remediation[scenarios[case.scenario].remediation].append(case)
    table: list[dict[str, Any]] = []
    for name, mine in sorted(by_remediation.items()):
        tried = Counter(case.what for case in mine)
        row = {"remediation": name, "situations": len({case.scenario for case in mine}), "cases": len(mine)}
        table.append(row | {what: tried[what] for what in (*PLAIN, "interrupted")} | {"failed": sum(bool(case.failures) for case in mine)})  # fmt: skip
    failures = [
        f"{scenarios[case.scenario].remediation} ({scenarios[case.scenario].name}), {case.what}"
        f"{f', {case.fault.kind} at call {case.fault.k} ({case.where})' if case.fault else ''}: {'; '.join(case.failures)}"
        for case in cases
        if case.failures
    ]
    return Figure(CLAIM, len(cases), failures, table)
