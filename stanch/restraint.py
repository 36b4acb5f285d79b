"""What restrains an action whatever its plan says: a person's exemption or pause, flapping, a freeze, the budget, the kill switch.

The guards are pure; `Restraint` gathers for them what holds at this moment. What cannot be read is Retryable: it never lets pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from stanch.errors import CloudError, Retryable
from stanch.freeze import holds
from stanch.guardrails import Verdict
from stanch.journal import Journal
from stanch.playbooks.limits import Budget, Flap, Freeze
from stanch.playbooks.model import Playbook, Policy

PAUSE, EXEMPT, SUMMARY = "pause", "exempt", "budget-summary"
"""The kinds of standing facts in the journal."""

EVERYWHERE = "*"
FRESH = 5.0
"""Seconds for which the kill switch is believed."""

SLICES = 6
"""A window is counted in so many slices; the oldest counts whole, so that a count is never too low."""

Switch = Callable[[], str | None]
"""Why everything is to stop, or None. Raises a StanchError where that cannot be found out."""


def exempted(names: Sequence[str], exemptions: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """A person exempted the resource for a time."""
    for pattern, fact in exemptions.items():
        if any(fnmatchcase(name, pattern) or name.rpartition("/")[2] == pattern for name in names):
            return Verdict(
                "exempted",
                "hold",
                f"{fact.get('by')} exempted {pattern} until {fact.get('until')}: {fact.get('reason')}",
            )
    return Verdict("exempted", "pass")


def flapping(flap: Flap | None, times: int) -> Verdict:
    """The resource comes open again and again: someone's automation is fighting, and a person should end it."""
    if flap is None or times < flap.times or flap.then == "auto":
        return Verdict("flapping", "pass")
    return Verdict(
        "flapping", flap.then, f"contained {times} times within {flap.window // 3600} h: something opens it again"
    )


def frozen(freezes: Sequence[Freeze], now: datetime, group: str | None, playbook: str | None) -> Verdict:
    """A freeze lowers the mode; it never silences."""
    for freeze in freezes:
        if freeze.ceiling != "auto" and holds(freeze, now, group, playbook):
            return Verdict("freeze", freeze.ceiling, f"{freeze.name} is on")
    return Verdict("freeze", "pass")


def paused(group: str | None, pauses: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """A person pulled the switch, for everything or for the account's group; an unknown group is paused with any."""
    for name, fact in pauses.items():
        if group is None or name in (EVERYWHERE, group):
            until = f" until {fact['until']}" if fact.get("until") else ""
            return Verdict(
                "kill switch",
                "hold",
                f"{fact.get('by')} paused {'everything' if name == EVERYWHERE else name}{until}: {fact.get('reason')}",
            )
    return Verdict("kill switch", "pass")


@dataclass(frozen=True, slots=True)
class Account:
    """One budget that an action draws on: its counter's name and its limits."""

    key: str
    actions: int
    window: int


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
    """The counters of a window, the current one first."""
    length = max(window / SLICES, 1.0)
    current = int(now // length)
    return [f"{key}:{current - back}" for back in range(SLICES + 1)]


class Restraint:
    """What restrains one deployment, read from its journal and its kill switch."""

    def __init__(
        self, policy: Policy, journal: Journal, switch: Switch | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._policy, self._journal, self._switch, self._now = policy, journal, switch, now
        self._seen: dict[str | None, tuple[float, Verdict]] = {}

    def verdicts(
        self, names: Sequence[str], effect: str, group: str | None, playbook: Playbook | None, moment: datetime
    ) -> list[Verdict]:
        """Every guard's verdict at this moment. Raises Retryable where one cannot be evaluated."""
        flap = playbook.flap if playbook else None
        return [
            exempted(names, self._kept(EXEMPT)),
            flapping(flap, self._count(f"flap:{effect}", flap.window) if flap else 0),
            frozen(self._policy.freeze, moment, group, playbook.id if playbook else None),
            self.stopped(group),
        ]

    def stopped(self, group: str | None) -> Verdict:
        """The kill switch: the deployment's parameter, then people's pauses; at most `FRESH` seconds old. Raises Retryable where it cannot be read."""
        until, verdict = self._seen.get(group, (0.0, Verdict("kill switch", "pass")))
        if self._now() >= until:
            verdict = self._ask(group)
            self._seen[group] = (self._now() + FRESH, verdict)
        return verdict

    def _ask(self, group: str | None) -> Verdict:
        if self._switch is not None:
            try:
                reason = self._switch()
            except CloudError as error:
                raise Retryable(f"kill switch: it cannot be read: {error}") from error
            if reason:
                return Verdict("kill switch", "hold", reason)
        return paused(group, self._kept(PAUSE))

    def spend(self, playbook: Playbook, effect: str, facts: Mapping[str, str]) -> Verdict:
        """Draw one action on each budget and count it for flapping. Approve where a budget is used up; over-counts rather than under-counts."""
        accounts = budgets(self._policy, playbook, facts)
        for account in accounts:
            if self._count(account.key, account.window) >= account.actions or self._draw(account) > account.actions:
                return Verdict(
                    "budget",
                    "approve",
                    f"{account.actions} actions in {account.window // 60} min are used up ({account.key[7:].rstrip(':')})",
                )
        if playbook.flap is not None:
            self._add(f"flap:{effect}", playbook.flap.window)
        return Verdict("budget", "pass")

    def first_over(self, verdict: Verdict) -> bool:
        """Whether this is the first refusal of its budget for a while, so that one summary is sent and not a thousand."""
        return self._journal.keep(SUMMARY, verdict.reason, {}, self._now() + 3600, new=True)

    def _draw(self, account: Account) -> int:
        return self._add(account.key, account.window)

    def _add(self, key: str, window: int) -> int:
        now = self._now()
        current, *older = slices(key, window, now)
        return self._journal.count([current], now + 2 * window + 60)[0] + sum(self._journal.counts(older))

    def _count(self, key: str, window: int) -> int:
        return sum(self._journal.counts(slices(key, window, self._now())))

    def _kept(self, kind: str) -> dict[str, dict[str, Any]]:
        try:
            return self._journal.kept(kind)
        except CloudError as error:
            raise Retryable(f"{kind}: the journal cannot be read: {error}") from error
