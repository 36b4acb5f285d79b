"""Results of matches that lead to no action: the finding lacks what it should name, or what it names leads nowhere."""

from __future__ import annotations

from msgspec.structs import replace

from stanch.action import Outcome
from stanch.errors import InvalidInput, PolicyError, StanchError
from stanch.finding import Finding, Resource
from stanch.playbooks.match import Match
from stanch.result import Result
from stanch.target import Target


def nothing(finding: Finding, match: Match, wanted: str) -> Result:
    """A match without anything to contain: the finding lacks what it should name, or nothing stands behind what it names."""
    stranger = next(filter(unnamed, match.resources), None)
    if stranger is not None:
        reason = f"resourceId: {stranger.id} is the unique id of a {stranger.type}, which does not say its name"
        return Result.of_finding(finding, Outcome.REJECTED, reason, stranger)
    lacking = places(finding)
    if lacking or not match.resources:
        reason = lacking or f"resources: the finding names no {wanted} and nothing that leads to one"
        return Result.of_finding(finding, Outcome.REJECTED, reason)
    result = Result.of_finding(finding, Outcome.NO_OP, f"no {wanted} stands behind {match.resources[0].id}")
    return replace(result, playbook=match.playbook.id, remediation=match.step.remediation)


def unread(finding: Finding, error: StanchError, match: Match | None = None) -> Result:
    """What stands behind a resource could not be read, and never will be as it is."""
    verdict = outcome(error)
    reason = f"what it is about could not be looked up: {error}" if verdict is Outcome.FAILED else str(error)
    result = Result.of_finding(finding, verdict, reason)
    return replace(result, playbook=match.playbook.id, remediation=match.step.remediation) if match else result


def outcome(error: StanchError) -> Outcome:
    """Whose fault it is: the event's, or ours and the cloud's."""
    return (
        Outcome.REJECTED if isinstance(error, InvalidInput) and not isinstance(error, PolicyError) else Outcome.FAILED
    )


def impossible(target: Target, error: InvalidInput) -> Result:
    """A target that cannot be: its account is none."""
    assert target.finding is not None, "a finding led to it"
    assert target.playbook is not None, "a playbook led to it"
    result = Result.of_finding(target.finding, outcome(error), str(error), target.resource)
    return replace(result, playbook=target.playbook.id, remediation=target.remediation)


def places(finding: Finding) -> str:
    """Where the finding should name a resource and does not, each place with the reason; empty where there is no such place."""
    notes = finding.upstream.get("unresolved") or ()
    return "; ".join(dict.fromkeys(f"{note['place']}: {note['reason']}" for note in notes))


def unnamed(resource: Resource) -> bool:
    """Known by the unique id alone that AWS Config writes for users and roles: no call takes it for their name."""
    return resource.details.get("unique_id") == resource.id
