"""Which playbooks a finding matches, and why not the others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from stanch.finding import Finding, Resource
from stanch.playbooks.compile import indexes
from stanch.playbooks.fields import Field, find
from stanch.playbooks.limits import Mode
from stanch.playbooks.model import Conditions, Playbook, Policy, Step, mode_for
from stanch.playbooks.params import bind_params
from stanch.playbooks.patterns import Test, compile_patterns

__all__ = ["Match", "Matcher", "Verdict", "bind_params", "excluded"]


class Match(Struct, frozen=True):
    """One step of a playbook that a finding calls for, and the finding's resources that it is for."""

    playbook: Playbook
    step: Step
    resources: tuple[Resource, ...]

    @property
    def mode(self) -> Mode:
        """The playbook's mode where the account's group is unknown."""
        return mode_for(self.playbook, None)


class Verdict(Struct, frozen=True):
    """Why a playbook matched or did not."""

    playbook: str
    matched: bool
    why: str


class Condition:
    """One field's patterns, ready to test."""

    __slots__ = ("_folded", "_test", "field", "patterns")

    def __init__(self, field: Field, patterns: Sequence[Any]) -> None:
        self.field, self.patterns = field, tuple(patterns)
        self._test: Test = compile_patterns(patterns)
        self._folded: Test | None = compile_patterns(patterns, fold=True) if field.folds else None

    def holds(self, subject: Any) -> bool:
        """Whether the field of this finding, resource, plan or account matches."""
        value = self.field.read(subject)
        if self._folded is not None and self.field.folds is not None and self.field.folds(subject):
            return self._folded(value)
        return self._test(value)

    def shown(self) -> str:
        return json.dumps(list(self.patterns), ensure_ascii=False)


def compiled(conditions: Conditions) -> list[Condition]:
    """Raises KeyError for a field that does not exist; a checked policy has none."""
    found = []
    for name, patterns in conditions.items():
        field = find(name)
        if field is None:
            raise KeyError(name)
        found.append(Condition(field, patterns))
    return found


class Rule:
    """A playbook with its conditions compiled."""

    __slots__ = ("of_finding", "of_resource", "playbook", "unless")

    def __init__(self, playbook: Playbook) -> None:
        when = compiled(playbook.when)
        self.playbook = playbook
        self.of_finding = [condition for condition in when if condition.field.of == "finding"]
        self.of_resource = [condition for condition in when if condition.field.of == "resource"]
        self.unless = [condition for condition in compiled(playbook.unless) if condition.field.of != "live"]

    def wants(self, finding: Finding, known: str | None = None) -> bool:
        """Whether it is for such a finding, whatever resources it names. `known`: a field that matches, as the index found out."""
        for condition in self.of_finding:
            if condition.field.name != known and not condition.holds(finding):
                return False
        return not any(_holds_somewhere(condition, finding, None) for condition in self.unless)

    def resources(self, finding: Finding, known: str | None = None) -> tuple[Resource, ...] | None:
        """The resources that it is for; None if it does not match."""
        if not self.wants(finding, known):
            return None
        kept: Sequence[Resource] = finding.resources
        for condition in self.of_resource:
            kept = [item for item in kept if condition.holds(item)]
            if not kept:
                return None
        return tuple(kept)


class Matcher:
    """Answers for a whole policy. Disabled playbooks never match. A playbook's conditions are compiled when it is first asked."""

    def __init__(self, policy: Policy) -> None:
        self._playbooks = policy.playbooks
        self._rules: dict[int, Rule] = {}
        self._index, self._homeless = indexes(policy)

    def _rule(self, at: int) -> Rule:
        rule = self._rules.get(at)
        if rule is None:
            rule = self._rules[at] = Rule(self._playbooks[at])
        return rule

    def match(self, finding: Finding) -> list[Match]:
        """Every step of every playbook that matches, in the policy's order."""
        found = []
        for at, known in self._index.candidates(finding).items():
            rule = self._rule(at)
            resources = rule.resources(finding, known)
            if resources is not None:
                found += [Match(rule.playbook, step, resources) for step in rule.playbook.remediations]
        return found

    def expecting(self, finding: Finding) -> list[Playbook]:
        """The playbooks for this type or title that ask for a resource, where the finding names none at all."""
        if finding.resources:
            return []
        rules = [(self._rule(at), known) for at, known in self._homeless.candidates(finding).items()]
        return [rule.playbook for rule, known in rules if rule.wants(finding, known)]

    def explain(self, finding: Finding) -> list[Verdict]:
        """One verdict for each playbook, in the policy's order: the first field that failed, its patterns and the value."""
        return [self._verdict(playbook, finding) for playbook in self._playbooks]

    @staticmethod
    def _verdict(playbook: Playbook, finding: Finding) -> Verdict:
        if not playbook.enabled:
            return Verdict(playbook.id, False, "the playbook is disabled")
        rule = Rule(playbook)
        for condition in rule.of_finding:
            if not condition.holds(finding):
                return Verdict(playbook.id, False, _mismatch(condition, [finding]))
        left = list(finding.resources)
        for condition in rule.of_resource:
            kept = [resource for resource in left if condition.holds(resource)]
            if not kept:
                return Verdict(playbook.id, False, _mismatch(condition, left))
            left = kept
        for condition in rule.unless:
            if _holds_somewhere(condition, finding, None):
                return Verdict(playbook.id, False, f"unless {_named(condition, finding, None)}")
        return Verdict(playbook.id, True, _reasons(rule, left))


def _mismatch(condition: Condition, subjects: Sequence[Any]) -> str:
    if not subjects:
        return f"{condition.field.name} must match {condition.shown()}, but the finding names no resource"
    values = ", ".join(dict.fromkeys(_value(condition.field, subject) for subject in subjects))
    return f"{condition.field.name} is {values}, not any of {condition.shown()}"


def _value(field: Field, subject: Any) -> str:
    value = field.read(subject)
    return "missing" if value is None or value == [] else json.dumps(value, ensure_ascii=False, default=str)


def _reasons(rule: Rule, resources: Iterable[Resource]) -> str:
    fields = [condition.field.name for condition in (*rule.of_finding, *rule.of_resource)]
    named = ", ".join(resource.id for resource in resources)
    return f"{', '.join(fields)} match{f'; for {named}' if named else ''}"


def _subjects(field: Field, finding: Finding, resource: Resource | None) -> Sequence[Any]:
    if field.of == "resource":
        return (resource,) if resource is not None else finding.resources
    return (finding,)


def _holds_somewhere(condition: Condition, finding: Finding, resource: Resource | None) -> bool:
    return any(condition.holds(subject) for subject in _subjects(condition.field, finding, resource))


def _named(condition: Condition, finding: Finding, resource: Resource | None) -> str:
    subject = next(item for item in _subjects(condition.field, finding, resource) if condition.holds(item))
    return f"{condition.field.name} is {_value(condition.field, subject)}"


def excluded(
    playbook: Playbook, finding: Finding | None, facts: Mapping[str, Any], resource: Resource | None = None
) -> str | None:
    """Which entry of `unless` keeps the playbook from acting, as `live.website is true`, or None.

    Each entry suffices on its own. A fact that is None or not among the `facts` is missing: what a plan cannot read, it raises for.
    `resource` narrows `resource.*` entries to the one that would be changed. Without a finding only the facts are asked.
    """
    for condition in compiled(playbook.unless):
        if condition.field.of != "live":
            if finding is not None and _holds_somewhere(condition, finding, resource):
                return _named(condition, finding, resource)
            continue
        if condition.holds(facts):
            return f"{condition.field.name} is {_value(condition.field, facts)}"
    return None
