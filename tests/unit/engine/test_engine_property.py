"""Whatever happens in whatever order: never two effects, no lock without an open record, and undo brings back what was there."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stanch import containment, deployment, transaction, undo
from stanch.action import Outcome, Status
from stanch.errors import AccessDenied, Refused, Retryable, Throttled, Unreachable
from tests.unit.engine.bench import FAST, Bench, Wall, finding, vault
from tests.unit.engine.toy import Call, ToyCloud

CLOSED = (Outcome.ACTED, Outcome.PARTIAL, Outcome.UNVERIFIED, Outcome.FAILED, Outcome.NO_OP, Outcome.UNDONE)


class Killed(BaseException):
    """The process ends here."""


def errors(kind: str) -> BaseException:
    found: dict[str, BaseException] = {
        "killed": Killed(),
        "throttled": Throttled("slow down"),
        "unreachable": Unreachable("timeout"),
        "denied": AccessDenied("call", "AccessDenied", "no"),
    }
    return found[kind]


faults = st.none() | st.tuples(
    st.integers(0, 24), st.sampled_from(["killed", "throttled", "unreachable", "denied"]), st.booleans()
)
steps = st.one_of(
    st.tuples(st.sampled_from(["deliver", "other", "last", "undo", "force", "run"]), faults),
    st.tuples(st.sampled_from(["lapse", "attack", "drift", "drain"]), st.none()),
)


class Story:
    """One bench and what happens to it. Every write to the vault is watched against what the journal says at that moment."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        bench.vault()
        bench.cloud.before.append(self._watch)

    def _watch(self, call: Call) -> None:
        """Invariant 1, and 3 for undo: who writes holds the lock, and the action has the before-state in the journal."""
        if not call.write:
            return
        ((action_id, _, _),) = self.bench.locks()
        action = self.bench.journal.get(action_id)
        assert action is not None
        assert action.outcome is None
        assert (action.undo is not None) is (call.purpose == "undo")
        live = self.bench.cloud.things.get(call.thing)
        step = next(step for step in action.steps if call.thing in step.change.data.values() and call.name in ("", *step.change.data.values()))  # fmt: skip
        if call.purpose == "undo" and not action.undo["force"]:
            assert live is not None
            assert (live[call.name] if call.name else live["state"]) == step.change.after
        if call.purpose == "act" and not step.change.transient:
            found = live and live[call.name]
            assert found == step.change.before, "what is written twice, or over somebody else's change, is fought over"

    def play(self, what: str, fault: tuple[int, str, bool] | None) -> None:
        with self._fault(fault), suppress(Killed, Retryable, AccessDenied, Refused):
            self._do(what)
        self._sound()

    def _do(self, what: str) -> None:
        bench, live = self.bench, self.bench.cloud.things["vault-1"]
        match what:
            case "deliver" | "last":
                bench.respond(finding(vault()), last=what == "last")
            case "other":
                bench.respond(finding(vault(), id="finding-2"))
            case "run":
                bench.runbook(vault(), "aws.toy.seal_vault").apply()
            case "undo" | "force":
                for action in bench.actions()[::-1]:
                    if action.outcome in undo.UNDOABLE or action.undo:
                        bench.undo(action.id, force=what == "force").run()
                        break
            case "lapse":
                bench.lapse()
            case "attack":
                live.update(barrier="none", alarm="off")
            case "drift":
                live["alarm"] = "stolen"
            case "drain":
                bench.drain()

    @contextmanager
    def _fault(self, fault: tuple[int, str, bool] | None) -> Iterator[None]:
        hooks: list[Callable[..., None]] = []
        if fault is not None:
            left = [fault[0]]

            def hook(_: object) -> None:
                left[0] -= 1
                if left[0] == -1:
                    raise errors(fault[1])

            hooks.append(hook)
        cloud, journal = self.bench.cloud, self.bench.journal
        sides = (cloud.after, journal.after) if fault and fault[2] else (cloud.before, journal.before)
        for side in sides:
            side.extend(hooks)
        yield
        for side in sides:
            for hook_ in hooks:
                side.remove(hook_)

    def _sound(self) -> None:
        """Every record is closed, or the lock of its effect is left to find it by; never a lock without an open record."""
        locked = {action_id for action_id, _, _ in self.bench.locks()}
        left_open = {action.id for action in self.bench.actions() if action.outcome is None}
        assert locked == left_open
        assert len(locked) <= 1
        for action in self.bench.actions():
            if action.outcome in (Outcome.ACTED, Outcome.UNDONE):
                essential = [step for step in action.steps if not step.change.garnish and not step.change.transient]
                wrong = Status.PLANNED if action.outcome is Outcome.ACTED else Status.APPLIED
                assert wrong not in [step.status for step in essential]

    def end(self) -> None:
        """Everything works again: what is open is finished, every report is told once for each key, and undo is exact."""
        bench = self.bench
        bench.lapse()
        for action in bench.actions():
            if action.outcome is None and action.undo is not None:
                bench.undo(action.id, force=True).run()
        for _ in range(2):  # what an attacker opened while the record was open is `unverified` first
            bench.respond(finding(vault(), id="finding-3"))
        assert bench.locks() == []
        assert {action.outcome for action in bench.actions()} <= {*CLOSED, Outcome.HELD}
        live = bench.cloud.things["vault-1"]
        assert (str(live["barrier"]).startswith("stanch-"), live["alarm"]) == (True, "on")
        bench.drain()
        told = {report.key: (report.action_id, report.outcome) for report in bench.channel.reports}
        for action in bench.actions():
            if action.outcome is not Outcome.NO_OP:
                assert (action.id, str(action.outcome)) in told.values(), "no report is lost"
        for report in bench.channel.reports:
            assert told[report.key] == (report.action_id, report.outcome), "a repeat says the same"


@contextmanager
def story() -> Iterator[Story]:
    wall = Wall()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=FAST))
        for module in (containment, deployment, transaction, undo):
            stack.enter_context(mock.patch.object(module, "time", wall))
        bench = Bench(Path(folder), ToyCloud(), wall)
        bench.settings = replace(bench.settings, verify_delays=())
        yield Story(bench)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, min_size=1, max_size=8))
def test_any_order_of_events_keeps_the_invariants(events: list[tuple[str, tuple[int, str, bool] | None]]) -> None:
    with story() as told:
        for what, fault in events:
            told.play(what, fault)
        told.end()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(faults, max_size=4), st.lists(faults, max_size=3))
def test_however_often_it_is_interrupted_undo_brings_back_exactly_what_was_there(
    acting: list[tuple[int, str, bool] | None], undoing: list[tuple[int, str, bool] | None]
) -> None:
    with story() as told:
        bench = told.bench
        before = bench.cloud.snapshot()
        for fault in (*acting, None):
            told.play("deliver", fault)
            told.play("lapse", None)
        for fault in (*undoing, None, None):
            for action in bench.actions()[::-1]:
                if action.outcome in undo.UNDOABLE or action.undo:
                    with told._fault(fault), suppress(Killed, Retryable, AccessDenied, Refused):
                        bench.undo(action.id).run()
            told.play("lapse", None)
        assert {action.outcome for action in bench.actions()} <= {Outcome.UNDONE, Outcome.FAILED, Outcome.NO_OP}
        after = bench.cloud.snapshot()
        kept = {name: after["vault-1"][name] for name in ("photo", "connections")}
        before["vault-1"] |= kept
        assert after == before
