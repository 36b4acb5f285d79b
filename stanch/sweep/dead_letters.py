"""What queues gave up: told when there is something and it is not what was told last."""

from __future__ import annotations

from typing import Any

from stanch.clock import iso
from stanch.errors import StanchError
from stanch.remediation import digest
from stanch.sweep.turn import Turn, Waiting

FACT = "dead letters"


def dead_letters(turn: Turn) -> None:
    """One report of all queues. A queue that cannot be asked counts as it was."""
    before: dict[str, Any] = turn.facts.get(FACT, {})
    counts: dict[str, int] = dict(before.get("counts", {}))
    lines = []
    for queue in turn.queues:
        if not turn.goes_on():
            return
        try:
            found = queue.waiting()
        except StanchError as error:
            turn.row.errors.append(f"{queue.name}: {error}")
            continue
        counts[queue.name] = found.count
        lines += [_line(queue.name, found)] if found.count else []
    if counts == before.get("counts", {}):
        return
    if lines:
        _tell(turn, before, counts, lines)
    turn.remember(FACT, {"counts": counts, "at": iso(turn.now)})


def _tell(turn: Turn, before: dict[str, Any], counts: dict[str, int], lines: list[str]) -> None:
    """Under a key that two sweeps at once share, and that no later time with the same counts has."""
    total = sum(counts.values())
    key = f"dead-letters:{digest([before, counts])[:32]}"
    reason = f"{total} messages were given up: their findings are not answered. Remove the cause, then `stanch redrive`"
    turn.deployment.tell(turn.report(key, "Messages were given up", reason, lines))
    turn.row.done = total


def _line(name: str, found: Waiting) -> str:
    since = f", the oldest of {iso(found.oldest)}" if found.oldest else ""
    return f"{name}: {found.count}{since}"
