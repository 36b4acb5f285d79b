"""The process of the worker is killed again and again while it takes events from a real queue: nothing is lost, nothing is done twice.

On AWS the events come through the template's rule and queue, moto's SQS and the event source mapping into Amazon's runtime, the journal is Amazon's DynamoDB Local; on Azure through
Azurite's queue into Microsoft's worker, the journal is Azurite's table. What was written is read from the clouds' own record of calls, what was told from the mailbox.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.proof import kill_aws, kill_azure
from tests.proof.figure import Figure, Size
from tests.proof.queued import Replay, Worker

SEED = 20261123
EVENTS: dict[Size, int] = {"bounded": 5, "full": 1000}
"""On each cloud."""

CHANCE: dict[Size, float] = {"bounded": 0.5, "full": 0.33}
"""How likely a worker dies in a turn: in the first one it does for certain, and when in it is drawn."""

WORKERS = 2


class Victim:
    """A worker whose process is killed in the middle of some of its turns."""

    def __init__(self, worker: Worker, dice: random.Random, chance: float) -> None:
        self._worker, self._dice, self._chance = worker, dice, chance
        self._turn = 1.0
        self.kills = 0

    def poll(self) -> int:
        doomed = not self.kills or self._dice.random() < self._chance
        killer = threading.Timer(self._dice.random() * self._turn, self._kill)
        started, known = time.monotonic(), self.kills
        if doomed:
            killer.start()
        taken = self._worker.poll()
        killer.cancel()
        if doomed:
            killer.join()
        if taken and self.kills == known:
            self._turn = time.monotonic() - started
        return taken

    def _kill(self) -> None:
        self.kills += self._worker.process() is not None
        self._worker.kill()


def measure(size: Size, folder: Path) -> Figure:
    rows, failures = [], []
    for number, replay in enumerate((kill_aws.replay, kill_azure.replay)):
        place = folder / str(number)
        place.mkdir()
        with replay(place, EVENTS[size], WORKERS) as prepared:
            row, failed = _killed(prepared, random.Random(SEED + number), CHANCE[size], size)
        rows.append(row)
        failures += failed
    return Figure(
        "A worker that is killed (`kill -9`) at random moments of a replay through a real queue loses nothing and does nothing twice.",
        sum(row["events"] for row in rows),
        failures,
        rows,
        [
            f"{WORKERS} workers a cloud; each is killed in its first turn and then in every third or so, at a moment of the turn that is drawn (seed {SEED}). Lost: a target that is not contained, an action that is not closed, a report that nobody got. "
            "Doubled: the same write twice in the cloud's record of calls, two reports of one state under different keys. Repeats bear the same key: the process died between the channel's answer and its record."
        ],
    )


def _killed(replay: Replay, dice: random.Random, chance: float, size: Size) -> tuple[dict[str, Any], list[str]]:
    started = time.perf_counter()
    victims = [Victim(worker, random.Random(dice.random()), chance) for worker in replay.workers]
    drain(replay, [victim.poll for victim in victims])
    seconds = time.perf_counter() - started
    replay.end(patient=size == "full")
    kills = sum(victim.kills for victim in victims)
    lost, doubled, repeats = replay.lost(), replay.doubled(), replay.repeats()
    row = {
        "cloud": replay.cloud, "events": replay.events, "kills": kills, "deliveries": replay.deliveries, "lost": len(lost),
        "doubled": len(doubled), "reports repeated": repeats, "seconds": round(seconds, 1),
    }  # fmt: skip
    failed = [f"{replay.cloud}: lost: {one}" for one in lost] + [f"{replay.cloud}: doubled: {one}" for one in doubled]
    if not kills:
        failed.append(f"{replay.cloud}: nothing was killed")
    return row, failed


def drain(replay: Replay, polls: Sequence[Callable[[], int]], patience: float = 3600.0) -> None:
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

    threads = [threading.Thread(target=work, args=(poll,)) for poll in polls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]
    if replay.left():
        raise TimeoutError(f"{replay.left()} messages are still in the queue")
