"""Leases: who may write, for how long, and who takes over when somebody stops in the middle."""

from __future__ import annotations

import pytest

from stanch.action import Outcome, Status
from stanch.deployment import Settings
from stanch.errors import Busy, Fenced, Throttled, Unreachable
from stanch.journal import Lease
from stanch.result import Result
from stanch.transaction import MARGIN, WRITE
from tests.unit.engine.bench import LEASE, Bench, door, finding, vault
from tests.unit.engine.failing import failing
from tests.unit.engine.toy import Call


class TestLeases:
    def test_a_zombie_does_not_write(self, bench: Bench) -> None:
        """Its lease runs out while it waits for its session; by then somebody else may be at it."""
        bench.door()

        def stall(call: Call) -> None:
            if call.purpose == "act" and call.verb == "Assume":
                bench.wall.now += LEASE - LEASE / 18 + 0.001

        bench.cloud.before.append(stall)
        with pytest.raises(Fenced, match="has run out"):
            bench.deliver()
        assert bench.cloud.writes() == []

    def test_what_is_left_of_a_lease_suffices_for_a_write(self, bench: Bench) -> None:
        bench.door()

        def stall(call: Call) -> None:
            if call.purpose == "act" and call.verb == "Assume":
                bench.wall.now += LEASE - LEASE / 18 - 0.001

        bench.cloud.before.append(stall)
        assert bench.deliver().outcome is Outcome.ACTED

    @pytest.mark.parametrize("stalled", [0.0, 0.2, 0.3, 0.9])
    def test_a_write_begins_with_a_lease_that_outlasts_it(self, bench: Bench, stalled: float) -> None:
        """However long the reads before it took: what is left covers the longest that a session lets a write take."""
        bench.door()
        left: list[float] = []

        def watch(call: Call) -> None:
            if call.purpose == "act" and call.verb == "Assume":
                bench.wall.now += LEASE * stalled
            if call.write:
                left.extend(until - bench.wall.now for _, _, until in bench.locks())

        bench.cloud.before.append(watch)
        assert bench.deliver().outcome is Outcome.ACTED
        assert left
        assert min(left) >= LEASE * (MARGIN + WRITE)

    def test_the_margin_shrinks_with_the_lease(self, bench: Bench) -> None:
        bench.door()
        bench.settings = Settings(ceiling="auto", lease=1.0, verify_delays=())
        assert bench.deliver().outcome is Outcome.ACTED

    def test_a_zombie_whose_action_was_taken_over_neither_writes_nor_records(self, bench: Bench) -> None:
        bench.vault()
        rows: list[Result] = []

        def taken_over(call: Call) -> None:
            if call.name == "barrier" and not rows:
                bench.lapse()
                rows.append(Result(Outcome.ACTED))
                rows[0] = bench.deliver(finding(vault()))

        bench.cloud.after.append(taken_over)
        with pytest.raises(Fenced, match="no longer holds"):
            bench.deliver(finding(vault()))
        assert rows[0].outcome is Outcome.ACTED
        action = bench.action(rows[0])
        assert (action.attempt, action.outcome) == (2, Outcome.ACTED)
        assert [entry["attempt"] for entry in action.chain] == [1, 1] + [2] * (len(action.chain) - 2)
        assert bench.cloud.writes().count("Set vault-1.barrier") == 1
        assert bench.told() == [("acted", None)]
        assert bench.locks() == []

    def test_a_slow_read_before_the_write_counts(self, bench: Bench) -> None:
        """A resumed attempt reads first: the lease is looked at after that, just before the write."""
        bench.door()
        bench.cloud.before.append(failing(Unreachable("timeout"), verb="Set"))
        with pytest.raises(Unreachable):
            bench.deliver()

        def slow(call: Call) -> None:
            if call.purpose == "act" and call.verb == "Describe":
                bench.wall.now += LEASE

        bench.cloud.before[:] = [slow]
        with pytest.raises(Fenced):
            bench.deliver()
        assert bench.cloud.writes() == []

    def test_the_lease_is_renewed_with_every_record(self, bench: Bench) -> None:
        bench.vault()

        def slow(call: Call) -> None:
            if call.write:
                bench.wall.now += LEASE / 2

        bench.cloud.before.append(slow)
        assert bench.deliver(finding(vault())).outcome is Outcome.ACTED

    @pytest.mark.parametrize("where", [{"verb": "Set"}, {"verb": "Assume", "purpose": "act"}])
    def test_what_does_not_answer_hands_the_lease_back(self, bench: Bench, where: dict[str, str]) -> None:
        bench.door()
        bench.cloud.before.append(failing(Throttled("slow down"), **where))
        with pytest.raises(Throttled):
            bench.deliver()
        ((action_id, attempt, until),) = bench.locks()
        assert (attempt, until) == (1, 0.0)
        bench.cloud.before.clear()
        result = bench.deliver()
        assert (result.outcome, result.action_id) == (Outcome.ACTED, action_id)
        assert bench.action(result).attempt == 2
        assert bench.cloud.writes() == ["Set door-1.front"]

    @pytest.mark.parametrize("verb", ["Assume", "Describe"])
    def test_a_second_look_that_does_not_answer_hands_the_lease_back(self, bench: Bench, verb: str) -> None:
        bench.door()

        def deaf(call: Call) -> None:
            if bench.cloud.writes() and call.purpose == "read" and call.verb == verb:
                raise Unreachable("timeout")

        bench.cloud.before.append(deaf)
        with pytest.raises(Unreachable):
            bench.deliver()
        assert [until for _, _, until in bench.locks()] == [0.0]
        bench.cloud.before.clear()
        result = bench.deliver()
        assert result.outcome is Outcome.ACTED
        assert bench.cloud.writes() == ["Set door-1.front"]
        assert bench.told() == [("acted", None)]

    def test_an_answer_that_was_lost_is_looked_for_before_it_is_written_again(self, bench: Bench) -> None:
        bench.door()
        lost = [Unreachable("the answer was lost")]

        def lose(call: Call) -> None:
            if call.verb == "Set" and lost:
                raise lost.pop()

        bench.cloud.after.append(lose)
        with pytest.raises(Unreachable):
            bench.deliver()
        result = bench.deliver()
        assert (result.outcome, bench.action(result).steps[0].status) == (Outcome.ACTED, Status.APPLIED)
        assert bench.cloud.writes() == ["Set door-1.front"]

    def test_what_somebody_changed_meanwhile_is_not_overwritten(self, bench: Bench) -> None:
        bench.door()
        bench.cloud.before.append(failing(Throttled("slow down"), verb="Set"))
        with pytest.raises(Throttled):
            bench.deliver()
        bench.cloud.before.clear()
        bench.cloud.things["door-1"]["front"] = "ajar"
        result = bench.deliver()
        assert (result.outcome, bench.cloud.things["door-1"]["front"]) == (Outcome.FAILED, "ajar")
        assert "front of door-1 is now 'ajar'" in (result.reason or "")
        assert bench.locks() == []

    def test_after_the_last_delivery_nothing_stays_open(self, bench: Bench) -> None:
        bench.door()

        def deaf(call: Call) -> None:
            if bench.cloud.writes() and call.verb == "Describe":
                raise Unreachable("timeout")

        bench.cloud.before.append(deaf)
        result = bench.deliver(last=True)
        assert (result.outcome, result.reason) == (Outcome.UNVERIFIED, "unknown after the last delivery: timeout")
        assert bench.told() == [("unverified", result.reason)]
        assert bench.locks() == []
        bench.cloud.before.clear()
        assert bench.undo(result.action_id).run().outcome is Outcome.UNDONE
        assert bench.cloud.things["door-1"]["front"] == "open"

    def test_no_effect_goes_on_while_the_ceiling_is_observe(self, bench: Bench) -> None:
        bench.door()
        bench.cloud.before.append(failing(Throttled("slow down"), verb="Set"))
        with pytest.raises(Throttled):
            bench.deliver()
        bench.cloud.before.clear()
        bench.settings = Settings(ceiling="observe")
        with pytest.raises(Busy, match="the ceiling is observe"):
            bench.deliver()
        assert bench.cloud.writes() == []
        assert bench.runbook(door()).apply().outcome is Outcome.ACTED, "a person may"

    def test_what_a_person_is_deciding_is_not_closed_after_the_last_delivery(self, bench: Bench) -> None:
        bench.door()
        bench.settings = Settings(ceiling="approve")
        waiting = bench.action(bench.deliver())
        bench.journal.reopen(waiting, Lease(waiting.effect, waiting.id, waiting.attempt, 0.0))
        bench.settings = Settings(ceiling="observe")
        result = bench.deliver(finding(id="finding-2"), last=True)
        assert result.outcome is Outcome.PLANNED, "the lock that a crashed decision left keeps nobody waiting"
        assert result.action_id != waiting.id
        assert (bench.journal.get(waiting.id) or waiting).outcome is Outcome.AWAITING_APPROVAL
