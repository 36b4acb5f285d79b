"""Who is told of a report: the policy's routes, or the channels that the deployment's settings name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, Literal

from stanch.errors import PolicyError
from stanch.finding import Severity
from stanch.playbooks.fields import Field, find
from stanch.playbooks.match import Condition
from stanch.playbooks.model import Policy, Route
from stanch.report import Report

Kind = Literal["sns", "teams"]

_OF_REPORT: Mapping[str, Field] = {
    name: Field(name, "text", "finding", attrgetter(name), about, optional=name != "outcome")
    for name, about in (
        ("outcome", "what became of it"),
        ("playbook", "the playbook's id"),
        ("remediation", "the remediation's id"),
    )
}
_OF_FINDING = frozenset({"source", "type", "title", "severity", "account", "region"})
_OF_RESOURCE = frozenset({"resource.type", "resource.id", "resource.account"})


def channel_specs(policy: Policy) -> dict[str, tuple[Kind, str]]:
    """Every channel of the policy under its delivery name (`soc:sns`, `soc:teams`): the topic's ARN, or the name of the secret that
    holds the webhook's URL. A channel with both is two deliveries, each tried until it is accepted.
    """
    specs: dict[str, tuple[Kind, str]] = {}
    for name, channel in policy.channels.items():
        if channel.sns:
            specs[f"{name}:sns"] = ("sns", channel.sns)
        if channel.teams:
            specs[f"{name}:teams"] = ("teams", channel.teams)
    return specs


class Router:
    """Answers for a whole policy. Every route that matches is followed.

    A condition on what a report does not carry (observables, a resource's details) does not match, nor does one on the account's tags where they could not be
    read; a report that no other route takes then goes to the default, else to every channel. A policy with channels and no routes tells all of them everything; one without channels leaves it to `default`. What is critical goes to two channels where there are two: one may be down.
    """

    def __init__(self, policy: Policy, default: Sequence[str], kinds: Collection[Kind] = ("sns", "teams")) -> None:
        """`kinds` are those that this deployment can reach. Raises PolicyError for a channel or field that does not exist."""
        self._default = list(default)
        self._reachable = {name for name, (kind, _) in channel_specs(policy).items() if kind in kinds}
        routes = policy.notify or ((Route(tuple(policy.channels)),) if policy.channels else ())
        self._routes = [
            (_conditions(route, f"notify[{at}]"), self._names(route, policy, f"notify[{at}]"))
            for at, route in enumerate(routes)
        ]

    def __call__(self, report: Report) -> list[str]:
        """The delivery names, each once. Where a route matches but leads to no channel in reach, the default is told instead."""
        names = self._matched(report) if self._routes else list(self._default)
        return self._doubled(names) if report.severity >= Severity.CRITICAL else names

    def _matched(self, report: Report) -> list[str]:
        matched = [names for conditions, names in self._routes if _holds(conditions, report)]
        found = dict.fromkeys(name for names in matched for name in names)
        if found:
            return list(found)
        if matched:
            return list(self._default)
        unread = any(_waits_for_tags(conditions, report) for conditions, _ in self._routes)
        return (list(self._default) or sorted(self._reachable)) if unread else []

    def _doubled(self, names: list[str]) -> list[str]:
        """At least two where there are two, the second of another kind than the first if it can be."""
        others = [name for name in (*self._default, *sorted(self._reachable)) if name not in names]
        kinds = {_kind(name) for name in names}
        while len(names) < 2 and others:
            chosen = next((name for name in others if _kind(name) not in kinds), others[0])
            others.remove(chosen)
            kinds.add(_kind(chosen))
            names = [*names, chosen]
        return names

    def _names(self, route: Route, policy: Policy, place: str) -> list[str]:
        for name in route.to:
            if name not in policy.channels:
                raise PolicyError(f"{place}.to", f"there is no channel {name!r}; there is {', '.join(policy.channels)}")
        names = [f"{name}:{kind}" for name in route.to for kind in ("teams", "sns")]
        return [name for name in names if name in self._reachable]


def _kind(name: str) -> str:
    return name.rpartition(":")[2]


def _conditions(route: Route, place: str) -> list[Condition]:
    found = []
    for name, patterns in route.when.items():
        field = _OF_REPORT.get(name) or find(name)
        if field is None:
            raise PolicyError(f"{place}.when.{name}", "there is no such field")
        found.append(Condition(field, patterns))
    return found


def _holds(conditions: Sequence[Condition], report: Report) -> bool:
    return all(
        (subject := _subject(condition.field.name, report)) is not None and condition.holds(subject)
        for condition in conditions
    )


def _waits_for_tags(conditions: Sequence[Condition], report: Report) -> bool:
    """Whether only the account's tags, which are unknown, keep a route from being followed."""
    others = [condition for condition in conditions if condition.field.of != "account"]
    return report.account_tags is None and len(others) < len(conditions) and _holds(others, report)


def _subject(name: str, report: Report) -> Any:
    """What the field is read from: as much of a finding or a resource as the report carries; None if it does not carry the field."""
    if name in _OF_REPORT:
        return report
    if name.startswith("account.tags."):
        return report.account_tags
    if name in _OF_RESOURCE and report.resource is not None:
        return SimpleNamespace(**report.resource, account=report.account, cloud=report.cloud)
    if name in _OF_FINDING:
        finding = report.finding or {}
        return SimpleNamespace(
            source=report.source,
            type=finding.get("type"),
            title=finding.get("title"),
            severity=report.severity,
            account=report.account,
            region=report.region,
        )
    return None
