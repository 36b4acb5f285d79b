"""The life of one finding: guards, confirmation, playbooks, plan, guards again, journal, change, verification, report."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stanch import clock, dead_end, guardrails
from stanch.action import Outcome, effect_key, new_action_id
from stanch.containment import Containment
from stanch.deployment import Deployment
from stanch.errors import CloudError, InvalidInput, MalformedEvent, Refused, Retryable, Unconfirmed
from stanch.finding import Finding, Resource
from stanch.playbooks.match import Match
from stanch.playbooks.model import Playbook, mode_for, strictest
from stanch.playbooks.params import bind_params
from stanch.remediation import bind, digest
from stanch.report import REPORTED, of_refusal
from stanch.result import Result
from stanch.target import Target


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
        if not (upstream and upstream.reads_first(finding)) and not self._wanted(finding):
            return [self._unmatched(finding)]
        if upstream is None:
            return self._matched(finding, "the source has no timely read; the live plan is the check", delivery)
        try:
            copies, confirmed = upstream.confirm(finding)
        except (Unconfirmed, InvalidInput) as error:
            return [self._refuse(finding, Outcome.REJECTED, f"unconfirmed: {error}")]
        except (CloudError, Refused) as error:
            return [self._refuse(finding, Outcome.FAILED, f"it could not be confirmed: {error}")]
        return self._believed(copies, confirmed, delivery)

    def _wanted(self, finding: Finding) -> bool:
        """Whether a playbook is for it, or would be if it named the resource that it should."""
        matcher = self._deployment.matcher
        return bool(matcher.match(finding) or matcher.expecting(finding))

    def _believed(self, copies: Sequence[Finding], confirmed: str, delivery: Delivery) -> list[Result]:
        """The source's copy is what counts: it may be archived, compliant or of another kind by now.

        What is unknown of one keeps no other waiting; raises Retryable after all are answered.
        """
        results: list[Result] = []
        again: Retryable | None = None
        for copy in copies:
            refused = self._guarded(copy)
            try:
                results += [refused] if refused is not None else self._matched(copy, confirmed, delivery)
            except Retryable as error:
                again = self._later(copy, error, delivery, results)
        if again is not None:
            raise again
        return results

    def _guarded(self, finding: Finding) -> Result | None:
        if finding.compliant:
            return Result.of_finding(finding, Outcome.UNMATCHED, "the resource is compliant")
        if finding.archived and self._deployment.archived_here(finding):
            finding = replace(finding, archived=False)
        verdicts = guardrails.finding_guards(finding, clock.now(), self._deployment.settings.stale_after)
        held = guardrails.first(verdicts, "hold")
        return self._refuse(finding, Outcome.HELD, held.sentence()) if held is not None else None

    def _matched(self, finding: Finding, confirmed: str, delivery: Delivery) -> list[Result]:
        try:
            finding = self.completed(finding)
        except (CloudError, Refused, InvalidInput) as error:
            return [self._told(finding, dead_end.unread(finding, error))]
        matches = self._deployment.matcher.match(finding)
        return self._contain(finding, matches, confirmed, delivery) if matches else [self._unmatched(finding)]

    def completed(self, finding: Finding) -> Finding:
        """The finding with the resources that its source could not name by an id, looked up live where a playbook needs them."""
        kinds = {
            kind
            for playbook in self._deployment.matcher.expecting(finding)
            for kind in playbook.when.get("resource.type", ())
            if isinstance(kind, str)
        }
        found = [one for kind in sorted(kinds) for one in self._deployment.cloud.resolve(finding, None, kind)]
        return replace(finding, resources=tuple(found)) if found else finding

    def _unmatched(self, finding: Finding) -> Result:
        """No playbook is for it; or one may be, but the finding does not name what it should."""
        expecting = self._deployment.matcher.expecting(finding)
        empty = any(note.get("missing") for note in finding.upstream.get("unresolved") or ())
        if expecting or (empty and not finding.resources):
            wanted = f"the finding names none, and playbook {expecting[0].id} needs one" if expecting else ""
            return self._refuse(finding, Outcome.REJECTED, dead_end.places(finding) or f"resources: {wanted}")
        return Result.of_finding(finding, Outcome.UNMATCHED, f"no playbook is for {finding.type}")

    def _contain(self, finding: Finding, matches: Sequence[Match], confirmed: str, delivery: Delivery) -> list[Result]:
        refused, targets, unknown = self.targets(finding, matches, confirmed)
        results = [self._told(finding, result) for result in refused]
        again = self._later(finding, unknown, delivery, results) if unknown is not None else None
        for target in targets:
            containment = Containment(self._deployment, target)
            try:
                results.append(containment.run())
            except InvalidInput as error:
                results.append(self._told(finding, dead_end.impossible(target, error)))
            except Retryable as error:
                if delivery.last:
                    results.append(containment.give_up(error))
                else:
                    again = error
        if again is not None:
            raise again
        return results

    def _later(self, finding: Finding, error: Retryable, delivery: Delivery, results: list[Result]) -> Retryable | None:
        """The error to raise in the end; after the last delivery None, and the finding is held."""
        if not delivery.last:
            return error
        results.append(self._refuse(finding, Outcome.HELD, f"unknown after the last delivery: {error}"))
        return None

    def targets(
        self, finding: Finding, matches: Sequence[Match], confirmed: str
    ) -> tuple[list[Result], list[Target], Retryable | None]:
        """What to contain: all matches apply; for the same remediation and resource the strictest mode wins.

        Beside it, a result for each match that leads to nothing, of which nobody is told yet, and the error that left another unknown.
        """
        results: dict[str, Result] = {}
        targets: dict[str, Target] = {}
        unknown: Retryable | None = None
        resolved: dict[tuple[Any, str], list[Resource]] = {}
        for match in matches:
            if match.step.remediation.partition(".")[0] != self._deployment.cloud.name:
                results |= self._elsewhere(finding, match)
                continue
            wanted = self._deployment.remediation(match.step.remediation).resource_type
            try:
                found = self._resources(finding, match, wanted, resolved)
                made = [self._target(finding, match, resource, confirmed) for resource in found]
            except (CloudError, Refused, InvalidInput) as error:
                results[str(error)] = dead_end.unread(finding, error, match)
                continue
            except Retryable as error:
                unknown = error
                continue
            if not found:
                nothing = dead_end.nothing(finding, match, wanted)
                results[str(nothing.reason)] = nothing
            for target in made:
                known = targets.get(target.effect)
                if known is None or strictest(known.mode, target.mode) != known.mode:
                    targets[target.effect] = target
        return list(results.values()), _strictest(targets.values()), unknown

    def _elsewhere(self, finding: Finding, match: Match) -> dict[str, Result]:
        """A result for each resource that the other cloud's deployment looks after, by its reason."""
        owner = {"aws": "AWS", "azure": "Azure"}[match.step.remediation.partition(".")[0]]
        others = [resource for resource in match.resources if resource.cloud != self._deployment.cloud.name]
        found = {resource.id: Result.of_finding(finding, Outcome.UNMATCHED, "", resource) for resource in others}
        named = found or {match.step.remediation: Result.of_finding(finding, Outcome.UNMATCHED, "")}
        reasons = {name: f"{name} belongs to the {owner} deployment" for name in named}
        return {reasons[name]: replace(result, reason=reasons[name]) for name, result in named.items()}

    def _resources(
        self, finding: Finding, match: Match, wanted: str, resolved: dict[tuple[Any, str], list[Resource]]
    ) -> list[Resource]:
        """What the finding names, else what stands behind it. `resolved` keeps what was looked up: several playbooks ask for the same."""
        named = [resource for resource in match.resources if resource.type == wanted and not dead_end.unnamed(resource)]
        if named:
            return named
        origins: Sequence[Resource | None] = match.resources or (None,)
        derived: dict[str, Resource] = {}
        for origin in origins:
            step = (origin and (origin.key(), origin.role)), wanted
            if step not in resolved:
                resolved[step] = self._deployment.cloud.resolve(finding, origin, wanted)
            derived |= {resource.key(): resource for resource in resolved[step]}
        return list(derived.values())

    def _target(self, finding: Finding, match: Match, resource: Resource, confirmed: str) -> Target:
        declared = self._deployment.remediation(match.step.remediation)
        given = {name: value for name, value in bind_params(match.step, finding, resource).items() if value is not None}
        params = bind(declared.parameters, given, f"{match.playbook.id}.with")
        if "since" in params and params["since"] is None:
            params["since"] = clock.iso(finding.last_seen or clock.now())
        effect = effect_key(declared.id, resource, params, declared.parameters)
        group, doubt = self._deployment.placed(resource.account)
        return Target(
            remediation=declared.id,
            resource=resource,
            params=params,
            effect=effect,
            action_id=new_action_id(effect),
            mode=self._mode(match.playbook, group),
            group=group,
            doubt=doubt,
            playbook=match.playbook,
            finding=finding,
            confirmed=confirmed,
        )

    def _mode(self, playbook: Playbook, group: str | None) -> str:
        """The least of what the playbook, the account's ceiling and the deployment's allow."""
        deployment = self._deployment
        return strictest(mode_for(playbook, group), deployment.policy.ceiling_for(group), deployment.settings.ceiling)

    def _refuse(self, finding: Finding, outcome: Outcome, reason: str) -> Result:
        """A finding that leads to no action for a reason people should know."""
        return self._told(finding, Result.of_finding(finding, outcome, reason))

    def _told(self, finding: Finding, result: Result) -> Result:
        """The result of a finding without an action, reported once for each reason where people should know."""
        if result.outcome not in REPORTED:
            return result
        reason = str(result.reason)
        key = f"{result.outcome}:{digest([finding.source, finding.id, result.outcome, reason])[:32]}"
        return replace(result, notified=self._tell(key, result.outcome, reason, finding.source, finding))

    def _tell(self, key: str, outcome: Outcome, reason: str, source: str | None, finding: Finding | None) -> list[str]:
        report = of_refusal(key, outcome, reason, source, finding, self._deployment.cloud.name)
        return self._deployment.tell(report)


def _strictest(targets: Collection[Target]) -> list[Target]:
    """The targets, each in the strictest mode of those with its remediation and resource, whatever their parameters."""
    modes: dict[tuple[str, str], str] = {}
    for target in targets:
        key = target.remediation, target.resource.key()
        modes[key] = strictest(target.mode, modes.get(key, target.mode))
    return [replace(target, mode=modes[target.remediation, target.resource.key()]) for target in targets]
