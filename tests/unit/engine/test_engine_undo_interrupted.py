"""An undo that is denied, unanswered, killed or overtaken in the middle: it goes on, or leaves everything in order."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from stanch.action import Outcome
from stanch.clock import parse
from stanch.errors import AccessDenied, Busy, CloudError, Drifted, Unreachable
from stanch.expiry import amend
from stanch.finding import Resource
from stanch.remediation import Plan
from tests.unit.engine.bench import Bench, Wall, finding, of_type, playbook, vault
from tests.unit.engine.failing import Fuse, Killed, denied, failing, killed_at, killed_in
from tests.unit.engine.toy import Call, ToyCloud
from tests.unit.engine.toy_remediations import SealVault
from tests.unit.engine.vaults import assert_open_again, sealed


class AlarmFirst(SealVault):
    """Turns the alarm on before it puts the barrier there."""

    id = "aws.toy.alarm_first"

    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        plan = super().plan(resource, params)
        return replace(plan, changes=tuple(sorted(plan.changes, key=lambda change: change.id != "alarm")))


class TestInterrupted:
    def test_a_change_that_may_not_be_unmade_leaves_what_it_needs(self, bench: Bench) -> None:
        acted = sealed(bench)
        bench.cloud.before.append(failing(denied(), purpose="undo", name="barrier"))
        result = bench.undo(acted.action_id).run()
        barrier = f"stanch-{acted.action_id}"
        assert result.outcome is Outcome.PARTIAL
        assert result.reason == (
            f"undo: barrier of vault-1: {denied()}; barrier {barrier}: it stays because barrier of vault-1 needs it"
        )
        assert bench.cloud.things["vault-1"]["barrier"] == barrier
        assert bench.cloud.things[barrier] == {"state": "closed"}
        assert (bench.cloud.things["vault-1"]["alarm"], bench.locks()) == ("off", [])
        bench.cloud.before.clear()
        bench.cloud.calls.clear()
        assert bench.undo(acted.action_id).run().outcome is Outcome.UNDONE
        assert bench.cloud.writes() == ["Set vault-1.barrier", f"Delete {barrier}"]
        assert_open_again(bench)

    def test_what_was_made_before_it_is_unmade_all_the_same(self, bench: Bench) -> None:
        bench.registry[AlarmFirst.id] = f"{__name__}:{AlarmFirst.__name__}"
        bench.playbooks = [playbook("vaults", AlarmFirst.id, when=of_type(AlarmFirst))]
        acted = sealed(bench)
        assert [step.change.id for step in bench.action(acted).steps][:2] == ["alarm", "barrier"]
        bench.cloud.before.append(failing(denied(), purpose="undo", name="barrier"))
        assert bench.undo(acted.action_id).run().outcome is Outcome.PARTIAL
        assert bench.cloud.things["vault-1"]["alarm"] == "off"

    @pytest.mark.parametrize("where", [{"verb": "Set", "name": "barrier"}, {"verb": "Delete"}])
    def test_what_does_not_answer_hands_the_lease_back(self, bench: Bench, where: dict[str, str]) -> None:
        acted = sealed(bench)
        bench.cloud.before.append(failing(Unreachable("timeout"), purpose="undo", **where))
        with pytest.raises(Unreachable):
            bench.undo(acted.action_id).run()
        assert [until for _, _, until in bench.locks()] == [0.0]
        bench.cloud.before.clear()
        assert bench.undo(acted.action_id).run().outcome is Outcome.UNDONE
        assert_open_again(bench)

    @pytest.mark.parametrize("reads", range(1, 3))
    def test_a_read_under_the_lock_that_does_not_answer_hands_it_back(self, bench: Bench, reads: int) -> None:
        """The comparison under the lock, then the second look."""
        bench.door()
        acted = bench.deliver()
        bench.cloud.calls.clear()

        def deaf(call: Call) -> None:
            seen = sum(made.verb == "Describe" for made in bench.cloud.calls)
            if call.verb == "Describe" and seen == reads:
                raise Unreachable("timeout")

        bench.cloud.before.append(deaf)
        with pytest.raises(Unreachable):
            bench.undo(acted.action_id).run()
        assert [until for _, _, until in bench.locks()] == [0.0]
        bench.cloud.before.clear()
        assert bench.undo(acted.action_id).run().outcome is Outcome.UNDONE
        assert bench.cloud.things["door-1"]["front"] == "open"
        assert bench.cloud.writes() == ["Set door-1.front"]

    def test_a_comparison_that_is_denied_under_the_lock_frees_it(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()

        def deny(name: str) -> None:
            if name == "reopen":
                bench.cloud.before.append(failing(denied("Describe"), verb="Describe"))

        bench.journal.before.append(deny)
        with pytest.raises(AccessDenied):
            bench.undo(acted.action_id).run()
        assert (bench.action(acted).outcome, bench.locks()) == (Outcome.ACTED, [])

    def test_a_second_look_that_is_denied_is_unverified(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()

        def deny(call: Call) -> None:
            if call.verb == "Set":
                bench.cloud.before.append(failing(CloudError("Describe", "Odd", "no"), verb="Describe"))

        bench.cloud.after.append(deny)
        result = bench.undo(acted.action_id).run()
        assert (result.outcome, bench.locks()) == (Outcome.UNVERIFIED, [])
        assert result.reason == "undo: the result could not be read: Describe: Odd: no"
        bench.cloud.before.clear()
        assert bench.undo(acted.action_id).run().outcome is Outcome.UNDONE

    def test_drift_after_a_crash_frees_the_resource(self, bench: Bench) -> None:
        """Otherwise nobody could contain it again: the lock would stay for ever."""
        acted = sealed(bench)
        with killed_at(bench, purpose="undo", name="barrier"):
            bench.undo(acted.action_id).run()
        assert bench.cloud.things["vault-1"]["alarm"] == "off"
        bench.cloud.things["vault-1"]["barrier"] = "theirs"
        bench.lapse()
        with pytest.raises(Busy, match="was interrupted"):
            bench.deliver(finding(vault(), id="finding-2"))
        with pytest.raises(Drifted):
            bench.undo(acted.action_id).run()
        action = bench.action(acted)
        assert (action.outcome, bench.locks()) == (Outcome.PARTIAL, [])
        assert (action.reason or "").startswith("undo: drifted: barrier of vault-1")
        assert bench.told()[-1] == ("partial", action.reason)
        assert bench.deliver(finding(vault(), id="finding-2")).outcome is Outcome.ACTED

    def test_a_zombie_does_not_write(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()

        def stall(name: str) -> None:
            if name == "reopen":
                bench.lapse()

        bench.journal.after.append(stall)
        with pytest.raises(Busy, match="has run out"):
            bench.undo(acted.action_id).run()
        assert bench.cloud.things["door-1"]["front"] == "shut"

    def test_each_who_takes_it_over_fences_off_the_one_before(self, bench: Bench) -> None:
        """Even one that died between taking the lock and saying so in the record."""
        bench.door()
        acted = bench.deliver()
        with killed_at(bench, verb="Set"):
            bench.undo(acted.action_id).run()
        bench.lapse()
        with killed_in(bench, "claim", after=True):
            bench.undo(acted.action_id).run()
        assert [attempt for _, attempt, _ in bench.locks()] == [3]
        bench.lapse()
        assert bench.undo(acted.action_id).run().outcome is Outcome.UNDONE
        assert bench.action(acted).attempt == 4

    def test_what_somebody_wrote_between_its_read_and_its_lock_stays(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()

        def meanwhile(name: str) -> None:
            if name == "reopen":
                bench.journal.before.clear()
                amend(bench.deployment, bench.action(acted), "reminded")

        bench.journal.before.append(meanwhile)
        with pytest.raises(Busy, match="has changed meanwhile"):
            bench.undo(acted.action_id).run()
        assert bench.action(acted).chain[-1]["event"] == "reminded"
        assert (bench.action(acted).outcome, bench.cloud.things["door-1"]["front"]) == (Outcome.ACTED, "shut")

    def test_its_lock_is_anybodys_from_the_moment_that_it_ends(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()
        with killed_at(bench, verb="Set"):
            bench.undo(acted.action_id).run()
        ((_, _, until),) = bench.locks()
        bench.wall.now = until - 0.001
        with pytest.raises(Busy, match=f"action {acted.action_id} is in progress"):
            bench.undo(acted.action_id).run()
        bench.wall.now = until
        assert bench.undo(acted.action_id).run().outcome is Outcome.UNDONE

    def test_not_while_another_action_is_at_the_resource(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()
        bench.cloud.things["door-1"]["front"] = "open"
        bench.cloud.before.append(failing(Killed(), verb="Set"))
        with pytest.raises(Killed):
            bench.deliver(finding(id="finding-2"))
        ((other, _, _),) = bench.locks()
        with pytest.raises(Busy, match=f"action {other} on the same resource is in progress"):
            bench.undo(acted.action_id).run()
        assert other != acted.action_id

    def test_a_write_that_does_not_show_is_said(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()

        def lost(call: Call) -> None:
            if call.verb == "Set":
                bench.cloud.things["door-1"]["front"] = "shut"

        bench.cloud.after.append(lost)
        result = bench.undo(acted.action_id).run()
        assert (result.outcome, result.reason) == (
            Outcome.UNVERIFIED, "undo: a second look still differs: front of door-1",
        )  # fmt: skip

    def test_what_shows_at_once_is_not_waited_for(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()
        before = datetime.now(UTC)
        bench.wall.slept.clear()
        bench.undo(acted.action_id).run()
        assert bench.wall.slept == []
        assert parse(bench.action(acted).closed_at or "") >= before - timedelta(milliseconds=1)

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    def test_killed_at_every_call_it_goes_on(self, folder: Path, wall: Wall, after: bool) -> None:
        for k in range(60):
            place = folder / str(k)
            place.mkdir()
            bench = Bench(place, ToyCloud(), wall)
            acted = sealed(bench)
            bench.cloud.calls.clear()
            fuse = Fuse(bench, k, after)
            with contextlib.suppress(Killed):
                bench.undo(acted.action_id).run()
            fuse.lit = False
            bench.lapse()
            if bench.action(acted).outcome is not Outcome.UNDONE:
                assert bench.undo(acted.action_id).run().outcome is Outcome.UNDONE, f"killed at call {k}"
            assert_open_again(bench)
            writes = bench.cloud.writes()
            assert len(writes) == len(set(writes)) == 4, f"killed at call {k}"
            assert bench.locks() == []
            bench.drain()
            assert {report.outcome for report in bench.channel.reports} == {"acted", "undone"}
            assert len({report.key for report in bench.channel.reports}) == 2
            if not fuse.burnt:
                assert k > 15, "a whole undo has more calls than that"
                return
        raise AssertionError("the undo never ended")
