"""What holds after a real process was killed after every call that it makes, and the event came again: one effect, one action that is closed, no report lost.

The crash matrix of `tests.proof` ends its processes by an exception that nothing catches; this is the same with the real thing, through the handlers, for one remediation of each cloud.

Every case has a resource of its own. `sdk` are all calls of boto3 and all requests of the Azure SDKs, `journal` all calls of the journal: `after journal open` is the
moment between the durable before-state and the first write.
"""

from __future__ import annotations

from collections import Counter

from stanch.action import Outcome, Status
from stanch.undo import Request, Undo
from tests.faults.cases import SERIES, Case
from tests.faults.dying import KILLED
from tests.faults.survival import Survival, befores, closed, states

WRITES = {"aws": ["UpdateAccessKey"], "azure": ["PUT open", "PUT stanch-{action}-111"]}
RECORD = {"aws": ["look", "open", "close"], "azure": ["look", "open", "record", "close"]}


class Proofs:
    """Tests of one cloud; each cloud's file says which."""

    def test_it_died_at_every_call(self, survival: Survival) -> None:
        for series in SERIES:
            *dead, well = survival.series[series]
            assert {case.exit_code for case in dead} == {KILLED}, series
            assert well.exit_code == 0, well.calls
            made = [call for call in well.calls if call.startswith(series[0])]
            assert len(dead) >= len(made), "a death for each call; how often an operation is polled differs"
            if series[0] == "journal":
                names = [call.partition(" ")[2] for call in made]
                assert [name for name in names if name != "sent"] == RECORD[survival.cloud.name]
                assert names[-1] == "sent", "each channel's answer is stored"
            else:
                assert len(made) > 5

    def test_what_was_written_had_its_before_state_in_the_journal(self, survival: Survival) -> None:
        assert survival.exposed == []

    def test_the_redelivery_contained_every_resource(self, survival: Survival) -> None:
        for case in survival.cases:
            assert survival.cloud.scenario.contained(case.world, case.resource), case.where
            outcomes = [row["outcome"] for row in survival.rows[id(case)]]
            assert outcomes in (["acted"], ["no_op"]), f"{case.where}: {survival.rows[id(case)]}"

    def test_every_action_is_closed_with_the_before_state(self, survival: Survival) -> None:
        assert survival.locks() == []
        for case in survival.cases:
            action = survival.action(case)
            assert action is not None, case.where
            assert closed(action), f"{case.where}: {action.outcome} {action.reason}"
            assert {step.status for step in action.steps} == {Status.APPLIED}, case.where
            assert befores(action), case.where
            assert befores(action) <= states(case.before), case.where
        assert len(list(survival.actions())) == len(survival.cases)

    def test_there_was_exactly_one_effect(self, survival: Survival) -> None:
        """By the cloud's own record of its calls."""
        expected = WRITES[survival.cloud.name]
        for case in survival.cases:
            action = survival.action(case)
            assert action is not None
            wanted = [name.format(action=action.id) for name in expected]
            assert sorted(survival.cloud.writes(action.id, case)) == wanted, case.where
        assert survival.writes == len(expected) * len(survival.cases)

    def test_no_report_is_lost_and_repeats_bear_the_same_key(self, survival: Survival) -> None:
        told = Counter(survival.cloud.told())
        assert set(told) == {f"{action.id}:acted:1" for action in survival.actions()}
        assert max(told.values()) <= 2
        assert list(survival.cloud.deployment().journal.pending()) == []
        lost_answers = {case.where for case in survival.cases if told[f"{_id(survival, case)}:acted:1"] == 2}
        assert lost_answers, "a channel's answer was lost in some cases"
        assert len(lost_answers) <= 3, f"a repeat goes out only where the answer was lost: {sorted(lost_answers)}"

    def test_undo_restores_exactly(self, survival: Survival) -> None:
        for case in survival.cases:
            request = Request(_id(survival, case), "tester", "it was a test", force=False)
            assert Undo(survival.cloud.deployment(), request).run().outcome is Outcome.UNDONE, case.where
            assert survival.cloud.scenario.snapshot(case.world, case.resource) == case.before, case.where


def _id(survival: Survival, case: Case) -> str:
    action = survival.action(case)
    assert action is not None
    return action.id
