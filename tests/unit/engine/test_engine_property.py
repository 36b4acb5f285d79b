"""Whatever happens in whatever order: never two effects, no lock without an open record, nobody fought, and undo brings back what was there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from stanch import continuation, deployment, transaction, undo
from stanch.action import Action, Outcome, Status
from stanch.errors import AccessDenied, Refused, Retryable, Throttled, Unreachable
from tests.unit.engine.bench import FAST, Bench, Wall, finding, vault
from tests.unit.engine.failing import Killed
from tests.unit.engine.toy import Call, ToyCloud

ENDS = frozenset(Outcome) - {Outcome.PLANNED, Outcome.AWAITING_APPROVAL, Outcome.REJECTED, Outcome.UNMATCHED, Outcome.EXPIRED}  # fmt: skip
CLOUD = ("Assume", "Describe", "Create", "Set", "Delete")
JOURNAL = ("look", "open", "reopen", "claim", "record", "close", "note", "sent")


ERRORS = {
    "killed": Killed(),
    "throttled": Throttled("slow down"),
    "unreachable": Unreachable("timeout"),
    "denied": AccessDenied("call", "AccessDenied", "no"),
}

Fault = tuple[str, int, str, bool]
"""At which call, the how manieth such call, what is raised, and whether after the call took effect."""

faults = st.none() | st.tuples(
    st.sampled_from((*CLOUD, *JOURNAL)), st.integers(0, 6), st.sampled_from(sorted(ERRORS)), st.booleans()
)
steps = st.one_of(
    st.tuples(st.sampled_from(["deliver", "other", "last", "undo", "force", "run"]), faults),
    st.tuples(st.sampled_from(["deliver", "undo", "lapse", "attack", "drift", "drain"]), st.none()),
)


class Story:
    """One bench and what happens to it. Every write to the vault is held against what the journal says at that moment."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        bench.vault()
        bench.cloud.before.append(self._watch)

    def _watch(self, call: Call) -> None:
        """Who writes holds the lock, has the before-state in the journal, and overwrites nobody."""
        if not call.write:
            return
        ((action_id, _, _),) = self.bench.locks()
        action = self.bench.journal.get(action_id)
        assert action is not None
        assert action.outcome is None
        assert (action.undo is not None) is (call.purpose == "undo")
        step = next(
            step for step in action.steps
            if call.thing in step.change.data.values() and call.name in ("", *step.change.data.values())
        )  # fmt: skip
        thing = self.bench.cloud.things.get(call.thing)
        live = thing and thing[call.name or "state"]
        if call.purpose == "act":
            self._fights_nobody(action)
            assert step.change.transient or live == step.change.before
        elif not (action.undo or {})["force"]:
            assert live == step.change.after

    def _fights_nobody(self, action: Action) -> None:
        """The action of the same finding before this one was not undone by a person, not even in part."""
        if action.finding is None:
            return
        same = [each for each in self.bench.actions() if each.finding == action.finding and each.steps]
        before = [each for each in same[: [each.id for each in same].index(action.id)] if each.outcome in ENDS]
        done = [each for each in before if each.outcome not in (Outcome.HELD, Outcome.NO_OP) or each.undo]
        assert not done or done[-1].undo is None

    def play(self, what: str, fault: Fault | None) -> None:
        with self.failing(fault), suppress(Killed, Retryable, AccessDenied, Refused):
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
                for action in self.undoable()[:1]:
                    bench.undo(action.id, force=what == "force").run()
            case "lapse":
                bench.lapse()
            case "attack":
                live.update(barrier="none", alarm="off")
            case "drift":
                live["alarm"] = "stolen"
            case "drain":
                bench.drain()

    def undoable(self) -> list[Action]:
        """Newest first."""
        found = self.bench.actions()[::-1]
        return [each for each in found if each.outcome in undo.UNDOABLE or (each.undo and each.outcome is None)]

    @contextmanager
    def failing(self, fault: Fault | None) -> Iterator[None]:
        if fault is None:
            yield
            return
        where, nth, kind, after = fault
        left = [nth]

        def hook(call: Call | str) -> None:
            if where == (call if isinstance(call, str) else call.verb):
                left[0] -= 1
                if left[0] == -1:
                    raise ERRORS[kind]

        watched = self.bench.cloud if where in CLOUD else self.bench.journal
        side = watched.after if after else watched.before
        side.append(hook)
        yield
        side.remove(hook)

    def _sound(self) -> None:
        """Every record is closed, or the lock of its effect is left to find it by; never a lock without an open record."""
        locked = {action_id for action_id, _, _ in self.bench.locks()}
        assert locked == {action.id for action in self.bench.actions() if action.outcome is None}
        assert len(locked) <= 1
        for action in self.bench.actions():
            if action.outcome in (Outcome.ACTED, Outcome.UNDONE):
                essential = [step for step in action.steps if not step.change.garnish and not step.change.transient]
                wrong = Status.PLANNED if action.outcome is Outcome.ACTED else Status.APPLIED
                assert wrong not in [step.status for step in essential]

    def check_end(self) -> None:
        """Everything works again: what is open is finished, the vault is contained, and every report is told under a key of its own."""
        bench = self.bench
        bench.lapse()
        for action in bench.actions():
            if action.outcome is None and action.undo is not None:
                with suppress(Refused):  # drifted: it is closed as partial, and the vault is free for others
                    bench.undo(action.id).run()
        for _ in range(2):  # what an attacker opened while the record was open is `unverified` first
            bench.respond(finding(vault(), id="finding-3"))
        assert bench.locks() == []
        assert {action.outcome for action in bench.actions()} <= ENDS
        live = bench.cloud.things["vault-1"]
        assert (str(live["barrier"]).startswith("stanch-"), live["alarm"]) == (True, "on")
        bench.drain()
        told = {report.key: (report.action_id, report.outcome, report.reason) for report in bench.channel.reports}
        for action in bench.actions():
            if action.outcome is not Outcome.NO_OP:
                assert (action.id, str(action.outcome), action.reason) in told.values(), "no report is lost"
        for report in bench.channel.reports:
            assert told[report.key] == (report.action_id, report.outcome, report.reason), "a repeat says the same"


@contextmanager
def story() -> Iterator[Story]:
    wall = Wall()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=FAST))
        for module in (continuation, deployment, transaction, undo):
            stack.enter_context(mock.patch.object(module, "time", wall))
        bench = Bench(Path(folder), ToyCloud(), wall)
        bench.settings = replace(bench.settings, verify_delays=())
        yield Story(bench)


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, min_size=1, max_size=9))
def test_any_order_of_events_keeps_the_invariants(events: list[tuple[str, Fault | None]]) -> None:
    with story() as told:
        for what, fault in events:
            told.play(what, fault)
        told.check_end()


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(faults, max_size=3), st.lists(faults, max_size=3))
def test_however_often_it_is_interrupted_undo_brings_back_exactly_what_was_there(
    acting: list[Fault | None], undoing: list[Fault | None]
) -> None:
    with story() as told:
        bench = told.bench
        before = bench.cloud.snapshot()
        for fault in (*acting, None):
            told.play("deliver", fault)
            told.play("lapse", None)
        for fault in (*undoing, None, None):
            for action in told.undoable():
                with told.failing(fault), suppress(Killed, Retryable, AccessDenied, Refused):
                    bench.undo(action.id).run()
            told.play("lapse", None)
        assert {action.outcome for action in bench.actions()} <= {Outcome.UNDONE, Outcome.NO_OP}
        after = bench.cloud.snapshot()
        kept = {name: after["vault-1"][name] for name in ("photo", "connections")}
        before["vault-1"] |= kept
        assert after == before
