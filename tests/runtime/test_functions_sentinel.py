"""The queue-triggered function, from the packaged artefact, in Microsoft's own worker; its journal is a table, its identity a managed one."""

from __future__ import annotations

import json

import pytest

from stanch.action import Outcome
from tests.runtime import events
from tests.runtime.azure_stack import AzureStack
from tests.runtime.functions_host import FunctionFailed
from tests.runtime.machines import ISOLATE, isolated, planted


def of_machine(azure: AzureStack, name: str) -> list[str | None]:
    """The outcomes in the journal of the actions on a machine."""
    return [action.outcome for action in azure.actions() if action.resource.id.endswith(f"/{name}")]


def test_an_incident_isolates_its_machine(azure: AzureStack) -> None:
    name, event = planted(azure)

    azure.host.queue("sentinel", json.dumps(event))

    assert isolated(azure, name)
    (action,) = [action for action in azure.actions() if action.resource.id.endswith(f"/{name}")]
    assert (action.outcome, action.remediation, action.playbook) == (Outcome.ACTED, ISOLATE, "vm-malware")
    assert (action.closed_at is not None, azure.locks()) == (True, [])
    (card,) = azure.told()
    assert name in card
    assert f"stanch undo {action.id}" in card
    assert list(azure.journal.pending()) == []


def test_every_outcome_is_logged(azure: AzureStack) -> None:
    _, event = planted(azure)
    azure.host.queue("sentinel", json.dumps(event))
    lines = [
        line.partition("INFO ")[2] for line in azure.host.log.read_text().splitlines() if line.startswith("stanch INFO")
    ]
    rows = [json.loads(line)["result"] for line in lines]
    assert rows[-1]["action_id"] == azure.actions()[0].id


def test_the_same_message_again_changes_and_reports_nothing(azure: AzureStack) -> None:
    name, event = planted(azure)
    azure.host.queue("sentinel", json.dumps(event))
    azure.quiet()

    azure.host.queue("sentinel", json.dumps(event), dequeued=2)

    assert azure.writes() == []
    assert azure.told() == []
    assert of_machine(azure, name) == [Outcome.ACTED]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"objectSchemaType": "Incident"}', "not json"])
def test_what_is_no_incident_is_reported_and_left_to_the_poison_queue(azure: AzureStack, text: str) -> None:
    with pytest.raises(FunctionFailed, match="MalformedEvent"):
        azure.host.queue("sentinel", text)
    assert azure.writes() == []
    (card,) = azure.told()
    assert "REJECTED" in card


def test_a_forged_incident_is_rejected_and_nothing_is_touched(azure: AzureStack) -> None:
    name, _ = planted(azure)
    azure.host.queue("sentinel", json.dumps(events.mining_machine(name)))
    assert azure.writes() == []
    assert not isolated(azure, name)
    (card,) = azure.told()
    assert "REJECTED" in card


def test_an_incident_of_another_workspace_is_not_believed(azure: AzureStack) -> None:
    name, event = planted(azure)
    text = json.dumps(event).replace("/workspaces/law-soc", "/workspaces/law-else")
    azure.host.queue("sentinel", text)
    assert azure.writes() == []
    assert not isolated(azure, name)
    (card,) = azure.told()
    assert "law-else" in card


def test_what_is_unknown_is_an_error_so_that_the_message_comes_again(azure: AzureStack) -> None:
    name, event = planted(azure)
    azure.cloud.fail("GET", f"/virtualMachines/{name}", 503, times=4)
    with pytest.raises(FunctionFailed, match="Unreachable"):
        azure.host.queue("sentinel", json.dumps(event))
    assert not isolated(azure, name)
    assert azure.told() == []

    azure.host.queue("sentinel", json.dumps(event), dequeued=2)
    assert isolated(azure, name)


def test_what_is_still_unknown_at_the_last_delivery_is_held_and_reported(azure: AzureStack) -> None:
    name, event = planted(azure)
    azure.cloud.fail("GET", f"/virtualMachines/{name}", 503, times=4)
    azure.host.queue("sentinel", json.dumps(event), dequeued=5)
    assert not isolated(azure, name)
    assert of_machine(azure, name) == [Outcome.HELD]
    (card,) = azure.told()
    assert "HELD" in card
