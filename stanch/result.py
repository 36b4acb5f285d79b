"""One row of what handlers and the command answer: an action, a finding that led to none, or an event that held no finding."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from stanch.action import Action, Outcome
from stanch.finding import Finding, Resource
from stanch.report import named


class Result(Struct):
    """The object that `--output json` prints; its fields are an interface (times in milliseconds)."""

    outcome: Outcome
    reason: str | None = None
    source: str | None = None
    finding: dict[str, Any] | None = None
    resource: dict[str, str] | None = None
    playbook: str | None = None
    remediation: str | None = None
    action_id: str | None = None
    changes: list[dict[str, Any]] = field(default_factory=list)
    notified: list[str] = field(default_factory=list)
    to_contained: float | None = None
    total: float | None = None
    event: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "event": self.event,
            "source": self.source,
            "finding": self.finding,
            "resource": self.resource,
            "playbook": self.playbook,
            "remediation": self.remediation,
            "outcome": self.outcome.value,
            "reason": self.reason,
            "action_id": self.action_id,
            "changes": self.changes,
            "notified": self.notified,
            "ms": {"to_contained": self.to_contained, "total": self.total},
        }

    @classmethod
    def of_action(cls, action: Action, notified: list[str]) -> Result:
        assert action.outcome is not None, "a result is made of a closed action"
        return cls(
            outcome=action.outcome,
            reason=action.reason,
            source=action.source,
            finding=action.finding,
            resource=named(action.resource),
            playbook=action.playbook,
            remediation=action.remediation,
            action_id=action.id,
            changes=action.changes(),
            notified=notified,
        )

    @classmethod
    def of_finding(cls, finding: Finding, outcome: Outcome, reason: str, resource: Resource | None = None) -> Result:
        shown = resource or (finding.resources[0] if finding.resources else None)
        return cls(
            outcome=outcome,
            reason=reason,
            source=finding.source,
            finding=finding.summary(),
            resource=named(shown) if shown else None,
        )
