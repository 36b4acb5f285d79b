"""A company's policy on the toy cloud: every registered remediation has a double that shuts a door, under its own id, resource type, parameters and facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from remediations import aws, azure
from stanch.deployment import Deployment
from stanch.finding import Resource
from stanch.notify.routes import Router, channel_specs
from stanch.playbooks.load import load as load_policy
from stanch.playbooks.match import Matcher
from stanch.remediation import Change, Permissions, Plan, Remediation, State, load
from stanch.result import Result
from tests.unit.engine.bench import Bench, Kept, finding
from tests.unit.engine.toy import ToySession
from tests.unit.engine.toy_remediations import READ, SET

REAL = {name: load(entry) for name, entry in {**aws.REGISTRY, **azure.REGISTRY}.items()}


class Double(Remediation[ToySession]):
    """Shuts what the resource stands for, if it is open."""

    countermeasure = "D3-CR"
    disruption = "Nobody gets in."
    permissions = Permissions(plan=READ, apply=SET, undo=SET)

    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        thing = self.session.describe(resource.id) or {}
        change = Change(
            "state",
            f"state of {resource.id}",
            thing.get("state"),
            "shut",
            {"thing": resource.id, "params": dict(params)},
        )
        return Plan(
            resource,
            changes=() if thing.get("state") == "shut" else (change,),
            aliases=tuple(thing.get("aliases", ())),
            tags=thing.get("tags", {}),
            facts=thing.get("facts", {}),
            reason="it is shut" if thing.get("state") == "shut" else None,
        )

    def read(self, change: Change) -> State:
        return (self.session.describe(change.data["thing"]) or {}).get("state")

    def apply(self, change: Change) -> Change:
        self.session.set(change.data["thing"], "state", change.after)
        return change

    def undo(self, change: Change) -> None:
        self.session.set(change.data["thing"], "state", change.before)


REGISTRY = {name: f"{__name__}:{name}" for name in REAL}
for _name, _real in REAL.items():
    globals()[_name] = type(
        _name,
        (Double,),
        {name: getattr(_real, name) for name in ("id", "title", "resource_type", "parameters", "facts")},
    )


@dataclass
class Company(Bench):
    """A bench whose policy is a file, and whose channels are those that it names."""

    text: str = ""
    told_by: dict[str, Kept] = field(default_factory=dict)

    @property
    def deployment(self) -> Deployment:
        path = self.path / "playbooks.yaml"
        path.write_text(self.text)
        policy = load_policy(path, REAL)
        self.told_by |= {name: Kept(name) for name in channel_specs(policy) if name not in self.told_by}
        return Deployment(
            cloud=self.cloud, journal=self.journal, registry=REGISTRY, policy=policy, matcher=Matcher(policy),
            channels=self.told_by, route=Router(policy, []), settings=self.settings, **self.wiring,
        )  # fmt: skip

    def open(self, resource: Resource, **attributes: Any) -> Resource:
        self.cloud.things[resource.id] = {"state": "open", **attributes}
        return resource

    def see(self, kind: str, resource: Resource, remediation: str, **changes: Any) -> Result:
        """What becomes of one remediation on an open resource after a finding of this type about it."""
        if resource.id not in self.cloud.things:
            self.open(resource)
        given = finding(
            resource,
            type=kind,
            account=resource.account,
            **{"source": "guardduty", "id": f"about {resource.id}", **changes},
        )
        (row,) = [row for row in self.respond(given) if row.remediation == remediation]
        return row

    def heard(self, outcome: str) -> set[str]:
        """The channels that were told of such an outcome."""
        return {
            name for name, kept in self.told_by.items() if any(report.outcome == outcome for report in kept.reports)
        }
