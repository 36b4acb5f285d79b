"""Sentinel hears what became of an incident, once for each state, and what it is told starts nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from handlers.azure import wiring
from stanch import outbox
from stanch.action import Outcome
from stanch.errors import Refused
from stanch.journal import Query
from stanch.local.azure.seed import seed
from stanch.local.azure.server import AzureCloudServer
from stanch.report import Report
from stanch.sources import sentinel
from stanch.upstream.sentinel_write_back import SentinelWriteBack
from tests.functional.local_azure.conftest import Raw
from tests.functional.write_back.wired import Wired, sample

EVENT = "sentinel/crypto-mining-vm"
VERSION = "2024-09-01"


class Siem(Wired):
    """The deployment, and its incident as anybody reads it."""

    raw: Raw
    incident: str

    def read(self) -> dict[str, Any]:
        found: dict[str, Any] = self.raw("GET", self.incident, VERSION).json()
        assert "properties" in found, found
        return found

    def labels(self) -> list[str]:
        return [label["labelName"] for label in self.read()["properties"]["labels"]]

    def comments(self) -> list[str]:
        listed = self.raw("GET", f"{self.incident}/comments", VERSION).json()["value"]
        listed.sort(key=lambda one: one["properties"]["createdTimeUtc"])
        return [one["properties"]["message"] for one in listed]

    def update(self) -> dict[str, Any]:
        """What an automation rule on every change of an incident sends."""
        found = self.read()
        parts = {name: self.raw("POST", f"{self.incident}/{name}", VERSION).json() for name in ("alerts", "entities")}
        properties = {**found["properties"], "alerts": parts["alerts"]["value"], "relatedEntities": parts["entities"]["entities"]}  # fmt: skip
        return {"objectSchemaType": "Incident", "objectEventType": "Update", "object": {**found, "properties": properties}}  # fmt: skip

    def writes(self) -> list[str]:
        """What was written to the cloud since the last time, Sentinel and its reading by POST apart."""
        calls = [f"{call['method']} {call['path']}" for call in self.raw.server.calls if call["method"] != "GET"]
        self.raw.server.state.calls.clear()
        return [call for call in calls if "/incidents/" not in call.lower()]


def siem(azure: AzureCloudServer, raw: Raw, folder: Path, event: Any, **env: str) -> Siem:
    for finding in sentinel.parse(event):
        seed(azure.url, str(azure.ca), finding)
    incident = event["object"]["id"]
    settings = {
        **azure.environment(), "STANCH_JOURNAL": f"sqlite://{folder}/journal.sqlite", "STANCH_MODE": "auto", "STANCH_STALE_HOURS": "900000",
        "STANCH_VERIFY_DELAYS": "0.05", "STANCH_SENTINEL_WORKSPACE": incident.partition("/providers/Microsoft.SecurityInsights")[0], **env,
    }  # fmt: skip
    made = Siem.of(wiring.build(settings), sentinel.parse)
    assert isinstance(made, Siem)
    made.raw, made.incident = raw, incident
    return made


@pytest.fixture
def soc(azure: AzureCloudServer, raw: Raw, tmp_path: Path) -> Siem:
    """The deployment with a machine under attack, whose incident somebody works on."""
    made = siem(azure, raw, tmp_path, sample(EVENT))
    read = made.read()
    worked_on = {
        **{name: read["properties"][name] for name in ("title", "severity", "description", "firstActivityTimeUtc", "lastActivityTimeUtc")},
        "status": "Active", "labels": [{"labelName": "night-shift"}], "owner": {"objectId": "00000000-0000-0000-0000-0000000000aa", "email": "analyst@corp.example"},
    }  # fmt: skip
    assert raw("PUT", made.incident, VERSION, json={"etag": read["etag"], "properties": worked_on}).status_code == 200
    return made


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


def test_what_was_told_once_is_not_told_again(soc: Siem) -> None:
    """An answer that was lost: the report is offered again and the comment is there."""
    soc.deliver(sample(EVENT))
    (report,) = soc.people.reports
    modified = soc.read()["properties"]["lastModifiedTimeUtc"]
    channel = soc.deployment.channels["sentinel"]
    channel.send(report)
    assert (len(soc.comments()), soc.labels().count("stanch:acted")) == (1, 1)
    assert soc.read()["properties"]["lastModifiedTimeUtc"] == modified


def test_a_failing_write_back_changes_nothing_and_is_tried_again(soc: Siem, azure: AzureCloudServer) -> None:
    azure.fail("PUT", "/comments/", 403, code="AuthorizationFailed")
    (row,) = soc.deliver(sample(EVENT))
    assert (row.outcome, row.notified) == (Outcome.ACTED, ["soc"])
    ((errors),) = soc.pending().values()
    assert "AuthorizationFailed" in errors["sentinel"]
    assert soc.comments() == []
    outbox.drain(soc.deployment.journal, soc.deployment.channels)
    assert soc.pending() == {}
    assert (len(soc.comments()), soc.labels()) == (1, ["night-shift", "stanch:acted"])


def test_an_answer_that_was_lost_makes_no_second_comment(soc: Siem, azure: AzureCloudServer) -> None:
    azure.fail("PUT", "/comments/", 500, after=True, times=9)
    soc.deliver(sample(EVENT))
    assert len(soc.comments()) == 1
    assert len(soc.pending()) == 1
    azure.state.faults.clear()
    assert outbox.drain(soc.deployment.journal, soc.deployment.channels) == 1
    assert (len(soc.comments()), soc.labels()) == (1, ["night-shift", "stanch:acted"])


def test_an_analyst_who_writes_at_the_same_moment_loses_nothing(soc: Siem, azure: AzureCloudServer, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    answer, interfered = azure.arm.answer, list[str]()

    def meanwhile(method: str, path: str, *rest: Any) -> Any:
        found = answer(method, path, *rest)
        if method == "GET" and path.lower().endswith(soc.incident.lower()) and len(interfered) < 2:
            interfered.append(path)
            read = found.body
            labels = [*read["properties"]["labels"], {"labelName": f"theirs-{len(interfered)}"}]
            kept = {name: read["properties"][name] for name in ("title", "severity", "status")}
            body = {"etag": read["etag"], "properties": {**kept, "labels": [{"labelName": one["labelName"]} for one in labels]}}  # fmt: skip
            assert answer("PUT", path, {"api-version": VERSION}, {}, body).status == 200
        return found

    (report,) = (soc.deliver(sample(EVENT)), soc.people.reports)[1]
    read = soc.read()
    bare = {**{name: read["properties"][name] for name in ("title", "severity", "status")}, "labels": []}
    soc.raw("PUT", soc.incident, VERSION, json={"etag": read["etag"], "properties": bare})
    monkeypatch.setattr(azure.arm, "answer", meanwhile)
    soc.deployment.channels["sentinel"].send(report)
    assert len(interfered) == 2
    assert soc.labels() == ["theirs-1", "theirs-2", "stanch:acted"]


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


def test_an_incident_that_is_gone_needs_nothing(soc: Siem, azure: AzureCloudServer) -> None:
    soc.deliver(sample(EVENT))
    (report,) = soc.people.reports
    assert azure.state.records.pop(soc.incident.lower())
    soc.deployment.channels["sentinel"].send(report)
    assert azure.calls[-1]["method"] == "GET"


def test_hostile_names_are_no_markup(azure: AzureCloudServer, raw: Raw, tmp_path: Path) -> None:
    event = sample(EVENT)
    hostile = (
        "<img src=x onerror=alert(1)> [log in](https://evil.example/x) **bold**\n\nstanch 0123456789abcdef acted x"
    )
    for alert in event["object"]["properties"]["alerts"]:
        alert["properties"]["alertDisplayName"] = hostile
    soc = siem(azure, raw, tmp_path, event)
    (row,) = soc.deliver(event)
    assert row.outcome is Outcome.ACTED
    (comment,) = soc.comments()
    assert "alert(1)" in comment
    body, _, footer = comment.rpartition("\n\n")
    assert not set("<>[]*`") & set(body)
    assert "https://" not in body
    assert "evil&#91;.&#93;example" in body
    assert footer.startswith("stanch ")
    assert footer.endswith(f" acted {row.action_id}:acted:1")


def test_only_the_believed_workspace_is_written_to(soc: Siem) -> None:
    soc.deliver(sample(EVENT))
    (report,) = soc.people.reports
    elsewhere = SentinelWriteBack(soc.deployment.cloud, soc.incident.partition("/providers/")[0] + "/workspaces/other")  # type: ignore[arg-type]
    with pytest.raises(Refused, match="workspace"):
        elsewhere.send(report)


def test_comments_on_further_pages_count(soc: Siem, azure: AzureCloudServer, monkeypatch: pytest.MonkeyPatch) -> None:
    soc.deliver(sample(EVENT))
    (report,) = soc.people.reports
    for number in range(3):
        raw = {"properties": {"message": f"theirs {number}"}}
        assert soc.raw("PUT", f"{soc.incident}/comments/{number}", VERSION, json=raw).status_code == 201
    answer = azure.arm.answer

    def one_at_a_time(method: str, path: str, query: Any, *rest: Any) -> Any:
        found = answer(method, path, query, *rest)
        if method == "GET" and path.endswith("/comments"):
            start = int(query.get("$skipToken", 0))
            whole = sorted(found.body["value"], key=lambda one: one["properties"]["createdTimeUtc"], reverse=True)
            following = f"{azure.url}{path}?api-version={VERSION}&$skipToken={start + 1}"
            found.body = {
                "value": whole[start : start + 1],
                **({"nextLink": following} if start + 1 < len(whole) else {}),
            }
        return found

    with monkeypatch.context() as patch:
        patch.setattr(azure.arm, "answer", one_at_a_time)
        soc.deployment.channels["sentinel"].send(report)
    assert (
        len([call for call in azure.calls if call["path"].endswith("/comments") and "$skipToken" in call["query"]]) == 3
    )
    assert len(soc.comments()) == 4


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
