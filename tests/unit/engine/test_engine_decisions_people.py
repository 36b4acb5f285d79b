"""What cannot be undone takes two people; a role that many may use is none of them, whatever its session calls itself."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from stanch.action import Action, Outcome
from stanch.errors import Refused
from stanch.identity import Identity, of_arn
from stanch.playbooks.limits import Approval
from stanch.runbook import Request, Runbook
from tests.unit.engine.bench import Bench, door
from tests.unit.engine.deciding import ALICE, ASKS, BOB, decide, letter, now, waits
from tests.unit.engine.toy_remediations import BurnLetter

ROLE = "arn:aws:sts::111122223333:assumed-role/sec-oncall/"


@pytest.fixture(autouse=True)
def asking(bench: Bench) -> None:
    """Every playbook asks, and members of sec-oncall may answer."""
    bench.playbooks = ASKS
    bench.policy = {"approval": Approval({"group": "sec-oncall"})}


def session(name: str) -> Identity:
    return replace(of_arn(ROLE + name), groups=("sec-oncall",))


def asked_by(bench: Bench, requester: str) -> Action:
    """A person's runbook of what cannot be undone."""
    bench.door("letter-1")
    resource = replace(door("letter-1"), type=BurnLetter.resource_type)
    result = Runbook(bench.deployment, Request(BurnLetter.id, resource, requester, "incident")).apply()
    assert result.outcome is Outcome.AWAITING_APPROVAL
    return bench.action(result)


def test_two_sessions_of_one_role_are_not_two_people(bench: Bench) -> None:
    action = waits(bench, letter(bench))
    for name in ("alice", "bob"):
        with pytest.raises(Refused, match=r"identity: it cannot be undone and takes two people, and arn:.* may be anybody who may use arn:"):  # fmt: skip
            decide(bench, action, session(name)).approve()
    assert (now(bench, action).approvals, bench.cloud.writes()) == ([], [])


def test_a_role_is_no_second_person_beside_a_first(bench: Bench) -> None:
    action = waits(bench, letter(bench))
    decide(bench, action, ALICE).approve()
    with pytest.raises(Refused, match="identity: "):
        decide(bench, action, session("bob")).approve()
    assert bench.cloud.writes() == []
    assert decide(bench, action, BOB).approve().outcome is Outcome.ACTED


def test_whoever_asked_in_one_session_does_not_approve_in_another(bench: Bench) -> None:
    action = asked_by(bench, f"{ROLE}alice")
    with pytest.raises(Refused, match="own request: "):
        decide(bench, action, session("bob")).approve()


def test_what_a_role_asked_for_takes_two_people_more(bench: Bench) -> None:
    action = asked_by(bench, f"{ROLE}alice")
    first = decide(bench, action, ALICE).approve()
    assert (first.outcome, bench.cloud.writes()) == (Outcome.AWAITING_APPROVAL, [])
    assert decide(bench, action, BOB).approve().outcome is Outcome.ACTED


def test_what_can_be_undone_a_role_may_approve(bench: Bench) -> None:
    bench.door()
    assert decide(bench, waits(bench), session("alice")).approve().outcome is Outcome.ACTED


def test_a_role_may_deny_what_cannot_be_undone(bench: Bench) -> None:
    assert decide(bench, waits(bench, letter(bench)), session("alice")).deny().outcome is Outcome.EXPIRED
