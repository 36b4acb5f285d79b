"""The attacks that the figure `security` counts: each module has `attack(size, folder)`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Tried:
    """How often an attack was tried, and a sentence for each time that it got through."""

    name: str
    cases: int = 0
    failures: list[str] = field(default_factory=list)

    def held(self, case: str, sound: object, seen: object = "") -> None:
        """Count a case that must be `sound`."""
        self.cases += 1
        if not sound:
            self.failures.append(f"{self.name}: {case}{f': {seen!a}'[:300] if seen != '' else ''}")
