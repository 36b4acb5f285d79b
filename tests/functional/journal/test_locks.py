"""Who may write an effect: looking, opening, claiming, recording, closing."""

from __future__ import annotations

import pytest

from stanch.action import Outcome, Status
from stanch.errors import Busy, Fenced, InvalidInput
from stanch.journal import LAST, Journal, Lease, Standing
from tests.functional.journal.records import EFFECT, MARKER, NEIGHBOUR, OTHER, a_lease, a_report, an_action, closed


@pytest.mark.parametrize("marker", [None, MARKER])
def test_an_empty_journal_knows_nothing(journal: Journal, marker: str | None) -> None:
    assert journal.look(EFFECT, marker) == Standing(None, None, None)


def test_opening_writes_lock_action_and_marker(journal: Journal) -> None:
    action = an_action()
    journal.open(action, Lease(EFFECT, action.id, 1, 1_800_000_000.123456), MARKER)
    assert journal.look(EFFECT, MARKER) == Standing(
        Lease(EFFECT, action.id, 1, 1_800_000_000.123456), action, action, action.id
    )
    assert journal.look(EFFECT, None) == Standing(
        Lease(EFFECT, action.id, 1, 1_800_000_000.123456), action, None, action.id
    )
    assert journal.look(EFFECT, "another marker") == journal.look(EFFECT, None)


def test_what_is_kept_is_what_was_there_at_the_call(journal: Journal) -> None:
    action = an_action()
    journal.open(action, a_lease(action), None)
    action.reason = "changed after"
    kept = journal.get(action.id)
    assert kept is not None
    assert kept.reason is None


def test_a_held_effect_cannot_be_opened_again(journal: Journal) -> None:
    first, second = an_action(1), an_action(2)
    journal.open(first, a_lease(first), MARKER)
    with pytest.raises(Busy, match="of this effect"):
        journal.open(second, a_lease(second), "second")
    assert journal.get(second.id) is None
    assert journal.look(EFFECT, "second") == Standing(a_lease(first), first, None, first.id)


def test_effects_do_not_hinder_one_another(journal: Journal) -> None:
    actions = [an_action(1), an_action(2, NEIGHBOUR), an_action(3, OTHER)]
    for action in actions:
        journal.open(action, a_lease(action), MARKER)
    assert [journal.look(effect, MARKER).earlier for effect in (EFFECT, NEIGHBOUR, OTHER)] == actions
    assert [journal.look(effect, None).lease for effect in (EFFECT, NEIGHBOUR, OTHER)] == list(map(a_lease, actions))


def test_an_action_id_is_taken_once_and_nothing_else_is_written(journal: Journal) -> None:
    first = an_action()
    journal.open(first, a_lease(first), None)
    journal.close(closed(first), a_lease(first), None)
    with pytest.raises(Busy, match=f"there is an action {first.id} already"):
        journal.open(an_action(reason="another with this id"), a_lease(first), MARKER)
    assert journal.look(EFFECT, MARKER) == Standing(None, None, None, first.id)
    assert journal.get(first.id) == first


def test_recording_keeps_the_progress_and_extends_the_lease(journal: Journal) -> None:
    action = an_action()
    journal.open(action, a_lease(action), None)
    action.steps[0].status = Status.APPLIED
    action.note("applied", change="status")
    journal.record(action, a_lease(action, until=1_800_000_060.5))
    standing = journal.look(EFFECT, None)
    assert standing.lease == Lease(EFFECT, action.id, 1, 1_800_000_060.5)
    assert standing.open == action
    assert standing.open.steps[0].status is Status.APPLIED
    assert standing.open.chain[0]["event"] == "applied"


def test_a_lease_can_be_handed_back_by_recording_it_as_over(journal: Journal) -> None:
    action = an_action()
    journal.open(action, a_lease(action), None)
    journal.record(action, a_lease(action, until=0.0))
    handed_back = Lease(EFFECT, action.id, 1, 0.0)
    assert journal.look(EFFECT, None).lease == handed_back
    journal.claim(handed_back, a_lease(action, 2))
    assert journal.look(EFFECT, None).lease == a_lease(action, 2)


def test_closing_frees_the_lock_and_files_the_report(journal: Journal) -> None:
    action = an_action()
    journal.open(action, a_lease(action), MARKER)
    report = a_report(f"{action.id}:acted:1")
    journal.close(closed(action), a_lease(action), report)
    assert journal.look(EFFECT, MARKER) == Standing(None, None, action, action.id)
    assert action.outcome is Outcome.ACTED
    assert list(journal.pending()) == [report]


def test_closing_without_a_report_files_none(journal: Journal) -> None:
    action = an_action()
    journal.open(action, a_lease(action), None)
    journal.close(closed(action), a_lease(action), None)
    assert list(journal.pending()) == []


def test_the_marker_points_to_the_latest_action_that_the_finding_led_to(journal: Journal) -> None:
    first, second = an_action(1), an_action(2)
    journal.open(first, a_lease(first), MARKER)
    journal.close(closed(first), a_lease(first), None)
    journal.open(second, a_lease(second), MARKER)
    assert journal.look(EFFECT, MARKER).earlier == second
    assert journal.look(NEIGHBOUR, MARKER).earlier is None


def test_a_crashed_attempt_is_taken_over_and_its_late_writes_are_fenced(journal: Journal) -> None:
    action = an_action()
    crashed, claimed = a_lease(action, 1), a_lease(action, 2, 1_800_000_100.0)
    journal.open(action, crashed, MARKER)
    journal.claim(crashed, claimed)
    late = an_action(reason="written by the one that was thought dead")
    with pytest.raises(Fenced, match=f"attempt 1 of action {action.id} no longer holds"):
        journal.record(late, crashed)
    with pytest.raises(Fenced):
        journal.close(late, crashed, a_report(f"{action.id}:late"))
    assert journal.look(EFFECT, MARKER) == Standing(claimed, action, action, action.id)
    assert list(journal.pending()) == []
    journal.record(action, claimed)
    journal.close(closed(action), claimed, None)
    assert journal.look(EFFECT, None).lease is None


@pytest.mark.parametrize(
    "other",
    [
        Lease(EFFECT, f"{EFFECT[:12]}-00000000001", 1, 1_800_000_000.123457),
        Lease(EFFECT, f"{EFFECT[:12]}-00000000001", 2, 1_800_000_000.123456),
        Lease(EFFECT, f"{EFFECT[:12]}-00000000002", 1, 1_800_000_000.123456),
    ],
    ids=["renewed", "another attempt", "another action"],
)
def test_only_the_very_lock_that_was_seen_can_be_claimed(journal: Journal, other: Lease) -> None:
    action = an_action()
    journal.open(action, a_lease(action), None)
    with pytest.raises(Busy, match=f"the lock of action {other.action_id} was renewed, freed or taken over"):
        journal.claim(other, a_lease(action, 9))
    assert journal.look(EFFECT, None).lease == a_lease(action)


def test_a_lock_that_is_gone_can_neither_be_claimed_nor_written_under(journal: Journal) -> None:
    action = an_action()
    with pytest.raises(Busy):
        journal.claim(a_lease(action), a_lease(action, 2))
    with pytest.raises(Fenced):
        journal.record(action, a_lease(action))
    with pytest.raises(Fenced):
        journal.close(action, a_lease(action), a_report(f"{action.id}:acted"))
    assert journal.look(EFFECT, None) == Standing(None, None, None)
    assert journal.get(action.id) is None
    assert list(journal.pending()) == []


def test_a_known_action_is_reopened_under_a_lock_of_its_own(journal: Journal) -> None:
    action = an_action()
    journal.open(action, a_lease(action), None)
    journal.close(closed(action), a_lease(action), None)
    action.attempt, action.undo = 2, {"by": "an engineer"}
    journal.reopen(action, a_lease(action, 2))
    assert journal.look(EFFECT, None) == Standing(a_lease(action, 2), action, None, action.id)
    with pytest.raises(Busy):
        journal.reopen(an_action(reason="a second undo"), a_lease(action, 3))
    assert journal.get(action.id) == action


@pytest.mark.parametrize("before", [0, 1], ids=["the first one", "after another"])
def test_an_action_that_follows_another_than_was_seen_is_refused(journal: Journal, before: int) -> None:
    """Between look and opening another one was taken up again: by its markers it is the last one now."""
    for action in [an_action(5)][:before]:
        journal.open(action, a_lease(action), None, journal.look(EFFECT, None))
        journal.close(closed(action), a_lease(action), None)
    seen, waited, follower = journal.look(EFFECT, None), an_action(1), an_action(2)
    journal.note(waited, None, None)
    journal.reopen(waited, a_lease(waited, 2), None, LAST, MARKER)
    journal.close(closed(waited), a_lease(waited, 2), None)
    with pytest.raises(Busy, match="came first"):
        journal.open(follower, a_lease(follower), None, seen)
    assert journal.get(follower.id) is None
    assert journal.look(EFFECT, MARKER) == Standing(None, None, journal.get(waited.id), waited.id)
    journal.open(follower, a_lease(follower), None, journal.look(EFFECT, None))
    assert journal.look(EFFECT, None) == Standing(a_lease(follower), follower, None, follower.id)


def test_what_changed_since_it_was_looked_at_is_not_reopened(journal: Journal) -> None:
    """Of two who decide on the state that both saw, the second is refused, with nothing written; so is one who saw what was never stored."""
    action = an_action()
    journal.note(action, None, None)
    seen = journal.get(action.id)
    assert seen is not None
    for attempt in (2, 3):
        action.note("decided", attempt=attempt)
        journal.reopen(action, a_lease(action, attempt), seen)
        journal.close(action, a_lease(action, attempt), None)
        with pytest.raises(Busy, match=f"action {action.id} has changed meanwhile"):
            journal.reopen(an_action(reason="another decision"), a_lease(action, 9), seen, LAST, MARKER)
        assert journal.look(EFFECT, MARKER) == Standing(None, None, None)
        assert journal.get(action.id) == action
        seen = journal.get(action.id)
        assert seen is not None
    stray = an_action(2)
    with pytest.raises(Busy, match=f"action {stray.id} has changed meanwhile"):
        journal.reopen(stray, a_lease(stray), stray)
    assert journal.get(stray.id) is None


def test_reopening_waits_for_another_action_of_the_effect(journal: Journal) -> None:
    first, second = closed(an_action(1)), an_action(2)
    journal.note(first, None, None)
    journal.open(second, a_lease(second), None)
    with pytest.raises(Busy):
        journal.reopen(first, a_lease(first, 2))
    assert journal.look(EFFECT, None).lease == a_lease(second)


def test_an_id_that_does_not_name_its_effect_is_refused(journal: Journal) -> None:
    stray = an_action(id="ffffffffffff-00000000001")
    for write in (
        lambda: journal.open(stray, a_lease(stray), None),
        lambda: journal.reopen(stray, a_lease(stray)),
        lambda: journal.note(stray, None, None),
    ):
        with pytest.raises(InvalidInput, match=r"^action\.id: "):
            write()
    assert journal.look(EFFECT, None) == Standing(None, None, None)


def test_a_report_of_an_action_starts_with_its_id(journal: Journal) -> None:
    action = an_action()
    journal.open(action, a_lease(action), None)
    with pytest.raises(InvalidInput, match=r"^report\.key: "):
        journal.close(action, a_lease(action), a_report("someone else's"))
    with pytest.raises(InvalidInput, match=r"^report\.key: "):
        journal.note(an_action(2), None, a_report("someone else's"))
    assert journal.look(EFFECT, None).lease == a_lease(action)


def test_the_action_opened_last_on_an_effect_is_remembered_whatever_led_to_it(journal: Journal) -> None:
    first, second = an_action(1), an_action(2)
    for action, marker in ((first, MARKER), (second, None)):
        journal.open(action, a_lease(action), marker)
        journal.close(closed(action), a_lease(action), None)
    assert journal.look(EFFECT, MARKER) == Standing(None, None, closed(first), second.id)
    assert journal.note(an_action(3), "another finding", None)
    assert journal.look(EFFECT, None).last == second.id
    assert journal.look(NEIGHBOUR, MARKER).last is None
