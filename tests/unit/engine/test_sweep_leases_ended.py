"""What follows the end of a lease: extended before it, or undone where nothing forbids it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from stanch import chain, expiry
from stanch.action import Outcome
from stanch.clock import parse
from stanch.deployment import Settings
from stanch.errors import Busy, InvalidInput, Refused, Unreachable
from stanch.playbooks.limits import Freeze
from stanch.restraint import EVERYWHERE, EXEMPT, PAUSE
from tests.unit.engine.bench import LEASE, Wall, door, finding, of_type, playbook
from tests.unit.engine.failing import failing
from tests.unit.engine.leasing import REMIND, UNDO, acted, extend, told
from tests.unit.engine.sweeping import Sweeping
from tests.unit.engine.toy import ToyCloud
from tests.unit.engine.toy_remediations import RevokeBadges


@pytest.fixture
def bench(wall: Wall, folder: Path) -> Sweeping:
    found = Sweeping(folder, ToyCloud(), wall, playbooks=[REMIND])
    found.door()
    return found


class TestExtending:
    def test_it_runs_longer_and_reminds_anew(self, bench: Sweeping) -> None:
        action = acted(bench)
        end = parse((bench.the(action).expires or {})["at"])
        bench.wait(hours=9, minutes=5)
        bench.swept("leases")
        bench.news()
        result = extend(bench, action, hours=5)
        lease = bench.the(action).expires or {}
        assert parse(lease["at"]) == end + timedelta(hours=5)
        assert str(result.reason).endswith("UTC: still needed")
        assert told(bench) == [(f"{action}:lease-until:{lease['at']}", "acted")]
        assert bench.the(action).chain[-1]["by"] == "ann@corp.example"
        assert chain.verify(bench.the(action)) == []
        bench.wait(hours=5, minutes=59)  # 15.07 h after the beginning, past the new end
        bench.swept("leases")
        assert told(bench) == [(f"{action}:lease:1", "acted")]

    def test_after_its_end_it_runs_from_now(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.journal.keep(expiry.KIND, action, {"at": "2020-01-01T00:00:00Z"}, None)
        record = bench.the(action)
        record.expires = {**(record.expires or {}), "since": "2020-01-01T00:00:00Z", "at": "2020-01-02T00:00:00Z"}
        expiry.amend(bench.deployment, record, "set back")
        bench.swept("leases")
        assert bench.journal.kept(expiry.KIND) == {}
        extend(bench, action, hours=2)
        lease = bench.the(action).expires or {}
        assert abs(parse(lease["at"]) - datetime.now(UTC) - timedelta(hours=2)) < timedelta(seconds=30)
        assert abs(parse(lease["since"]) - datetime.now(UTC)) < timedelta(seconds=30), "its parts are counted from now"
        bench.wait(hours=1, minutes=30)
        assert bench.swept("leases").done == 1

    def test_what_is_refused(self, bench: Sweeping) -> None:
        action = acted(bench)
        with pytest.raises(Refused, match="unknown action"):
            extend(bench, "0" * 12 + "-1")
        with pytest.raises(Refused, match=r"^reason: say why"):
            extend(bench, action, reason=" ")
        with pytest.raises(InvalidInput, match=r"^for: must be between a second and 366 days"):
            extend(bench, action, hours=-1)
        bench.undo(action).run()
        with pytest.raises(Refused, match=r"^lease: .*\(undone\) stands on no lease"):
            extend(bench, action)
        without = bench.action(bench.runbook(bench.door("door-2")).apply())
        with pytest.raises(Refused, match="stands on no lease"):
            extend(bench, without.id)

    def test_not_while_somebody_is_at_it(self, bench: Sweeping) -> None:
        action = acted(bench)
        record = bench.the(action)
        bench.journal.reopen(record, bench.deployment.lease(record))
        with pytest.raises(Busy):
            extend(bench, action)
        assert (bench.the(action).expires or {})["at"] == (record.expires or {})["at"]


class TestUndoing:
    @pytest.fixture(autouse=True)
    def undo(self, bench: Sweeping) -> None:
        bench.playbooks = [UNDO]

    def test_what_is_harmless_is_undone_at_the_end(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.wait(hours=9, minutes=59)
        bench.swept("leases")
        assert bench.outcome(action) is Outcome.ACTED
        assert "it is undone by itself" in str(bench.news()[0].reason)
        bench.wait(minutes=2)
        (result,) = bench.swept("leases").results
        assert (result.action_id, result.outcome) == (action, Outcome.UNDONE)
        assert bench.cloud.things["door-1"]["front"] == "open"
        assert (bench.the(action).undo or {})["requester"] == "stanch (lease)"
        assert [outcome for _, outcome in told(bench)] == ["undone"]
        assert bench.journal.kept(expiry.KIND) == {}

    def test_the_finding_does_not_close_it_again(self, bench: Sweeping) -> None:
        acted(bench)
        bench.wait(hours=11)
        bench.swept("leases")
        again = bench.deliver(finding(version="2"))
        assert (again.outcome, "stanch (lease) undid" in str(again.reason)) == (Outcome.HELD, True)

    def assert_stays(self, bench: Sweeping, action: str, reason: str) -> None:
        """It is left to people, who hear why."""
        writes = bench.cloud.writes()
        bench.wait(hours=11)
        (result,) = bench.swept("leases").results
        assert "and it is not undone by itself: " in str(result.reason)
        assert reason in str(result.reason)
        assert (f"{action}:lease:0", "acted") in told(bench)
        assert (bench.outcome(action), bench.cloud.writes()) == (Outcome.ACTED, writes)
        bench.wait(hours=1)
        assert bench.swept("leases").done == 0

    def test_not_what_somebody_changed_since(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.cloud.things["door-1"]["front"] = "ajar"
        self.assert_stays(bench, action, "drifted: front of door-1 is now 'ajar'")

    def test_not_what_re_arms_what_was_cut_off(self, bench: Sweeping) -> None:
        """A policy file that says so does not load; one that was compiled before may."""
        bench.playbooks = [playbook("badges", RevokeBadges.id, when=of_type(RevokeBadges), expires=UNDO.expires)]
        bench.cloud.things["badge-1"] = dict(bench.cloud.things["door-1"])
        badge = replace(door("badge-1"), type=RevokeBadges.resource_type)
        action = str(bench.deliver(finding(badge)).action_id)
        bench.wait(hours=2)  # past its own delay once the lease is over
        self.assert_stays(bench, action, "undoing it may re-arm what it cut off")

    def test_not_while_somebody_paused_it(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.journal.keep(PAUSE, EVERYWHERE, {"by": "ann", "reason": "drill"}, None)
        self.assert_stays(bench, action, "kill switch: ann paused everything")

    def test_not_in_a_freeze(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.more["freeze"] = (Freeze("year-end", "approve", from_="2020-01-01", to="2999-01-01"),)
        self.assert_stays(bench, action, "freeze: year-end is on")

    def test_not_what_a_person_exempted(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.journal.keep(EXEMPT, "door-1", {"by": "ann", "until": "later", "reason": "investigation"}, None)
        self.assert_stays(bench, action, "exempted: ann exempted door-1")

    def test_not_above_the_ceiling(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.settings = Settings(ceiling="approve", lease=LEASE, verify_delays=())
        self.assert_stays(bench, action, "approve is the most that automation may do there")

    def test_a_cloud_that_does_not_answer_is_asked_again(self, bench: Sweeping) -> None:
        action = acted(bench)
        down = failing(Unreachable("Set: no answer"), verb="Set")
        bench.cloud.before.append(down)
        bench.wait(hours=11)
        assert "no answer" in str(bench.sweep().errors)
        bench.cloud.before.remove(down)
        bench.wait(minutes=5)
        bench.sweep()
        assert bench.outcome(action) is Outcome.UNDONE
        assert (bench.the(action).undo or {})["requester"] == "stanch (lease)"

    def test_an_extension_keeps_it(self, bench: Sweeping) -> None:
        action = acted(bench)
        bench.wait(hours=9, minutes=59)
        extend(bench, action)
        bench.wait(minutes=5)
        bench.swept("leases")
        assert (bench.outcome(action), bench.cloud.things["door-1"]["front"]) == (Outcome.ACTED, "shut")
