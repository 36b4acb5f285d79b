"""From a finding and the playbooks that match it to what is to be contained, and what is not and why."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from stanch import clock, dead_end, guardrails
from stanch.action import Outcome, effect_key, new_action_id
from stanch.ahead import Ahead, Reads
from stanch.deployment import Deployment
from stanch.errors import CloudError, InvalidInput, Refused, Retryable, StanchError
from stanch.finding import Finding, Resource
from stanch.playbooks.match import Match
from stanch.playbooks.model import Playbook, mode_for, strictest
from stanch.playbooks.params import bind_params
from stanch.remediation import bind
from stanch.result import Result
from stanch.target import Target


class Targets:
    """The targets of findings in one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def of(
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

    def ahead(self, finding: Finding, matches: Sequence[Match]) -> Ahead:
        """What acting first will need to know if the source confirms the event, read while it is asked; nothing is believed or written for it."""
        for match in matches:
            if match.step.remediation.partition(".")[0] != self._deployment.cloud.name:
                continue
            wanted = self._deployment.remediation(match.step.remediation).resource_type
            for resource in self._named(match, wanted)[:1]:
                with suppress(StanchError):  # said when the copy is answered
                    target = self._target(finding, match, resource, "")
                    shield = guardrails.protected(target.resource, (), self._deployment.protected())
                    return Ahead(target, Reads(self._deployment, target)) if shield.effect != "hold" else Ahead()
        return Ahead()

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
        named = self._named(match, wanted)
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

    @staticmethod
    def _named(match: Match, wanted: str) -> list[Resource]:
        return [resource for resource in match.resources if resource.type == wanted and not dead_end.unnamed(resource)]

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


def _strictest(targets: Collection[Target]) -> list[Target]:
    """The targets, each in the strictest mode of those with its remediation and resource, whatever their parameters."""
    modes: dict[tuple[str, str], str] = {}
    for target in targets:
        key = target.remediation, target.resource.key()
        modes[key] = strictest(target.mode, modes.get(key, target.mode))
    return [replace(target, mode=modes[target.remediation, target.resource.key()]) for target in targets]
