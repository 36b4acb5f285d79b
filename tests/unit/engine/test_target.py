"""What is carried over from an action that was made before to what is done with it now."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from msgspec.structs import replace

from stanch.action import Outcome, effect_key
from stanch.errors import Throttled
from stanch.finding import Resource
from stanch.playbooks.limits import Accounts, Expires, Group
from stanch.target import Target, marker_of
from tests.unit.engine.bench import ACCOUNT, Bench, door, finding, of_type, playbook
from tests.unit.engine.deciding import decide, waits
from tests.unit.engine.toy_remediations import CloseDoor

PROD = Accounts({"prod": Group(ids=(ACCOUNT,)), "sandbox": Group(ids=("444455556666",))})
ASKS = playbook("doors", CloseDoor.id, when=of_type(CloseDoor), mode="approve", expires=Expires(3600))


@pytest.fixture(autouse=True)
def asking(bench: Bench) -> None:
    bench.playbooks = [playbook("other", CloseDoor.id, when={"type": ("Other",)}), ASKS]
    bench.policy = {"accounts": PROD}
    bench.door()


def test_everything_that_the_action_knows(bench: Bench) -> None:
    action = waits(bench)
    action.evidence["confirmed"], action.justification, action.requester = "the source has it", "drill", "oncall"
    target = Target.of_action(action, bench.deployment)
    assert target == Target(
        remediation=CloseDoor.id, resource=door(), params={"side": "front", "reason": None}, effect=action.effect, action_id=action.id, mode="auto", playbook=ASKS,
        confirmed="the source has it", requester="oncall", justification="drill", group="prod", waited=action,
    )  # fmt: skip
    assert (target.automatic, target.restrained, target.lease) == (False, True, Expires(3600))
    assert replace(target, expires=Expires(60)).lease == Expires(60)
    assert target.marker == marker_of(action) is not None
    assert Target.of_action(action, bench.deployment, unattended=True).automatic


def test_a_persons_runbook_is_nobodys_finding(bench: Bench) -> None:
    action = bench.action(bench.runbook(door("door-1")).apply())
    target = Target.of_action(action, bench.deployment)
    assert (target.playbook, target.marker, target.restrained, target.lease) == (None, None, False, None)
    assert (target.requester, target.justification) == ("oncall", "seen live")
    assert target.after(None) is target


def test_an_account_that_cannot_be_looked_up_for_now(bench: Bench) -> None:
    def units_of(account: str) -> Any:
        raise Throttled("slow down")

    action = waits(bench)
    action.resource = replace(action.resource, account="999900001111")
    bench.policy = {"accounts": Accounts({"prod": Group(ous=("ou-1",))})}
    bench.wiring = {"units_of": units_of}
    target = Target.of_action(action, bench.deployment)
    assert (target.group, str(target.doubt)) == (None, "account group: it cannot be read: slow down")


def test_the_ceiling_of_another_group_binds_nobody_here(bench: Bench) -> None:
    bench.policy = {"accounts": PROD, "ceiling": {"sandbox": "observe"}}
    action = waits(bench)
    assert decide(bench, action).approve().outcome is Outcome.ACTED


def test_what_follows_the_last_action_of_an_effect_has_one_id_whatever_asks_for_it(bench: Bench) -> None:
    target = Target(CloseDoor.id, door(), {}, "e" * 64, "", "auto", finding=finding())
    alike = [target, *(replace(target, finding=finding(**one)) for one in ({"title": "again"}, {"version": "2"}, {"id": "finding-2"}))]  # fmt: skip
    (first,) = {one.after(None).action_id for one in alike}
    assert re.fullmatch(r"e{12}-[0-9a-f]{11}", first)
    (second,) = {one.after(first).action_id for one in alike}
    assert len({first, second, target.after(second).action_id}) == 3
    assert replace(target, finding=None, action_id="a person's").after(first).action_id == "a person's"


def test_the_marker_is_of_one_finding_one_remediation_and_one_resource() -> None:
    target = Target(CloseDoor.id, door(), {}, "e" * 64, "", "auto", finding=finding())
    others = [
        replace(target, finding=finding(source="other")),
        replace(target, finding=finding(id="finding-2")),
        replace(target, remediation="aws.toy.seal_vault"),
        replace(target, resource=Resource(CloseDoor.resource_type, "door-2", ACCOUNT)),
    ]
    assert replace(target, finding=finding(version="2")).marker == target.marker
    assert len({target.marker, *(other.marker for other in others)}) == 5


def test_the_key_of_an_effect_is_the_same_in_every_release() -> None:
    """Locks and markers that an earlier one wrote are found by it."""
    machine = Resource(
        "Microsoft.Compute/virtualMachines", "/subscriptions/S/vm", "AAAAAAAA-0000-0000-0000-000000000000"
    )
    plain = '["azure.toy.stop","aaaaaaaa-0000-0000-0000-000000000000","Microsoft.Compute/virtualMachines|/subscriptions/s/vm",{}]'
    assert effect_key("azure.toy.stop", machine, {}, ()) == hashlib.sha256(plain.encode()).hexdigest()
