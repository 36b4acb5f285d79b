"""What comes to a deployment in its daily life, as the soak sees it. Each method is one piece of traffic; it says what went wrong, or None."""

from __future__ import annotations

from typing import Protocol


class Traffic(Protocol):
    """One cloud's."""

    cloud: str

    def act(self) -> str | None:
        """A new finding: it is contained."""

    def no_op(self) -> str | None:
        """The same finding again: nothing is to do."""

    def older(self) -> str | None:
        """An earlier version of it."""

    def malformed(self) -> str | None:
        """What is no event."""

    def throttled(self) -> str | None:
        """A new finding while the cloud refuses to answer, and again when it does."""

    def approval(self) -> str | None:
        """A finding that asks a person, who approves."""

    def denial(self) -> str | None:
        """A finding that asks a person, who denies."""

    def undo(self) -> str | None:
        """A person undoes what was done last; the finding that comes again does not do it again."""

    def runbook(self) -> str | None:
        """A person contains something by hand."""

    def sweep(self) -> str | None:
        """One turn of the sweep."""

    def sample(self) -> dict[str, dict[str, float]]:
        """What each worker uses now, and the open records of the journal."""

    def locks(self) -> int:
        """How many locks are in the journal; none between two events."""
