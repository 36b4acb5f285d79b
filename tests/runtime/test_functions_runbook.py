"""The on-call engineer's trigger in Microsoft's own worker, behind App Service authentication."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stanch.action import Outcome
from tests.runtime.azure_stack import AzureStack
from tests.runtime.functions_host import FunctionsHost, Reply
from tests.runtime.interpreter import Interpreter
from tests.runtime.machines import GROUP, ISOLATE, isolated, planted

ENGINEER = {
    "X-MS-CLIENT-PRINCIPAL-NAME": "engineer@corp.example",
    "X-MS-CLIENT-PRINCIPAL-ID": "00000000-0000-0000-0000-0000000000e1",
}
SUBSCRIPTION = "00000000-0000-0000-0000-0000000000a1"


def asked(name: str, **more: Any) -> bytes:
    machine = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Compute/virtualMachines/{name}"
    return json.dumps({"remediation": ISOLATE, "resource": machine, **more}).encode()


def call(azure: AzureStack, body: bytes, headers: dict[str, str] = ENGINEER) -> Reply:
    return azure.host.http("runbook", body, headers)


def test_without_a_principal_nothing_is_even_planned(azure: AzureStack) -> None:
    name, _ = planted(azure)
    for headers in ({}, {"X-MS-CLIENT-PRINCIPAL-NAME": "engineer@corp.example"}):
        reply = call(azure, asked(name, apply=True, reason="r"), headers)
        assert (reply.status, "identity" in reply.body["error"]) == (403, True)
    assert azure.cloud.calls == []


def test_where_authentication_is_off_headers_prove_nothing(
    azure: AzureStack, interpreter: Interpreter, azure_artefact: Path, tmp_path: Path
) -> None:
    name, _ = planted(azure)
    settings = azure.settings() | {"WEBSITE_AUTH_ENABLED": "False"}
    host = FunctionsHost(interpreter, azure_artefact, tmp_path / "worker", settings, tmp_path / "log")
    host.start()
    try:
        reply = host.http("runbook", asked(name, apply=True, reason="r"), ENGINEER)
    finally:
        host.stop()
    assert reply.status == 403
    assert azure.cloud.calls == []


def test_a_plan_is_shown_and_nothing_written(azure: AzureStack) -> None:
    name, _ = planted(azure)
    before = len(azure.actions())
    reply = call(azure, asked(name))
    assert (reply.status, reply.headers.get("content-type")) == (200, "application/json")
    assert reply.body["action"]["outcome"] == "planned"
    assert len(reply.body["action"]["changes"]) >= 3  # the group and two interfaces
    assert {verdict["effect"] for verdict in reply.body["guards"]} == {"pass"}
    assert azure.writes() == []
    assert len(azure.actions()) == before


def test_an_engineer_acts_with_a_reason(azure: AzureStack) -> None:
    name, _ = planted(azure)
    refused = call(azure, asked(name, apply=True))
    assert (refused.status, refused.body["error"].partition(":")[0]) == (409, "reason")

    reply = call(azure, asked(name, apply=True, reason="seen mining"))

    assert (reply.status, reply.body["action"]["outcome"]) == (200, "acted")
    assert isolated(azure, name)
    record = azure.journal.get(reply.body["action"]["action_id"])
    assert record is not None
    assert (record.outcome, record.justification) == (Outcome.ACTED, "seen mining")
    assert record.requester == "engineer@corp.example (00000000-0000-0000-0000-0000000000e1)"
    assert len(azure.told()) == 1


@pytest.mark.parametrize(
    ("body", "place"),
    [(b"{", "body"), (b"[]", "body"), (b"\xff\xfe", "body"), (b'{"remediation": "azure.compute.isolate_vm"}', "resource"),
     (b'{"remediation": "azure.compute.isolate_vm", "resource": "vm-1"}', "resource"),
     (b'{"remediation": "aws.iam.deactivate_access_key", "resource": "AKIAI44QH8DHBEXAMPLE"}', "remediation")],
)  # fmt: skip
def test_what_is_wrong_is_named(azure: AzureStack, body: bytes, place: str) -> None:
    reply = call(azure, body)
    assert (reply.status, reply.body["error"].startswith(place)) == (400, True), reply.body
    assert azure.writes() == []


def test_a_busy_cloud_is_to_be_asked_again(azure: AzureStack) -> None:
    name, _ = planted(azure)
    azure.cloud.fail("GET", f"/virtualMachines/{name}", 429, times=4, retry_after=0)
    reply = call(azure, asked(name, apply=True, reason="r"))
    assert reply.status == 503
    assert not isolated(azure, name)
