"""Groups of accounts in the engine: a mode and a ceiling for each; what cannot be placed is the strictest, what may not be asked is held."""

from __future__ import annotations

import pytest

from stanch.action import Outcome
from stanch.errors import AccessDenied, CloudError, Retryable, Throttled
from stanch.playbooks.limits import Accounts, Freeze, Group
from tests.unit.engine.bench import Bench, door, finding, playbook
from tests.unit.engine.deciding import decide
from tests.unit.engine.toy import ACCOUNT
from tests.unit.engine.toy_remediations import CloseDoor

OTHER = "777788889999"
GROUPS = Accounts({"prod": Group(ids=(ACCOUNT,)), "sandbox": Group(ids=(OTHER,))}, "prod")
UNITS = Accounts({"prod": Group(ous=("ou-ab12-prod0001",)), "sandbox": Group(ous=("ou-ab12-sand0001",))}, "prod")
MODES = {"prod": "approve", "sandbox": "auto"}


class TestGroups:
    def units(self, account: str) -> list[str]:
        if account == ACCOUNT:
            return ["ou-ab12-sand0001"]
        raise CloudError("organizations:list_parents", "ChildNotFoundException", "no such account")

    def outcome(self, bench: Bench, account: str = ACCOUNT) -> Outcome:
        bench.door()
        return bench.deliver(finding(door(account=account), account=account, id=f"of {account}")).outcome

    def test_a_mode_for_each_group(self, bench: Bench) -> None:
        bench.policy = {"accounts": GROUPS}
        bench.playbooks = [playbook("doors", CloseDoor.id, mode=MODES)]
        assert self.outcome(bench) is Outcome.AWAITING_APPROVAL
        assert self.outcome(bench, OTHER) is Outcome.ACTED

    def test_a_ceiling_for_each_group(self, bench: Bench) -> None:
        bench.policy = {"accounts": GROUPS, "ceiling": {"prod": "observe"}}
        assert self.outcome(bench) is Outcome.PLANNED
        assert self.outcome(bench, OTHER) is Outcome.ACTED

    def test_an_account_in_no_group_is_as_the_unlisted(self, bench: Bench) -> None:
        bench.policy = {"accounts": GROUPS}
        bench.playbooks = [playbook("doors", CloseDoor.id, mode=MODES)]
        assert self.outcome(bench, "123412341234") is Outcome.AWAITING_APPROVAL

    def test_by_the_unit_above_it(self, bench: Bench) -> None:
        bench.policy = {"accounts": UNITS}
        bench.wiring = {"units_of": self.units}
        bench.playbooks = [playbook("doors", CloseDoor.id, mode=MODES)]
        assert self.outcome(bench) is Outcome.ACTED

    def test_one_that_cannot_be_placed_is_the_strictest(self, bench: Bench) -> None:
        bench.policy = {"accounts": UNITS, "ceiling": {"prod": "observe"}}
        bench.wiring = {"units_of": self.units}
        bench.playbooks = [playbook("doors", CloseDoor.id, mode=MODES)]
        assert self.outcome(bench, OTHER) is Outcome.PLANNED, "prod's ceiling holds, though it may be a sandbox"
        bench.policy = {
            "accounts": UNITS,
            "freeze": (Freeze("f", "approve", from_="2026-01-01", to="2030-01-01", accounts=("prod",)),),
        }
        bench.playbooks = [playbook("doors", CloseDoor.id)]
        assert self.outcome(bench, OTHER) is Outcome.AWAITING_APPROVAL, "it may be in prod, which is frozen"

    def test_an_organisation_that_does_not_answer_is_asked_again_and_then_the_action_is_held(
        self, bench: Bench
    ) -> None:
        def busy(account: str) -> list[str]:
            raise Throttled("organizations:list_parents: slow down")

        bench.policy = {"accounts": UNITS}
        bench.wiring = {"units_of": busy}
        bench.door()
        with pytest.raises(Retryable, match="account group: it cannot be read"):
            bench.deliver()
        result = bench.deliver(last=True)
        assert (result.outcome, (result.reason or "")[:47]) == (
            Outcome.HELD,
            "unknown after the last delivery: account group:",
        )
        assert bench.action(result).outcome is Outcome.HELD, "it is listed, so that it can be released"
        assert bench.cloud.writes() == []

    def test_where_it_may_not_be_asked_it_is_retried_then_held_reported_and_releasable(self, bench: Bench) -> None:
        denied = [True]

        def units(account: str) -> list[str]:
            if denied:
                raise AccessDenied("organizations:list_parents", "AccessDeniedException", "no")
            return ["ou-ab12-sand0001"]

        bench.policy = {"accounts": UNITS}
        bench.wiring = {"units_of": units}
        bench.playbooks = [playbook("doors", CloseDoor.id, mode=MODES)]
        bench.door()
        with pytest.raises(Retryable, match=r"account group: it cannot be read: .*AccessDenied"):
            bench.deliver()
        assert bench.told() == []
        result = bench.deliver(last=True)
        assert (result.outcome, "account group: it cannot be read" in str(result.reason)) == (Outcome.HELD, True)
        assert [outcome for outcome, _ in bench.told()] == ["held"]
        action = bench.action(result)
        with pytest.raises(Retryable, match="account group"):
            decide(bench, action).release()
        assert (bench.action(result).outcome, bench.cloud.writes()) == (Outcome.HELD, [])
        denied.clear()
        assert decide(bench, action).release().outcome is Outcome.ACTED
