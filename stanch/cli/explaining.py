"""Why an event does what it does: the same parts as the responder's, asked one by one; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from stanch import clock, guardrails
from stanch.action import Action
from stanch.cli import output, showing
from stanch.cli.context import Context
from stanch.cli.reading import Event
from stanch.cli.replaying import Replay, cloud_of_source, parser
from stanch.containment import Containment
from stanch.deployment import Deployment
from stanch.errors import MalformedEvent, Refused, StanchError, Unconfirmed
from stanch.finding import Finding
from stanch.journal import Query
from stanch.notify import values
from stanch.notify.untrusted import inert
from stanch.responder import Responder
from stanch.sources import recognise
from stanch.targets import Targets

_ELSEWHERE = ("source is ", "type is ")
"""How the reason begins of a playbook that is for other findings altogether."""


@dataclass(slots=True)
class Explanation:
    """One finding, or an event without one, step by step. `rejected` tells that it was not understood or not believed."""

    event: str
    source: str | None = None
    finding: dict[str, Any] | None = None
    rejected: bool = False
    steps: list[tuple[str, str]] = field(default_factory=list)

    def say(self, what: str, how: str) -> None:
        self.steps.append((what, how))

    def reject(self, what: str, how: str) -> Explanation:
        self.rejected = True
        self.say(what, how)
        return self

    def as_json(self) -> dict[str, Any]:
        return {
            "event": self.event,
            "source": self.source,
            "finding": self.finding,
            "steps": [{"step": what, "says": how} for what, how in self.steps],
        }

    def show(self, every: bool) -> None:
        """For people: what matters to this finding, and with `every` each playbook that is for other ones."""
        found = self.finding or {}
        head = inert(f"{found.get('type', 'no finding')}: {found.get('title', '')}".rstrip(": "), 300)
        output.put(head)
        output.line(inert(f"{self.event}{' · finding ' if found else ''}{found.get('id', '')}", 600))
        output.put()
        elsewhere = [what for what, how in self.steps if not every and _is_elsewhere(what, how)]
        steps = _together([(what, how) for what, how in self.steps if what not in elsewhere])
        showing.columns([(what, inert(how, 1000)) for what, how in steps], max(len(what) for what, _ in steps))
        if elsewhere:
            output.put(
                f"\n{len(elsewhere)} more playbooks are for other sources or types of finding; --all says why for each."
            )
        output.put()


def _together(steps: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Guards that pass share a line."""
    found: list[tuple[str, str]] = []
    for passes, group in groupby(steps, lambda step: "guard " in step[0] and step[1] == "passes"):
        same = list(group)
        names = [what.strip().removeprefix("guard ") for what, _ in same]
        margin = same[0][0][: len(same[0][0]) - len(same[0][0].lstrip())]
        found += [(f"{margin}guards", f"pass: {', '.join(names)}")] if passes else same
    return found


def _is_elsewhere(what: str, how: str) -> bool:
    return what.startswith("playbook ") and how.startswith(tuple(f"no: {start}" for start in _ELSEWHERE))


def journaled(context: Context, finding_id: str) -> list[Event]:
    """The event of a finding that the journal knows, as it was received. Raises Refused where the journal knows none."""
    for name in context.journals:
        for action in context.deployment(name).journal.find(Query()):
            event = action.evidence.get("event")
            if event and finding_id in _names(action):
                return [Event(f"journal, action {action.id}", event)]
    raise Refused("unknown finding", f"no action in the journal of these clouds came of finding {finding_id}")


def _names(action: Action) -> tuple[str, str]:
    """A finding's id, and the last part of one that is an ARN or a path."""
    known = str((action.finding or {}).get("id", ""))
    return known, known.rpartition("/")[2]


def explanation(context: Context, replay: Replay, event: Event) -> Iterator[Explanation]:
    """One explanation a finding; one for an event that holds none."""
    source = recognise(event.raw) if event.problem is None else None
    parse = parser(source) if source else None
    found = Explanation(event.place, source)
    if event.problem is not None or source is None:
        yield found.reject("source", event.problem or "the event is of no source that Stanch knows")
        return
    if parse is None:
        found.say("source", f"this version has no handler for {source}")
        yield found
        return
    try:
        findings = parse(event.raw)
    except MalformedEvent as error:
        yield found.reject("malformed", str(error))
        return
    replay.prepare(source, findings)
    deployment = context.deployment(cloud_of_source(source))
    with clock.at(replay.moment(findings)):
        for finding in findings:
            yield _explain(deployment, event, source, finding)


def _explain(deployment: Deployment, event: Event, source: str, finding: Finding) -> Explanation:
    found = Explanation(event.place, source, finding.summary())
    for verdict in guardrails.finding_guards(finding, clock.now(), deployment.settings.stale_after):
        found.say(f"guard {verdict.guard}", f"holds: {verdict.reason}" if verdict.reason else "passes")
    if finding.compliant:
        found.say("compliance", "the resource is compliant: nothing to do")
    held = any(how.startswith("holds: ") for _, how in found.steps)
    copies = _confirmed(deployment, finding, found) if _concerns(deployment, finding) else None
    if copies is None:
        found.say("confirm", "not asked: no playbook is for the finding, which is unmatched")
    found.rejected &= not held  # what a guard holds is never confirmed, so nothing rejects it
    if not copies:
        _matching(deployment, finding, found)
    for copy in copies or ():
        if copy.summary() != finding.summary():
            found.say("copy", f"{copy.type}, severity {copy.severity.name.lower()}: {copy.title}")
        _playbooks(deployment, _completed(deployment, copy, found), found)
    _journal(deployment, finding, found)
    return found


def _concerns(deployment: Deployment, finding: Finding) -> bool:
    """Whether the responder goes on with the finding as received: only what a playbook may be for is read again at its source."""
    upstream, matcher = deployment.upstreams.get(finding.source), deployment.matcher
    first = upstream is not None and upstream.reads_first(finding)
    return first or finding.compliant is True or bool(matcher.match(finding) or matcher.expecting(finding))


def _confirmed(deployment: Deployment, finding: Finding, found: Explanation) -> Sequence[Finding]:
    upstream = deployment.upstreams.get(finding.source)
    if upstream is None:
        return [finding]
    try:
        copies, why = upstream.confirm(finding)
    except Unconfirmed as error:
        found.reject("confirm", f"rejected: {error}")
        return []
    except StanchError as error:
        found.say("confirm", f"unknown: {error}")
        return []
    found.say("confirm", why)
    return copies


def _completed(deployment: Deployment, finding: Finding, found: Explanation) -> Finding:
    try:
        return Responder(deployment).completed(finding)
    except StanchError as error:
        found.say("resources", f"unknown: {error}")
        return finding


def _matching(deployment: Deployment, finding: Finding, found: Explanation) -> None:
    answers = deployment.matcher.explain(finding)
    if not any(answer.matched for answer in answers):
        found.say("playbooks", "none matches")
    for answer in sorted(answers, key=lambda answer: not answer.matched):
        found.say(f"playbook {answer.playbook}", f"{'matches' if answer.matched else 'no'}: {answer.why}")


def _playbooks(deployment: Deployment, finding: Finding, found: Explanation) -> None:
    _matching(deployment, finding, found)
    results, targets, unknown = Targets(deployment).of(finding, deployment.matcher.match(finding), "")
    if unknown is not None:
        found.say("resources", f"unknown: {unknown}")
    for result in results:
        found.say(result.remediation or "resources", f"{result.outcome}: {result.reason}")
    for target in targets:
        name = f"{target.remediation} ({target.mode})"
        try:
            plan, verdicts = Containment(deployment, target).plan()
        except StanchError as error:
            found.say(name, f"the plan could not be made: {error}")
            continue
        told = values.changes([change.as_json() for change in plan.changes], limit=8)
        found.say(name, f"on {target.resource.id}: {'; '.join(told) or plan.reason or 'nothing to do'}")
        for verdict in verdicts:
            found.say(f"  guard {verdict.guard}", f"{verdict.effect}: {verdict.reason}" if verdict.reason else "passes")


def _journal(deployment: Deployment, finding: Finding, found: Explanation) -> None:
    earlier = [action for action in deployment.journal.find(Query()) if (action.finding or {}).get("id") == finding.id]
    for action in earlier[:5]:
        told = f"{action.outcome or 'open'} {action.remediation} on {action.resource.id}"
        reason = f" ({action.reason})" if action.reason else ""
        found.say("journal", f"{action.opened_at[:19].replace('T', ' ')} action {action.id}: {told}{reason}")
    if not earlier:
        found.say("journal", "no action for this finding so far")
