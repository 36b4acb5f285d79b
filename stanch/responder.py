"""The life of one finding: guards, confirmation, playbooks, plan, guards again, journal, change, verification, report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from stanch import clock, guardrails, outbox
from stanch.action import Outcome, effect_key, new_action_id
from stanch.containment import Containment, Target
from stanch.deployment import Deployment
from stanch.errors import MalformedEvent, Retryable, Unconfirmed
from stanch.finding import Finding, Resource
from stanch.playbooks.match import Match
from stanch.playbooks.model import strictest
from stanch.playbooks.params import bind_params
from stanch.remediation import bind, digest
from stanch.report import of_refusal
from stanch.result import Result


@dataclass(frozen=True, slots=True)
class Delivery:
    """How an event reached us. `last` means that it will not come again: what is unknown then is held instead of retried."""

    last: bool = False
    event: str = ""


class Responder:
    """Answers findings for one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def respond(self, findings: Sequence[Finding], delivery: Delivery) -> list[Result]:
        """Answer every finding; at least one result each.

        Raises Retryable after all are answered if any must come again (those already answered are then seen to be).
        """
        results: list[Result] = []
        again: Retryable | None = None
        for finding in findings:
            started = time.perf_counter()
            try:
                rows = self._answer(finding, delivery)
            except Retryable as error:
                if not delivery.last:
                    again = error
                    continue
                rows = [self._refuse(finding, Outcome.HELD, f"unknown after the last delivery: {error}")]
            elapsed = round((time.perf_counter() - started) * 1000, 1)
            results += [replace(row, total=elapsed) for row in rows]
        if again is not None:
            raise again
        return results

    def reject(self, source: str | None, error: MalformedEvent, raw: Any) -> Result:
        """An event that holds no finding: reported once, never dropped."""
        key = f"rejected:{digest([source, raw, str(error)])[:32]}"
        notified = self._tell(key, Outcome.REJECTED, str(error), source, None)
        return Result(Outcome.REJECTED, str(error), source=source, notified=notified)

    def _answer(self, finding: Finding, delivery: Delivery) -> list[Result]:
        refused = self._guarded(finding)
        if refused is not None:
            return [refused]
        upstream = self._deployment.upstreams.get(finding.source)
        if not (upstream and upstream.first) and not self._deployment.matcher.match(finding):
            return [self._unmatched(finding)]
        if upstream is None:
            return self._matched(finding, "the source has no timely read; the live plan is the check", delivery)
        try:
            copies, confirmed = upstream.confirm(finding)
        except (Unconfirmed, MalformedEvent) as error:
            return [self._refuse(finding, Outcome.REJECTED, f"unconfirmed: {error}")]
        return [row for copy in copies for row in self._believed(copy, confirmed, delivery)]

    def _believed(self, copy: Finding, confirmed: str, delivery: Delivery) -> list[Result]:
        """The source's copy is what counts: it may be archived, compliant or of another kind by now."""
        refused = self._guarded(copy)
        return [refused] if refused is not None else self._matched(copy, confirmed, delivery)

    def _guarded(self, finding: Finding) -> Result | None:
        if finding.compliant:
            return Result.of_finding(finding, Outcome.UNMATCHED, "the resource is compliant")
        verdicts = guardrails.finding_guards(finding, clock.now(), self._deployment.settings.stale_after)
        held = guardrails.first(verdicts, "hold")
        return self._refuse(finding, Outcome.HELD, held.sentence()) if held is not None else None

    def _matched(self, finding: Finding, confirmed: str, delivery: Delivery) -> list[Result]:
        matches = self._deployment.matcher.match(finding)
        return self._contain(finding, matches, confirmed, delivery) if matches else [self._unmatched(finding)]

    def _unmatched(self, finding: Finding) -> Result:
        return Result.of_finding(finding, Outcome.UNMATCHED, f"no playbook is for {finding.type}")

    def _contain(self, finding: Finding, matches: Sequence[Match], confirmed: str, delivery: Delivery) -> list[Result]:
        results, targets = self.targets(finding, matches, confirmed)
        again: Retryable | None = None
        for target in targets:
            containment = Containment(self._deployment, target)
            try:
                results.append(containment.run())
            except Retryable as error:
                if delivery.last:
                    results.append(containment.give_up(error))
                else:
                    again = error
        if again is not None:
            raise again
        return results

    def targets(self, finding: Finding, matches: Sequence[Match], confirmed: str) -> tuple[list[Result], list[Target]]:
        """What to contain: all matches apply; for the same remediation and resource the strictest mode wins."""
        results: list[Result] = []
        targets: dict[tuple[str, str], Target] = {}
        for match in matches:
            declared = self._deployment.remediation(match.step.remediation)
            found = self._resources(finding, match, declared.resource_type)
            if not found:
                results.append(self._nothing(finding, match, declared.resource_type))
            for resource in found:
                if resource.cloud != self._deployment.cloud.name:
                    reason = f"{resource.id} belongs to the {resource.cloud.upper()} deployment"
                    results.append(Result.of_finding(finding, Outcome.UNMATCHED, reason, resource))
                    continue
                target = self._target(finding, match, resource, confirmed)
                known = targets.get((target.remediation, resource.key()))
                if known is None or strictest(known.mode, target.mode) != known.mode:
                    targets[target.remediation, resource.key()] = target
        return results, list(targets.values())

    def _resources(self, finding: Finding, match: Match, wanted: str) -> list[Resource]:
        named = [resource for resource in match.resources if resource.type == wanted]
        if named:
            return named
        derived = {
            resource.key(): resource
            for origin in match.resources
            for resource in self._deployment.cloud.resolve(finding, origin, wanted)
        }
        return list(derived.values())

    def _nothing(self, finding: Finding, match: Match, wanted: str) -> Result:
        if not finding.resources:
            return self._refuse(
                finding, Outcome.REJECTED, f"resources: the finding names no {wanted} and nothing that leads to one"
            )
        result = Result.of_finding(finding, Outcome.NO_OP, f"no {wanted} stands behind {match.resources[0].id}")
        return replace(result, playbook=match.playbook.id, remediation=match.step.remediation)

    def _target(self, finding: Finding, match: Match, resource: Resource, confirmed: str) -> Target:
        declared = self._deployment.remediation(match.step.remediation)
        given = {name: value for name, value in bind_params(match.step, finding, resource).items() if value is not None}
        params = bind(declared.parameters, given, f"{match.playbook.id}.with")
        if "since" in params and params["since"] is None:
            params["since"] = clock.iso(finding.last_seen or clock.now())
        effect = effect_key(declared.id, resource, params, declared.parameters)
        return Target(
            remediation=declared.id,
            resource=resource,
            params=params,
            effect=effect,
            action_id=new_action_id(effect),
            mode=strictest(match.mode, self._deployment.settings.ceiling),
            playbook=match.playbook,
            finding=finding,
            confirmed=confirmed,
        )

    def _refuse(self, finding: Finding, outcome: Outcome, reason: str) -> Result:
        """A finding that leads to no action for a reason people should know: reported once for each reason."""
        key = f"{outcome}:{digest([finding.source, finding.id, outcome, reason])[:32]}"
        notified = self._tell(key, outcome, reason, finding.source, finding)
        return replace(Result.of_finding(finding, outcome, reason), notified=notified)

    def _tell(self, key: str, outcome: Outcome, reason: str, source: str | None, finding: Finding | None) -> list[str]:
        report = of_refusal(key, outcome, reason, source, finding, self._deployment.cloud.name)
        entry = outbox.item(report, self._deployment.route(report))
        return self._deployment.deliver(entry) if self._deployment.journal.file(entry) else []
