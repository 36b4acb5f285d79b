"""The process of the worker is killed again and again while it takes events from a real queue: nothing is lost, nothing is done twice.

On AWS the events come through the template's rule and queue, moto's SQS and the event source mapping into Amazon's runtime, the journal is Amazon's DynamoDB Local; on Azure through
Azurite's queue into Microsoft's worker, the journal is Azurite's table. What was written is read from the clouds' own record of calls, what was told from the mailbox.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.proof import kill_aws, kill_azure
from tests.proof.figure import Figure, Size
from tests.proof.queued import Replay, Worker

SEED = 20261123
EVENTS: dict[Size, int] = {"bounded": 10, "full": 1000}
EVERY: dict[Size, float] = {"bounded": 2.0, "full": 5.0}
"""Seconds between two deaths of one worker, on average; how long exactly is drawn."""

WORKERS = 2


@dataclass(slots=True)
class Kills:
    """How many processes were killed."""

    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def measure(size: Size, folder: Path) -> Figure:
    rows, failures = [], []
    for number, replay in enumerate((kill_aws.replay, kill_azure.replay)):
        place = folder / str(number)
        place.mkdir()
        with replay(place, EVENTS[size], WORKERS) as prepared:
            row, failed = _killed(prepared, random.Random(SEED + number), EVERY[size], size)
        rows.append(row)
        failures += failed
    return Figure(
        "A worker that is killed (`kill -9`) at random moments of a replay through a real queue loses nothing and does nothing twice.",
        sum(row["events"] for row in rows),
        failures,
        rows,
        [
            f"Two workers a cloud; each is killed after a time drawn with the mean of {EVERY[size]:g} s (seed {SEED}). Lost: a target that is not contained, an action that is not closed, a report that nobody got. "
            "Doubled: the same write twice in the cloud's record of calls, two reports of one state under different keys. Repeats bear the same key: the process died between the channel's answer and its record."
        ],
    )


def _killed(replay: Replay, dice: random.Random, every: float, size: Size) -> tuple[dict[str, Any], list[str]]:
    started, kills = time.perf_counter(), Kills()
    with _killing(replay.workers, dice, every, kills):
        drain(replay)
    seconds = time.perf_counter() - started
    replay.end(patient=size == "full")
    lost, doubled, repeats = replay.lost(), replay.doubled(), replay.repeats()
    row = {
        "cloud": replay.cloud, "events": replay.events, "kills": kills.count, "deliveries": replay.deliveries, "lost": len(lost),
        "doubled": len(doubled), "reports repeated": repeats, "seconds": round(seconds, 1),
    }  # fmt: skip
    failed = [f"{replay.cloud}: lost: {one}" for one in lost] + [f"{replay.cloud}: doubled: {one}" for one in doubled]
    if not kills.count:
        failed.append(f"{replay.cloud}: nothing was killed")
    return row, failed


@contextmanager
def _killing(victims: Sequence[Worker], dice: random.Random, every: float, kills: Kills) -> Iterator[None]:
    ended = threading.Event()

    def go_on(victim: Worker, moments: random.Random) -> None:
        while not ended.wait(moments.expovariate(1 / every)):
            alive = victim.process() is not None
            victim.kill()
            with kills.lock:
                kills.count += alive

    killers = [threading.Thread(target=go_on, args=(one, random.Random(dice.random()))) for one in victims]
    for killer in killers:
        killer.start()
    try:
        yield
    finally:
        ended.set()
        for killer in killers:
            killer.join()


def drain(replay: Replay, patience: float = 3600.0) -> None:
    """Let every worker take from the queue until nothing is left in it. Raises TimeoutError after `patience` seconds."""
    deadline, raised = time.monotonic() + patience, list[BaseException]()

    def work(poll: Callable[[], int]) -> None:
        try:
            while not raised and time.monotonic() < deadline:
                if poll() == 0:
                    if replay.left() == 0:
                        return
                    time.sleep(0.2)
        except BaseException as error:  # noqa: BLE001  # raised below, in the thread that asked
            raised.append(error)

    threads = [threading.Thread(target=work, args=(worker.poll,)) for worker in replay.workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
    if replay.left():
        raise TimeoutError(f"{replay.left()} messages are still in the queue")
