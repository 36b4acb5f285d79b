"""Remediations of the toy cloud: one change; several with every property a change may have; one for good; one that re-arms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from stanch.finding import Resource
from stanch.remediation import Change, Parameter, Permissions, Plan, Remediation, State
from tests.unit.engine.toy import ToySession

READ = frozenset({"toy:Describe"})
SET = READ | {"toy:Set"}
MAKE = SET | {"toy:Create", "toy:Delete"}


class CloseDoor(Remediation[ToySession]):
    """Shuts one side of a door."""

    id = "aws.toy.close_door"
    title = "Close a door"
    resource_type = "AWS::Toy::Door"
    countermeasure = "D3-CR"
    disruption = "Nobody gets in."
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("side", "string", "which side", default="front", identity=True),
        Parameter("reason", "string", "no part of the effect"),
    )
    facts: ClassVar[Mapping[str, str]] = {"fire_exit": "whether people need it in a fire"}
    permissions = Permissions(plan=READ, apply=SET, undo=SET)

    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        door = self.session.describe(resource.id)
        if door is None:
            return Plan(resource, reason="gone")
        side = params["side"]
        change = Change(
            side, f"{side} of {resource.id}", door[side], "shut", {"door": resource.id, "side": side, "etag": door["etag"]}
        )  # fmt: skip
        shut = door[side] == "shut"
        return Plan(
            resource,
            changes=() if shut else (change,),
            aliases=tuple(door["aliases"]),
            tags=door["tags"],
            facts={"fire_exit": door["fire_exit"], "approve": door["impact"]},
            reason="the door is shut" if shut else None,
        )

    def read(self, change: Change) -> State:
        door = self.session.describe(change.data["door"])
        return door and door[change.data["side"]]

    def apply(self, change: Change) -> Change:
        self.session.set(change.data["door"], change.data["side"], change.after)
        return change

    def undo(self, change: Change) -> None:
        self.session.set(change.data["door"], change.data["side"], change.before)


class SealVault(Remediation[ToySession]):
    """Puts a barrier of its own before a vault, turns the alarm on, ends connections, and marks the vault."""

    id = "aws.toy.seal_vault"
    title = "Seal a vault"
    resource_type = "AWS::Toy::Vault"
    countermeasure = "D3-NI"
    disruption = "Nobody gets to the vault."
    permissions = Permissions(plan=READ, apply=MAKE, undo=MAKE)

    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        vault = self.session.describe(resource.id)
        if vault is None:
            return Plan(resource, reason="gone")
        barrier = f"stanch-{self.action_id}"
        sealed = str(vault["barrier"]).startswith("stanch-")
        alarm = _change(resource, "alarm", vault["alarm"], "on")
        return Plan(
            resource,
            changes=(
                *(() if sealed else self._sealing(resource, vault, barrier)),
                *((alarm,) if vault["alarm"] != "on" else ()),
                _change(resource, "label", vault["label"], self.action_id, garnish=True),
                _change(resource, "photo", vault["photo"], "taken", garnish=True, reversible=False),
            ),
            tags=vault["tags"],
            reason="the vault is sealed" if sealed and vault["alarm"] == "on" else None,
        )

    @staticmethod
    def _sealing(resource: Resource, vault: Mapping[str, Any], barrier: str) -> tuple[Change, ...]:
        made = Change("barrier", f"barrier {barrier}", None, "closed", {"barrier": barrier})
        placed = _change(resource, "barrier", vault["barrier"], barrier, id="placed", requires=("barrier",))
        cut = _change(resource, "connections", vault["connections"], 0, requires=("placed",), transient=True)
        return made, placed, cut

    def read(self, change: Change) -> State:
        if change.id == "barrier":
            found = self.session.describe(change.data["barrier"])
            return found and found["state"]
        vault = self.session.describe(change.data["vault"])
        return vault and vault[change.data["name"]]

    def apply(self, change: Change) -> Change:
        if change.id == "barrier":
            self.session.create(change.data["barrier"], state="closed")
        else:
            self.session.set(change.data["vault"], change.data["name"], change.after)
        return change

    def undo(self, change: Change) -> None:
        if change.id == "barrier":
            self.session.delete(change.data["barrier"])
        else:
            self.session.set(change.data["vault"], change.data["name"], change.before)


class BurnLetter(CloseDoor):
    """Cannot be undone."""

    id = "aws.toy.burn_letter"
    title = "Burn a letter"
    resource_type = "AWS::Toy::Letter"
    permissions = Permissions(plan=READ, apply=SET)
    irreversible = "What is burnt is gone."


class RevokeBadges(CloseDoor):
    """Undone too early, it lets stolen badges in again."""

    id = "aws.toy.revoke_badges"
    title = "Revoke badges"
    resource_type = "AWS::Toy::Badge"
    parameters = (*CloseDoor.parameters, Parameter("since", "timestamp", "badges issued before"))
    undo_delay_hours = 12


def _change(resource: Resource, name: str, before: State, after: State, **more: Any) -> Change:
    data = {"vault": resource.id, "name": name}
    return Change(more.pop("id", name), f"{name} of {resource.id}", before, after, data, **more)


REGISTRY = {each.id: f"{__name__}:{each.__name__}" for each in (CloseDoor, SealVault, BurnLetter, RevokeBadges)}
