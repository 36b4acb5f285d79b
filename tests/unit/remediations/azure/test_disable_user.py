from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from remediations.azure.disable_user import DisableUser
from stanch import clock
from stanch.errors import AccessDenied, InvalidInput, Refused
from stanch.finding import Resource
from tests.contract.azure_world import AzureWorld
from tests.unit.remediations.azure.conftest import Make, apply_all, undo_all, writes

SINCE = {"since": "2024-06-01T00:00:00Z"}


def user(world: AzureWorld, **properties: Any) -> Resource:
    return Resource("Microsoft.Graph/users", world.user(**properties)["id"], world.tenant, None, "actor")


def test_the_account_is_disabled_before_its_sessions_are_revoked(world: AzureWorld, make: Make) -> None:
    resource = user(world)
    plan = make(DisableUser).plan(resource, SINCE)
    apply_all(make(DisableUser, purpose="act"), plan)
    assert writes(world) == [f"PATCH {resource.id}", "POST revokeSignInSessions"]
    again = make(DisableUser).plan(resource, SINCE)
    assert (again.changes, again.reason) == ((), "the account is disabled and its sessions are revoked already")


def test_undo_enables_and_leaves_sessions_revoked(world: AzureWorld, make: Make) -> None:
    resource = user(world)
    plan = make(DisableUser).plan(resource, SINCE)
    apply_all(make(DisableUser, purpose="act"), plan)
    undo_all(make(DisableUser, purpose="undo"), plan)
    assert [make(DisableUser).read(change) for change in plan.changes] == [True, "revoked"]


def test_sessions_opened_after_a_revocation_do_not_count_as_revoked(world: AzureWorld, make: Make) -> None:
    resource = user(world, accountEnabled=False, signInSessionsValidFromDateTime="2024-05-31T23:59:59Z")
    assert [change.id for change in make(DisableUser).plan(resource, SINCE).changes] == ["sessions"]
    resource = user(world, accountEnabled=False, signInSessionsValidFromDateTime="2024-06-01T00:00:00Z")
    assert make(DisableUser).plan(resource, SINCE).changes == ()


def test_without_a_moment_the_start_of_the_action_counts(world: AzureWorld, make: Make) -> None:
    with clock.at(clock.parse("2024-06-01T00:00:00Z")):
        plan = make(DisableUser).plan(user(world), {"since": None})
    assert plan.changes[1].data["since"] == "2024-06-01T00:00:00Z"


def test_a_moment_that_has_not_come_is_refused(world: AzureWorld, make: Make) -> None:
    resource = user(world)
    near, far = clock.now() + timedelta(minutes=4), clock.now() + timedelta(minutes=6)
    assert make(DisableUser).plan(resource, {"since": clock.iso(near)}).changes
    with pytest.raises(Refused, match="has not come yet"):
        make(DisableUser).plan(resource, {"since": clock.iso(far)})


def test_a_synchronised_user_comes_back_and_that_is_said(world: AzureWorld, make: Make) -> None:
    plan = make(DisableUser).plan(user(world, onPremisesSyncEnabled=True), SINCE)
    assert plan.facts == {"guest": False, "synced": True}
    assert "disable it there" in plan.breaks[0]


def test_a_guests_sessions_are_at_home(world: AzureWorld, make: Make) -> None:
    plan = make(DisableUser).plan(user(world, userType="Guest"), SINCE)
    assert plan.facts["guest"] is True
    assert any("home tenant" in said for said in plan.not_done)


def test_every_name_of_the_user_is_known_to_the_guards(world: AzureWorld, make: Make) -> None:
    given = world.user(mail="ceo@brand.example")
    by_name = Resource("Microsoft.Graph/users", given["userPrincipalName"].upper(), world.tenant)
    plan = make(DisableUser).plan(by_name, SINCE)
    assert plan.aliases == (given["id"], given["userPrincipalName"], "ceo@brand.example")
    assert all(change.data["user"] == given["id"] for change in plan.changes)


def test_an_administrator_is_out_of_reach_and_that_is_a_result(world: AzureWorld, make: Make) -> None:
    resource = user(world, privileged=True)
    plan = make(DisableUser).plan(resource, SINCE)
    with pytest.raises(AccessDenied, match="Authorization_RequestDenied"):
        make(DisableUser, purpose="act").apply(plan.changes[0])
    assert make(DisableUser).read(plan.changes[0]) is True


def test_a_name_cannot_lead_elsewhere(world: AzureWorld, make: Make) -> None:
    plan = make(DisableUser).plan(Resource("Microsoft.Graph/users", "../organization?x=@a", world.tenant), SINCE)
    assert plan.reason == "gone"
    assert [call["path"] for call in world.server.calls] == [
        "/v1.0/users/..%2Forganization%3Fx%3D@a",
        "/v1.0/organization",
    ]
    with pytest.raises(InvalidInput):
        make(DisableUser).plan(Resource("Microsoft.Graph/users", "..", world.tenant), SINCE)
