"""Parameters of a step: literals, or names that are bound from the finding when it is matched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from stanch import clock
from stanch.finding import Finding, Resource
from stanch.playbooks.model import Step


class Binding(Struct, frozen=True):
    """A name that `with:` may give instead of a literal: the type of what it stands for, and where that is read."""

    type: Literal["string", "strings", "timestamp"]
    read: Callable[[Finding, Resource], Any]


def _time(moment: datetime | None) -> str | None:
    return clock.iso(moment) if moment is not None else None


def _seen(finding: Finding, kind: str) -> list[str] | None:
    return [seen.value for seen in finding.observables if seen.kind == kind] or None


BINDINGS: Mapping[str, Binding] = {
    "first_seen": Binding("timestamp", lambda finding, _: _time(finding.first_seen)),
    "last_seen": Binding("timestamp", lambda finding, _: _time(finding.last_seen)),
    "updated_at": Binding("timestamp", lambda finding, _: _time(finding.updated_at)),
    "account": Binding("string", lambda finding, resource: resource.account or finding.account or None),
    "region": Binding("string", lambda finding, resource: resource.region or finding.region),
    "resource.id": Binding("string", lambda _, resource: resource.id),
    "observables.ip": Binding("strings", lambda finding, _: _seen(finding, "ip")),
    "observables.domain": Binding("strings", lambda finding, _: _seen(finding, "domain")),
}
"""The closed set. Times are RFC 3339 in UTC; what the finding does not say is None."""


def bind_params(step: Step, finding: Finding, resource: Resource) -> dict[str, Any]:
    """The step's parameters for this resource. None means that the finding does not say; the remediation's default applies then."""
    return {name: _bound(value, finding, resource) for name, value in step.with_.items()}


def _bound(value: Any, finding: Finding, resource: Resource) -> Any:
    if isinstance(value, str) and value in BINDINGS:
        return BINDINGS[value].read(finding, resource)
    return value
