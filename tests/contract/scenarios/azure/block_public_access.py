"""Storage accounts that permit anonymous access: said so, and never said anything."""

from __future__ import annotations

from typing import Any

from stanch.clouds.azure_ids import ArmId
from stanch.finding import Resource
from tests.contract.azure_world import AzureWorld
from tests.contract.scenario import Scenario

REMEDIATION = "azure.storage.block_public_access"


def allowed(world: AzureWorld) -> Resource:
    """With public containers, whose levels must survive."""
    return _exposed(world, {"public": "Blob", "listed": "Container", "private": "None"}, allowBlobPublicAccess=True)


def never_set(world: AzureWorld) -> Resource:
    """An account from before the property had a default."""
    return _exposed(world, {"public": "Blob", "$web": "None"})


def _exposed(world: AzureWorld, containers: dict[str, str], **properties: Any) -> Resource:
    group = world.group()
    account = world.storage_account(group, **properties)
    for name, level in containers.items():
        body: Any = {"properties": {"publicAccess": level}}
        world.storage.blob_containers.create(group, account.name, name, body)
    return Resource("Microsoft.Storage/storageAccounts", account.id, world.account)


def _account(world: AzureWorld, resource: Resource) -> Any:
    place = ArmId.parse(resource.id)
    return world.storage.storage_accounts.get_properties(place.group, place.name).as_dict()


def contained(world: AzureWorld, resource: Resource) -> bool:
    return _account(world, resource)["properties"].get("allowBlobPublicAccess") is False


def snapshot(world: AzureWorld, resource: Resource) -> Any:
    """The account with what its anonymous access amounts to (null cannot be written again, and permits as true does), and its containers."""
    place, account = ArmId.parse(resource.id), _account(world, resource)
    permitted = account["properties"].pop("allowBlobPublicAccess", None) is not False
    listed = world.storage.blob_containers.list(place.group, place.name)
    return permitted, account, {each.name: each.as_dict()["properties"]["publicAccess"] for each in listed}


def remove(world: AzureWorld, resource: Resource) -> None:
    place = ArmId.parse(resource.id)
    world.storage.storage_accounts.delete(place.group, place.name)


SCENARIOS = [
    Scenario("anonymous access allowed", REMEDIATION, allowed, contained, snapshot, drift=remove, remove=remove),
    Scenario("never set", REMEDIATION, never_set, contained, snapshot, drift=remove, remove=remove),
]
