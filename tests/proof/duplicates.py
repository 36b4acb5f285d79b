"""The same finding again and again, to many workers at the same moment: writes and reports are those of one delivery.

Every worker is a process of its own in the cloud's runtime. What must come again is given back and comes again, as a queue does it.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.proof import duplicates_aws, duplicates_azure
from tests.proof.figure import Figure, Size
from tests.proof.many import Many

SEED = 20261123
COPIES: dict[Size, dict[int, int]] = {"bounded": {2: 1, 10: 1}, "full": {2: 12, 10: 4, 100: 1}}
"""How often an event is delivered, and in how many rounds, each of a finding of its own."""

WORKERS: dict[Size, Sequence[int]] = {"bounded": (3,), "full": (2, 4, 8, 16)}
ROUNDS: dict[Size, int] = {"bounded": 2, "full": 40}
"""Pairs of findings at the same moment."""

PATIENCE = 60.0
"""Seconds for which a delivery is repeated until it is taken."""

Open = Callable[[Path, int], AbstractContextManager[Many]]
STORES: dict[str, Open] = {
    "AWS, DynamoDB Local": duplicates_aws.on_dynamodb,
    "AWS, SQLite": duplicates_aws.on_sqlite,
    "Azure, Azurite": duplicates_azure.on_azurite,
    "Azure, SQLite": duplicates_azure.on_sqlite,
}
BOUNDED = ("AWS, DynamoDB Local", "Azure, Azurite")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the clouds record of one round: writes, reports by what they say, and the tags of reports that came twice."""

    writes: Counter[str]
    reports: Counter[str]
    repeated: int


def measure(size: Size, folder: Path) -> Figure:
    rows, failures, dice = [], [], random.Random(SEED)
    for number, (name, opened) in enumerate(STORES.items()):
        if size == "bounded" and name not in BOUNDED:
            continue
        place = folder / str(number)
        place.mkdir()
        with opened(place, max(WORKERS[size])) as many:
            for kind, rounds in _kinds(many, size, dice).items():
                found = [sentence for one in rounds for sentence in one()]
                rows.append({"store": name, "case": kind, "rounds": len(rounds), "failed": len(found)})
                failures += [f"{name}, {kind}: {sentence}" for sentence in found]
    return Figure(
        "However often an event comes, in whatever order and to however many workers at once, what is written and what is told is what one delivery writes and tells.",
        sum(row["rounds"] for row in rows),
        failures,
        rows,
        [
            f"A round is a finding and its target of their own, on {', '.join(map(str, WORKERS[size]))} workers in turn. Older after newer: half of the copies are of an earlier version, shuffled (seed {SEED}). "
            "Two findings at once: different findings of the same target, delivered at the same moment, against the same two one after the other."
        ],
    )


def _kinds(many: Many, size: Size, dice: random.Random) -> dict[str, list[Callable[[], list[str]]]]:
    """The rounds of each kind of case."""
    single = _run(many, _made(many, 1), 1)
    found: dict[str, list[Callable[[], list[str]]]] = {}
    for copies, rounds in COPIES[size].items():
        for workers in WORKERS[size]:
            for kind, older in (("", False), (", older after newer", True)):
                listed = found.setdefault(f"×{copies}{kind}", [])
                listed += [lambda c=copies, w=workers, o=older: _copies(many, c, w, o, single, dice)] * rounds  # type: ignore[misc]
    found["two findings at once"] = [lambda: _siblings(many)] * ROUNDS[size]
    found["the second again once the first was undone"] = [lambda: _undone(many)] * max(1, ROUNDS[size] // 10)
    return found


def _made(many: Many, copies: int, older: bool = False) -> list[Any]:
    event = many.new()
    many.plant(event)
    before = many.older(event) if older else event
    return [event if number % 2 == 0 else before for number in range(copies)]


def _copies(many: Many, copies: int, workers: int, older: bool, single: Seen, dice: random.Random) -> list[str]:
    made = _made(many, copies, older)
    first, *rest = made
    dice.shuffle(rest)
    seen = _run(many, [first, *rest], workers)
    return _differences(f"{copies} copies to {workers} workers", seen, single)


def _siblings(many: Many) -> list[str]:
    """Two findings of one target at the same moment, against two of another target one after the other."""
    event = many.new()
    many.plant(event)
    pair = [event, many.sibling(event)]
    one_by_one = many.new()
    many.plant(one_by_one)
    expected = _run(many, [one_by_one, many.sibling(one_by_one)], 1)
    return _differences("two findings", _run(many, pair, 2, at_once=True), expected)


def _undone(many: Many) -> list[str]:
    """A person undid what the first finding led to; the second, which was answered before that, comes again."""
    event = many.new()
    many.plant(event)
    second = many.sibling(event)
    _run(many, [event, second], 1)
    many.undo()
    seen = _run(many, [second], 1)
    done = {what: times for what, times in seen.writes.items() if times and not many.quiet(what)}
    return [f"what a person undid was done again: {done}"] if done else []


def _differences(what: str, seen: Seen, expected: Seen) -> list[str]:
    found = []
    if seen.writes != expected.writes:
        found.append(f"{what}: writes {dict(seen.writes)}, expected {dict(expected.writes)}")
    if seen.reports != expected.reports or seen.repeated:
        found.append(
            f"{what}: reports {dict(seen.reports)} ({seen.repeated} repeated), expected {dict(expected.reports)}"
        )
    return found


def _run(many: Many, messages: Sequence[Any], workers: int, at_once: bool = False) -> Seen:
    """Deliver the messages to so many workers until each is taken; what came of it."""
    many.clear()
    waiting = deque(messages)
    deadline, errors = time.monotonic() + PATIENCE, list[BaseException]()
    gate = threading.Barrier(workers)

    def work(worker: int) -> None:
        if at_once:
            gate.wait()
        while not errors:
            try:
                message = waiting.popleft()
            except IndexError:
                return
            try:
                while not many.deliver(worker, message):
                    if time.monotonic() > deadline:
                        raise TimeoutError("a message was never taken")
                    time.sleep(0.05)
            except BaseException as error:  # noqa: BLE001  # raised below, in the thread that asked
                errors.append(error)

    with _threads(work, workers):
        pass
    if errors:
        raise errors[0]
    told = many.told()
    reports = Counter(many.says(key) for key in told)
    return Seen(many.writes(), reports, sum(told.values()) - len(told))


@contextmanager
def _threads(work: Callable[[int], None], count: int) -> Iterator[None]:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()
