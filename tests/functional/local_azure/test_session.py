"""AzureCloud and AzureSession against the local Azure: results, errors, identity."""

from __future__ import annotations

import threading
import time

import pytest

from stanch.clouds.azure import AzureCloud
from stanch.clouds.azure_session import AzureSession
from stanch.clouds.azure_settings import AzureSettings
from stanch.errors import AccessDenied, CloudError, Conflict, Gone, Throttled, Unreachable
from stanch.finding import Resource
from stanch.local.azure.server import AzureCloudServer

from .conftest import NETWORK, SUB, put

NSG = f"{NETWORK}/networkSecurityGroups/nsg1"
GROUPS = "Microsoft.Network/networkSecurityGroups"
USERS = "Microsoft.Graph/users"
ACTION = "0123456789ab-0019a5b3c4d"
TENANT = "00000000-0000-0000-0000-000000000009"
OID = "00000000-0000-0000-0000-0000000000b1"


@pytest.fixture
def cloud(azure: AzureCloudServer) -> AzureCloud:
    return AzureCloud(AzureSettings.from_environment())


@pytest.fixture
def session(azure: AzureCloudServer, cloud: AzureCloud) -> AzureSession:
    put(azure, NSG, {"location": "westeurope"}, "2024-05-01")
    azure.state.calls.clear()
    return cloud.session(Resource(GROUPS, NSG, SUB), "act", ACTION)


def test_results_of_every_form(session: AzureSession) -> None:
    groups = session.network.network_security_groups
    assert session.call(groups.get, "rg-app", "nsg1").name == "nsg1"
    assert [group.name for group in session.call(groups.list_all)] == ["nsg1"]
    assert session.call(groups.begin_create_or_update, "rg-app", "nsg2", {"location": "westeurope"}).provisioning_state == "Succeeded"  # fmt: skip
    assert session.call(groups.begin_delete, "rg-app", "nsg2") is None


def test_missing_is_none_only_when_asked(session: AzureSession) -> None:
    groups = session.network.network_security_groups
    assert session.call(groups.get, "rg-app", "none", missing=True) is None
    assert session.call(groups.get, "rg-none", "none", missing=True) is None
    assert session.arm("GET", NSG.replace("nsg1", "none"), "2024-05-01", missing=True) is None
    assert session.graph("GET", "/users/none", missing=True) is None
    with pytest.raises(Gone, match="ResourceNotFound"):
        session.call(groups.get, "rg-app", "none")
    with pytest.raises(Gone, match="ResourceNotFound"):
        session.arm("GET", NSG.replace("nsg1", "none"), "2024-05-01")
    with pytest.raises(Gone, match="Request_ResourceNotFound"):
        session.graph("GET", "/users/none")


def test_a_wrong_question_is_never_an_absent_resource(session: AzureSession) -> None:
    with pytest.raises(CloudError, match="InvalidResourceType") as caught:
        session.arm("GET", NSG.replace("networkSecurityGroups", "groups"), "2024-05-01", missing=True)
    assert not isinstance(caught.value, Gone)
    elsewhere = AzureSession(session._credential, "00000000-0000-0000-0000-0000000000ff", session.settings)
    with pytest.raises(AccessDenied, match="SubscriptionNotFound"):
        elsewhere.call(elsewhere.network.network_security_groups.get, "rg-app", "nsg1", missing=True)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (403, "AuthorizationFailed", AccessDenied),
        (409, "Conflict", Conflict),
        (412, "PreconditionFailed", Conflict),
        (429, "TooManyRequests", Throttled),
        (500, "InternalServerError", Unreachable),
        (400, "InvalidRequestFormat", CloudError),
        (0, "", Unreachable),
    ],
)
def test_the_same_kind_on_every_way(
    azure: AzureCloudServer, session: AzureSession, status: int, code: str, expected: type[Exception]
) -> None:
    azure.fail("*", "nsg1$|users/x$", status, code=code, times=100)
    with pytest.raises(expected) as by_sdk:
        session.call(session.network.network_security_groups.get, "rg-app", "nsg1")
    with pytest.raises(expected) as by_arm:
        session.arm("GET", NSG, "2024-05-01")
    with pytest.raises(expected) as by_graph:
        session.graph("PATCH", "/users/x", body={"accountEnabled": False})
    assert [type(caught.value) for caught in (by_sdk, by_arm, by_graph)] == [expected] * 3


def test_passing_faults_are_ridden_out(azure: AzureCloudServer, session: AzureSession) -> None:
    azure.fail("GET", "nsg1$", 503, times=2)
    assert session.call(session.network.network_security_groups.get, "rg-app", "nsg1").name == "nsg1"
    assert [call["status"] for call in azure.calls] == [503, 503, 200]


def test_a_long_wait_is_not_waited_for(azure: AzureCloudServer, session: AzureSession) -> None:
    azure.fail("GET", "nsg1$", 429, code="TooManyRequests", retry_after=300, times=100)
    begun = time.monotonic()
    with pytest.raises(Throttled):
        session.call(session.network.network_security_groups.get, "rg-app", "nsg1")
    with pytest.raises(Throttled):
        session.arm("GET", NSG, "2024-05-01")
    assert time.monotonic() - begun < 5
    assert len(azure.calls) == 2


def test_a_write_whose_answer_was_lost_is_unknown(azure: AzureCloudServer, session: AzureSession) -> None:
    azure.fail("PATCH", "nsg1$", 0, after=True, times=100)
    with pytest.raises(Unreachable):
        session.call(session.network.network_security_groups.update_tags, "rg-app", "nsg1", {"tags": {"a": "1"}})
    assert azure.state.records[NSG.lower()].body["tags"] == {"a": "1"}


def test_an_operation_that_fails_late(azure: AzureCloudServer, session: AzureSession) -> None:
    groups = session.network.network_security_groups
    azure.fail("DELETE", "nsg1$", 0, code="InternalOperationError", late=True)
    with pytest.raises(Unreachable, match="InternalOperationError"):
        session.call(groups.begin_delete, "rg-app", "nsg1")
    azure.fail("PUT", "nsg1$", 0, code="RequestDisallowedByPolicy", message="policy nsg-baseline", late=True)
    with pytest.raises(AccessDenied, match="policy nsg-baseline"):
        session.call(groups.begin_create_or_update, "rg-app", "nsg1", {"location": "westeurope"})
    assert session.call(groups.get, "rg-app", "nsg1").name == "nsg1"


def test_an_operation_is_waited_for_only_so_long(azure: AzureCloudServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure.arm, "seconds", 2.0)
    settings = AzureSettings(arm=azure.url, graph=azure.url, operation_timeout=0.2)
    session = AzureCloud(settings).session(Resource(GROUPS, NSG, SUB), "act", ACTION)
    with pytest.raises(Unreachable, match=r"begin_create_or_update: not finished after 0\.2 s"):
        session.call(session.network.network_security_groups.begin_create_or_update, "rg-app", "nsg1", {"location": "westeurope"})  # fmt: skip
    for operation in azure.state.operations.values():
        operation.ready = 0.0
    for thread in threading.enumerate():
        if "LROPoller" in thread.name:
            thread.join(5)


def test_the_service_sets_the_pace_of_polling(azure: AzureCloudServer, session: AzureSession, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(azure.arm, "retry_after", 1)
    monkeypatch.setattr(azure.arm, "seconds", 0.9)
    begun = time.monotonic()
    session.call(session.network.network_security_groups.begin_create_or_update, "rg-app", "nsg3", {"location": "westeurope"})  # fmt: skip
    assert time.monotonic() - begun >= 1.0
    # The SDK polls once at once, then waits as it was told.
    assert len([call for call in azure.calls if "/operations/" in call["path"]]) == 2


def test_requests_bear_the_software_and_the_action(azure: AzureCloudServer, session: AzureSession) -> None:
    session.call(session.network.network_security_groups.get, "rg-app", "nsg1")
    session.call(session.compute.virtual_machines.list_all)
    session.call(session.storage.storage_accounts.list)
    session.arm("GET", NSG, "2024-05-01")
    session.graph("GET", "/users/none", missing=True)
    assert len(azure.calls) == 5
    assert {call["correlation"] for call in azure.calls} == {"01234567-89ab-0019-a5b3-c4d000000000"}
    assert all(call["user_agent"].startswith("stanch/0.1.0") for call in azure.calls)


def test_without_an_action_there_is_nothing_to_correlate(azure: AzureCloudServer, cloud: AzureCloud) -> None:
    reading = cloud.session(Resource(GROUPS, NSG, SUB), "read", "")
    reading.arm("GET", f"/subscriptions/{SUB}", "2022-12-01")
    assert [call["correlation"] for call in azure.calls] == [None]


def test_sessions_share_a_token(azure: AzureCloudServer, cloud: AzureCloud, session: AzureSession, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    session.arm("GET", NSG, "2024-05-01")
    issued = len(azure.identity._issued)
    other = cloud.session(Resource(GROUPS, NSG, SUB), "read", "")
    other.arm("GET", NSG, "2024-05-01")
    other.call(other.network.network_security_groups.list_all)
    assert len(azure.identity._issued) == issued


def test_a_purpose_can_have_an_identity_of_its_own(azure: AzureCloudServer) -> None:
    settings = AzureSettings.from_environment(azure.environment() | {"STANCH_IDENTITY_ACT": "app-act"})
    cloud = AzureCloud(settings)
    asked: list[str | None] = []
    original = azure.identity.answer

    def answer(query: dict[str, str], headers: dict[str, str]) -> object:
        asked.append(query.get("client_id"))
        return original(query, headers)

    azure.identity.answer = answer  # type: ignore[method-assign, assignment]
    try:
        for purpose in ("act", "undo"):
            cloud.session(Resource(GROUPS, NSG, SUB), purpose, "").arm("GET", f"/subscriptions/{SUB}", "2022-12-01")  # type: ignore[arg-type]
    finally:
        azure.identity.answer = original  # type: ignore[method-assign]
    assert asked == ["app-act", None]


def test_verify_asks_once_for_each_account(azure: AzureCloudServer, cloud: AzureCloud, session: AzureSession) -> None:
    session.verify()
    cloud.session(Resource(GROUPS, NSG, SUB.upper()), "act", "").verify()
    assert [call["path"] for call in azure.calls] == [f"/subscriptions/{SUB}"]
    user = cloud.session(Resource(USERS, OID, TENANT), "read", "")
    user.verify(tenant=True)
    user.verify(tenant=True)
    assert [call["path"] for call in azure.calls] == [f"/subscriptions/{SUB}", "/v1.0/organization"]


def test_what_one_identity_sees_says_nothing_of_another(azure: AzureCloudServer, cloud: AzureCloud) -> None:
    for purpose in ("read", "act", "undo"):
        cloud.session(Resource(GROUPS, NSG, SUB), purpose, "").verify()  # type: ignore[arg-type]
    assert [call["path"] for call in azure.calls] == [f"/subscriptions/{SUB}"] * 3


def test_verify_refuses_what_is_not_the_expected_account(cloud: AzureCloud) -> None:
    with pytest.raises(AccessDenied, match="SubscriptionNotFound"):
        cloud.session(Resource(GROUPS, NSG, "00000000-0000-0000-0000-0000000000ff"), "read", "").verify()
    foreign = cloud.session(Resource(USERS, OID, "00000000-0000-0000-0000-0000000000ee"), "read", "")
    with pytest.raises(AccessDenied, match=f"expected tenant/00000000-0000-0000-0000-0000000000ee, answered by {TENANT}"):  # fmt: skip
        foreign.verify(tenant=True)


def test_nobody_is_gone_from_a_tenant_that_nothing_names(cloud: AzureCloud) -> None:
    somebody = cloud.session(Resource(USERS, OID, ""), "read", "")
    for _ in range(2):
        with pytest.raises(AccessDenied, match=f"tenant {TENANT} has no such user, and nothing says which"):
            somebody.verify(tenant=True)


def test_verify_does_not_take_a_fault_for_a_no(azure: AzureCloudServer, session: AzureSession) -> None:
    azure.fail("GET", "^/subscriptions/[^/]*$", 500, times=100)
    with pytest.raises(Unreachable):
        session.verify()


def test_nobody_answers(session: AzureSession) -> None:
    settings = AzureSettings(arm="https://127.0.0.1:9", graph="https://127.0.0.1:9")
    nowhere = AzureSession(session._credential, SUB, settings)
    with pytest.raises(Unreachable):
        nowhere.arm("GET", NSG, "2024-05-01")
