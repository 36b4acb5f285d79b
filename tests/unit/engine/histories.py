"""The history of an action, as tests hold it to its words."""

from __future__ import annotations

from stanch import chain
from tests.unit.engine.bench import Bench


def history(bench: Bench, action_id: str | None) -> list[str]:
    """Each entry in a line: attempt, event, details; without what differs from run to run. The chain over them holds."""
    found = bench.journal.get(action_id)
    assert found is not None
    assert chain.verify(found) == []
    return [
        " ".join([str(entry.pop("attempt")), entry.pop("event"), *(f"{name}={value}" for name, value in entry.items())])
        for entry in ({name: entry[name] for name in entry if name not in ("at", "state", "hash")} for entry in found.chain)
    ]  # fmt: skip
