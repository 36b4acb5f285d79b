"""Findings that lead to no action, and resources that a finding only implies."""

from __future__ import annotations

import time
from typing import Any

import pytest

from stanch.action import Outcome
from stanch.deployment import Upstream, archive_counter
from stanch.errors import (  # fmt: skip
    InvalidInput,
    MalformedEvent,
    Retryable,
    Throttled,
    Unconfirmed,
)
from stanch.finding import Finding, Observable, Resource
from stanch.playbooks.model import Step
from stanch.responder import Responder
from tests.unit.engine.bench import ACCOUNT, Bench, door, finding, of_type, playbook, vault
from tests.unit.engine.failing import denied, failing
from tests.unit.engine.toy_remediations import CloseDoor, SealVault

MACHINE = Resource("Microsoft.Compute/virtualMachines", "/subscriptions/s/virtualMachines/web-1", "s")


class TestRejected:
    def test_malformed(self, bench: Bench) -> None:
        responder = Responder(bench.deployment)
        rows = [responder.reject("toy", MalformedEvent("detail.id", "is missing"), {"detail": {}}) for _ in range(2)]
        said = (Outcome.REJECTED, "detail.id: is missing", "toy")
        assert [(row.outcome, row.reason, row.source) for row in rows] == [said] * 2
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
        assert (bench.channel.reports[-1].title, bench.channel.reports[-1].account) == ("A door is open", ACCOUNT)
        # what acting needs to know may be read while the source is asked
        assert (bench.cloud.writes(), bench.actions()) == ([], [])

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

    def test_of_an_event_whose_copy_alone_can_be_matched_nothing_is_read_before(self, bench: Bench) -> None:
        bench.door()

        def confirm(given: Finding) -> Any:
            time.sleep(0.05)  # what is read ahead is read by now
            raise Unconfirmed("the source does not know it")

        bench.upstreams["toy"] = Upstream(confirm, first=True)
        assert bench.deliver().outcome is Outcome.REJECTED
        assert bench.cloud.calls == []

    def test_what_we_archived_ourselves_counts_as_open(self, bench: Bench) -> None:
        bench.door()
        assert bench.deliver(finding(archived=True)).outcome is Outcome.HELD
        bench.journal.count([archive_counter("toy", "finding-1")], time.time() + 60)
        assert bench.deliver(finding(archived=True)).outcome is Outcome.ACTED

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

    def test_a_finding_that_names_nothing_where_it_should_whatever_the_playbooks(self, bench: Bench) -> None:
        named = {"unresolved": [{"place": "detail.resource", "reason": "is missing", "missing": True}]}
        result = bench.deliver(finding(type="Other:Door/Open", resources=(), upstream=named))
        assert (result.outcome, result.reason) == (Outcome.REJECTED, "detail.resource: is missing")


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
        assert {row.outcome: (row.resource or {})["id"] for row in rows} == {
            Outcome.ACTED: "door-1", Outcome.UNMATCHED: MACHINE.id,
        }  # fmt: skip

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

    def test_what_several_playbooks_ask_for_is_looked_up_once(self, bench: Bench) -> None:
        bench.vault()
        bench.playbooks = [playbook("p", SealVault.id), playbook("q", SealVault.id)]
        bench.cloud.behind["door-1", "AWS::Toy::Vault"] = [vault()]
        assert bench.deliver().outcome is Outcome.ACTED
        assert [call.thing for call in bench.cloud.calls if call.verb == "Resolve"] == ["door-1"]

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
