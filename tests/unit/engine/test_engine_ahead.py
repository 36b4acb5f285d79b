"""What is read while the source is still asked: in time, once, not when it is old, and never a reason to write."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from stanch import ahead
from stanch.action import Outcome
from stanch.deployment import Upstream
from stanch.errors import Unconfirmed
from stanch.finding import Finding
from stanch.playbooks.limits import Protect
from tests.unit.engine.bench import Bench, finding
from tests.unit.engine.toy import Call

PATIENCE = 5.0


class Source:
    """A source that answers only when the plan's read has happened, and then does something else first."""

    def __init__(self, bench: Bench, then: Any = lambda: None, copies: int = 1) -> None:
        self._read, self._then, self._copies = threading.Event(), then, copies
        bench.cloud.after.append(self._seen)
        bench.upstreams["toy"] = Upstream(self._confirm)

    def _seen(self, call: Call) -> None:
        if call.verb == "Describe":
            self._read.set()

    def _confirm(self, given: Finding) -> Any:
        assert self._read.wait(PATIENCE), "nothing was read while the source was asked"
        self._then()
        return [given] * self._copies, "the source has it"


def reads(bench: Bench) -> int:
    """Plans and second looks so far; the toy reads a thing once for each."""
    return sum(call.verb == "Describe" for call in bench.cloud.calls)


def test_the_plan_is_read_while_the_source_is_asked_and_once(bench: Bench) -> None:
    bench.door()
    counted: list[int] = []
    Source(bench, lambda: counted.append(reads(bench)))
    assert bench.deliver().outcome is Outcome.ACTED
    assert counted == [1]
    bench.upstreams.clear()
    bench.door("door-2")
    bench.cloud.calls.clear()
    bench.deliver(finding(bench.door("door-2"), id="other"))
    assert reads(bench) == 2, "a plan and a second look, as with a source"


def test_what_was_read_while_a_slow_source_was_asked_is_read_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "FRESH", 0.0)
    bench.door()
    Source(bench, lambda: bench.cloud.things["door-1"].update(front="shut"))
    assert bench.deliver().outcome is Outcome.NO_OP
    assert bench.cloud.writes() == []


def test_a_second_copy_of_the_finding_sees_what_was_done_for_the_first(bench: Bench) -> None:
    bench.door()
    Source(bench, copies=2)
    assert [row.outcome for row in bench.respond(finding())] == [Outcome.ACTED, Outcome.NO_OP]
    assert bench.cloud.writes() == ["Set door-1.front"]


def test_nothing_runs_on_after_an_answer_that_needs_no_reads(bench: Bench) -> None:
    bench.door()
    running: list[Call] = []

    def slow(call: Call) -> None:
        running.append(call)
        time.sleep(0.05)

    def nobody(given: Finding) -> Any:
        raise Unconfirmed("the source has no such finding")

    bench.cloud.before.append(slow)
    bench.cloud.after.append(running.remove)
    bench.upstreams["toy"] = Upstream(nobody)
    assert bench.deliver().outcome is Outcome.REJECTED
    seen = len(bench.cloud.calls)
    time.sleep(0.15)
    assert (running, len(bench.cloud.calls), bench.cloud.writes()) == ([], seen, [])


def test_a_protected_resource_is_not_even_read(bench: Bench) -> None:
    bench.protect = Protect(resources=("door-1",))
    bench.door()
    bench.upstreams["toy"] = Upstream(lambda given: ([given], "the source has it"))
    assert bench.deliver().outcome is Outcome.HELD
    assert bench.cloud.calls == []


def test_reads_that_fail_count_only_once_the_source_confirmed(bench: Bench) -> None:
    bench.door()

    def gone(call: Call) -> None:
        if call.verb == "Describe":
            raise RuntimeError("a defect in a plan")

    def nobody(given: Finding) -> Any:
        raise Unconfirmed("the source has no such finding")

    bench.cloud.before.append(gone)
    bench.upstreams["toy"] = Upstream(nobody)
    assert bench.deliver().outcome is Outcome.REJECTED
    bench.upstreams["toy"] = Upstream(lambda given: ([given], "the source has it"))
    with pytest.raises(RuntimeError, match="a defect in a plan"):
        bench.deliver()
