"""A replay of events through a cloud's queue, as the figures see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Worker:
    """One process that takes messages: `poll` is one turn and says how many it took, `kill` ends the process as the kernel would, `process` is its id (None before its first call)."""

    poll: Callable[[], int]
    kill: Callable[[], None]
    process: Callable[[], int | None]


class Replay(Protocol):
    """Events that wait in a queue, and who takes them."""

    cloud: str
    events: int
    workers: list[Worker]

    @property
    def deliveries(self) -> int:
        """How many messages were delivered so far, repeats included."""

    def left(self) -> int:
        """How many messages are in the queue."""

    def end(self, patient: bool) -> None:
        """What comes after the queue in a deployment: dead letters put back, the sweep. `patient` waits until the sweep offers reports again that were left undelivered."""

    def lost(self) -> list[str]:
        """A sentence for each target that is not contained, action that is not closed and report that nobody got."""

    def doubled(self) -> list[str]:
        """A sentence for each write and each report of one state that was made more than once."""

    def repeats(self) -> int:
        """How many reports came again under the same key."""
