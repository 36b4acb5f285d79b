"""What must hold once everything is over: each function answers the sentences of what does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from stanch.action import Action, Outcome, Status
from stanch.errors import StanchError
from stanch.remediation import load
from stanch.report import REPORTED
from tests.contract.harness import REGISTRY
from tests.proof.injector_azure import UNIQUE
from tests.proof.lab import Lab

TROUBLE = frozenset({"failed", "held", "partial", "unverified", "rejected"})
"""Outcomes that tell people that something is not done, or not known to be."""

WRITING = (Outcome.ACTED, Outcome.PARTIAL, Outcome.UNVERIFIED, Outcome.FAILED, Outcome.UNDONE)

Effects = Counter[str]


def effects(lab: Lab, action: Action) -> Effects:
    """The writes for an action that the cloud accepted, without the names that differ from case to case."""
    return Counter(UNIQUE.sub("*", name) for name in lab.local.effects(action.id).elements())


def check_contained(lab: Lab) -> Iterator[str]:
    if not lab.contained():
        yield f"it is not contained: {_story(lab)}"


def check_closed(lab: Lab) -> Iterator[str]:
    """No record is open, no lease is left."""
    for action in lab.actions():
        if action.outcome is None:
            yield f"action {action.id} is open"
    if lab.lease() is not None:
        yield f"a lease is left: {lab.lease()}"


def check_one_effect(lab: Lab, clean: Effects) -> Iterator[str]:
    """One action wrote, and nothing more often than a run without a fault does; a step on the way may be made again, for that is how a resumed action ends contained."""
    wrote = [action for action in lab.actions() if lab.local.effects(action.id)]
    if len(wrote) != 1:
        yield f"{len(wrote)} actions wrote: {_story(lab)}"
    for action in wrote:
        yield from check_writes(lab, action, clean)
        if action.outcome is not Outcome.ACTED:
            yield f"the action that wrote ended as {action.outcome}: {action.reason}"
        unsure = [step.change.id for step in action.steps if step.status is Status.PLANNED]
        if unsure:
            yield f"steps without an end: {unsure}"


def check_writes(lab: Lab, action: Action, clean: Effects) -> Iterator[str]:
    allowed = clean.copy()
    if any(step.change.transient for step in action.steps):
        allowed.update(dict.fromkeys(allowed, 1))
    if lab.injector.sent_twice:
        allowed.update(dict.fromkeys(allowed, 1))
    more = effects(lab, action) - allowed
    if more:
        yield f"action {action.id} wrote more than a run without a fault: {dict(more)}"


def check_told(lab: Lab) -> Iterator[str]:
    """Every state that people should hear of was told, under one key; a repeat goes out only where the channel's answer may have been lost."""
    if list(lab.journal().pending()):
        yield f"reports are pending: {[item.key for item in lab.journal().pending()]}"
    told = Counter(report.key for report in lab.channel.reports)
    hit = lab.injector.hit
    near = hit is not None and (hit.layer == "channel" or hit.name == "sent")
    always = near and lab.injector.fault is not None and lab.injector.fault.kind == "denied for good"
    for key, times in told.items():
        if times > (2 if near else 1) and not always:
            yield f"report {key} was told {times} times"
    for action in lab.actions():
        keys = {report.key for report in lab.channel.reports if report.action_id == action.id and report.outcome == action.outcome}  # fmt: skip
        if action.outcome in REPORTED and len(keys) != 1:
            yield f"action {action.id} ({action.outcome}) has {len(keys)} report keys: {sorted(keys)}"


def check_truth(lab: Lab, raised: bool) -> Iterator[str]:
    """What lastingly cannot be done is said: by a report that waits or went out, or by an error that leaves the event in its queue for good."""
    said = {report.outcome for report in lab.channel.reports} | {str(item.report["outcome"]) for item in lab.journal().pending()}  # fmt: skip
    if not lab.contained() and not raised and not said & TROUBLE:
        yield f"silence: nothing tells that it is not contained: {_story(lab)}"
    if not lab.contained() and "acted" in said:
        yield f"it is said to be contained, and is not: {_story(lab)}"


def check_undo(lab: Lab) -> Iterator[str]:
    """Undoing what was done, last first, brings back exactly what was there."""
    if load(REGISTRY[lab.scenario.remediation]).irreversible:
        return
    for action in reversed(lab.actions()):
        if action.outcome in WRITING and action.outcome is not Outcome.UNDONE and action.steps:
            try:
                result = lab.undo(action.id)
            except StanchError as error:
                yield f"action {action.id} ({action.outcome}) cannot be undone: {error}"
                continue
            if result.outcome is not Outcome.UNDONE:
                yield f"the undo of {action.id} ended as {result.outcome}: {result.reason}"
    if lab.snapshot() != lab.before:
        yield f"undone, it is not what it was: {differing(lab.before, lab.snapshot())}"


def differing(before: object, after: object) -> str:
    """Where two snapshots differ, for a sentence."""
    if isinstance(before, dict) and isinstance(after, dict):
        parts = [name for name in {*before, *after} if before.get(name) != after.get(name)]
        return "; ".join(f"{name}: {before.get(name)!r} is now {after.get(name)!r}"[:400] for name in sorted(parts))
    return f"{before!r} is now {after!r}"[:400]


def _story(lab: Lab) -> str:
    return "; ".join(f"{action.id} {action.outcome or 'open'}: {action.reason}" for action in lab.actions()) or "no action"  # fmt: skip
