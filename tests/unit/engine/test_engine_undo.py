"""Undo: compared first, exact, refused where it must be, and gone on with after whatever interrupted it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stanch import undo as undo_module
from stanch.action import Outcome, Status
from stanch.decision import Decision, Identity
from stanch.decision import Request as Approval
from stanch.deployment import Settings
from stanch.errors import Busy, Drifted, Refused, Throttled
from stanch.finding import Resource
from stanch.playbooks.limits import Protect
from tests.unit.engine.bench import Bench, finding, of_type, playbook, vault
from tests.unit.engine.failing import denied, failing
from tests.unit.engine.toy import ACCOUNT, Call
from tests.unit.engine.toy_remediations import BurnLetter, CloseDoor, RevokeBadges
from tests.unit.engine.vaults import assert_open_again, sealed


class TestUndone:
    def test_the_before_state_stands_again(self, bench: Bench) -> None:
        bench.door()
        found = bench.cloud.snapshot()
        acted = bench.deliver()
        result = bench.undo(acted.action_id).run()
        assert (result.outcome, result.reason, result.action_id) == (Outcome.UNDONE, "a false alarm", acted.action_id)
        assert bench.cloud.snapshot() == found
        action = bench.action(result)
        assert (action.outcome, action.steps[0].status) == (Outcome.UNDONE, Status.UNDONE)
        assert action.undo is not None
        assert (action.undo["requester"], action.undo["reason"]) == ("analyst", "a false alarm")
        assert [entry["event"] for entry in action.chain] == ["opened", "applied", "acted", "undo opened", "undone", "undone"]  # fmt: skip
        assert bench.locks() == []
        assert bench.told() == [("acted", None), ("undone", "a false alarm")]

    def test_several_changes_last_first(self, bench: Bench) -> None:
        acted = sealed(bench)
        bench.cloud.calls.clear()
        assert bench.undo(acted.action_id).run().outcome is Outcome.UNDONE
        assert_open_again(bench)
        barrier = f"stanch-{acted.action_id}"
        assert bench.cloud.writes() == ["Set vault-1.label", "Set vault-1.alarm", "Set vault-1.barrier", f"Delete {barrier}"]  # fmt: skip

    def test_preview_writes_nothing(self, bench: Bench) -> None:
        acted = sealed(bench)
        bench.cloud.calls.clear()
        bench.journal.writes.clear()
        steps = bench.undo(acted.action_id).preview()
        assert [(step.change.id, write) for step, write in steps] == [
            ("label", True), ("alarm", True), ("placed", True), ("barrier", True),
        ]  # fmt: skip
        assert (bench.cloud.writes(), [name for name in bench.journal.writes if name != "look"]) == ([], [])

    def test_what_is_as_it_was_already_is_not_written(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()
        bench.cloud.things["door-1"]["front"] = "open"
        bench.cloud.calls.clear()
        assert bench.undo(acted.action_id).run().outcome is Outcome.UNDONE
        assert bench.cloud.writes() == []

    def test_a_result_that_shows_late_is_waited_for(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()
        bench.wall.slept.clear()

        def late(call: Call) -> None:
            if call.verb == "Set":
                bench.cloud.things["door-1"]["front"] = "shut"
            elif bench.wall.slept:
                bench.cloud.things["door-1"]["front"] = "open"

        bench.cloud.after.append(late)
        bench.cloud.before.append(late)
        assert bench.undo(acted.action_id).run().outcome is Outcome.UNDONE

    def test_of_a_partial_action(self, bench: Bench) -> None:
        bench.vault()
        bench.cloud.before.append(failing(denied("Create"), verb="Create"))
        acted = bench.deliver(finding(vault()))
        assert acted.outcome is Outcome.PARTIAL
        bench.cloud.before.clear()
        result = bench.undo(acted.action_id).run()
        assert (result.outcome, result.reason) == (Outcome.UNDONE, "a false alarm")
        assert bench.cloud.things["vault-1"]["alarm"] == "off"
        statuses = {step.change.id: step.status for step in bench.action(result).steps}
        assert (statuses["barrier"], statuses["placed"]) == (Status.UNDONE, Status.SKIPPED)

    def test_a_tag_that_somebody_took_over_is_left_to_them(self, bench: Bench) -> None:
        acted = sealed(bench)
        bench.cloud.things["vault-1"]["label"] = "theirs"
        assert bench.undo(acted.action_id).run().outcome is Outcome.UNDONE
        assert bench.cloud.things["vault-1"]["label"] == "theirs"
        assert bench.cloud.things["vault-1"]["alarm"] == "off"


class TestRefused:
    def test_drift_and_nothing_is_touched(self, bench: Bench) -> None:
        acted = sealed(bench)
        bench.cloud.things["vault-1"]["barrier"] = "theirs"
        found, record = bench.cloud.snapshot(), bench.action(acted).as_json()
        with pytest.raises(Drifted, match="barrier of vault-1 is now 'theirs'"):
            bench.undo(acted.action_id).run()
        assert bench.cloud.snapshot() == found
        assert bench.action(acted).as_json() == record
        assert bench.locks() == []
        result = bench.undo(acted.action_id, force=True).run()
        assert (result.outcome, bench.cloud.things["vault-1"]["barrier"]) == (Outcome.UNDONE, "none")

    def test_drift_at_the_last_moment_closes_the_action_as_it_was(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()

        def drift(name: str) -> None:
            if name == "reopen":
                bench.cloud.things["door-1"]["front"] = "ajar"

        bench.journal.before.append(drift)
        with pytest.raises(Drifted):
            bench.undo(acted.action_id).run()
        action = bench.action(acted)
        assert (action.outcome, action.undo, bench.locks()) == (Outcome.ACTED, None, [])
        assert bench.cloud.things["door-1"]["front"] == "ajar"
        assert bench.told() == [("acted", None)]
        bench.cloud.things["door-1"]["front"] = "open"
        assert bench.deliver().outcome is Outcome.ACTED, "nobody undid anything"

    def test_a_second_undo(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()
        bench.undo(acted.action_id).run()
        with pytest.raises(Refused, match=r"undone: action .* was undone at 20"):
            bench.undo(acted.action_id).run()

    def test_a_second_undo_that_was_looked_at_before_the_first_ran(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()
        slow = bench.undo(acted.action_id, who="slow")
        slow.preview()
        bench.undo(acted.action_id, who="quick").run()
        record = bench.action(acted).as_json()
        with pytest.raises(Refused, match="was undone"):
            slow.run()
        assert bench.action(acted).as_json() == record, "the record of the first stands as it was"
        assert bench.told() == [("acted", None), ("undone", "a false alarm")]

    def test_a_second_undo_that_begins_while_the_first_runs(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()

        def second(call: Call) -> None:
            if call.verb == "Set":
                with pytest.raises(Busy, match="in progress"):
                    bench.undo(acted.action_id, who="second").run()

        bench.cloud.before.append(second)
        assert bench.undo(acted.action_id).run().outcome is Outcome.UNDONE
        assert bench.cloud.writes() == ["Set door-1.front", "Set door-1.front"]

    def test_an_action_that_nobody_knows(self, bench: Bench) -> None:
        with pytest.raises(Refused, match="unknown action"):
            bench.undo("0123456789ab-0123456789a")

    @pytest.mark.parametrize("mode", ["observe", "approve"])
    def test_what_changed_nothing(self, bench: Bench, mode: Any) -> None:
        bench.door()
        bench.settings = Settings(ceiling=mode)
        result = bench.deliver()
        with pytest.raises(Refused, match=f"nothing to undo: action .* ended as {result.outcome} and changed nothing"):
            bench.undo(result.action_id, force=True).run()

    def test_what_was_held_or_a_no_op(self, bench: Bench) -> None:
        bench.door(front="shut")
        with pytest.raises(Refused, match="ended as no_op"):
            bench.undo(bench.deliver().action_id).run()
        bench.exempt(names=("door-*",))
        bench.door()
        with pytest.raises(Refused, match="ended as held"):
            bench.undo(bench.deliver().action_id).run()

    def test_an_action_that_is_open(self, bench: Bench) -> None:
        bench.door()
        bench.cloud.before.append(failing(Throttled("slow down"), verb="Set"))
        with pytest.raises(Throttled):
            bench.deliver()
        ((action_id, _, _),) = bench.locks()
        with pytest.raises(Refused, match=r"open: action .* is still open"):
            bench.undo(action_id).run()

    def test_what_is_irreversible_even_by_force(self, bench: Bench) -> None:
        bench.door("letter-1")
        letter = Resource(BurnLetter.resource_type, "letter-1", ACCOUNT)
        bench.playbooks = [playbook("letters", BurnLetter.id, when=of_type(BurnLetter))]
        acted = bench.deliver(finding(letter))
        for person in ("alice", "bob"):
            acted = Decision(bench.deployment, Approval(acted.action_id or "", Identity(person, person))).approve()
        assert acted.outcome is Outcome.ACTED
        assert bench.channel.reports[-1].undo == BurnLetter.irreversible
        with pytest.raises(Refused, match=f"^irreversible: {BurnLetter.irreversible}"):
            bench.undo(acted.action_id, force=True).run()

    def test_too_early_for_what_re_arms(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        bench.door("badge-1")
        badge = Resource(RevokeBadges.resource_type, "badge-1", ACCOUNT)
        bench.playbooks = [playbook("badges", RevokeBadges.id, when=of_type(RevokeBadges))]
        acted = bench.deliver(finding(badge))
        opened = datetime.fromisoformat(bench.action(acted).opened_at)

        @dataclass
        class At:
            moment: datetime

            def now(self, zone: Any) -> datetime:
                return self.moment

        monkeypatch.setattr(undo_module, "datetime", At(opened + timedelta(hours=11, minutes=59)))
        with pytest.raises(Refused, match=f"re-arms: .*{opened.astimezone(UTC) + timedelta(hours=12):%Y-%m-%d %H:%M}"):
            bench.undo(acted.action_id).run()
        assert bench.cloud.things["badge-1"]["front"] == "shut"
        monkeypatch.setattr(undo_module, "datetime", At(opened + timedelta(hours=12)))
        assert bench.undo(acted.action_id).run().outcome is Outcome.UNDONE

    def test_force_overrides_the_delay(self, bench: Bench) -> None:
        bench.door("badge-1")
        badge = Resource(RevokeBadges.resource_type, "badge-1", ACCOUNT)
        bench.playbooks = [playbook("badges", RevokeBadges.id, when=of_type(RevokeBadges))]
        acted = bench.deliver(finding(badge))
        result = bench.undo(acted.action_id, force=True).run()
        assert result.outcome is Outcome.UNDONE
        assert (bench.action(result).undo or {})["force"] is True

    def test_what_is_protected_by_now_unless_forced(self, bench: Bench) -> None:
        bench.door(aliases=["gate"])
        acted = bench.deliver()
        bench.protect = Protect(resources=("gate",))
        with pytest.raises(Refused, match="protected: gate matches gate"):
            bench.undo(acted.action_id).run()
        assert bench.undo(acted.action_id, force=True).run().outcome is Outcome.UNDONE

    def test_mode_does_not_bind_a_person(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()
        bench.settings = Settings(ceiling="observe", verify_delays=())
        assert bench.undo(acted.action_id).run().outcome is Outcome.UNDONE


def test_undo_reads_and_writes_with_its_own_permissions(bench: Bench) -> None:
    bench.door()
    acted = bench.deliver()
    bench.cloud.calls.clear()
    bench.undo(acted.action_id).run()
    assert {call.purpose for call in bench.cloud.calls} == {"undo"}
    assert CloseDoor.permissions.undo == {"toy:Describe", "toy:Set"}
