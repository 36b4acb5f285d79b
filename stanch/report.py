"""What is said about an action or a refusal: one model for every channel, the command line and the journal's outbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import asdict

from stanch.action import Action, Outcome, Status, Step, stamp
from stanch.finding import Finding, Resource
from stanch.remediation import Remediation

VERSION = 1
REPORTED = frozenset(Outcome) - {Outcome.NO_OP, Outcome.UNMATCHED}
"""People are told of everything but what needed nothing."""


class Report(Struct, frozen=True):
    """One message. Everything in it that came from an event is untrusted text: channels neutralise it.

    `key` is the same for every repeat of the message. `severity` is OCSF's 0–5. `why` says what confirmed the finding, `breaks` what is likely to
    stop working, `not_done` what stays open (of an undo: what stays changed), `failures` what went wrong beside the containment. `upstream` is how the source
    calls the finding, for writing back to it.
    """

    key: str
    outcome: str
    title: str
    account: str
    at: str = field(default_factory=stamp)
    severity: int = 0
    cloud: str = "aws"
    region: str | None = None
    resource: dict[str, str] | None = None
    finding: dict[str, Any] | None = None
    source: str | None = None
    playbook: str | None = None
    remediation: str | None = None
    action_id: str | None = None
    mode: str | None = None
    reason: str | None = None
    why: str | None = None
    changes: list[dict[str, Any]] = field(default_factory=list)
    breaks: list[str] = field(default_factory=list)
    not_done: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    requester: str = "stanch"
    undo: str | None = None
    plan: str | None = None
    """The digest of the plan, which a link to decide is bound to."""
    approval: str | None = None
    undone_by: str | None = None
    decided: list[str] = field(default_factory=list)
    """What people decided of it: who, when and why."""
    lease: str | None = None
    """Until when the containment stands, and what is to follow; None where it has no end."""
    upstream: dict[str, str] | None = None
    account_tags: dict[str, str] | None = None
    """The account's tags where a route asks for them; None where nobody asks, or where they cannot be read."""
    version: int = VERSION

    @property
    def tells_state(self) -> bool:
        """Whether it tells of an action's new state; a refused event, a summary and a reminder do not."""
        return self.action_id is not None and self.key.startswith(f"{self.action_id}:{self.outcome}:")

    def as_json(self) -> dict[str, Any]:
        """For the outbox. A link to decide is made for each delivery and never stored."""
        return asdict(self) | {"approval": None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        return cls(**{name: data[name] for name in cls.__struct_fields__ if name in data})


def of_action(action: Action, declared: type[Remediation[Any]] | None) -> Report:
    """The report of an action in its present state; without `declared` it lacks what only the remediation's class says."""
    finding = action.finding or {}
    plan = action.plan
    return Report(
        key=f"{action.id}:{action.outcome}:{len(action.chain) if action.undo or action.approvals else 1}",
        outcome=str(action.outcome),
        title=declared.title if declared else action.remediation,
        account=action.resource.account,
        severity=finding.get("severity", 0),
        cloud=action.resource.cloud,
        region=action.resource.region,
        resource={"type": action.resource.type, "id": action.resource.id},
        finding=action.finding,
        source=action.source,
        playbook=action.playbook,
        remediation=action.remediation,
        action_id=action.id,
        mode=action.mode,
        reason=action.reason,
        why=action.evidence.get("confirmed"),
        changes=_changes(action),
        breaks=[*([declared.disruption] if declared else []), *plan.get("breaks", [])],
        not_done=_stays(action) if action.undo else list(plan.get("not_done", [])),
        failures=[f"{step.change.target}: {step.error}" for step in action.steps if step.status is Status.FAILED],
        requester=action.requester,
        undo=_undo(action, declared),
        plan=plan.get("digest"),
        undone_by=str(action.undo.get("requester", "a person")) if action.undo else None,
        decided=[_decision(said) for said in action.approvals],
        lease=_lease(action),
        upstream=action.evidence.get("upstream") or None,
    )


def _decision(said: Mapping[str, Any]) -> str:
    """Who agreed or refused, when and why."""
    when = str(said.get("at", ""))[:19].replace("T", " ")
    why = f": {said['reason']}" if said.get("reason") else ""
    return f"{said.get('how')} by {said.get('by')} at {when}{why}"


def _lease(action: Action) -> str | None:
    terms = action.expires or {}
    if action.outcome is not Outcome.ACTED or "at" not in terms:
        return None
    then = "it is undone by itself" if terms.get("then") == "undo" else "people are asked whether it may end"
    return f"{terms['at']}; then {then}"


def _changes(action: Action) -> list[dict[str, Any]]:
    """The changes with what became of each. After an undo a step on the way is no news: what replaced it was undone."""
    return [
        {**shown, "status": step.status.value}
        for shown, step in zip(action.changes(), action.steps, strict=True)
        if not (action.undo and step.change.transient)
    ]


def _stays(action: Action) -> list[str]:
    """What an undo left as the action made it, and why."""
    standing = [step for step in action.steps if step.status is Status.APPLIED and not step.change.transient]
    return [f"{step.change.target} stays as it is: {_reason(step)}" for step in standing]


def _reason(step: Step) -> str:
    if step.error:
        return step.error
    return "somebody changed it since" if step.change.reversible else "it cannot be undone"


def _undo(action: Action, declared: type[Remediation[Any]] | None) -> str | None:
    """The command that undoes it, or why nothing can."""
    irreversible = declared.irreversible if declared else ""
    if not irreversible and action.outcome in (Outcome.ACTED, Outcome.PARTIAL, Outcome.UNVERIFIED):
        return f"stanch undo {action.id} --apply --reason 'why'"
    return irreversible or None


def of_refusal(
    key: str, outcome: Outcome, reason: str, source: str | None, finding: Finding | None, cloud: str
) -> Report:
    """The report of an event or finding that led to no action."""
    return Report(
        key=key,
        outcome=str(outcome),
        title=finding.title if finding else "event without a finding",
        account=finding.account if finding else "",
        severity=int(finding.severity) if finding else 0,
        cloud=cloud,
        region=finding.region if finding else None,
        resource=named(finding.resources[0]) if finding and finding.resources else None,
        finding=finding.summary() if finding else None,
        source=source,
        reason=reason,
    )


def named(resource: Resource) -> dict[str, str]:
    """The `resource` field of results and reports."""
    return {"type": resource.type, "id": resource.id}
