"""How one finding ends: the outcomes, what stands in the journal for each, and who is told."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.action import Outcome, Status
from stanch.deployment import Settings, Upstream
from stanch.errors import (  # fmt: skip
    AccessDenied,
    CloudError,
    InvalidInput,
    MalformedEvent,
    Retryable,
    Throttled,
    Unconfirmed,
    Unreachable,
)
from stanch.finding import Finding, Observable, Resource
from stanch.playbooks.model import Step
from stanch.responder import Responder
from tests.unit.engine.bench import Bench, door, finding, of_type, playbook, vault
from tests.unit.engine.toy import ACCOUNT, Call
from tests.unit.engine.toy_remediations import CloseDoor, SealVault

MACHINE = Resource("Microsoft.Compute/virtualMachines", "/subscriptions/s/virtualMachines/web-1", "s")


def failing(error: BaseException, **call: str) -> Any:
    """A hook that raises at the calls that fit."""

    def hook(made: Call) -> None:
        if all(getattr(made, name) == value for name, value in call.items()):
            raise error

    return hook


def denied(operation: str = "Set") -> AccessDenied:
    return AccessDenied(operation, "AccessDenied", "an organisation policy forbids it")


class TestActed:
    def test_the_door_is_shut_journaled_and_told(self, bench: Bench) -> None:
        bench.door()
        result = bench.deliver()
        assert bench.cloud.things["door-1"]["front"] == "shut"
        assert (result.outcome, result.reason) == (Outcome.ACTED, None)
        assert result.changes == [{"target": "front of door-1", "before": "open", "after": "shut"}]
        assert (result.playbook, result.remediation, result.notified) == ("doors", CloseDoor.id, ["soc"])
        action = bench.action(result)
        assert (action.outcome, action.attempt, action.mode) == (Outcome.ACTED, 1, "auto")
        assert [step.status for step in action.steps] == [Status.APPLIED]
        assert [entry["event"] for entry in action.chain] == ["opened", "applied", "acted"]
        assert action.policy == bench.deployment.policy.digest
        assert action.closed_at is not None
        assert bench.locks() == []
        (report,) = bench.channel.reports
        assert (report.outcome, report.action_id, report.key) == ("acted", action.id, f"{action.id}:acted:1")
        assert report.undo == f"stanch undo {action.id} --apply --reason 'why'"

    def test_several_changes_in_their_order(self, bench: Bench) -> None:
        bench.vault()
        result = bench.deliver(finding(vault()))
        barrier = f"stanch-{result.action_id}"
        assert result.outcome is Outcome.ACTED
        assert bench.cloud.writes() == [
            f"Create {barrier}", "Set vault-1.barrier", "Set vault-1.connections", "Set vault-1.alarm", "Set vault-1.label", "Set vault-1.photo",
        ]  # fmt: skip
        assert bench.cloud.things[barrier] == {"state": "closed"}
        assert bench.cloud.things["vault-1"]["barrier"] == barrier
        assert bench.cloud.things["vault-1"]["label"] == result.action_id

    def test_sessions_hold_what_is_declared_for_their_purpose(self, bench: Bench) -> None:
        bench.door()
        bench.deliver()
        assert [(call.purpose, call.verb) for call in bench.cloud.calls] == [
            ("read", "Assume"), ("read", "Describe"), ("act", "Assume"), ("act", "Set"), ("read", "Assume"), ("read", "Describe"),
        ]  # fmt: skip

    def test_a_result_that_shows_late_is_waited_for(self, bench: Bench) -> None:
        bench.door()
        seen = iter(["open", "open", "shut"])

        def late(call: Call) -> None:
            if call.verb == "Set":
                bench.cloud.before.append(lambda read: bench.cloud.things["door-1"].update(front=next(seen)))

        bench.cloud.after.append(late)
        assert bench.deliver().outcome is Outcome.ACTED
        assert bench.wall.slept == [0.2]


class TestNoOp:
    @pytest.mark.parametrize("last", [False, True])
    def test_gone(self, bench: Bench, last: bool) -> None:
        result = bench.deliver(last=last)
        assert (result.outcome, result.reason, result.changes) == (Outcome.NO_OP, "gone", [])
        assert bench.action(result).outcome is Outcome.NO_OP
        assert bench.told() == []

    def test_already_contained(self, bench: Bench) -> None:
        bench.door(front="shut")
        result = bench.deliver()
        assert (result.outcome, result.reason) == (Outcome.NO_OP, "the door is shut")
        assert bench.deliver().action_id == result.action_id
        assert len(bench.actions()) == 1
        assert bench.cloud.writes() == []

    def test_only_garnish_is_left(self, bench: Bench) -> None:
        bench.vault(barrier="stanch-by-hand", alarm="on")
        result = bench.deliver(finding(vault()))
        assert (result.outcome, result.reason) == (Outcome.NO_OP, "the vault is sealed")
        assert bench.cloud.writes() == []

    def test_an_echo_names_the_action_that_contained_it(self, bench: Bench) -> None:
        bench.door()
        acted = bench.deliver()
        echo = bench.deliver()
        assert (echo.outcome, echo.action_id) == (Outcome.NO_OP, acted.action_id)
        assert (echo.reason, echo.changes) == (f"already contained by action {acted.action_id}", [])

    def test_an_echo_of_what_is_gone_by_now(self, bench: Bench) -> None:
        bench.door()
        bench.deliver()
        del bench.cloud.things["door-1"]
        assert (bench.deliver().outcome, bench.deliver().reason) == (Outcome.NO_OP, "gone")

    def test_contained_by_somebody_else_at_the_same_moment(self, bench: Bench) -> None:
        bench.door()

        def rival(call: Call) -> None:
            if call.verb == "Set":
                bench.cloud.things["door-1"]["front"] = "shut"
                raise CloudError("Set", "Conflict", "it changed")

        bench.cloud.before.append(rival)
        result = bench.deliver()
        assert (result.outcome, result.reason) == (Outcome.NO_OP, "the door is shut")
        assert bench.told() == []
        assert bench.locks() == []


class TestModes:
    @pytest.mark.parametrize(
        ("ceiling", "mode", "outcome", "reason"),
        [
            ("auto", "auto", Outcome.ACTED, None),
            ("auto", "observe", Outcome.PLANNED, "mode: observe"),
            ("auto", "approve", Outcome.AWAITING_APPROVAL, "mode: approve"),
            ("observe", "auto", Outcome.PLANNED, "mode: observe"),
            ("approve", "auto", Outcome.AWAITING_APPROVAL, "mode: approve"),
            ("approve", "observe", Outcome.PLANNED, "mode: observe"),
        ],
    )
    def test_the_stricter_of_playbook_and_ceiling(self, bench: Bench, ceiling: str, mode: Any, outcome: Outcome, reason: Any) -> None:  # fmt: skip
        bench.door()
        bench.settings = Settings(ceiling=ceiling, verify_delays=())
        bench.playbooks = [playbook("p", CloseDoor.id, mode=mode)]
        result = bench.deliver()
        assert (result.outcome, result.reason) == (outcome, reason)
        assert result.changes == [{"target": "front of door-1", "before": "open", "after": "shut"}]
        assert bool(bench.cloud.writes()) is (outcome is Outcome.ACTED)
        assert bench.told() == [(str(outcome), reason)]

    @pytest.mark.parametrize("order", [("auto", "observe"), ("observe", "auto"), ("approve", "observe")])
    def test_of_overlapping_playbooks_the_strictest_wins(self, bench: Bench, order: tuple[Any, Any]) -> None:
        bench.door()
        bench.playbooks = [playbook(f"p-{mode}", CloseDoor.id, mode=mode) for mode in order]
        result = bench.deliver()
        assert (result.outcome, result.playbook) == (Outcome.PLANNED, "p-observe")
        assert bench.cloud.writes() == []

    def test_it_wins_for_other_parameters_too_and_none_is_lost(self, bench: Bench) -> None:
        bench.door()
        steps = {side: Step(CloseDoor.id, {"side": side}) for side in ("front", "back")}
        bench.playbooks = [playbook("p-front", steps["front"]), playbook("p-back", steps["back"])]
        assert [row.outcome for row in bench.respond(finding())] == [Outcome.ACTED, Outcome.ACTED]
        assert bench.cloud.writes() == ["Set door-1.front", "Set door-1.back"]

        bench.door("door-2")
        bench.playbooks = [playbook("p-front", steps["front"]), playbook("p-back", steps["back"], mode="observe")]
        rows = bench.respond(finding(door("door-2"), id="other"))
        assert [(row.outcome, row.changes[0]["target"]) for row in rows] == [
            (Outcome.PLANNED, "front of door-2"),
            (Outcome.PLANNED, "back of door-2"),
        ]

    def test_a_plan_is_told_once_however_often_the_finding_comes(self, bench: Bench) -> None:
        """The plan names things after the action, whose id is new each time: that is no news."""
        bench.vault()
        bench.settings = Settings(ceiling="observe")
        rows = [bench.deliver(finding(vault(), version=str(number))) for number in range(3)]
        assert {row.outcome for row in rows} == {Outcome.PLANNED}
        assert len(bench.actions()) == len(bench.channel.reports) == 1
        bench.cloud.things["vault-1"]["alarm"] = "on"
        bench.deliver(finding(vault()))
        assert len(bench.channel.reports) == 2, "another plan is news"


class TestNotActed:
    def test_the_plan_is_denied(self, bench: Bench) -> None:
        bench.door()
        bench.cloud.before.append(failing(denied("Describe"), verb="Describe"))
        result = bench.deliver()
        assert result.outcome is Outcome.FAILED
        assert (result.reason or "").startswith("the plan could not be made: Describe: AccessDenied")
        assert bench.deliver().action_id == result.action_id
        assert [outcome for outcome, _ in bench.told()] == ["failed"]

    def test_the_resource_cannot_be_asked_for(self, bench: Bench) -> None:
        bench.door()
        bench.cloud.before.append(failing(InvalidInput("resource.account", "names no subscription"), verb="Assume"))
        result = bench.deliver()
        assert (result.outcome, result.reason) == (Outcome.REJECTED, "resource.account: names no subscription")

    def test_the_only_change_is_denied(self, bench: Bench) -> None:
        bench.door()
        bench.cloud.before.append(failing(denied(), verb="Set"))
        result = bench.deliver()
        assert result.outcome is Outcome.FAILED
        assert result.reason == f"front of door-1: {denied()}"
        action = bench.action(result)
        assert [(step.status, step.error) for step in action.steps] == [(Status.FAILED, str(denied()))]
        assert (bench.locks(), bench.cloud.writes()) == ([], [])
        assert bench.channel.reports[0].failures == [f"front of door-1: {denied()}"]

    def test_no_session_to_act_with(self, bench: Bench) -> None:
        bench.door()
        bench.cloud.before.append(failing(denied("Assume"), verb="Assume", purpose="act"))
        result = bench.deliver()
        assert (result.outcome, result.reason) == (Outcome.FAILED, f"front of door-1: {denied('Assume')}")
        assert bench.locks() == []

    def test_one_of_several_independent_changes_is_denied(self, bench: Bench) -> None:
        bench.vault()
        bench.cloud.before.append(failing(denied(), name="alarm"))
        result = bench.deliver(finding(vault()))
        assert (result.outcome, result.reason) == (Outcome.PARTIAL, f"alarm of vault-1: {denied()}")
        statuses = {step.change.id: step.status for step in bench.action(result).steps}
        assert statuses == {
            "barrier": Status.APPLIED, "placed": Status.APPLIED, "connections": Status.APPLIED, "alarm": Status.FAILED,
            "label": Status.APPLIED, "photo": Status.APPLIED,
        }  # fmt: skip
        assert bench.cloud.things["vault-1"]["barrier"] == f"stanch-{result.action_id}"
        assert bench.told() == [("partial", result.reason)]

    def test_what_needs_a_change_that_failed_is_not_tried(self, bench: Bench) -> None:
        bench.vault()
        bench.cloud.before.append(failing(denied("Create"), verb="Create"))
        result = bench.deliver(finding(vault()))
        assert (result.outcome, result.reason) == (Outcome.PARTIAL, f"barrier stanch-{result.action_id}: {denied('Create')}")  # fmt: skip
        statuses = {step.change.id: step.status for step in bench.action(result).steps}
        assert (statuses["barrier"], statuses["placed"], statuses["connections"]) == (Status.FAILED, Status.SKIPPED, Status.SKIPPED)  # fmt: skip
        assert bench.cloud.writes() == ["Set vault-1.alarm", "Set vault-1.label", "Set vault-1.photo"]

    @pytest.mark.parametrize("error", [denied(), Throttled("slow down"), Unreachable("timeout")])
    def test_garnish_may_fail_in_any_way(self, bench: Bench, error: Exception) -> None:
        bench.vault()
        bench.cloud.before += [failing(error, name="label"), failing(error, name="photo")]
        result = bench.deliver(finding(vault()))
        assert (result.outcome, result.reason) == (Outcome.ACTED, None)
        assert bench.channel.reports[0].failures == [f"label of vault-1: {error}", f"photo of vault-1: {error}"]
        assert bench.locks() == []

    def test_a_change_without_effect_is_not_called_done(self, bench: Bench) -> None:
        bench.door()
        bench.cloud.after.append(lambda call: bench.cloud.things["door-1"].update(front="open"))
        result = bench.deliver()
        assert result.outcome is Outcome.UNVERIFIED
        assert result.reason == "every change was made, but a second look still finds: front of door-1"
        assert bench.wall.slept == [0.2, 0.5]
        assert [outcome for outcome, _ in bench.told()] == ["unverified"]

    @pytest.mark.parametrize("verb", ["Describe", "Assume"])
    def test_a_result_that_may_not_be_read_is_unverified(self, bench: Bench, verb: str) -> None:
        bench.door()
        bench.cloud.after.append(
            lambda call: (
                bench.cloud.before.append(failing(denied(verb), verb=verb, purpose="read"))
                if call.verb == "Set"
                else None
            )
        )
        result = bench.deliver()
        assert result.outcome is Outcome.UNVERIFIED
        assert result.reason == f"the result could not be read: {denied(verb)}"
        assert (bench.cloud.things["door-1"]["front"], bench.locks()) == ("shut", [])


class TestRejected:
    def test_malformed(self, bench: Bench) -> None:
        responder = Responder(bench.deployment)
        rows = [responder.reject("toy", MalformedEvent("detail.id", "is missing"), {"detail": {}}) for _ in range(2)]
        assert [(row.outcome, row.reason) for row in rows] == [(Outcome.REJECTED, "detail.id: is missing")] * 2
        assert bench.told() == [("rejected", "detail.id: is missing")]
        assert bench.actions() == []

    @pytest.mark.parametrize("first", [False, True])
    def test_unconfirmed(self, bench: Bench, first: bool) -> None:
        bench.door()

        def nobody(given: Finding) -> Any:
            raise Unconfirmed("the source has no such finding")

        bench.upstreams["toy"] = Upstream(nobody, first)
        rows = [bench.deliver() for _ in range(2)]
        assert {row.outcome for row in rows} == {Outcome.REJECTED}
        assert bench.told() == [("rejected", "unconfirmed: the source has no such finding")]
        assert (bench.cloud.calls, bench.actions()) == ([], [])

    def test_the_sources_copy_is_what_counts(self, bench: Bench) -> None:
        bench.door()
        copies = {"acted": finding(), "held": finding(archived=True), "unmatched": finding(type="Other:Door/Open")}
        for outcome in ("unmatched", "held", "acted"):
            bench.upstreams["toy"] = Upstream(lambda _, copy=copies[outcome]: ([copy], "the source has it"))  # type: ignore[misc]
            assert str(bench.deliver().outcome) == outcome
        assert bench.channel.reports[-1].why == "the source has it"

    def test_a_source_that_may_not_be_asked(self, bench: Bench) -> None:
        bench.door()

        def confirm(given: Finding) -> Any:
            if given.id == "finding-1":
                raise denied("GetFindings")
            return [given], "the source has it"

        bench.upstreams["toy"] = Upstream(confirm)
        rows = bench.respond(finding(), finding(id="other"))
        assert [row.outcome for row in rows] == [Outcome.FAILED, Outcome.ACTED]
        assert rows[0].reason == f"it could not be confirmed: {denied('GetFindings')}"

    def test_a_finding_without_the_resource_it_should_name(self, bench: Bench) -> None:
        named = {"unresolved": [{"place": "detail.resource.door", "reason": "is missing"}]}
        result = bench.deliver(finding(resources=(), upstream=named))
        assert result.outcome is Outcome.REJECTED
        assert result.reason == "detail.resource.door: is missing"
        result = bench.deliver(finding(resources=()))
        assert result.outcome is Outcome.REJECTED
        assert result.reason == "resources: the finding names none, and playbook doors needs one"
        bench.playbooks = [playbook("p", CloseDoor.id)]
        result = bench.deliver(finding(resources=()))
        assert result.outcome is Outcome.REJECTED
        assert result.reason == "resources: the finding names no AWS::Toy::Door and nothing that leads to one"
        assert bench.cloud.writes() == []


class TestUnmatched:
    def test_compliant(self, bench: Bench) -> None:
        result = bench.deliver(finding(compliant=True))
        assert (result.outcome, result.reason) == (Outcome.UNMATCHED, "the resource is compliant")

    def test_no_playbook(self, bench: Bench) -> None:
        result = bench.deliver(finding(type="Other:Door/Open"))
        assert (result.outcome, result.reason) == (Outcome.UNMATCHED, "no playbook is for Other:Door/Open")

    def test_resources_of_the_other_cloud(self, bench: Bench) -> None:
        bench.playbooks = [playbook("p", "azure.compute.isolate_vm")]
        rows = [bench.deliver(finding(MACHINE, account="s")) for _ in range(2)]
        assert {(row.outcome, row.reason) for row in rows} == {
            (Outcome.UNMATCHED, f"{MACHINE.id} belongs to the Azure deployment")
        }
        assert (rows[0].resource or {})["id"] == MACHINE.id
        assert (bench.cloud.calls, bench.told()) == ([], [])

    def test_of_a_finding_that_names_both_clouds_our_part_is_done(self, bench: Bench) -> None:
        bench.door()
        bench.playbooks = [playbook("p", CloseDoor.id, "azure.compute.isolate_vm")]
        rows = bench.respond(finding(door(), MACHINE))
        assert sorted(str(row.outcome) for row in rows) == ["acted", "unmatched"]

    def test_a_remediation_of_the_other_cloud_for_a_resource_of_ours(self, bench: Bench) -> None:
        bench.playbooks = [playbook("p", "azure.compute.isolate_vm")]
        result = bench.deliver()
        assert result.reason == "azure.compute.isolate_vm belongs to the Azure deployment"


class TestResolving:
    def test_a_resource_behind_the_named_one(self, bench: Bench) -> None:
        bench.vault()
        bench.playbooks = [playbook("p", SealVault.id)]
        bench.cloud.behind["door-1", "AWS::Toy::Vault"] = [vault()]
        result = bench.deliver()
        assert (result.outcome, (result.resource or {})["id"]) == (Outcome.ACTED, "vault-1")

    def test_nothing_behind_it(self, bench: Bench) -> None:
        bench.playbooks = [playbook("p", SealVault.id)]
        result = bench.deliver()
        assert (result.outcome, result.reason) == (Outcome.NO_OP, "no AWS::Toy::Vault stands behind door-1")

    @pytest.mark.parametrize(
        ("error", "outcome", "reason"),
        [
            (denied("Resolve"), Outcome.FAILED, f"what it is about could not be looked up: {denied('Resolve')}"),
            (InvalidInput("host", "is no name"), Outcome.REJECTED, "host: is no name"),
        ],
    )
    def test_one_that_may_not_be_looked_up_stops_no_other(self, bench: Bench, error: Exception, outcome: Outcome, reason: str) -> None:  # fmt: skip
        bench.door()
        bench.playbooks = [playbook("v", SealVault.id), playbook("d", CloseDoor.id)]
        bench.cloud.before.append(failing(error, verb="Resolve"))
        rows = bench.respond(finding())
        assert [(row.outcome, row.playbook) for row in rows] == [(outcome, "v"), (Outcome.ACTED, "d")]
        assert rows[0].reason == reason
        assert (str(outcome), reason) in bench.told()

    def test_one_that_cannot_be_looked_up_now_comes_again_after_the_others(self, bench: Bench) -> None:
        bench.door()
        bench.playbooks = [playbook("v", SealVault.id), playbook("d", CloseDoor.id)]
        bench.cloud.before.append(failing(Throttled("slow down"), verb="Resolve"))
        with pytest.raises(Retryable, match="slow down"):
            bench.respond(finding())
        assert bench.cloud.writes() == ["Set door-1.front"], "what is known is contained at once"
        rows = bench.respond(finding(), last=True)
        assert sorted((str(row.outcome), row.playbook) for row in rows) == [("held", None), ("no_op", "d")]

    def test_parameters_that_do_not_fit_stop_no_other(self, bench: Bench) -> None:
        bench.door()
        bad = Step(CloseDoor.id, {"side": "observables.ip"})
        bench.playbooks = [playbook("bad", bad), playbook("good", CloseDoor.id, when=of_type(CloseDoor))]
        rows = bench.respond(finding(observables=(Observable("ip", "198.51.100.7"),)))
        assert [(row.outcome, row.playbook) for row in rows] == [(Outcome.FAILED, "bad"), (Outcome.ACTED, "good")]
        assert "bad.with.side: must be of type string" in (rows[0].reason or "")


class TestUnknown:
    def test_every_finding_is_answered_before_one_comes_again(self, bench: Bench) -> None:
        bench.door(), bench.door("door-2")
        bench.cloud.before.append(failing(Throttled("slow down"), thing="door-1"))
        with pytest.raises(Retryable, match="slow down"):
            bench.respond(finding(), finding(door("door-2"), id="other"))
        assert bench.cloud.things["door-2"]["front"] == "shut"

    def test_every_copy_is_answered_before_one_comes_again(self, bench: Bench) -> None:
        bench.door(), bench.door("door-2")
        copies = [finding(), finding(door("door-2"), id="other")]
        bench.upstreams["toy"] = Upstream(lambda _: (copies, "the incident has two"))
        bench.cloud.before.append(failing(Throttled("slow down"), thing="door-1"))
        with pytest.raises(Retryable, match="slow down"):
            bench.respond(finding())
        assert bench.cloud.things["door-2"]["front"] == "shut"

    def test_only_the_last_delivery_is_held(self, bench: Bench) -> None:
        bench.door()
        bench.cloud.before.append(failing(Unreachable("timeout"), verb="Describe"))
        for _ in range(4):
            with pytest.raises(Unreachable):
                bench.deliver()
        assert (bench.told(), bench.actions()) == ([], [])
        result = bench.deliver(last=True)
        assert (result.outcome, result.reason) == (Outcome.HELD, "unknown after the last delivery: timeout")
        assert [action.id for action in bench.actions()] == [result.action_id]

    def test_a_source_that_does_not_answer(self, bench: Bench) -> None:
        def confirm(given: Finding) -> Any:
            raise Unreachable("the source does not answer")

        bench.upstreams["toy"] = Upstream(confirm)
        with pytest.raises(Unreachable):
            bench.deliver()
        result = bench.deliver(last=True)
        assert (result.outcome, result.reason) == (Outcome.HELD, "unknown after the last delivery: the source does not answer")  # fmt: skip

    def test_the_account_is_the_resources_own(self, bench: Bench) -> None:
        bench.door()
        bench.deliver()
        assert {call.thing for call in bench.cloud.calls if call.verb == "Assume"} == {ACCOUNT}
