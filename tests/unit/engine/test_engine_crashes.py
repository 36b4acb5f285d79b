"""The process ends at any call, the journal or a channel does not answer: nothing is done twice, nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stanch import outbox
from stanch.action import Outcome
from stanch.errors import AccessDenied, Busy, Retryable, Throttled, Unreachable
from stanch.finding import Resource
from stanch.journal import OutboxItem
from tests.unit.engine.bench import Bench, Kept, Wall, door, finding, vault
from tests.unit.engine.failing import Fuse, Killed, denied, failing
from tests.unit.engine.killing import MAKERS, deaths
from tests.unit.engine.toy import Call, ToyCloud


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", MAKERS)
def test_killed_at_every_call_there_is_one_effect_and_undo_restores_it(
    folder: Path, wall: Wall, kind: str, after: bool
) -> None:
    for death in deaths(lambda place: Bench(place, ToyCloud(), wall), folder, kind, after):
        bench, resource, found = death.bench, death.resource, death.found
        _assert_durable(bench, found, resource)
        bench.lapse()
        result = bench.deliver(finding(resource))
        _assert_one_effect(bench, resource, death.k)
        bench.drain()
        assert {(report.key, report.outcome) for report in bench.channel.reports} == {
            (f"{result.action_id}:acted:1", "acted")
        }
        assert bench.undo(result.action_id).run().outcome is Outcome.UNDONE
        left = bench.cloud.snapshot()
        left[resource.id] |= {"photo": None, "connections": 3} if kind == "vault" else {}
        assert left == found, f"killed at call {death.k}"


def _assert_durable(bench: Bench, found: Any, resource: Resource) -> None:
    """Whatever was written, its before-state is in the journal."""
    if bench.cloud.writes():
        (action,) = bench.actions()
        for step in action.steps:
            if step.change.data.get("vault") or step.change.data.get("door"):
                name = step.change.data.get("name") or step.change.data["side"]
                assert step.change.before == found[resource.id][name]


def _assert_one_effect(bench: Bench, resource: Resource, k: int) -> None:
    (action,) = [action for action in bench.actions() if action.outcome is not Outcome.NO_OP]
    assert (action.outcome, bench.locks()) == (Outcome.ACTED, []), f"killed at call {k}"
    live = bench.cloud.things[resource.id]
    if "front" in live:
        assert live["front"] == "shut"
        assert bench.cloud.writes() == [f"Set {resource.id}.front"], f"killed at call {k}"
    else:
        assert (live["barrier"], live["alarm"]) == (f"stanch-{action.id}", "on")
        for write in (f"Create stanch-{action.id}", f"Set {resource.id}.barrier", f"Set {resource.id}.alarm"):
            assert bench.cloud.writes().count(write) == 1, f"killed at call {k}"


def once(error: Exception, name: str) -> Callable[[str], None]:
    """A hook of the journal that raises at the first call of that name."""
    left = [error]

    def hook(called: str) -> None:
        if called == name and left:
            raise left.pop()

    return hook


class TestJournal:
    @pytest.mark.parametrize("error", [Throttled("busy"), Unreachable("away"), AccessDenied("open", "Denied", "no")])
    def test_nothing_is_written_before_the_before_state_is_durable(self, bench: Bench, error: Exception) -> None:
        bench.door()
        bench.journal.before.append(once(error, "open"))
        with pytest.raises(type(error)):
            bench.deliver()
        assert bench.cloud.writes() == []
        assert bench.deliver().outcome is Outcome.ACTED

    def test_the_answer_of_opening_is_lost(self, bench: Bench) -> None:
        bench.door()
        bench.journal.after.append(once(Unreachable("the answer was lost"), "open"))
        with pytest.raises(Unreachable):
            bench.deliver()
        assert bench.cloud.writes() == []
        with pytest.raises(Busy):
            bench.deliver()
        bench.lapse()
        assert bench.deliver().outcome is Outcome.ACTED
        assert bench.cloud.writes() == ["Set door-1.front"]

    @pytest.mark.parametrize("error", [Throttled("busy"), Unreachable("away"), AccessDenied("record", "Denied", "no")])
    def test_it_fails_after_the_effect(self, bench: Bench, error: Exception) -> None:
        bench.door()
        bench.journal.before.append(once(error, "close"))
        with pytest.raises(type(error)):
            bench.deliver()
        assert bench.cloud.writes() == ["Set door-1.front"]
        (action,) = bench.actions()
        assert (action.outcome, bench.told()) == (None, [])
        with pytest.raises(Busy):
            bench.deliver()
        bench.lapse()
        result = bench.deliver()
        assert (result.outcome, result.action_id) == (Outcome.ACTED, action.id)
        assert bench.cloud.writes() == ["Set door-1.front"]
        assert bench.told() == [("acted", None)]
        assert bench.locks() == []

    @pytest.mark.parametrize("error", [Throttled("busy"), Unreachable("away"), AccessDenied("record", "Denied", "no")])
    def test_it_fails_between_two_changes(self, bench: Bench, error: Exception) -> None:
        sealed = finding(bench.vault())
        bench.journal.before.append(once(error, "record"))
        with pytest.raises(type(error)):
            bench.deliver(sealed)
        (action,) = bench.actions()
        made = [f"Create stanch-{action.id}"]
        assert (bench.cloud.writes(), action.outcome, bench.told()) == (made, None, [])
        bench.lapse()
        result = bench.deliver(sealed)
        assert (result.outcome, result.action_id) == (Outcome.ACTED, action.id)
        assert [write for write in bench.cloud.writes() if write.startswith("Create")] == made
        assert bench.locks() == []

    def test_the_only_change_is_recorded_with_the_end(self, bench: Bench) -> None:
        bench.door()
        result = bench.deliver()
        assert [name for name in bench.journal.writes if name != "look"] == ["open", "close", "sent"]
        assert [entry["event"] for entry in bench.action(result).chain] == ["opened", "applied", "acted"]

    def test_every_change_but_the_last_is_recorded_at_once(self, bench: Bench) -> None:
        result = bench.deliver(finding(bench.vault()))
        steps = bench.action(result).steps
        assert bench.journal.writes.count("record") == len(steps) - 1

    def test_a_change_is_recorded_before_the_second_look_waits(self, bench: Bench) -> None:
        bench.door()
        seen: list[list[str]] = []

        def late(call: Call) -> None:
            """What was set shows only after a while, as in IAM."""
            if call.write:
                bench.cloud.things["door-1"]["front"] = "open"
            elif bench.wall.slept:
                seen.append(list(bench.journal.writes))
                bench.cloud.things["door-1"]["front"] = "shut"

        bench.cloud.after.append(late)
        assert bench.deliver().outcome is Outcome.ACTED
        assert len(bench.wall.slept) >= 1
        assert seen[0][-1] == "record"

    def test_it_cannot_be_read(self, bench: Bench) -> None:
        bench.door()
        bench.journal.before.append(once(Unreachable("away"), "look"))
        with pytest.raises(Retryable):
            bench.deliver()
        assert bench.cloud.calls == []

    def test_what_is_held_last_is_not_lost_with_it(self, bench: Bench) -> None:
        """Nothing can be journaled: the delivery fails as a whole, so that the queue keeps it."""

        def dead(name: str) -> None:
            raise Unreachable("away")

        bench.door()
        bench.journal.before.append(dead)
        with pytest.raises(Unreachable):
            bench.deliver(last=True)


class TestReports:
    def test_a_channel_that_fails_leaves_the_outcome_and_the_report(self, bench: Bench) -> None:
        bench.door()
        bench.channel.broken = True
        result = bench.deliver()
        assert (result.outcome, result.notified) == (Outcome.ACTED, [])
        (pending,) = bench.journal.pending()
        assert pending.errors == {"soc": "soc does not answer"}
        assert bench.drain() == 0
        bench.channel.broken = False
        assert bench.drain() == 1
        assert [report.key for report in bench.channel.reports] == [pending.key]
        assert (list(bench.journal.pending()), bench.drain()) == ([], 0)
        assert len(bench.channel.reports) == 1

    def test_a_journal_that_fails_after_the_report_fails_nothing(self, bench: Bench) -> None:
        """It may go out again, under the same key."""
        bench.door()
        bench.journal.before.append(once(Throttled("busy"), "sent"))
        result = bench.deliver(last=True)
        assert (result.outcome, result.notified) == (Outcome.ACTED, ["soc"])
        assert bench.drain() == 1
        assert len({report.key for report in bench.channel.reports}) == 1
        assert [report.outcome for report in bench.channel.reports] == ["acted", "acted"]

    def undelivered(self, bench: Bench) -> tuple[OutboxItem, Kept, Kept]:
        """A report that is for two channels, which nobody has told of it."""
        bench.door()
        bench.channel.broken = True
        bench.deliver()
        (item,) = bench.journal.pending()
        item.channels = {"first": None, "second": None}
        return item, Kept("first"), Kept("second")

    def test_a_crash_at_the_second_channel_does_not_repeat_the_first(self, bench: Bench) -> None:
        item, first, second = self.undelivered(bench)
        bench.journal.sent(item)

        def killed(report: Any) -> None:
            raise Killed

        send, second.send = second.send, killed  # type: ignore[method-assign]
        channels = {"soc": bench.channel, "first": first, "second": second}
        with pytest.raises(Killed):
            outbox.drain(bench.journal, channels)
        second.send = send  # type: ignore[method-assign]
        bench.channel.broken = False
        assert outbox.drain(bench.journal, channels) == 1
        assert [len(channel.reports) for channel in (bench.channel, first, second)] == [1, 1, 1]

    def test_every_channel_is_tried_though_the_journal_fails(self, bench: Bench) -> None:
        item, first, second = self.undelivered(bench)

        def away(name: str) -> None:
            raise Unreachable("away")

        bench.journal.before.append(away)
        with pytest.raises(Unreachable):
            outbox.deliver(bench.journal, item, {"first": first, "second": second})
        assert [len(channel.reports) for channel in (first, second)] == [1, 1]

    def test_a_channel_that_is_configured_no_more_stays_listed(self, bench: Bench) -> None:
        bench.door()
        bench.channel.broken = True
        bench.deliver()
        deployment = bench.deployment
        deployment.channels = {}
        assert outbox.drain(deployment.journal, deployment.channels) == 0
        (pending,) = bench.journal.pending()
        assert pending.errors == {"soc": "no such channel is configured any more"}

    def test_a_defect_of_a_channel_is_not_taken_for_a_missing_one(self, bench: Bench) -> None:
        bench.door()

        def defect(report: Any) -> None:
            raise KeyError("soc")

        bench.channel.send = defect  # type: ignore[method-assign]
        with pytest.raises(KeyError):
            bench.deliver()
        assert [item.pending for item in bench.journal.pending()] == [["soc"]]

    def test_every_state_change_has_a_key_of_its_own(self, bench: Bench) -> None:
        bench.vault()
        bench.cloud.before.append(failing(denied(), name="alarm"))
        result = bench.deliver(finding(vault()))
        bench.cloud.before[:] = [failing(denied(), purpose="undo", name="barrier")]
        assert bench.undo(result.action_id).run().outcome is Outcome.PARTIAL
        bench.cloud.before.clear()
        assert bench.undo(result.action_id).run().outcome is Outcome.UNDONE
        assert [report.outcome for report in bench.channel.reports] == ["partial", "partial", "undone"]
        assert len({report.key for report in bench.channel.reports}) == 3

    def test_a_crash_between_closing_and_telling_loses_no_report(self, bench: Bench) -> None:
        bench.door()

        def killed(report: Any) -> None:
            raise Killed

        send, bench.channel.send = bench.channel.send, killed  # type: ignore[method-assign]
        with pytest.raises(Killed):
            bench.deliver()
        bench.channel.send = send  # type: ignore[method-assign]
        assert bench.deliver().outcome is Outcome.NO_OP
        assert (bench.told(), bench.drain()) == ([], 1)
        assert bench.told() == [("acted", None)]

    def test_the_door_of_another_finding_is_not_in_the_way(self, bench: Bench) -> None:
        bench.door(), bench.door("door-2")
        Fuse(bench, 6, after=False)
        with pytest.raises(Killed):
            bench.deliver()
        assert bench.deliver(finding(door("door-2"), id="other")).outcome is Outcome.ACTED
