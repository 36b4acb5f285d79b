"""What cannot be done, in whole or in part, and what is unknown: said, never called done, tried again or held."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.action import Outcome, Status
from stanch.deployment import Upstream
from stanch.errors import (  # fmt: skip
    InvalidInput,
    Retryable,
    Throttled,
    Unreachable,
)
from stanch.finding import Finding, Resource
from tests.unit.engine.bench import Bench, door, finding, vault
from tests.unit.engine.failing import denied, failing
from tests.unit.engine.toy import ACCOUNT, Call

MACHINE = Resource("Microsoft.Compute/virtualMachines", "/subscriptions/s/virtualMachines/web-1", "s")


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

    def test_what_was_made_in_part_is_unverified_where_the_result_may_not_be_read(self, bench: Bench) -> None:
        bench.vault()
        bench.cloud.before.append(failing(denied(), purpose="act", name="alarm"))
        bench.cloud.after.append(
            lambda call: bench.cloud.before.append(failing(denied("Describe"), verb="Describe")) if call.write else None
        )
        result = bench.deliver(finding(vault()))
        assert result.outcome is Outcome.UNVERIFIED
        assert result.reason == f"the result could not be read: {denied('Describe')}"

    def test_a_change_that_was_denied_has_failed_though_the_result_may_not_be_read(self, bench: Bench) -> None:
        bench.door()

        def deny(call: Call) -> None:
            if call.verb == "Set":
                bench.cloud.before.append(failing(denied("Describe"), verb="Describe"))
                raise denied()

        bench.cloud.before.append(deny)
        result = bench.deliver()
        assert (result.outcome, result.reason) == (Outcome.FAILED, f"front of door-1: {denied()}")

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
