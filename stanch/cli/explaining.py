"""Why an event does what it does: the same parts as the responder's, asked one by one; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from stanch import clock, guardrails
from stanch.cli.context import Context
from stanch.cli.replaying import AWS_SOURCES, Event, Replay, parser
from stanch.containment import Containment
from stanch.deployment import Deployment
from stanch.errors import MalformedEvent, StanchError, Unconfirmed
from stanch.finding import Finding
from stanch.journal import Query
from stanch.responder import Responder
from stanch.sources import recognise


@dataclass(slots=True)
class Explanation:
    """One finding, or an event without one, step by step."""

    event: str
    source: str | None = None
    finding: dict[str, Any] | None = None
    steps: list[tuple[str, str]] = field(default_factory=list)

    def say(self, what: str, how: str) -> None:
        self.steps.append((what, how))

    def as_json(self) -> dict[str, Any]:
        return {
            "event": self.event,
            "source": self.source,
            "finding": self.finding,
            "steps": [{"step": what, "says": how} for what, how in self.steps],
        }

    def text(self) -> str:
        head = f"{self.event}: {(self.finding or {}).get('type', 'no finding')}"
        return "\n".join([head, *(f"  {what:<28} {how}" for what, how in self.steps), ""])


def explanation(context: Context, replay: Replay, event: Event) -> Iterator[Explanation]:
    """One explanation a finding."""
    source = recognise(event.raw) if event.problem is None else None
    parse = parser(source) if source else None
    if source is None or parse is None:
        found = Explanation(event.place, source)
        found.say("source", event.problem or "the event is of no source that Stanch handles")
        yield found
        return
    try:
        findings = parse(event.raw)
    except MalformedEvent as error:
        found = Explanation(event.place, source)
        found.say("malformed", str(error))
        yield found
        return
    replay.prepare(source, findings)
    deployment = context.deployment("aws" if source in AWS_SOURCES else "azure")
    with clock.at(replay.moment(findings)):
        for finding in findings:
            yield _explain(deployment, event, source, finding)


def _explain(deployment: Deployment, event: Event, source: str, finding: Finding) -> Explanation:
    found = Explanation(event.place, source, finding.summary())
    for verdict in guardrails.finding_guards(finding, clock.now(), deployment.settings.stale_after):
        found.say(f"guard {verdict.guard}", verdict.reason or "passes")
    if finding.compliant:
        found.say("compliance", "the resource is compliant: nothing to do")
    copies = _confirmed(deployment, finding, found)
    for copy in copies:
        _playbooks(deployment, copy, found)
    _journal(deployment, finding, found)
    return found


def _confirmed(deployment: Deployment, finding: Finding, found: Explanation) -> list[Finding]:
    upstream = deployment.upstreams.get(finding.source)
    if upstream is None:
        return [finding]
    try:
        copies, why = upstream.confirm(finding)
    except Unconfirmed as error:
        found.say("confirm", f"rejected: {error}")
        return []
    except StanchError as error:
        found.say("confirm", f"unknown: {error}")
        return []
    found.say("confirm", why)
    return copies


def _playbooks(deployment: Deployment, finding: Finding, found: Explanation) -> None:
    for word, wanted in (("matches", True), ("no", False)):
        for answer in deployment.matcher.explain(finding):
            if answer.matched is wanted:
                found.say(f"playbook {answer.playbook}", f"{word}: {answer.why}")
    _, targets = Responder(deployment).targets(finding, deployment.matcher.match(finding), "")
    for target in targets:
        name = f"{target.remediation} ({target.mode})"
        try:
            plan, verdicts = Containment(deployment, target).plan()
        except StanchError as error:
            found.say(name, f"the plan could not be made: {error}")
            continue
        changes = "; ".join(change.target for change in plan.changes)
        found.say(name, f"on {target.resource.id}: {changes or plan.reason or 'nothing to do'}")
        for verdict in verdicts:
            found.say(f"  guard {verdict.guard}", f"{verdict.effect}: {verdict.reason}" if verdict.reason else "passes")


def _journal(deployment: Deployment, finding: Finding, found: Explanation) -> None:
    earlier = [action for action in deployment.journal.find(Query()) if (action.finding or {}).get("id") == finding.id]
    for action in earlier[:5]:
        found.say(
            "journal",
            f"action {action.id} of {action.opened_at}: {action.outcome or 'open'} {action.reason or ''}".rstrip(),
        )
    if not earlier:
        found.say("journal", "no action for this finding so far")
