"""What the history of an action says of each thing that happened to it: auditors read it, so every entry is held to its words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stanch import expiry
from stanch.clock import parse
from stanch.errors import Busy, CloudError, Throttled, Unreachable
from stanch.playbooks.limits import Expires
from tests.unit.engine.bench import Bench, Wall, door, finding, of_type, playbook, vault
from tests.unit.engine.deciding import ALICE, ASKS, BOB, decide, letter, now, waits
from tests.unit.engine.failing import denied, failing, killed_at
from tests.unit.engine.histories import history
from tests.unit.engine.sweeping import Sweeping
from tests.unit.engine.toy import Call, ToyCloud
from tests.unit.engine.toy_remediations import CloseDoor

ALICE_SAW = "by=alice@corp.example reason=seen live"


def test_its_times_are_in_utc_with_milliseconds(bench: Bench) -> None:
    bench.door()
    action = bench.action(bench.deliver())
    times = [action.opened_at, action.closed_at, *(entry["at"] for entry in action.chain)]
    assert [time for time in times if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(time))] == []


class TestDecided:
    @pytest.fixture(autouse=True)
    def asking(self, bench: Bench) -> None:
        bench.playbooks = ASKS
        bench.door()

    def test_approved(self, bench: Bench) -> None:
        action = waits(bench)
        decide(bench, action).approve()
        assert history(bench, action.id) == [
            "1 awaiting_approval reason=mode: approve", f"2 approved {ALICE_SAW}", "2 applied change=front", "2 acted",
        ]  # fmt: skip
        assert now(bench, action).mode == "approve"
        (signed,) = now(bench, action).approvals
        assert {name: signed[name] for name in signed if name != "at"} == {
            "how": "approved", "by": ALICE.name, "subject": ALICE.subject, "reason": "seen live", "plan": action.plan["digest"],
        }  # fmt: skip

    def test_denied(self, bench: Bench) -> None:
        action = waits(bench)
        result = decide(bench, action).deny()
        assert result.reason == "denied by alice@corp.example: seen live"
        assert history(bench, action.id)[1:] == [f"1 denied {ALICE_SAW}", "1 expired"]
        (signed,) = now(bench, action).approvals
        assert abs(parse(signed["at"]) - datetime.now(UTC)) < timedelta(minutes=1)
        assert {name: signed[name] for name in signed if name != "at"} == {
            "how": "denied", "by": ALICE.name, "subject": ALICE.subject, "reason": "seen live",
        }  # fmt: skip

    def test_held_and_released(self, bench: Bench) -> None:
        action = waits(bench)
        decide(bench, action).hold("nobody answered")
        decide(bench, action, BOB).release()
        assert history(bench, action.id)[1:] == [
            f"1 held {ALICE_SAW}", "1 held", "2 released by=bob@corp.example reason=seen live", "2 applied change=front", "2 acted",
        ]  # fmt: skip
        assert [entry["how"] for entry in now(bench, action).approvals] == ["released"]

    def test_nobody_answered(self, bench: Bench) -> None:
        action = waits(bench)
        result = decide(bench, action).expire()
        assert (result.outcome, result.reason) == ("expired", "nobody answered in time")
        assert history(bench, action.id)[1:] == [f"1 expired {ALICE_SAW}", "1 expired"]

    def test_contained_meanwhile(self, bench: Bench) -> None:
        action = waits(bench)
        bench.cloud.things["door-1"]["front"] = "shut"
        decide(bench, action).approve()
        assert history(bench, action.id)[1:] == [f"1 nothing left to do {ALICE_SAW}", "1 no_op"]
        assert now(bench, action).approvals == []

    def test_by_one_of_two(self, bench: Bench) -> None:
        action = waits(bench, letter(bench))
        first = decide(bench, action).approve()
        assert first.reason == "approved by alice@corp.example; it cannot be undone, so a second person must approve"
        decide(bench, action, BOB).approve()
        assert history(bench, action.id)[1:] == [
            f"1 approved once {ALICE_SAW}", "1 awaiting_approval",
            "2 approved by=bob@corp.example reason=seen live", "2 applied change=front", "2 acted",
        ]  # fmt: skip


class TestLease:
    def test_reminded_and_extended(self, wall: Wall, folder: Path) -> None:
        lease = playbook("doors", CloseDoor.id, when=of_type(CloseDoor), expires=Expires(36000))
        bench = Sweeping(folder, ToyCloud(), wall, playbooks=[lease])
        bench.door()
        action = str(bench.deliver().action_id)
        bench.wait(hours=5, minutes=1)
        bench.swept("leases")
        result = expiry.extend(bench.deployment, action, "ann@corp.example", 3600, "still needed")
        end = (bench.the(action).expires or {})["at"]
        assert history(bench, action)[3:] == [
            "1 reminded part=0.5", f"1 lease extended by=ann@corp.example reason=still needed until={end}",
        ]  # fmt: skip
        assert result.reason == f"ann@corp.example let it stand until {parse(end):%Y-%m-%d %H:%M} UTC: still needed"
        assert bench.channel.reports[-1].reason == result.reason

    def test_a_reminder_says_when_people_were_told(self, wall: Wall, folder: Path) -> None:
        lease = playbook("doors", CloseDoor.id, when=of_type(CloseDoor), expires=Expires(36000))
        bench = Sweeping(folder, ToyCloud(), wall, playbooks=[lease])
        bench.door()
        action = str(bench.deliver().action_id)
        end = (bench.the(action).expires or {})["at"]
        bench.wait(hours=5, minutes=1)
        bench.swept("leases")
        (reminder,) = (bench.the(action).expires or {})["reminded"]
        assert reminder == {"part": 0.5, "until": end, "at": reminder["at"]}
        assert abs(parse(reminder["at"]) - datetime.now(UTC)) < timedelta(minutes=1)
        assert bench.channel.reports[-1].title == CloseDoor.title

    def test_what_somebody_changed_meanwhile_is_not_overwritten(self, wall: Wall, folder: Path) -> None:
        lease = playbook("doors", CloseDoor.id, when=of_type(CloseDoor), expires=Expires(36000))
        bench = Sweeping(folder, ToyCloud(), wall, playbooks=[lease])
        bench.door()
        late = bench.the(bench.deliver().action_id)
        expiry.extend(bench.deployment, late.id, "ann@corp.example", 3600, "still needed")
        with pytest.raises(Busy, match="has changed meanwhile"):
            expiry.amend(bench.deployment, late, "reminded", part=0.5)
        assert history(bench, late.id)[-1].startswith("1 lease extended")


class TestActed:
    def test_interrupted_and_resumed(self, bench: Bench) -> None:
        bench.door()
        bench.cloud.before.append(failing(Throttled("slow down"), verb="Set"))
        with pytest.raises(Throttled):
            bench.deliver()
        bench.cloud.before.clear()
        result = bench.deliver()
        assert history(bench, result.action_id) == [
            "1 opened requester=stanch",
            "1 interrupted change=front error=slow down",
            "2 resumed",
            "2 applied change=front",
            "2 acted",
        ]

    def test_failed(self, bench: Bench) -> None:
        bench.vault()
        bench.cloud.before.append(failing(denied("Create"), verb="Create"))
        result = bench.deliver(finding(vault()))
        assert history(bench, result.action_id) == [
            "1 opened requester=stanch",
            "1 failed change=barrier",
            *(f"1 applied change={change}" for change in ("alarm", "label", "photo")),
            "1 partial",
        ]

    def test_by_a_person(self, bench: Bench) -> None:
        result = bench.runbook(bench.door()).apply()
        assert history(bench, result.action_id) == ["1 opened requester=oncall", "1 applied change=front", "1 acted"]

    def test_unverified(self, bench: Bench) -> None:
        bench.door()

        def deny(call: Call) -> None:
            if call.verb == "Set":
                bench.cloud.before.append(failing(CloudError("Describe", "Odd", "no"), verb="Describe"))

        bench.cloud.after.append(deny)
        result = bench.deliver()
        assert (result.outcome, result.reason) == ("unverified", "the result could not be read: Describe: Odd: no")
        assert history(bench, result.action_id) == [
            "1 opened requester=stanch",
            "1 applied change=front",
            "1 unverified",
        ]

    def test_not_verified_for_now(self, bench: Bench) -> None:
        bench.door()

        def deaf(call: Call) -> None:
            if bench.cloud.writes() and call.verb == "Describe":
                raise Unreachable("timeout")

        bench.cloud.before.append(deaf)
        with pytest.raises(Unreachable):
            bench.deliver()
        ((action_id, _, _),) = bench.locks()
        assert history(bench, action_id) == [
            "1 opened requester=stanch",
            "1 applied change=front",
            "1 unverified error=timeout",
        ]

    def test_no_session_for_now(self, bench: Bench) -> None:
        bench.door()
        bench.cloud.before.append(failing(Unreachable("timeout"), verb="Assume", purpose="act"))
        with pytest.raises(Unreachable):
            bench.deliver()
        (action,) = bench.actions()
        assert action.mode == "auto"
        assert history(bench, action.id) == ["1 opened requester=stanch", "1 interrupted error=timeout"]

    def test_after_a_crash(self, bench: Bench) -> None:
        bench.door()
        with killed_at(bench, verb="Set"):
            bench.deliver()
        bench.lapse()
        result = bench.deliver(finding(door(), id="finding-2"))
        assert history(bench, result.action_id) == [
            "1 opened requester=stanch",
            "2 resumed",
            "2 applied change=front",
            "2 acted",
        ]
