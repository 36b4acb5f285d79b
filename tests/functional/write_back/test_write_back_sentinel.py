"""Sentinel hears what became of an incident, once for each state, and what it is told starts nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stanch.action import Outcome
from stanch.journal import Query
from stanch.local.azure.server import AzureCloudServer
from stanch.report import Report
from stanch.upstream.sentinel_write_back import SentinelWriteBack
from tests.functional.local_azure.conftest import Raw
from tests.functional.write_back.siem import EVENT, VERSION, Siem, siem
from tests.functional.write_back.wired import sample


def test_a_comment_and_a_tag_for_each_state_and_everything_else_as_it_was(soc: Siem) -> None:
    before = soc.read()["properties"]
    (acted,) = soc.deliver(sample(EVENT))
    assert acted.outcome is Outcome.ACTED
    assert acted.notified == ["soc"], "programs are not notified"
    assert soc.labels() == ["night-shift", "stanch:acted"]
    (comment,) = soc.comments()
    assert comment.startswith("ACTED (high): ")
    assert f"stanch undo {acted.action_id} --apply" in comment
    soc.undo(acted.action_id)
    assert soc.labels() == ["night-shift", "stanch:acted", "stanch:undone"]
    assert soc.comments()[1].startswith("UNDONE (high): ")
    assert "Undone by: analyst@corp.example" in soc.comments()[1]
    after = soc.read()["properties"]
    ours = ("labels", "lastModifiedTimeUtc", "additionalData")
    assert {name: after[name] for name in after if name not in ours} == {name: before[name] for name in before if name not in ours}  # fmt: skip
    assert (after["status"], after["owner"]["email"]) == ("Active", "analyst@corp.example")
    assert soc.pending() == {}


def test_our_own_update_starts_nothing(soc: Siem) -> None:
    soc.deliver(sample(EVENT))
    told = len(soc.people.reports)
    for _ in range(3):
        soc.writes()
        (row,) = soc.deliver(soc.update())
        assert (row.outcome, row.changes, row.notified) == (Outcome.NO_OP, [], [])
        assert soc.writes() == []
    assert len(soc.people.reports) == told
    assert len(soc.comments()) == 1
    assert len(list(soc.deployment.journal.find(Query()))) == 1


def test_our_own_update_after_an_undo_is_held_and_told_once(soc: Siem) -> None:
    (acted,) = soc.deliver(sample(EVENT))
    soc.undo(acted.action_id)
    for _ in range(3):
        soc.writes()
        (row,) = soc.deliver(soc.update())
        assert (row.outcome, soc.writes()) == (Outcome.HELD, [])
    assert [report.outcome for report in soc.people.reports] == ["acted", "undone", "held"]
    assert [comment.split()[0] for comment in soc.comments()] == ["ACTED", "UNDONE", "HELD"]


def test_a_reason_that_differs_each_time_is_no_new_state(azure: AzureCloudServer, raw: Raw, tmp_path: Path) -> None:
    """A rule on every change, a plan that fails with another text each time: it ends all the same."""
    soc = siem(azure, raw, tmp_path, sample(EVENT))
    for number in range(4):
        azure.fail("GET", "/virtualMachines/", 403, code="AuthorizationFailed", message=f"no, says request {number}")
        (row,) = soc.deliver(soc.update())
        assert (row.outcome, str(number) in str(row.reason)) == (Outcome.FAILED, True)
    assert len(soc.people.reports) == 4
    assert len(soc.comments()) == 1
    assert soc.labels() == ["stanch:failed"]
    assert soc.pending() == {}


def test_observing_leaves_no_trace(azure: AzureCloudServer, raw: Raw, tmp_path: Path) -> None:
    soc = siem(azure, raw, tmp_path, sample(EVENT), STANCH_MODE="observe")
    azure.state.calls.clear()
    (row,) = soc.deliver(sample(EVENT))
    assert (row.outcome, row.notified) == (Outcome.PLANNED, ["soc"])
    assert soc.comments() == soc.labels() == []
    assert [call for call in azure.calls if call["method"] not in ("GET", "POST")] == []


def test_what_people_closed_stays_closed(soc: Siem) -> None:
    (acted,) = soc.deliver(sample(EVENT))
    read = soc.read()
    kept = {name: read["properties"][name] for name in ("title", "severity", "owner")}
    closed = {"status": "Closed", "classification": "BenignPositive", "classificationReason": "SuspiciousButExpected", "classificationComment": "a test"}  # fmt: skip
    labels = [{"labelName": label} for label in soc.labels()]
    body = {"etag": read["etag"], "properties": {**kept, **closed, "labels": labels}}
    assert soc.raw("PUT", soc.incident, VERSION, json=body).status_code == 200
    soc.undo(acted.action_id)
    after = soc.read()["properties"]
    assert {name: after[name] for name in closed} == closed
    assert soc.labels() == ["night-shift", "stanch:acted", "stanch:undone"]
    (row,) = soc.deliver(soc.update())
    assert (row.outcome, row.action_id) == (Outcome.HELD, None)
    assert len(soc.comments()) == 2, "no action, no comment"


@pytest.mark.parametrize(
    "changed",
    [{"source": "guardduty"}, {"upstream": None}, {"upstream": {"workspace_id": "x"}}, {"action_id": None},
     {"outcome": "planned", "key": "0a-1:planned:1"}, {"key": "0a-1:lease-until:2026"}],
)  # fmt: skip
def test_what_sentinel_does_not_want(soc: Siem, changed: dict[str, Any]) -> None:
    given: dict[str, Any] = {
        "key": "0a-1:acted:1", "outcome": "acted", "title": "", "account": "", "action_id": "0a-1", "source": "sentinel",
        "upstream": {"incident_id": soc.incident},
    }  # fmt: skip
    channel = soc.deployment.channels["sentinel"]
    assert isinstance(channel, SentinelWriteBack)
    assert channel.wants(Report(**given))
    assert not channel.wants(Report(**{**given, **changed}))
