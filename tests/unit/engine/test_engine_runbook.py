"""What a person asks for: a reason is needed, protection binds, mode and exemptions do not, and every request is journaled."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from stanch.action import Outcome
from stanch.deployment import Settings
from stanch.errors import InvalidInput, PolicyError, Refused, Throttled
from stanch.finding import Resource
from stanch.playbooks.limits import Protect
from tests.unit.engine.bench import Bench, door, finding, vault
from tests.unit.engine.failing import denied, failing
from tests.unit.engine.toy import ACCOUNT, HOME
from tests.unit.engine.toy_remediations import CloseDoor, RevokeBadges


def test_it_acts_and_journals_who_asked_and_why(bench: Bench) -> None:
    bench.door()
    result = bench.runbook(door()).apply()
    assert (result.outcome, bench.cloud.things["door-1"]["front"]) == (Outcome.ACTED, "shut")
    action = bench.action(result)
    assert (action.requester, action.justification, action.finding, action.playbook) == ("oncall", "seen live", None, None)  # fmt: skip
    (report,) = bench.channel.reports
    assert (report.requester, report.why) == ("oncall", "oncall asked for it")
    assert bench.undo(result.action_id).run().outcome is Outcome.UNDONE


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_without_a_reason_it_is_refused(bench: Bench, reason: str) -> None:
    bench.door()
    with pytest.raises(Refused, match="reason: say why"):
        bench.runbook(door(), reason=reason).apply()
    assert (bench.cloud.calls, bench.actions()) == ([], [])
    assert bench.runbook(door(), reason=reason).preview()[0].outcome is Outcome.PLANNED


@pytest.mark.parametrize("ceiling", ["observe", "approve"])
def test_mode_and_exemptions_do_not_bind(bench: Bench, ceiling: str) -> None:
    bench.door(tags=None, impact="a parade", fire_exit=True)
    bench.settings = Settings(ceiling=ceiling, verify_delays=())
    bench.exempt(names=("door-*",), tags={"sec:open": ("approved",)})
    assert bench.runbook(door()).apply().outcome is Outcome.ACTED


@pytest.mark.parametrize("pattern", ["door-1", "gate"])
def test_protection_binds(bench: Bench, pattern: str) -> None:
    bench.door(aliases=["gate"])
    bench.protect = Protect(resources=(pattern,))
    preview, _, verdicts = bench.runbook(door()).preview()
    assert preview.outcome is Outcome.HELD
    assert [verdict.guard for verdict in verdicts if verdict.effect == "hold"] == ["protected"]
    result = bench.runbook(door()).apply()
    assert (result.outcome, result.reason) == (Outcome.HELD, f"protected: {pattern} matches {pattern}, which is never touched")  # fmt: skip
    assert bench.cloud.writes() == []
    bench.protect = Protect(resources=("door-2",))
    assert bench.runbook(door()).apply().outcome is Outcome.ACTED


def test_preview_shows_the_plan_and_writes_nothing(bench: Bench) -> None:
    bench.door()
    result, plan, verdicts = bench.runbook(door(), params={"side": "back"}).preview()
    assert (result.outcome, result.changes) == (
        Outcome.PLANNED,
        [{"target": "back of door-1", "before": "open", "after": "shut"}],
    )
    assert [change.id for change in plan.changes] == ["back"]
    assert {verdict.effect for verdict in verdicts} == {"pass"}
    assert (bench.cloud.writes(), bench.journal.writes, bench.actions()) == ([], ["look"], [])


@pytest.mark.parametrize(("front", "reason"), [("shut", "the door is shut"), (None, "gone")])
def test_nothing_to_do_is_said_in_preview_and_apply(bench: Bench, front: Any, reason: str) -> None:
    if front:
        bench.door(front=front, aliases=["gate"])
        bench.protect = Protect(resources=("gate",))
    preview, _, _ = bench.runbook(door()).preview()
    result = bench.runbook(door()).apply()
    assert (preview.outcome, preview.reason) == (result.outcome, result.reason) == (Outcome.NO_OP, reason)


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        ({"remediation": "aws.toy.paint_door"}, PolicyError, "there is no aws.toy.paint_door; there is aws.toy.burn_letter"),
        ({"resource": vault()}, InvalidInput, "aws.toy.close_door takes AWS::Toy::Door, not AWS::Toy::Vault"),
        ({"params": {"sides": "front"}}, InvalidInput, "params.sides: no such parameter"),
        ({"params": {"side": 3}}, InvalidInput, "params.side: must be of type string, not 3"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(bench: Bench, request_: dict[str, Any], error: type[Exception], message: str) -> None:  # fmt: skip
    given = {"resource": door(), **request_}
    with pytest.raises(error, match=message):
        bench.runbook(given.pop("resource"), **given)
    assert bench.cloud.calls == []


def test_every_request_is_journaled_whoever_asked_before(bench: Bench) -> None:
    bench.door(front="shut")
    rows = [bench.runbook(door(), reason=reason).apply() for reason in ("first", "second")]
    assert {row.outcome for row in rows} == {Outcome.NO_OP}
    bench.wall.now += 1
    assert sorted(action.justification or "" for action in bench.actions()) == ["first", "second"]


def test_of_two_who_ask_in_the_same_millisecond_both_are_journaled(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = SimpleNamespace(time=lambda: 1_900_000_000.0, time_ns=lambda: 1_900_000_000_000_000_000)
    for module in ("action", "runbook"):
        monkeypatch.setattr(f"stanch.{module}.time", stopped)
    bench.door(front="shut")
    rows = [bench.runbook(door(), reason=reason).apply() for reason in ("first", "second")]
    assert [bench.action(row).justification for row in rows] == ["first", "second"]


def test_what_fails_is_said(bench: Bench) -> None:
    bench.door()
    bench.cloud.before.append(failing(denied("Describe"), verb="Describe"))
    assert bench.runbook(door()).apply().outcome is Outcome.FAILED
    bench.cloud.before[:] = [failing(Throttled("slow down"), verb="Describe")]
    with pytest.raises(Throttled):
        bench.runbook(door()).apply()
    with pytest.raises(Throttled):
        bench.runbook(door()).preview()


def test_another_account_is_out_of_reach(bench: Bench) -> None:
    result = bench.runbook(Resource("AWS::Toy::Door", "door-1", HOME)).apply()
    assert (result.outcome, (result.reason or "")[:13]) == (Outcome.HELD, "wrong account")


def test_a_person_may_do_again_what_a_person_undid(bench: Bench) -> None:
    bench.door()
    acted = bench.deliver()
    bench.undo(acted.action_id).run()
    assert bench.deliver().outcome is Outcome.HELD
    assert bench.runbook(door()).apply().outcome is Outcome.ACTED


def test_a_finding_and_a_person_share_the_effect(bench: Bench) -> None:
    bench.door()
    bench.cloud.before.append(failing(Throttled("slow down"), verb="Set"))
    with pytest.raises(Throttled):
        bench.deliver(finding())
    bench.cloud.before.clear()
    result = bench.runbook(door()).apply()
    assert (result.outcome, bench.action(result).attempt) == (Outcome.ACTED, 2)
    assert bench.cloud.writes() == ["Set door-1.front"]


def test_a_cutoff_that_nobody_gave_is_now(bench: Bench) -> None:
    bench.door("badge-1")
    result = bench.runbook(Resource(RevokeBadges.resource_type, "badge-1", ACCOUNT), RevokeBadges.id).apply()
    assert str(bench.action(result).params["since"]).startswith("20")
    assert CloseDoor.parameters[0].default == bench.action(result).params["side"]
