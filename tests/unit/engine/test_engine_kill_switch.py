"""The kill switch: pulled by the deployment's parameter or by people, believed for five seconds, closed where it cannot be read, and never in a person's way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stanch.action import Outcome, Status
from stanch.errors import AccessDenied, Retryable, StanchError, Stopped, Unreachable
from stanch.playbooks.limits import Accounts, Group
from stanch.playbooks.model import Policy
from stanch.responder import Delivery, Responder
from stanch.restraint import FRESH, PAUSE, Restraint
from tests.unit.engine.bench import Bench, door, finding, vault
from tests.unit.engine.failing import denied, failing
from tests.unit.engine.test_engine_restraint import unreadable
from tests.unit.engine.toy import ACCOUNT, Call

OTHER = "777788889999"
GROUPS = Accounts({"prod": Group(ids=(ACCOUNT,)), "sandbox": Group(ids=(OTHER,))}, "prod")
UNREAD = AccessDenied("ssm:get_parameter", "AccessDeniedException", "no")


class Parameter:
    """A kill switch that a test pulls; how often it was read."""

    def __init__(self) -> None:
        self.reason: str | StanchError | None = None
        self.reads = 0

    def __call__(self) -> str | None:
        self.reads += 1
        if isinstance(self.reason, StanchError):
            raise self.reason
        return self.reason


@pytest.fixture
def switch(bench: Bench) -> Parameter:
    bench.wiring = {"switch": (made := Parameter())}
    return made


def paused(bench: Bench, group: str, until: float | None = None) -> None:
    bench.journal.keep(PAUSE, group, {"by": "alice", "reason": "release", "until": None}, until)


class TestPulled:
    def test_by_the_parameter(self, bench: Bench, switch: Parameter) -> None:
        bench.door()
        switch.reason = "stanch-stop says 'incident 7'"
        result = bench.deliver()
        assert (result.outcome, result.reason) == (Outcome.HELD, "kill switch: stanch-stop says 'incident 7'")
        assert (bench.cloud.writes(), bench.told()) == ([], [("held", result.reason)])
        switch.reason = None
        assert bench.deliver().outcome is Outcome.ACTED

    def test_by_a_person_for_everything(self, bench: Bench) -> None:
        bench.door()
        paused(bench, "*")
        assert bench.deliver().reason == "kill switch: alice paused everything: release"
        bench.journal.drop(PAUSE, "*")
        assert bench.deliver().outcome is Outcome.ACTED

    def test_by_a_person_for_a_group(self, bench: Bench) -> None:
        bench.policy = {"accounts": GROUPS}
        bench.door(), bench.door("door-2")
        paused(bench, "sandbox")
        assert bench.deliver().outcome is Outcome.ACTED
        other = finding(door("door-2", OTHER), account=OTHER, id="other")
        assert bench.deliver(other).reason == "kill switch: alice paused sandbox: release"

    def test_a_pause_expires(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        bench.door()
        moment = [1000.0]
        monkeypatch.setattr("stanch.journal.sqlite_facts.wall", lambda: moment[0])
        paused(bench, "*", 1060.0)
        assert bench.deliver().outcome is Outcome.HELD
        moment[0] = 1061.0
        assert bench.deliver().outcome is Outcome.ACTED


class TestUnreadable:
    @pytest.mark.parametrize("error", [UNREAD, Unreachable("timeout")])
    def test_it_is_closed(self, bench: Bench, switch: Parameter, error: StanchError) -> None:
        bench.door()
        switch.reason = error
        for _ in range(2):
            with pytest.raises(Retryable, match="kill switch: it cannot be read: "):
                bench.deliver()
        assert (bench.told(), bench.actions()) == ([], [])
        result = bench.deliver(last=True)
        assert result.outcome is Outcome.HELD
        assert (result.reason or "").startswith("unknown after the last delivery: kill switch: it cannot be read: ")
        assert bench.action(result).outcome is Outcome.HELD
        assert bench.cloud.writes() == []

    def test_so_are_peoples_pauses(self, bench: Bench) -> None:
        bench.door()
        kept = bench.journal.kept

        def broken(kind: str) -> Any:
            if kind == PAUSE:
                raise UNREAD
            return kept(kind)

        setattr(bench.journal, "kept", broken)  # noqa: B010  # the watched journal hands on what it does not name
        with pytest.raises(Retryable, match="kill switch: it cannot be read: "):
            bench.deliver()
        assert bench.cloud.writes() == []


class TestFresh:
    def ask(self, bench: Bench, switch: Callable[[], str | None]) -> Restraint:
        return Restraint(Policy(), bench.journal, switch, now=lambda: bench.wall.now)

    def test_it_is_believed_for_five_seconds(self, bench: Bench) -> None:
        switch = Parameter()
        restraint = self.ask(bench, switch)
        assert restraint.stopped(None).effect == "pass"
        switch.reason = "stop"
        bench.wall.now += FRESH - 0.001
        assert (restraint.stopped(None).effect, switch.reads) == ("pass", 1)
        bench.wall.now += 0.001
        assert (restraint.stopped(None).effect, switch.reads) == ("hold", 2)

    def test_an_answer_is_as_old_as_its_question(self, bench: Bench) -> None:
        reads = []

        def slow() -> str | None:
            reads.append(bench.wall.now)
            bench.wall.now += FRESH
            return None

        restraint = self.ask(bench, slow)
        restraint.stopped(None), restraint.stopped(None)
        assert len(reads) == 2

    def test_a_clock_that_is_set_back_keeps_nothing_fresh(self, bench: Bench) -> None:
        switch = Parameter()
        restraint = self.ask(bench, switch)
        restraint.stopped(None)
        bench.wall.now -= 3600
        restraint.stopped(None)
        assert switch.reads == 2

    def test_what_could_not_be_read_is_not_kept(self, bench: Bench) -> None:
        switch = Parameter()
        restraint = self.ask(bench, switch)
        switch.reason = UNREAD
        with pytest.raises(Retryable):
            restraint.stopped(None)
        switch.reason = None
        assert restraint.stopped(None).effect == "pass"

    def test_each_group_is_its_own_question(self, bench: Bench) -> None:
        restraint = self.ask(bench, Parameter())
        paused(bench, "prod")
        assert [restraint.stopped(group).effect for group in ("prod", "sandbox", "prod", None)] == ["hold", "pass", "hold", "hold"]  # fmt: skip


def pulls(bench: Bench, switch: Parameter, name: str, reason: Any = "stop") -> None:
    """The switch is pulled once the vault's `name` is written, and six seconds pass."""

    def hook(call: Call) -> None:
        if call.name == name and call.write:
            switch.reason = reason
            bench.wall.now += FRESH + 1

    bench.cloud.after.append(hook)


class TestInTheMiddle:
    def start(self, bench: Bench, switch: Parameter, reason: Any = "stop") -> None:
        bench.vault()
        pulls(bench, switch, "barrier", reason)
        with pytest.raises(Stopped, match="kill switch: "):
            bench.deliver(finding(vault()))

    def test_nothing_more_is_written_and_it_is_gone_on_with(self, bench: Bench, switch: Parameter) -> None:
        self.start(bench, switch)
        (action,) = bench.actions()
        written = bench.cloud.writes()
        assert written == [f"Create stanch-{action.id}", "Set vault-1.barrier"]
        assert (action.outcome, [until for _, _, until in bench.locks()]) == (None, [0.0])
        with pytest.raises(Stopped):
            bench.deliver(finding(vault()))
        assert bench.cloud.writes() == written, "neither by the next delivery"
        switch.reason = None
        result = bench.deliver(finding(vault()))
        assert (result.outcome, result.action_id) == (Outcome.ACTED, action.id)
        assert bench.cloud.things["vault-1"]["alarm"] == "on"
        assert bench.cloud.writes().count("Set vault-1.barrier") == 1

    def test_unreadable_is_as_pulled(self, bench: Bench, switch: Parameter) -> None:
        self.start(bench, switch, UNREAD)
        assert len(bench.cloud.writes()) == 2

    def test_within_five_seconds_of_the_last_look_it_goes_on(self, bench: Bench, switch: Parameter) -> None:
        bench.vault()
        bench.cloud.after.append(lambda call: setattr(switch, "reason", "stop") if call.write else None)
        assert bench.deliver(finding(vault())).outcome is Outcome.ACTED

    def test_after_the_last_delivery_what_was_done_in_part_is_partial(self, bench: Bench, switch: Parameter) -> None:
        self.start(bench, switch)
        result = bench.deliver(finding(vault()), last=True)
        assert (result.outcome, result.reason) == (Outcome.PARTIAL, "kill switch: stop")
        assert [step.status for step in bench.action(result).steps][:3] == [
            Status.APPLIED,
            Status.APPLIED,
            Status.PLANNED,
        ]
        assert bench.locks() == []
        assert bench.undo(result.action_id).run().outcome is Outcome.UNDONE
        assert bench.cloud.things["vault-1"]["barrier"] == "none"

    def test_after_the_last_delivery_what_wrote_nothing_is_held(self, bench: Bench, switch: Parameter) -> None:
        bench.door()

        def slow(call: Call) -> None:
            if (call.purpose, call.verb) == ("act", "Assume"):
                switch.reason = "stop"
                bench.wall.now += FRESH + 1

        bench.cloud.before.append(slow)
        with pytest.raises(Stopped):
            bench.deliver()
        result = bench.deliver(last=True)
        assert (result.outcome, result.reason) == (Outcome.HELD, "kill switch: stop")
        assert (bench.cloud.writes(), bench.locks(), len(bench.actions())) == ([], [], 1)

    def test_what_may_have_been_written_is_never_called_held(self, bench: Bench, switch: Parameter) -> None:
        bench.door()
        bench.cloud.after.append(failing(Unreachable("the answer was lost"), verb="Set"))
        with pytest.raises(Unreachable):
            bench.deliver()
        bench.cloud.after.clear()
        switch.reason = "stop"
        result = bench.deliver(last=True)
        assert result.outcome is Outcome.ACTED, "it was read to be made already: nothing was left to write"

    def test_garnish_is_not_written_either_and_fails_nothing(self, bench: Bench, switch: Parameter) -> None:
        bench.vault()
        pulls(bench, switch, "alarm")
        result = bench.deliver(finding(vault()))
        assert result.outcome is Outcome.ACTED
        assert bench.cloud.things["vault-1"]["label"] is None
        assert bench.channel.reports[0].failures == [
            "label of vault-1: kill switch: stop", "photo of vault-1: kill switch: stop",
        ]  # fmt: skip


class TestPeople:
    def test_run_and_undo_are_never_blocked(self, bench: Bench, switch: Parameter) -> None:
        bench.door()
        switch.reason = "stop"
        paused(bench, "*")
        result = bench.runbook(door()).apply()
        assert result.outcome is Outcome.ACTED
        assert bench.undo(result.action_id).run().outcome is Outcome.UNDONE
        switch.reason = UNREAD
        unreadable(bench, "kept")
        assert bench.runbook(door()).apply().outcome is Outcome.ACTED
        assert switch.reads == 0

    def test_a_person_goes_on_with_what_it_stopped(self, bench: Bench, switch: Parameter) -> None:
        bench.vault()
        pulls(bench, switch, "barrier")
        with pytest.raises(Stopped):
            bench.deliver(finding(vault()))
        assert bench.runbook(vault(), "aws.toy.seal_vault").apply().outcome is Outcome.ACTED


def test_one_deployment_asks_once_for_many_findings(bench: Bench, switch: Parameter) -> None:
    bench.door(), bench.door("door-2")
    responder = Responder(bench.deployment)
    rows = responder.respond([finding(), finding(door("door-2"), id="other")], Delivery())
    assert [row.outcome for row in rows] == [Outcome.ACTED] * 2
    assert switch.reads == 1


def test_a_refusal_of_the_cloud_is_no_kill_switch(bench: Bench, switch: Parameter) -> None:
    bench.door()
    bench.cloud.before.append(failing(denied(), verb="Set"))
    assert bench.deliver().outcome is Outcome.FAILED
