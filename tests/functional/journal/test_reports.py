"""Actions that change nothing, and reports on their way out."""

from __future__ import annotations

from stanch.action import Outcome
from stanch.journal import Journal, OutboxItem, Standing
from tests.functional.journal.records import EFFECT, MARKER, a_lease, a_report, an_action, closed


def test_a_noted_action_takes_no_lock(journal: Journal) -> None:
    action = closed(an_action(), Outcome.HELD)
    report = a_report(f"{action.id}:held:1")
    assert journal.note(action, MARKER, report) is True
    assert journal.look(EFFECT, MARKER) == Standing(None, None, action)
    assert list(journal.pending()) == [report]


def test_an_action_is_noted_once(journal: Journal) -> None:
    action = closed(an_action(), Outcome.HELD)
    assert journal.note(action, None, None) is True
    repeat = an_action(reason="again")
    assert journal.note(repeat, MARKER, a_report(f"{action.id}:held:1")) is False
    assert journal.get(action.id) == action
    assert journal.look(EFFECT, MARKER).earlier is None
    assert list(journal.pending()) == []


def test_noting_and_a_lock_leave_each_other_alone(journal: Journal) -> None:
    open_action, held = an_action(1), closed(an_action(2), Outcome.HELD)
    journal.open(open_action, a_lease(open_action), None)
    assert journal.note(held, MARKER, None) is True
    assert journal.look(EFFECT, MARKER) == Standing(a_lease(open_action), open_action, held, open_action.id)


def test_a_report_without_an_action_is_filed_once(journal: Journal) -> None:
    first = a_report("guardduty|not/a\\finding?#\x00\ud800é" * 20)
    assert journal.file(first) is True
    assert journal.file(a_report(first.key, "2026-03-02T00:00:00.000Z", pager=None)) is False
    assert list(journal.pending()) == [first]


def test_pending_reports_come_oldest_first(journal: Journal) -> None:
    times = [
        "2026-03-01T10:00:00.500Z",
        "2026-02-01T10:00:00.000Z",
        "2026-03-01T10:00:00.000Z",
        "2025-12-31T23:59:59.999Z",
    ]
    for number, at in enumerate(times):
        assert journal.file(a_report(f"report {number}", at)) is True
    assert [item.key for item in journal.pending()] == ["report 3", "report 1", "report 2", "report 0"]


def test_a_report_is_pending_until_every_channel_has_it(journal: Journal) -> None:
    item = a_report("key")
    journal.file(item)
    item.channels["sns"], item.errors = "2026-03-01T10:00:03.000Z", {"teams": "429 slow down\x00"}
    journal.sent(item)
    assert list(journal.pending()) == [
        OutboxItem(
            "key",
            {"key": "key", "outcome": "acted"},
            {"sns": "2026-03-01T10:00:03.000Z", "teams": None},
            "2026-03-01T10:00:01.000Z",
            {"teams": "429 slow down\x00"},
        )
    ]
    item.channels["teams"], item.errors = "2026-03-01T10:05:00.000Z", {}
    journal.sent(item)
    assert list(journal.pending()) == []
    assert journal.file(a_report("key")) is False


def test_a_report_to_nobody_is_not_pending(journal: Journal) -> None:
    assert journal.file(OutboxItem("key", {}, {}, "2026-03-01T10:00:00.000Z")) is True
    assert list(journal.pending()) == []
    assert journal.file(OutboxItem("key", {}, {}, "2026-03-01T10:00:00.000Z")) is False


def test_two_who_deliver_at_once_keep_each_other_s_success(journal: Journal) -> None:
    journal.file(a_report("key"))
    journal.sent(a_report("key", sns="2026-03-01T10:00:03.000Z", teams=None))
    late = a_report("key", sns=None, teams=None)
    late.errors = {"sns": "timed out", "teams": "timed out"}
    journal.sent(late)
    (item,) = journal.pending()
    assert item.channels == {"sns": "2026-03-01T10:00:03.000Z", "teams": None}
    assert item.errors == {"teams": "timed out"}
    journal.sent(a_report("key", sns=None, teams="2026-03-01T10:00:04.000Z"))
    assert list(journal.pending()) == []


def test_the_report_of_a_closed_action_can_be_delivered(journal: Journal) -> None:
    action = an_action()
    journal.open(action, a_lease(action), None)
    journal.close(closed(action), a_lease(action), a_report(f"{action.id}:acted:1"))
    (item,) = journal.pending()
    item.channels = dict.fromkeys(item.channels, "2026-03-01T10:00:03.000Z")
    journal.sent(item)
    assert list(journal.pending()) == []
    assert journal.get(action.id) == action


def test_a_report_is_found_by_its_key_whether_it_was_accepted_or_not(journal: Journal) -> None:
    action = closed(an_action(), Outcome.AWAITING_APPROVAL)
    asked = a_report(f"{action.id}:awaiting_approval:1")
    journal.note(action, None, asked)
    assert journal.filed(asked.key) == asked
    assert journal.filed(f"{action.id}:awaiting_approval:2") is None
    accepted = a_report(asked.key, sns="2026-03-01T10:00:03.000Z", teams="2026-03-01T10:00:03.000Z")
    journal.sent(accepted)
    assert list(journal.pending()) == []
    assert journal.filed(asked.key) == accepted
