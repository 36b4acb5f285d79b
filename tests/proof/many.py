"""One deployment with many workers, as the figure about duplicates sees it."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol


class Many(Protocol):
    """Delivers events to its workers and says what the clouds recorded since `clear`."""

    def new(self) -> Any:
        """An event about a target that no other event names."""

    def older(self, event: Any) -> Any:
        """An earlier version of the same finding."""

    def sibling(self, event: Any) -> Any:
        """Another finding about the same target, which its source has too."""

    def plant(self, event: Any) -> None:
        """Create what the event names, in the exposed state, and the finding at its source."""

    def deliver(self, worker: int, event: Any) -> bool:
        """Give the event to a worker; False where it must come again."""

    def clear(self) -> None:
        """Forget what was written and told so far."""

    def writes(self) -> Counter[str]:
        """What changed something, without the names of targets and actions."""

    def told(self) -> Counter[str]:
        """The key of every report that people got."""

    def says(self, key: str) -> str:
        """What a report says, by its key: the outcome, and of which remediation."""

    def quiet(self, write: str) -> bool:
        """Whether a write only tells of something and contains nothing."""

    def undo(self) -> None:
        """A person undoes every action since `clear` that changed something."""
