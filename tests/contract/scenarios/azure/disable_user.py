"""Users whose credentials were stolen: a member, and a guest with a difficult name."""

from __future__ import annotations

from typing import Any

from stanch.finding import Resource
from tests.contract.azure_world import AzureWorld
from tests.contract.scenario import Scenario

REMEDIATION = "azure.entra.disable_user"
SINCE = "2024-06-01T00:00:00Z"
"""After the sessions of a user that the world makes began, long before any test."""


def member(world: AzureWorld) -> Resource:
    return _resource(world, world.user()["id"])


def guest(world: AzureWorld) -> Resource:
    """Named by the user principal name, which for a guest has a number sign in it."""
    name = f"{world.unique('partner')}_other.example#EXT#@corp.example"
    user = world.user(userPrincipalName=name, userType="Guest", mail="partner@other.example")
    return _resource(world, user["userPrincipalName"])


def _resource(world: AzureWorld, name: str) -> Resource:
    return Resource("Microsoft.Graph/users", name, world.tenant, None, "actor")


def _user(world: AzureWorld, resource: Resource) -> dict[str, Any]:
    fields = "id,displayName,mail,userPrincipalName,accountEnabled,signInSessionsValidFromDateTime"
    return world.graph("GET", f"/users/{resource.id.replace('#', '%23')}?$select={fields}")


def contained(world: AzureWorld, resource: Resource) -> bool:
    user = _user(world, resource)
    return user["accountEnabled"] is False and user["signInSessionsValidFromDateTime"] >= SINCE


def snapshot(world: AzureWorld, resource: Resource) -> Any:
    """Sessions cannot be given back, so when they began is no part of it."""
    return {key: value for key, value in _user(world, resource).items() if key != "signInSessionsValidFromDateTime"}


def remove(world: AzureWorld, resource: Resource) -> None:
    world.forget_user(_user(world, resource)["id"])


SCENARIOS = [
    Scenario(name, REMEDIATION, expose, contained, snapshot, remove, remove, {"since": SINCE})
    for name, expose in (
        ("a member", member),
        ("a guest", guest),
    )
]
