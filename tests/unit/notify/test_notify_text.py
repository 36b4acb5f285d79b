"""What people read in a mail and on a terminal."""

from __future__ import annotations

import pytest

from stanch.notify.message import compose
from stanch.notify.text import subject, text
from stanch.report import Report
from tests.unit.notify.mails import ACTED, AZURE_HELD, REJECTED, line
from tests.unit.notify.samples import (
    ACTION,
    KEY,
    OUTCOMES,
    refusal,
    report,
)


def test_acted() -> None:
    assert text(report()) == ACTED


def test_a_person_s_held_runbook_on_azure() -> None:
    vm = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg-web/providers/Microsoft.Compute/virtualMachines/vm-jump"
    held = Report(
        key="1b2c3d4e5f60-0192f5c1a2c:held:1",
        outcome="held",
        title="Isolate virtual machine",
        account="00000000-0000-0000-0000-0000000000a1",
        severity=5,
        cloud="azure",
        resource={"type": "Microsoft.Compute/virtualMachines", "id": vm},
        remediation="azure.compute.isolate_vm",
        action_id="1b2c3d4e5f60-0192f5c1a2c",
        reason="exempt: vm-jump matches vm-jump* in the playbook",
        requester="alice@corp.example",
        at="2026-11-23T15:40:38.123Z",
    )
    assert text(held) == AZURE_HELD
    assert subject(held) == "HELD (critical): Isolate virtual machine: vm-jump in 00000000-00..."


def test_an_event_without_a_finding() -> None:
    assert text(refusal()) == REJECTED
    assert subject(refusal()) == "REJECTED: event without a finding"


RUN = f"stanch run aws.iam.deactivate_access_key {KEY} --reason 'why'   (shows the plan; --apply carries it out)"
APPROVE = f"stanch approve {ACTION} --reason 'why'   (planned and guarded afresh)"


@pytest.mark.parametrize(("outcome", "command"), [("planned", RUN), ("awaiting_approval", APPROVE)])
def test_a_proposal_says_what_would_happen_and_how_to_act(outcome: str, command: str) -> None:
    shown = text(report(outcome, reason="mode: approve"))
    assert shown.splitlines()[1].startswith("Nothing was changed")
    assert line(shown, "Would change") == f"status of access key {KEY} of user alice.smith: Active → Inactive"
    assert line(shown, "Would break") == "Whatever still signs requests with this key fails at once."
    assert line(shown, "Stays open") == "sessions that this key already minted live on until they expire or are revoked"
    assert line(shown, "To act") == command
    assert (f"{'':14}stanch deny {ACTION} --reason 'why'" in shown.splitlines()) is (outcome == "awaiting_approval")
    assert (line(shown, "Changed"), line(shown, "Undo")) == ("", "")


def test_failed_says_that_it_is_not_contained_and_why_once() -> None:
    failure = (
        f"status of access key {KEY}: iam:update_access_key: AccessDenied: explicit deny in a service control policy"
    )
    shown = text(report("failed", reason=failure, failures=[failure]))
    assert shown.splitlines()[:3] == [
        "FAILED (high): Deactivate IAM access key",
        "NOT contained. Act by hand, or remove the cause and deliver the event again.",
        f"Reason: {failure}",
    ]
    assert shown.count("AccessDenied") == 1
    assert line(shown, "Tried").endswith("Active → Inactive")
    assert [line(shown, label) for label in ("Changed", "May break", "Not done")] == ["", "", ""]


def test_a_failure_beside_the_containment_is_shown() -> None:
    shown = text(report(failures=["tag stanch:action: ec2:create_tags: AccessDenied: no"]))
    assert line(shown, "Failed") == "tag stanch:action: ec2:create_tags: AccessDenied: no"


def test_undone_reads_the_other_way_round() -> None:
    shown = text(report("undone", reason="false positive, ticket 4711"))
    assert shown.splitlines()[:3] == [
        "UNDONE (high): Deactivate IAM access key",
        "Undone: all that can be undone is as it was before.",
        "Reason: false positive, ticket 4711",
    ]
    assert line(shown, "Undone") == f"status of access key {KEY} of user alice.smith: Inactive → Active"
    assert line(shown, "Contained by") == "stanch, playbook key-leak, mode auto"
    assert line(shown, "Undo") == ""


def test_what_cannot_be_undone_says_why() -> None:
    shown = text(report(undo="the memory is lost"))
    assert line(shown, "No undo") == "the memory is lost"
    assert line(shown, "Undo") == ""


@pytest.mark.parametrize(
    ("outcome", "status", "shown"),
    [
        ("partial", "applied", "x: 1 → 2"),
        ("partial", "failed", "x: 1 → 2 (FAILED)"),
        ("partial", "skipped", "x: 1 → 2 (not tried)"),
        ("acted", "failed", "x: 1 → 2 (FAILED)"),
        ("partial", "planned", "x: 1 → 2 (not tried)"),
        ("partial", "undone", "x: 1 → 2 (undone)"),
        ("planned", "planned", "x: 1 → 2"),
        ("held", "planned", "x: 1 → 2"),
        ("undone", "undone", "x: 2 → 1"),
        ("undone", "applied", "x: 1 → 2 (stays)"),
        ("undone", None, "x: 2 → 1"),
    ],
)
def test_a_change_that_differs_from_the_whole_says_so(outcome: str, status: str | None, shown: str) -> None:
    told = compose(report(outcome, changes=[{"target": "x", "before": 1, "after": 2, "status": status}]))
    assert next(section.lines for section in told.sections) == (shown,)


def test_states_are_in_words_and_never_raw_json() -> None:
    rule = {"protocol": "tcp", "from": 22, "to": 22, "source": "0.0.0.0/0"}
    changes = [
        {"target": "rule sgr-1", "before": rule, "after": None},
        {"target": "flags", "before": {"a": False, "b": True}, "after": {"a": True, "b": True}},
        {"target": "groups", "before": ["sg-1", "sg-2"], "after": ["sg-9"]},
    ]
    shown = text(report(changes=changes))
    assert "tcp 22 from 0.0.0.0/0 → revoked" in shown
    assert "flags: a: false → true" in shown
    assert "groups: sg-1, sg-2 → sg-9" in shown
    assert not set("{}[]") & set(shown)


@pytest.mark.parametrize(
    ("reason", "state", "sentence"),
    [
        ("denied by alice@corp.example: a drill", "DENIED", "A person denied it. Nothing more happens by itself."),
        ("nobody answered in time", "EXPIRED", "Nobody agreed to it in time. Nothing more happens by itself."),
    ],
)
def test_a_no_is_told_from_silence(reason: str, state: str, sentence: str) -> None:
    shown = report("expired", reason=reason)
    assert text(shown).splitlines()[:3] == [
        f"{state} (high): Deactivate IAM access key",
        sentence,
        f"Reason: {reason}",
    ]
    assert subject(shown).startswith(f"{state} (high): ")


def test_an_undo_of_automation_s_own_is_no_person_s() -> None:
    shown = text(report("undone", undone_by="stanch (lease)", reason="its lease ended"))
    assert shown.splitlines()[1] == "Undone: all that can be undone is as it was before."
    assert line(shown, "Undone by") == "stanch (lease)"
    assert "person" not in shown


def test_long_lists_are_cut_and_counted() -> None:
    changes = [{"target": f"rule sgr-{at}", "before": "open", "after": None} for at in range(12)]
    shown = text(report(changes=changes))
    assert "sgr-4: open → none\n              … and 7 more\nWhere" in shown
    assert "sgr-5" not in shown
    assert len(shown.splitlines()) <= 24


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_fits_a_screen(outcome: str) -> None:
    rows = text(report(outcome, reason="because")).splitlines()
    assert rows[0].startswith(outcome.upper().replace("_", " ") + " (high)")
    assert len(rows) <= 24


def test_who_agreed_when_and_why_and_how_long_it_stands() -> None:
    shown = text(
        report(
            decided=["approved by alice@corp.example at 2026-11-23 15:40:12: seen live"],
            lease="2026-11-23T19:40:38Z; then people are asked whether it may end",
        )
    )
    assert line(shown, "Decided") == "approved by alice@corp.example at 2026-11-23 15:40:12: seen live"
    assert line(shown, "Lease until") == "2026-11-23T19:40:38Z; then people are asked whether it may end"
    assert line(text(report()), "Lease until") == ""


def test_what_is_gone_may_have_been_looked_for_in_the_wrong_account() -> None:
    shown = text(report("no_op", reason="gone"))
    assert "Reason: gone: there is no such resource in this account" in shown.splitlines()
