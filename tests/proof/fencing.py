"""Figure `fencing`: an invocation that stands still while another takes its place writes nothing more; clocks that differ by minutes double nothing and lock nobody out for longer than said."""

from __future__ import annotations

import random
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from stanch import clock
from stanch.action import Outcome
from stanch.errors import Busy, StanchError
from tests.contract.harness import all_scenarios
from tests.functional.journal import stores
from tests.proof.figure import Figure, Size
from tests.proof.injector import PAUSED, Death, Fault, Injector
from tests.proof.lab import LEASE, Lab
from tests.proof.matrix import Job, Make, done, firsts
from tests.proof.outcome import Effects, check_closed, check_contained, check_told, check_undo, effects
from tests.tools import azurite, dynamodb_local

CLAIM = (
    "Each remediation is stopped before each of its calls until its lease has run out and another invocation has done everything; then it goes on. It is refused every further write, on all three journals: "
    "only a call that had left the fence already is made late, and it sets what is set. The same with two clocks that differ by five minutes either way, and with our clock five minutes off the cloud's. "
    "What a crash leaves locked is free again after the lease and the difference of the clocks, at most."
)

SKEW = 300.0
PAUSE = 10.0
"""Seconds for which an invocation stands still whose lease does not run out."""

SAMPLE = 2
SEED = 20261123
CHUNK = 40


@dataclass
class Case:
    """`k` is the call before which the first invocation stands still, or dies. `late` are the writes that it made afterwards all the same."""

    scenario: int
    what: str
    store: str
    endpoint: str
    wrote: Effects
    k: int
    where: str = ""
    late: int = 0
    refused: bool = False
    failures: list[str] = field(default_factory=list)


def measure(size: Size, folder: Path) -> Figure:
    """Every call of one scenario of each remediation; on the real stores for the pause that outlasts the lease. Bounded, some of them."""
    workers = 2 if size == "full" else 1
    with ExitStack() as servers:
        endpoints = {
            "sqlite": "",
            "dynamodb": servers.enter_context(dynamodb_local.running()),
            "tables": servers.enter_context(azurite.running()).endpoint("table"),
        }
        cases = [case for name, url in endpoints.items() for case in _cases(size, name, url, workers)]
        by_scenario: dict[tuple[int, str], list[Case]] = {}
        for case in cases:
            by_scenario.setdefault((case.scenario, case.store), []).append(case)
        jobs = [
            Job(try_all, at, some[start : start + CHUNK])
            for (at, _), some in by_scenario.items()
            for start in range(0, len(some), CHUNK)
        ]
        cases = [case for some in done(jobs, workers) for case in some]
    return _figure(cases)


def _cases(size: Size, store: str, endpoint: str, workers: int) -> list[Case]:
    scenarios = [(at, each) for at, each in firsts() if store in ("sqlite", OWN[each.remediation.partition(".")[0]])]
    if size == "bounded" and store != "sqlite":
        scenarios = scenarios[:2]
    found = []
    runs = done([Job(clean, at, (store, endpoint)) for at, _ in scenarios], workers)
    for (at, scenario), (calls, wrote) in zip(scenarios, runs, strict=True):
        whats = PAUSES if store == "sqlite" else PAUSES[:1]
        mine = [Case(at, what, store, endpoint, wrote, k) for what in whats for k in range(len(calls))]
        if size == "bounded":
            mine = random.Random(f"{SEED} {scenario.remediation}").sample(mine, SAMPLE)
        if store == "sqlite":
            opened = next(k for k, name in enumerate(calls) if name in ("journal open", "journal reopen"))
            alone = [Case(at, what, store, endpoint, wrote, opened) for what in ALONE]
            mine += alone if size == "full" else random.Random(f"{SEED} {at}").sample(alone, 1)
        found += mine
    return found


JOURNALS = {"sqlite": "SQLite", "dynamodb": "DynamoDB", "tables": "Table Storage"}
NOTE = (
    "A call in flight is one that had passed the fence when the invocation came to stand still: neither AWS nor Azure takes a fencing token, so that it cannot be called back. "
    "It sets the state that is set already."
)
OWN = {"aws": "dynamodb", "azure": "tables"}
"""The journal that each cloud's deployment has."""


def _store(name: str, endpoint: str, opened: ExitStack) -> Any:
    if name == "sqlite":
        return None
    return opened.enter_context((stores.dynamodb if name == "dynamodb" else stores.table_storage)(endpoint))


def clean(make: Make, journal: tuple[str, str]) -> tuple[list[str], Effects]:
    """The calls that a run makes, and what it writes."""
    with ExitStack() as opened:
        lab = make()
        lab.store = _store(*journal, opened)
        lab.attempt()
        return [f"{call.layer} {call.name}" for call in lab.injector.calls], _written(lab)


def try_all(make: Make, cases: list[Case]) -> list[Case]:
    """Each case in its turn."""
    for case in cases:
        with ExitStack() as opened:
            lab = make()
            lab.store = _store(case.store, case.endpoint, opened)
            try:
                case.failures += ALONE[case.what](lab, case) if case.what in ALONE else _overtaken(lab, case)
            except Exception:  # noqa: BLE001 - whatever it is, it is this case's failure
                case.failures.append(f"an error that is none of ours: {traceback.format_exc(limit=-3)}")
    return cases


PAUSES = ("its lease runs out", "a clock ahead", "a clock behind")
"""What comes while an invocation stands still: another after the lease's end, or one whose clock is off."""


def _overtaken(lab: Lab, case: Case) -> Iterator[str]:
    """One stands still, another comes and does what it finds to do, the first goes on; then the event comes once more."""

    def pause() -> None:
        lab.wall.ahead += LEASE + 1 if case.what == "its lease runs out" else PAUSE
        with lab.rival({"a clock ahead": SKEW, "a clock behind": -SKEW}.get(case.what, 0.0)):
            _quietly(lab.attempt)

    lab.injector = Injector(Fault(case.k, PAUSED), pause=pause)
    case.refused = _quietly(lab.attempt)
    hit = lab.injector.hit
    case.where = f"{hit.layer} {hit.name}" if hit else "never reached"
    if hit is None:
        yield "the call was never made"
        return
    late = _written(lab) - case.wrote
    case.late = late.total()
    if late and hit.layer != "sdk":
        yield f"it wrote after another had done everything: {dict(late)}"
    lab.lapse()
    _quietly(lab.attempt)
    lab.sweep()
    lab.lapse()
    lab.sweep()
    yield from (*check_contained(lab), *check_closed(lab), *check_told(lab))
    wrote = [action for action in lab.actions() if lab.local.effects(action.id)]
    if len(wrote) != 1:
        yield f"{len(wrote)} actions wrote"
    yield from check_undo(lab)


def _written(lab: Lab) -> Effects:
    found: Effects = Counter()
    for action in lab.actions():
        found += effects(lab, action)
    return found


def _quietly(call: Callable[[], object]) -> bool:
    """Whether it was refused."""
    try:
        call()
    except StanchError:
        return True
    return False


def _locked_out(ahead: float) -> Alone:
    """One whose clock is `ahead` dies once it holds the lock; another, whose clock is right, is kept away for the lease and the difference, and no longer."""

    def tried(lab: Lab, case: Case) -> Iterator[str]:
        with lab.rival(ahead):
            lab.injector = Injector(Fault(case.k, "crash after"))
            try:
                lab.attempt()
                yield "it did not die"
            except Death:
                pass
        lab.wall.ahead += LEASE + max(ahead, 0.0) + 1
        try:
            lab.attempt()
        except Busy as error:
            yield f"it is locked for longer: {error}"
            return
        yield from (*check_contained(lab), *check_closed(lab), *check_told(lab), *check_undo(lab))

    return tried


def _clocks(ahead: float) -> Alone:
    """Our clock is `ahead` of the cloud's."""

    def tried(lab: Lab, case: Case) -> Iterator[str]:
        lab.wall.ahead += ahead
        with clock.at(clock.now() + timedelta(seconds=ahead)):
            result = lab.attempt()
        if result.outcome is not Outcome.ACTED:
            yield f"it ended as {result.outcome}: {result.reason}"
        if _written(lab) != case.wrote:
            yield f"it wrote {dict(_written(lab))}, not {dict(case.wrote)}"
        yield from (*check_contained(lab), *check_closed(lab), *check_told(lab), *check_undo(lab))

    return tried


Alone = Callable[[Lab, Case], Iterator[str]]
ALONE: dict[str, Alone] = {
    "died with a clock ahead": _locked_out(SKEW),
    "died with a clock behind": _locked_out(-SKEW),
    "our clock ahead of the cloud's": _clocks(SKEW),
    "our clock behind the cloud's": _clocks(-SKEW),
}


def _figure(cases: Sequence[Case]) -> Figure:
    scenarios, table = all_scenarios(), []
    for what, store in dict.fromkeys((case.what, case.store) for case in cases):
        mine = [case for case in cases if (case.what, case.store) == (what, store)]
        row: dict[str, Any] = {
            "what": what, "journal": JOURNALS[store], "cases": len(mine), "refused to go on": sum(case.refused for case in mine),
            "calls in flight made late": sum(case.late for case in mine), "failed": sum(bool(case.failures) for case in mine),
        }  # fmt: skip
        table.append(row)
    failures = [
        f"{scenarios[case.scenario].remediation} ({scenarios[case.scenario].name}), {case.what}, {JOURNALS[case.store]}, before call {case.k} ({case.where}): {'; '.join(case.failures)}"
        for case in cases
        if case.failures
    ]
    return Figure(CLAIM, len(cases), failures, table, [NOTE])
