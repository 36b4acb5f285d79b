"""What restrains automation whatever the plan says: exemptions by people, flapping, freezes. Each holds what it is for and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from stanch import clock
from stanch.action import Outcome
from stanch.errors import AccessDenied, Retryable
from stanch.finding import Resource
from stanch.guardrails import Verdict
from stanch.journal import Standing
from stanch.playbooks.limits import Accounts, Flap, Freeze, Group
from stanch.restraint import EXEMPT, exempted, flapping, frozen, paused, span
from tests.unit.engine.bench import Bench, door, finding, of_type, playbook, vault
from tests.unit.engine.failing import failing
from tests.unit.engine.toy import ACCOUNT
from tests.unit.engine.toy_remediations import CloseDoor

NOON = datetime(2026, 12, 24, 12, 0, tzinfo=UTC)
OTHER = "777788889999"
AZURE = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/web/providers/Microsoft.Compute/virtualMachines/Web-1"
DECIDED = {"by": "alice", "reason": "migration", "until": "2026-12-31T00:00:00Z"}


def again(bench: Bench, number: int) -> Any:
    """The door comes open once more, and another version of the finding says so."""
    bench.door()
    return bench.deliver(finding(version=str(number)))


class TestExempted:
    @pytest.mark.parametrize("pattern", ["door-1", "door-*", "gate", "front/gate"])
    def test_by_name_alias_last_part_or_pattern(self, bench: Bench, pattern: str) -> None:
        bench.door(aliases=["front/gate"])
        bench.journal.keep(EXEMPT, pattern, DECIDED, None)
        result = bench.deliver()
        reason = f"exempted: alice exempted {pattern} until 2026-12-31T00:00:00Z: migration"
        assert (result.outcome, result.reason) == (Outcome.HELD, reason)
        assert bench.cloud.writes() == []

    @pytest.mark.parametrize("pattern", ["door", "oor-1", "gate", "DOOR-1", "other/door-1"])
    def test_nothing_else(self, bench: Bench, pattern: str) -> None:
        bench.door()
        bench.journal.keep(EXEMPT, pattern, DECIDED, None)
        assert bench.deliver().outcome is Outcome.ACTED

    def test_it_expires(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        bench.door()
        moment = [1000.0]
        monkeypatch.setattr("stanch.journal.sqlite_facts.wall", lambda: moment[0])
        monkeypatch.setattr("stanch.journal.stored.wall", lambda: moment[0])
        bench.journal.keep(EXEMPT, "door-1", DECIDED, 1060.0)
        assert bench.deliver().outcome is Outcome.HELD
        moment[0] = 1061.0
        assert bench.deliver().outcome is Outcome.ACTED

    def test_azure_names_compare_without_case(self) -> None:
        machine = Resource("Microsoft.Compute/virtualMachines", AZURE, "s")
        assert exempted(machine, (), {"web-*": DECIDED}).effect == "hold"
        assert exempted(machine, (), {"db-*": DECIDED}).effect == "pass"

    def test_the_last_part_of_an_arn_is_a_name(self) -> None:
        bucket = Resource("AWS::S3::Bucket", "arn:aws:s3:::www-logs", ACCOUNT)
        assert exempted(bucket, (), {"www-logs": DECIDED}).effect == "hold"
        assert exempted(bucket, (), {"logs": DECIDED}).effect == "pass"

    def test_what_cannot_be_read_is_tried_again_and_then_held(self, bench: Bench) -> None:
        bench.door()
        look = bench.journal.look

        def without_facts(effect: str, marker: str | None, kind: str | None = None) -> Standing:
            if kind is not None:
                raise AccessDenied("dynamodb:Query", "AccessDeniedException", "no")
            found: Standing = look(effect, marker)
            return found

        setattr(bench.journal, "look", without_facts)  # noqa: B010
        with pytest.raises(Retryable, match="journal: it cannot be read: dynamodb:Query"):
            bench.deliver()
        result = bench.deliver(last=True)
        assert (result.outcome, (result.reason or "")[:41]) == (
            Outcome.HELD,
            "unknown after the last delivery: journal:",
        )
        assert bench.cloud.writes() == []

    def test_it_does_not_bind_a_person(self, bench: Bench) -> None:
        bench.door()
        bench.journal.keep(EXEMPT, "door-1", DECIDED, None)
        assert bench.runbook(door()).apply().outcome is Outcome.ACTED


def unreadable(bench: Bench, name: str) -> None:
    """A method of the journal that is denied from now on."""

    def denied(*_: Any, **__: Any) -> Any:
        raise AccessDenied(f"dynamodb:{name}", "AccessDeniedException", "no")

    setattr(bench.journal, name, denied)


class TestFlapping:
    def test_what_is_opened_again_and_again_asks_a_person(self, bench: Bench) -> None:
        bench.playbooks = [playbook("doors", CloseDoor.id, flap=Flap(3, 86400))]
        assert [again(bench, number).outcome for number in range(3)] == [Outcome.ACTED] * 3
        result = again(bench, 3)
        reason = "flapping: contained 3 times within 24 h: something opens it again"
        assert (result.outcome, result.reason) == (Outcome.AWAITING_APPROVAL, reason)

    def test_each_effect_for_itself(self, bench: Bench) -> None:
        bench.playbooks = [playbook("doors", CloseDoor.id, flap=Flap(1, 86400))]
        bench.door(), bench.door("door-2")
        assert bench.deliver().outcome is Outcome.ACTED
        assert bench.deliver(finding(door("door-2"), id="other")).outcome is Outcome.ACTED
        assert again(bench, 2).outcome is Outcome.AWAITING_APPROVAL

    def test_only_within_the_window(self, bench: Bench) -> None:
        bench.playbooks = [playbook("doors", CloseDoor.id, flap=Flap(1, 3600))]
        assert again(bench, 1).outcome is Outcome.ACTED
        assert again(bench, 2).outcome is Outcome.AWAITING_APPROVAL
        bench.wall.now += 3600 * 7 / 6 + 1
        assert again(bench, 3).outcome is Outcome.ACTED

    def test_what_needed_nothing_does_not_count(self, bench: Bench) -> None:
        bench.playbooks = [playbook("doors", CloseDoor.id, flap=Flap(2, 3600))]
        bench.door(front="shut")
        assert [bench.deliver(finding(version=str(number))).outcome for number in range(3)] == [Outcome.NO_OP] * 3
        assert again(bench, 4).outcome is Outcome.ACTED

    @pytest.mark.parametrize(
        ("flap", "times", "effect"),
        [
            (None, 99, "pass"),
            (Flap(3, 60), 2, "pass"),
            (Flap(3, 60), 3, "approve"),
            (Flap(3, 60, "observe"), 4, "observe"),
        ],
    )
    def test_what_it_says(self, flap: Flap | None, times: int, effect: str) -> None:
        assert flapping(flap, times).effect == effect


YEAR_END = Freeze("year-end", "approve", "Europe/Berlin", "2026-12-18", "2027-01-04", accounts=("prod",), except_=("key-leak",))  # fmt: skip
GROUPS = Accounts({"prod": Group(ids=(ACCOUNT,)), "sandbox": Group(ids=(OTHER,))}, "prod")


def at_noon(bench: Bench, **changes: Any) -> Any:
    """A finding seen at the moment at which it is handled, in the freeze."""
    with clock.at(NOON):
        return bench.deliver(finding(**{"last_seen": NOON, "updated_at": NOON, **changes}))


class TestFreeze:
    def test_a_leaked_key_is_handled_as_its_exception_says_and_an_open_group_asks(self, bench: Bench) -> None:
        bench.policy = {"freeze": (YEAR_END,), "accounts": GROUPS}
        bench.playbooks = [
            playbook("key-leak", CloseDoor.id, when=of_type(CloseDoor)),
            playbook("sg-open", "aws.toy.seal_vault", when={"resource.type": ["AWS::Toy::Vault"]}),
        ]
        bench.door(), bench.vault()
        assert at_noon(bench).outcome is Outcome.ACTED
        asks = at_noon(bench, resources=(vault(),), id="group")
        assert (asks.outcome, asks.reason) == (Outcome.AWAITING_APPROVAL, "freeze: year-end is on")
        assert bench.cloud.writes() == ["Set door-1.front"]

    def test_another_group_and_another_time_are_not_frozen(self, bench: Bench) -> None:
        bench.policy = {"freeze": (YEAR_END,), "accounts": GROUPS}
        bench.door(), bench.door("door-2")
        assert at_noon(bench, resources=(door("door-2", OTHER),), account=OTHER, id="other").outcome is Outcome.ACTED
        assert at_noon(bench).outcome is Outcome.AWAITING_APPROVAL
        assert bench.deliver(finding(id="by the clock of today")).outcome is Outcome.ACTED

    def test_it_never_raises_a_mode(self, bench: Bench) -> None:
        bench.policy = {"freeze": (YEAR_END,), "accounts": GROUPS}
        bench.playbooks = [playbook("watch", CloseDoor.id, mode="observe")]
        bench.door()
        assert at_noon(bench).outcome is Outcome.PLANNED

    def test_of_several_the_strictest_counts(self) -> None:
        always: dict[str, Any] = {"from_": "2026-01-01", "to": "2027-12-31"}
        freezes = [
            Freeze("first", "approve", **always),
            Freeze("second", "observe", **always),
            Freeze("third", "auto", **always),
        ]
        assert frozen(freezes, NOON, "prod", None) == Verdict("freeze", "observe", "second is on")
        assert frozen(freezes[2:], NOON, "prod", None).effect == "pass"

    def test_it_does_not_bind_a_person(self, bench: Bench) -> None:
        bench.policy = {"freeze": (Freeze("always", "observe", from_="2026-01-01", to="2030-01-01"),)}
        bench.door()
        assert bench.runbook(door()).apply().outcome is Outcome.ACTED


def test_a_pause_of_another_group_lets_pass() -> None:
    pauses = {"prod": {"by": "alice", "reason": "release", "until": None}}
    assert paused("sandbox", pauses).effect == "pass"
    assert paused("prod", pauses).sentence() == "kill switch: alice paused prod: release"
    assert paused(None, pauses).effect == "hold", "it may be in prod"
    assert (
        paused("sandbox", {"*": DECIDED, **pauses}).reason
        == "alice paused everything until 2026-12-31T00:00:00Z: migration"
    )


@pytest.mark.parametrize(("seconds", "words"), [(45, "45 s"), (60, "1 min"), (5400, "90 min"), (3600, "1 h"), (86400, "24 h"), (604800, "7 d"), (90061, "90061 s")])  # fmt: skip
def test_durations_in_words(seconds: int, words: str) -> None:
    assert span(seconds) == words


def test_nothing_is_asked_where_nothing_is_to_do(bench: Bench) -> None:
    bench.door(front="shut")
    bench.cloud.before.append(failing(AssertionError("a write"), verb="Set"))
    unreadable(bench, "kept")
    assert bench.deliver().outcome is Outcome.NO_OP
