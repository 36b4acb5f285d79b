"""What restrains an action whatever its plan says: a person's exemption or pause, flapping, a freeze, the budget, the kill switch.

The guards are pure; `Restraint` gathers for them what holds at this moment. What cannot be read is Retryable: it never lets pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from msgspec import Struct

from stanch.errors import Retryable, StanchError
from stanch.finding import Resource
from stanch.guardrails import Effect, Verdict, named
from stanch.journal import Journal
from stanch.playbooks.limits import Budget, Flap, Freeze
from stanch.playbooks.model import MODES, Playbook, Policy
from stanch.remediation import Plan

T = TypeVar("T")

PAUSE, EXEMPT, SUMMARY = "pause", "exempt", "budget-summary"
"""The kinds of standing facts in the journal."""

EVERYWHERE = "*"
FRESH = 5.0
"""Seconds for which the kill switch is believed."""

SUMMARISED = 3600.0
"""Seconds for which one summary of a used-up budget suffices."""

SLICES = 6
"""A window is counted in so many slices; the oldest counts whole, so that a count is never too low."""

Facts = Mapping[str, Mapping[str, Any]]
"""Standing facts of one kind, by key."""

Switch = Callable[[], str | None]
"""Why everything is to stop, or None. Raises a StanchError where that cannot be found out."""


class Subject(Struct, frozen=True):
    """What is to be restrained: a plan of a remediation with its effect, the account's group (None: unknown) and the playbook, if one led to it."""

    plan: Plan
    remediation: str
    effect: str
    group: str | None = None
    playbook: Playbook | None = None


def exempted(resource: Resource, aliases: Sequence[str], exemptions: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """A person exempted the resource for a time, by its name, the last part of it, or a pattern."""
    for pattern, fact in exemptions.items():
        if any(named(resource, name, pattern) for name in (resource.id, *aliases)):
            reason = f"{fact.get('by')} exempted {pattern} until {fact.get('until')}: {fact.get('reason')}"
            return Verdict("exempted", "hold", reason)
    return Verdict("exempted", "pass")


def flapping(flap: Flap | None, times: int) -> Verdict:
    """The resource comes open again and again: someone's automation is fighting, and a person should end it."""
    if flap is None or times < flap.times or flap.then == "auto":
        return Verdict("flapping", "pass")
    reason = f"contained {times} times within {span(flap.window)}: something opens it again"
    return Verdict("flapping", flap.then, reason)


def frozen(freezes: Sequence[Freeze], now: datetime, group: str | None, playbook: str | None) -> Verdict:
    """A freeze lowers the mode; it never silences. Of several the strictest counts."""
    if not freezes:
        return Verdict("freeze", "pass")
    from stanch.freeze import holds  # time zones are loaded only where a policy has freezes

    on = [freeze for freeze in freezes if freeze.ceiling != "auto" and holds(freeze, now, group, playbook)]
    if not on:
        return Verdict("freeze", "pass")
    strictest = min(on, key=lambda freeze: MODES.index(freeze.ceiling))
    effect: Effect = "approve" if strictest.ceiling == "approve" else "observe"
    return Verdict("freeze", effect, f"{strictest.name} is on")


def paused(group: str | None, pauses: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """A person pulled the switch, for everything or for the account's group; an unknown group is paused with any."""
    for name, fact in pauses.items():
        if group is None or name in (EVERYWHERE, group):
            what = "everything" if name == EVERYWHERE else name
            until = f" until {fact['until']}" if fact.get("until") else ""
            return Verdict("kill switch", "hold", f"{fact.get('by')} paused {what}{until}: {fact.get('reason')}")
    return Verdict("kill switch", "pass")


class Account(Struct, frozen=True):
    """One budget that an action draws on: its counter's name and its limits."""

    key: str
    actions: int
    window: int

    def over(self) -> Verdict:
        what = self.key.removeprefix("budget:").removesuffix(":")
        return Verdict("budget", "approve", f"{self.actions} actions in {span(self.window)} are used up ({what})")


def budgets(policy: Policy, playbook: Playbook, facts: Mapping[str, str]) -> list[Account]:
    """The budgets of an action: its playbook's own or the default one, and the organisation's. `facts` are what `per` may name."""
    own = playbook.budget or policy.budget.default
    found = []
    if own is not None:
        name = f"playbook={playbook.id}" if playbook.budget is not None else "default"
        found.append(_account(name, own, facts))
    if policy.budget.organisation is not None:
        found.append(_account("organisation", policy.budget.organisation, facts))
    return found


def _account(name: str, budget: Budget, facts: Mapping[str, str]) -> Account:
    per = ",".join(f"{part}={facts.get(part, '')}" for part in budget.per)
    return Account(f"budget:{name}:{per}", budget.actions, budget.window)


def slices(key: str, window: int, now: float) -> list[str]:
    """The counters of a window: the current one first, then the older ones, then the next, which whoever's clock is ahead counts in."""
    current = int(now / max(window / SLICES, 1.0))
    return [f"{key}:{number}" for number in (current, *range(current - 1, current - SLICES - 1, -1), current + 1)]


def span(seconds: int) -> str:
    """A duration in words, as policies write it: `24 h`, `90 min`, `45 s`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds % size == 0 and (seconds > size or size < 86400):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


class Restraint:
    """What restrains one deployment, read from its journal and its kill switch."""

    def __init__(
        self,
        policy: Policy,
        journal: Journal,
        switch: Switch | None = None,
        now: Callable[[], float] = lambda: time.time(),
    ) -> None:
        self._policy, self._journal, self._switch, self._now = policy, journal, switch, now
        self._seen: dict[str | None, tuple[float, Verdict]] = {}

    def verdicts(self, subject: Subject, moment: datetime, exemptions: Facts | None = None) -> list[Verdict]:
        """Every guard's verdict at this moment; `exemptions` were read a moment ago. Nothing is drawn on a budget. Raises Retryable where one cannot be evaluated."""
        playbook, plan = subject.playbook, subject.plan
        accounts = self._accounts(subject)
        flap = playbook.flap if playbook else None
        counters = [(f"flap:{subject.effect}", flap.window)] if flap else []
        counted = self._count([*counters, *((account.key, account.window) for account in accounts)])
        over = [account.over() for account in accounts if counted[account.key] >= account.actions]
        return [
            self.exempted(plan.resource, plan.aliases, exemptions),
            flapping(flap, counted.get(f"flap:{subject.effect}", 0)),
            frozen(self._policy.freeze, moment, subject.group, playbook.id if playbook else None),
            over[0] if over else Verdict("budget", "pass"),
            self.stopped(subject.group),
        ]

    def exempted(self, resource: Resource, aliases: Sequence[str], exemptions: Facts | None = None) -> Verdict:
        """What people exempted; `exemptions` were read a moment ago, else they are asked for. Raises Retryable where they cannot be read."""
        if exemptions is None:
            exemptions = asked("exempted", lambda: self._journal.kept(EXEMPT))
        return exempted(resource, aliases, exemptions)

    def stopped(self, group: str | None) -> Verdict:
        """The kill switch: the deployment's parameter, then people's pauses; at most `FRESH` seconds old. Raises Retryable where it cannot be read."""
        verdict = self.known(group)
        if verdict is None:
            now = self._now()
            verdict = self._ask(group)
            self._seen[group] = (now, verdict)  # as old as the question, however long the answer took
        return verdict

    def known(self, group: str | None) -> Verdict | None:
        """What was answered a moment ago; None where the kill switch has to be asked."""
        at, verdict = self._seen.get(group, (0.0, None))
        return verdict if 0 <= self._now() - at < FRESH else None

    def _ask(self, group: str | None) -> Verdict:
        reason = asked("kill switch", self._switch) if self._switch is not None else None
        if reason:
            return Verdict("kill switch", "hold", reason)
        return paused(group, asked("kill switch", lambda: self._journal.kept(PAUSE)))

    def spend(self, subject: Subject) -> Verdict:
        """Draw one action on each budget and count it for flapping. Approve where a budget is used up; over-counts rather than under-counts."""
        accounts = self._accounts(subject)
        drawn = self._draw([(account.key, account.window) for account in accounts])
        over = [account.over() for account in accounts if drawn[account.key] > account.actions]
        if not over:
            self.contained(subject.playbook, subject.effect)
        return over[0] if over else Verdict("budget", "pass")

    def contained(self, playbook: Playbook | None, effect: str) -> None:
        """Count a containment for flapping, whoever agreed to it."""
        if playbook is not None and playbook.flap is not None:
            self._draw([(f"flap:{effect}", playbook.flap.window)])

    def summary(self, verdict: Verdict) -> str:
        """The key of the one summary of a used-up budget: the same for whoever asks within the hour, so that it is filed once."""
        now = self._now()
        self._journal.keep(SUMMARY, verdict.reason, {"since": now}, now + SUMMARISED, new=True)
        return str(self._journal.kept(SUMMARY).get(verdict.reason, {}).get("since", now))

    def _accounts(self, subject: Subject) -> list[Account]:
        if subject.playbook is None:
            return []
        resource = subject.plan.resource
        facts = {
            "remediation": subject.remediation,
            "account": resource.account.lower(),
            "playbook": subject.playbook.id,
            "region": resource.region or "",
        }
        return budgets(self._policy, subject.playbook, facts)

    def _draw(self, counters: Sequence[tuple[str, int]]) -> dict[str, int]:
        """Each counter's window once one is added. Of all who add at the same moment, on either side of a slice's edge, at least the last to look sees all."""
        if not counters:
            return {}
        now = self._now()
        keys = {key: slices(key, window, now) for key, window in counters}
        until = now + 2 * max(window for _, window in counters) + 60
        added = asked("budget", lambda: self._journal.count([current for current, *_ in keys.values()], until))
        others = asked("budget", lambda: self._journal.counts([one for _, *rest in keys.values() for one in rest]))
        rest = SLICES + 1
        return {key: added[at] + sum(others[at * rest : (at + 1) * rest]) for at, key in enumerate(keys)}

    def _count(self, counters: Sequence[tuple[str, int]]) -> dict[str, int]:
        if not counters:
            return {}
        now = self._now()
        keys = [one for key, window in counters for one in slices(key, window, now)]
        found = asked("budget", lambda: self._journal.counts(keys))
        each = SLICES + 2
        return {key: sum(found[at * each : (at + 1) * each]) for at, (key, _) in enumerate(counters)}


def asked(guard: str, ask: Callable[[], T]) -> T:
    """The answer. Raises Retryable with the guard's name where there is none."""
    try:
        return ask()
    except StanchError as error:
        raise Retryable(f"{guard}: it cannot be read: {error}") from error
