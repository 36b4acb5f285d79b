"""A 404 means that the resource is gone only where the session looks into the resource's own subscription or tenant."""

from __future__ import annotations

import pytest

from remediations.azure import REGISTRY
from remediations.azure.disable_user import DisableUser
from stanch.clouds.azure import AzureCloud
from stanch.clouds.azure_settings import AzureSettings
from stanch.errors import AccessDenied, InvalidInput, Throttled
from stanch.finding import Resource
from stanch.remediation import Remediation, load
from tests.contract.azure_world import AzureWorld

ELSEWHERE = "00000000-0000-0000-0000-0000000000ff"
OID = "00000000-0000-0000-0000-0000000000b9"

every = pytest.mark.parametrize("name", sorted(REGISTRY))


def missing(name: str, world: AzureWorld) -> Resource:
    """A resource of the remediation's type that does not exist, in a resource group that does."""
    world.seed(
        resources=[{"id": f"/subscriptions/{world.account}/resourceGroups/rg", "body": {"location": "westeurope"}}]
    )
    world.server.state.calls.clear()
    kind = load(REGISTRY[name]).resource_type
    if kind.startswith("Microsoft.Graph/"):
        return Resource(kind, OID, world.tenant)
    return Resource(kind, f"/subscriptions/{world.account}/resourceGroups/rg/providers/{kind}/missing1", world.account)


def reader(name: str, resource: Resource) -> Remediation[object]:
    cloud = AzureCloud(AzureSettings.from_environment())
    return load(REGISTRY[name])(cloud.session(resource, "read", ""), "0123456789ab-01234567890")


def places(world: AzureWorld) -> list[str]:
    """The questions for the subscription or the tenant itself."""
    return [call["path"] for call in world.server.calls if call["path"].count("/") == 2]


@every
def test_gone_is_said_once_the_place_is_verified(name: str, world: AzureWorld) -> None:
    resource = missing(name, world)
    remediation = reader(name, resource)
    assert [remediation.plan(resource, {}).reason for _ in range(2)] == ["gone"] * 2
    place = "/v1.0/organization" if resource.type.startswith("Microsoft.Graph/") else f"/subscriptions/{world.account}"
    assert places(world) == [place]


@every
@pytest.mark.parametrize(
    ("status", "code", "expected"), [(403, "AuthorizationFailed", AccessDenied), (429, "TooManyRequests", Throttled)]
)
def test_where_the_place_cannot_be_verified_nothing_is_gone(
    name: str, status: int, code: str, expected: type[Exception], world: AzureWorld
) -> None:
    resource = missing(name, world)
    world.server.fail("GET", "^(/subscriptions/[^/]*|/v1.0/organization)$", status, code=code, retry_after=300, times=9)
    with pytest.raises(expected):
        reader(name, resource).plan(resource, {})


@every
def test_nothing_is_gone_from_another_subscription_or_tenant(name: str, world: AzureWorld) -> None:
    here = missing(name, world)
    there = Resource(here.type, here.id.replace(world.account, ELSEWHERE), ELSEWHERE)
    with pytest.raises(AccessDenied, match=f"SubscriptionNotFound|expected tenant/{ELSEWHERE}"):
        reader(name, there).plan(there, {})


@every
def test_the_id_and_the_account_of_a_resource_agree(name: str, world: AzureWorld) -> None:
    here = missing(name, world)
    if load(REGISTRY[name]) is DisableUser:
        assert world.tenant not in here.id, "the id of a user names no tenant"
        return
    astray = Resource(here.type, here.id.replace(world.account, ELSEWHERE), world.account)
    with pytest.raises(InvalidInput, match=f"is not in subscription {world.account}"):
        reader(name, astray).plan(astray, {})
    assert world.server.calls == []
