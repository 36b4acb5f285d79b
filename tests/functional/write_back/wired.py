"""Deployments as their handlers wire them, with one channel of people added that keeps what it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stanch.deployment import Deployment
from stanch.finding import Finding
from stanch.responder import Delivery, Responder
from stanch.result import Result
from stanch.undo import Request, Undo
from stanch.upstream.write_back import Route
from tests.unit.engine.bench import Kept

EVENTS = Path(__file__).parents[3] / "events"


def sample(name: str) -> Any:
    """A sample event such as `sentinel/ssh-brute-force`."""
    return json.loads((EVENTS / f"{name}.json").read_text())


@dataclass
class Wired:
    """One deployment and its people."""

    deployment: Deployment
    parse: Callable[[Any], list[Finding]]
    people: Kept

    @classmethod
    def of(cls, deployment: Deployment, parse: Callable[[Any], list[Finding]]) -> Wired:
        people = Kept("soc")
        route = deployment.route
        assert isinstance(route, Route)
        deployment.channels = {**deployment.channels, "soc": people}
        deployment.route = Route(lambda report: ["soc"], route.programs)
        return cls(deployment, parse, people)

    def deliver(self, raw: Any) -> list[Result]:
        return Responder(self.deployment).respond(self.parse(raw), Delivery())

    def undo(self, action_id: str | None) -> Result:
        return Undo(self.deployment, Request(str(action_id), "analyst@corp.example", "a false alarm")).run()

    def pending(self) -> dict[str, dict[str, str]]:
        """What was not accepted: report key → channel → error."""
        return {item.key: dict(item.errors) for item in self.deployment.journal.pending()}
