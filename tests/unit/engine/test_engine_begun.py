"""An operation that says no after it had begun, and an invocation that stood still: what is live and what the journal says decide, not what was answered."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from copy import deepcopy

import pytest
from msgspec.structs import replace

from stanch.action import Outcome, Status
from stanch.continuation import Continuation
from stanch.errors import Busy, CloudError, Conflict, Fenced, Gone, Stopped
from stanch.restraint import EVERYWHERE, PAUSE
from stanch.target import Target
from tests.unit.engine.bench import Bench, finding, vault
from tests.unit.engine.failing import Killed, denied, failing, killed_at
from tests.unit.engine.histories import history
from tests.unit.engine.toy import Call


def late_no() -> CloudError:
    """What a long-running operation answers that fails after its effect, or whose end we may not see."""
    error = CloudError("Set", "OperationFailed", "it failed late")
    error.begun = True
    return error


def test_a_change_that_was_made_by_an_operation_that_failed_is_ours_and_can_be_undone(bench: Bench) -> None:
    bench.door()
    bench.cloud.after.append(failing(late_no(), verb="Set", purpose="act"))
    result = bench.deliver()
    assert (result.outcome, result.reason) == (Outcome.ACTED, None)
    (step,) = bench.action(result).steps
    assert (step.status, step.error) == (Status.APPLIED, str(late_no()))
    bench.cloud.after.clear()
    assert bench.undo(result.action_id).run().outcome is Outcome.UNDONE
    assert bench.cloud.things["door-1"]["front"] == "open"


def test_so_is_one_that_set_what_was_not_set_before(bench: Bench) -> None:
    bench.vault()
    bench.cloud.after.append(failing(late_no(), verb="Set", name="label", purpose="act"))
    steps = {step.change.id: step for step in bench.action(bench.deliver(finding(vault()))).steps}
    assert steps["label"].change.before is None
    assert (steps["label"].status, steps["label"].error) == (Status.APPLIED, str(late_no()))


def test_a_conflict_with_our_own_write_that_the_sdk_sent_again_is_no_failure(bench: Bench) -> None:
    bench.door()
    bench.cloud.after.append(failing(Conflict("Set", "PreconditionFailed", "it changed"), verb="Set", purpose="act"))
    result = bench.deliver()
    assert (result.outcome, result.reason) == (Outcome.ACTED, None)
    bench.cloud.after[:] = [failing(Conflict("Set", "PreconditionFailed", "it changed"), verb="Set", purpose="undo")]
    assert bench.undo(result.action_id).run().outcome is Outcome.UNDONE
    assert bench.cloud.things["door-1"]["front"] == "open"


def test_a_conflict_with_somebody_elses_write_is_a_failure(bench: Bench) -> None:
    bench.door()
    conflict = Conflict("Set", "PreconditionFailed", "it changed")
    bench.cloud.before.append(failing(conflict, verb="Set", purpose="act"))
    result = bench.deliver()
    assert (result.outcome, result.reason) == (Outcome.FAILED, f"front of door-1: {conflict}")


def test_an_operation_that_failed_without_effect_is_a_failure(bench: Bench) -> None:
    bench.door()
    bench.cloud.before.append(failing(late_no(), verb="Set", purpose="act"))
    result = bench.deliver()
    assert (result.outcome, result.reason) == (Outcome.FAILED, f"front of door-1: {late_no()}")


def test_what_cannot_be_read_after_an_operation_failed_is_not_taken_for_done(bench: Bench) -> None:
    bench.door()
    bench.cloud.before.append(failing(late_no(), verb="Set", purpose="act"))
    bench.cloud.before.append(failing(denied("Describe"), verb="Describe", purpose="act"))
    result = bench.deliver()
    assert (result.outcome, result.reason) == (Outcome.FAILED, f"front of door-1: {late_no()}")


def test_an_undo_whose_operation_failed_after_its_effect_is_done(bench: Bench) -> None:
    bench.door()
    acted = bench.deliver()
    bench.cloud.after.append(failing(late_no(), verb="Set", purpose="undo"))
    assert bench.undo(acted.action_id).run().outcome is Outcome.UNDONE
    assert bench.cloud.things["door-1"]["front"] == "open"


def test_what_somebody_changed_after_a_crash_is_told_with_what_it_was(bench: Bench) -> None:
    bench.door()
    with killed_at(bench, verb="Set"):
        bench.deliver()
    bench.cloud.things["door-1"]["front"] = "ajar"
    bench.lapse()
    result = bench.deliver()
    assert (result.outcome, bench.cloud.writes()) == (Outcome.FAILED, [])
    assert result.reason == (
        "front of door-1: drifted: front of door-1 is now 'ajar'; it was 'open' before the action and 'shut' after it"
    )


def taken_over(bench: Bench) -> Callable[[str], None]:
    """After the first record of a change ten seconds pass, and one whose clock is minutes ahead takes the lease for run out."""

    def hook(name: str) -> None:
        if name != "record" or not bench.cloud.writes():
            return
        bench.journal.after.clear()
        lease = bench.journal.look(bench.actions()[0].effect, None).lease
        if lease.attempt == 1:
            bench.wall.now += 10
            bench.journal.claim(lease, replace(lease, attempt=2, until=bench.wall.now + 300))

    return hook


def test_who_stood_still_asks_the_journal_before_the_next_write(bench: Bench) -> None:
    bench.vault()
    bench.journal.after.append(taken_over(bench))
    with pytest.raises(Fenced):
        bench.deliver(finding(vault()))
    assert len(bench.cloud.writes()) == 1


def test_who_goes_on_at_once_asks_nothing_more(bench: Bench) -> None:
    bench.vault()
    calls: list[str] = []
    bench.journal.after.append(calls.append)
    result = bench.deliver(finding(vault()))
    assert calls.count("look") == 1
    assert calls.count("record") == len(bench.action(result).steps) - 1, "the last change is recorded with the end"


def test_what_may_still_be_alive_is_not_given_up(bench: Bench) -> None:
    bench.door()
    bench.cloud.before.append(failing(Killed(), verb="Set"))
    with pytest.raises(Killed):
        bench.deliver()
    (action,) = bench.actions()
    continuation = Continuation(bench.deployment, Target.of_action(action, bench.deployment))
    with pytest.raises(Busy, match=f"action {action.id} on the same resource is in progress"):
        continuation.abandon(action, "given up")
    assert (bench.actions(), len(bench.locks())) == ([action], 1)


def test_a_dropped_lock_that_two_take_anew_is_taken_by_one(bench: Bench) -> None:
    bench.door()
    with killed_at(bench, verb="Set"):
        bench.deliver()
    with closing(sqlite3.connect(bench.path / "journal.sqlite")) as connection:
        connection.execute("DELETE FROM locks")
        connection.commit()
    (action,) = bench.actions()

    def resume() -> None:
        Continuation(bench.deployment, Target.of_action(action, bench.deployment)).resume(deepcopy(action))

    def another(verb: str) -> None:
        if verb == "reopen":
            bench.journal.before.remove(another)
            resume()

    bench.journal.before.append(another)
    with pytest.raises(Busy, match="has changed meanwhile"):
        resume()
    assert bench.cloud.writes() == ["Set door-1.front"]
    assert history(bench, action.id)[1:] == ["2 resumed", "2 applied change=front", "2 acted"]


def conflicting(bench: Bench, purpose: str, then: Callable[[], object] = lambda: None) -> None:
    """The next write meets a conflict, for somebody wrote something beside it."""

    def hook(call: Call) -> None:
        if (call.verb, call.purpose) == ("Set", purpose):
            bench.cloud.before.remove(hook)
            then()
            raise Conflict("Set", "PreconditionFailed", "it changed")

    bench.cloud.before.append(hook)


def test_a_conflict_with_a_write_beside_ours_is_written_once_more(bench: Bench) -> None:
    bench.door()
    conflicting(bench, "act")
    result = bench.deliver()
    assert (result.outcome, bench.cloud.writes()) == (Outcome.ACTED, ["Set door-1.front"])
    conflicting(bench, "undo")
    assert bench.undo(result.action_id).run().outcome is Outcome.UNDONE
    assert bench.cloud.things["door-1"]["front"] == "open"


def test_a_conflict_over_what_the_change_is_about_is_left_to_people(bench: Bench) -> None:
    bench.door()
    conflicting(bench, "act", lambda: bench.cloud.things["door-1"].update(front="ajar"))
    result = bench.deliver()
    assert (result.outcome, bench.cloud.writes()) == (Outcome.FAILED, [])
    assert "PreconditionFailed" in str(result.reason)


def test_a_write_that_is_sent_once_more_asks_the_kill_switch_again(bench: Bench) -> None:
    bench.door()

    def pause() -> None:
        bench.journal.keep(PAUSE, EVERYWHERE, {"by": "ann", "reason": "drill"}, None)
        bench.wall.now += 6

    conflicting(bench, "act", pause)
    with pytest.raises(Stopped, match="kill switch: ann paused everything"):
        bench.deliver()
    assert bench.cloud.writes() == []


def test_an_undo_that_was_made_is_made_whatever_the_cloud_answers(bench: Bench) -> None:
    """The second sending of a call that deletes finds nothing to delete."""
    bench.door()
    result = bench.deliver()
    bench.cloud.after.append(failing(Gone("Set", "NoSuchThing", "it is gone"), verb="Set", purpose="undo"))
    undone = bench.undo(result.action_id).run()
    assert (undone.outcome, undone.reason) == (Outcome.UNDONE, "a false alarm")


def test_a_step_on_the_way_overwrites_nothing_that_somebody_wrote_since_the_crash(bench: Bench) -> None:
    bench.vault()
    with killed_at(bench, verb="Set", name="connections"):
        bench.deliver(finding(vault()))
    bench.cloud.things["vault-1"]["connections"] = 7
    bench.lapse()
    result = bench.deliver(finding(vault()))
    assert bench.cloud.things["vault-1"]["connections"] == 7
    steps = {step.change.id: step.error for step in bench.action(result).steps if step.error}
    assert (list(steps), "drifted" in str(steps["connections"])) == (["connections"], True)
