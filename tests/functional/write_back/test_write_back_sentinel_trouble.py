"""What Sentinel is told where calls fail, answers are lost, others write at the same moment or names are hostile: each state once, and nothing of theirs lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stanch import outbox
from stanch.action import Outcome
from stanch.errors import Refused
from stanch.local.azure.server import AzureCloudServer
from stanch.upstream.sentinel_write_back import SentinelWriteBack
from tests.functional.local_azure.conftest import Raw
from tests.functional.write_back.siem import EVENT, VERSION, Siem, siem
from tests.functional.write_back.wired import sample


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
