"""The rows about functions: cold, warm, latency, batch and memory."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import events, measure
from bench.goals import Results, Row, Spread, ratio
from bench.measure import Run, Side
from bench.stub.process import RunningStub

WARM_UP, WARM = 10, 60
DELAY = 0.03
HAND, POWERTOOLS, CUSTODIAN, OURS = "hand-written", "Powertools idempotency", "Cloud Custodian", "Stanch"


@dataclass(frozen=True, slots=True)
class Lab:
    """The stub, how often everything is done, and where the results go."""

    stub: RunningStub
    rounds: int
    results: Results

    def interleaved(self, what: Sequence[Side], once: Callable[[Side], Run]) -> dict[str, list[Run]]:
        """Every side once a round, each round beginning with another, so that drift of the machine hits all alike."""
        found: dict[str, list[Run]] = {side.name: [] for side in what}
        for number in range(self.rounds):
            at = number % len(what)
            for side in (*what[at:], *what[:at]):
                found[side.name].append(once(side))
        return found

    def cold(self, side: Side) -> Run:
        now = measure.now()
        return measure.run(side, self.stub, [events.guardduty(1, now, side.account)], moment=now)

    def warm(self, side: Side, count: int, delay: float = 0.0) -> Run:
        now = measure.now()
        told = [events.guardduty(number, now, side.account) for number in range(count)]
        return measure.run(side, self.stub, told, moment=now, delay=delay)

    def add(
        self, group: str, what: str, value: Spread, goal: float | None = None, unit: str = "×", note: str = ""
    ) -> None:
        self.results.rows.append(Row(group, what, value, unit, goal, note=note))


def cold(lab: Lab, others: Sequence[Side], ours: Side, shipped: Side, member: Side) -> None:
    """Process start → first event contained and reported; peak of memory; what is called."""
    runs = lab.interleaved([*others, ours, shipped, member], lab.cold)
    hand = [run.reported for run in runs[HAND]]
    contained, reported = [run.contained for run in runs[OURS]], [run.reported for run in runs[OURS]]
    lab.add("cold", "event to contained, by the hand-written function's whole run", ratio(contained, hand), 0.9)
    lab.add("cold", "event to reported, by the hand-written function", ratio(reported, hand), 1.1)
    for name, goal in ((POWERTOOLS, 0.75), (CUSTODIAN, 0.4)):
        lab.add("cold", f"event to reported, by {name}", ratio(reported, [run.reported for run in runs[name]]), goal)
    peaks = [float(run.peak) for run in runs[OURS]]
    lab.add(
        "memory", "peak, cold, by the hand-written function", ratio(peaks, [float(run.peak) for run in runs[HAND]]), 1.1
    )
    for title, side in (("shipped policy, two actions", shipped), ("member account through roles", member)):
        told = {
            "contained": [run.contained for run in runs[side.name]],
            "reported": [run.reported for run in runs[side.name]],
        }
        for what, times in told.items():
            lab.add("cold", f"{title}: event to {what}, by the hand-written function", ratio(times, hand))
    for name, found in runs.items():
        lab.results.absolute[name] = {
            "cold contained ms": 1e3 * statistics.median(run.contained for run in found),
            "cold reported ms": 1e3 * statistics.median(run.reported for run in found),
            "cold CPU ms": 1e3 * statistics.median(run.cpu for run in found),
            "cold peak MiB": statistics.median(run.peak for run in found) / 1024,
            "modules": float(len(found[0].modules)),
        }
        lab.results.calls[f"{name}, cold"] = [call.name for call in found[0].of_event(0)]


def warm(lab: Lab, others: Sequence[Side], ours: Side) -> None:
    """CPU of the process for an event and for an API call, when everything is loaded."""
    runs = lab.interleaved(
        [*others, ours], lambda side: lab.warm(side, WARM_UP + (WARM if side.name != CUSTODIAN else 5))
    )
    spent = {name: [_cpu(run) for run in found] for name, found in runs.items()}
    each = {name: [_cpu(run) / len(run.of_event(len(run.marks) - 1)) for run in found] for name, found in runs.items()}
    lab.add("warm CPU", "an API call, by the hand-written function", ratio(each[OURS], each[HAND]), 1.2)
    for name, goal in ((HAND, 5.5), (POWERTOOLS, 2.3), (CUSTODIAN, 0.05)):
        lab.add("warm CPU", f"a whole event, by {name}", ratio(spent[OURS], spent[name]), goal)
    for name, found in runs.items():
        lab.results.absolute[name]["warm CPU ms"] = 1e3 * statistics.median(spent[name])
        lab.results.calls[f"{name}, warm"] = [call.name for call in found[0].of_event(len(found[0].marks) - 1)]
    made = Spread.of([float(len(run.of_event(len(run.marks) - 1))) for run in runs[OURS]])
    lab.add("calls", "API calls an event, warm", made, unit="calls")


def _cpu(run: Run) -> float:
    return statistics.median(cpu for _, _, cpu in run.marks[WARM_UP:])


def latency(lab: Lab, hand: Side, ours: Side, member: Side) -> None:
    """With 30 ms a call: how many round trips stand one after the other until the resource is contained."""
    runs = lab.interleaved([hand, ours, member], lambda side: lab.warm(side, 12, DELAY))
    one = [_median(run, lambda run, at: (run.marks[at][1] - run.marks[at][0]) / 2) for run in runs[HAND]]
    until = [_median(run, _contained) for run in runs[OURS]]
    lab.add(
        "latency", "event to contained at 30 ms a call, in calls of the hand-written function", ratio(until, one), 3.3
    )
    lab.add(
        "latency",
        "round trips in sequence until contained",
        Spread.of([float(run.depth(9)) for run in runs[OURS]]),
        3,
        "trips",
    )
    lab.add(
        "latency",
        "round trips in sequence until contained, member account",
        Spread.of([float(run.depth(9)) for run in runs[member.name]]),
        unit="trips",
    )


def _contained(run: Run, at: int) -> float:
    return run.containing(at).answered - run.marks[at][0]


def _median(run: Run, value: Callable[[Run, int], float]) -> float:
    return statistics.median(value(run, at) for at in range(3, len(run.marks)))


def batch(lab: Lab, ours: Side) -> None:
    """Ten findings in one SQS batch, beside ten one after the other."""
    ratios = []
    for _ in range(max(lab.rounds // 2, 2)):
        now = measure.now()
        told = [events.sqs_batch([events.guardduty(10 * at + number, now) for number in range(10)]) for at in range(4)]
        many = measure.run(ours, lab.stub, told, moment=now, delay=DELAY)
        one = lab.warm(ours, 13, DELAY)
        ratios.append(
            statistics.median(end - start for start, end, _ in many.marks[1:])
            / sum(end - start for start, end, _ in one.marks[3:])
        )
    lab.add("batch", "ten findings in one SQS batch at 30 ms a call, by ten in sequence", Spread.of(ratios), 0.2)


def azure(lab: Lab, naive: Side, ours: Side) -> None:
    """Process start → the open rule's deletion asked for."""

    def once(side: Side) -> Run:
        now = measure.now()
        return measure.run(side, lab.stub, [events.sentinel(now)], moment=now)

    runs = lab.interleaved([naive, ours], once)
    contained = {name: [run.contained for run in found] for name, found in runs.items()}
    lab.add(
        "Azure",
        "cold, event to contained, by the function with three SDK clients",
        ratio(contained[ours.name], contained[naive.name]),
        0.6,
    )
    for name, found in runs.items():
        lab.results.absolute[name] = {
            "cold contained ms": 1e3 * statistics.median(contained[name]),
            "cold reported ms": 1e3 * statistics.median(run.reported for run in found),
            "cold CPU ms": 1e3 * statistics.median(run.cpu for run in found),
            "cold peak MiB": statistics.median(run.peak for run in found) / 1024,
            "modules": float(len(found[0].modules)),
        }
        lab.results.calls[f"{name}, cold"] = [call.name for call in found[0].of_event(0)]
    loaded = [name for name in runs[ours.name][0].modules if name.startswith("azure.mgmt.") and name.count(".") == 2]
    extra = [name for name in loaded if name not in ("azure.mgmt.core", "azure.mgmt.network")]
    lab.add(
        "Azure",
        "management clients imported that the event does not need",
        Spread.of([float(len(extra))]),
        0,
        "modules",
        ", ".join(extra),
    )
