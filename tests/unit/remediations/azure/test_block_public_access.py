from __future__ import annotations

from typing import Any

import pytest

from remediations.azure import block_public_access
from remediations.azure.block_public_access import BlockPublicAccess
from stanch.clouds.azure_ids import ArmId
from stanch.finding import Resource
from tests.contract.azure_world import AzureWorld
from tests.unit.remediations.azure.conftest import Make, apply_all, undo_all


def account(world: AzureWorld, containers: int = 0, **properties: Any) -> Resource:
    group = world.group()
    made = world.storage_account(group, **properties)
    for number in range(containers):
        body: Any = {"properties": {"publicAccess": "Blob"}}
        world.storage.blob_containers.create(group, made.name, f"public{number:02}", body)
    return Resource("Microsoft.Storage/storageAccounts", made.id, world.account)


def live(world: AzureWorld, resource: Resource) -> Any:
    place = ArmId.parse(resource.id)
    return world.storage.storage_accounts.get_properties(place.group, place.name).as_dict()["properties"]


def test_forbidden_already(world: AzureWorld, make: Make) -> None:
    plan = make(BlockPublicAccess).plan(account(world, allowBlobPublicAccess=False), {})
    assert (plan.changes, plan.reason) == ((), "anonymous access is forbidden already")


def test_null_counts_as_permitted_and_undo_says_what_it_writes(world: AzureWorld, make: Make) -> None:
    resource = account(world)
    plan = make(BlockPublicAccess).plan(resource, {})
    assert (plan.changes[0].before, plan.changes[0].data["value"]) == ("permitted", None)
    assert any("undo sets it to true" in said for said in plan.breaks)
    apply_all(make(BlockPublicAccess, purpose="act"), plan)
    assert live(world, resource)["allowBlobPublicAccess"] is False
    undo_all(make(BlockPublicAccess, purpose="undo"), plan)
    assert live(world, resource)["allowBlobPublicAccess"] is True


def test_only_this_one_property_is_written(world: AzureWorld, make: Make) -> None:
    resource = account(world, allowBlobPublicAccess=True, publicNetworkAccess="Enabled", minimumTlsVersion="TLS1_2")
    before = live(world, resource)
    apply_all(make(BlockPublicAccess, purpose="act"), make(BlockPublicAccess).plan(resource, {}))
    assert live(world, resource) == before | {"allowBlobPublicAccess": False}


def test_anonymous_readers_are_counted_and_some_named(world: AzureWorld, make: Make) -> None:
    plan = make(BlockPublicAccess).plan(account(world, 12, allowBlobPublicAccess=True), {})
    assert plan.facts == {"public_containers": 12, "website": False}
    assert plan.breaks[0].startswith("anonymous readers lose 12 container(s): public00, ")
    assert plan.breaks[0].endswith(" and 2 more")
    assert any("12 container(s) keep their anonymous level" in said for said in plan.not_done)


def test_very_many_containers_are_not_all_read(world: AzureWorld, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_public_access, "_READ", 3)
    plan = make(BlockPublicAccess).plan(account(world, 5, allowBlobPublicAccess=True), {})
    assert plan.facts["public_containers"] == 3
    assert plan.breaks[0].startswith("anonymous readers lose at least 3 container(s)")


def test_an_account_without_public_containers_breaks_nobody(world: AzureWorld, make: Make) -> None:
    plan = make(BlockPublicAccess).plan(account(world, allowBlobPublicAccess=True), {})
    assert plan.breaks == ("no container has an anonymous level, so nobody should notice",)
