"""What one deployment consists of: put together by a cloud's wiring, used by the responder, the runbook and undo."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from stanch import __version__, outbox
from stanch.accounts import Groups, TagsOf, UnitsOf
from stanch.action import Action, Outcome
from stanch.errors import CloudError, PolicyError, Retryable, StanchError
from stanch.finding import Finding, Resource
from stanch.guardrails import Verdict
from stanch.journal import Journal, Lease, OutboxItem
from stanch.outbox import Channel
from stanch.playbooks.match import Matcher
from stanch.playbooks.model import Policy
from stanch.remediation import Remediation, digest, load
from stanch.report import REPORTED, Report, of_action
from stanch.restraint import Restraint, Switch


class Cloud(Protocol):
    """One cloud as the engine sees it."""

    name: str

    def session(self, resource: Resource, purpose: Any, action_id: str, permissions: frozenset[str]) -> Any:
        """A session in the resource's account that holds no more than `permissions`. Raises Refused('wrong account')."""

    def resolve(self, finding: Finding, resource: Resource | None, wanted: str) -> list[Resource]:
        """The resources of type `wanted` behind one that the finding names (None: behind what it could not name by an id); read-only."""

    def own(self) -> tuple[str, ...]:
        """Name patterns of what belongs to the responder and is never touched."""


class Upstream(Struct, frozen=True):
    """How a source is asked whether it sent a finding.

    `confirm` returns the source's own copy (an incident may be several findings) with the sentence that says so, and raises Unconfirmed if there is none. `first` tells,
    for all findings or for each, that only the copy can be matched, because the event does not carry what playbooks route on.
    """

    confirm: Callable[[Finding], tuple[list[Finding], str]]
    first: bool | Callable[[Finding], bool] = False

    def reads_first(self, finding: Finding) -> bool:
        """Whether the finding is confirmed before it is matched."""
        return self.first(finding) if callable(self.first) else self.first


class Settings(Struct, frozen=True):
    """Knobs of one deployment. Times in seconds; `ceiling` is the most that any playbook may do."""

    ceiling: str = "observe"
    lease: float = 90.0
    verify_delays: tuple[float, ...] = (0.2, 0.5, 1.0, 2.0, 4.0)
    approval: float = 86400.0
    stale_after: timedelta = timedelta(hours=24)


class Deployment(Struct, dict=True):
    """Everything an action needs, in one place."""

    cloud: Cloud
    journal: Journal
    registry: Mapping[str, str]
    policy: Policy
    matcher: Matcher
    channels: Mapping[str, Channel]
    route: Callable[[Report], Sequence[str]]
    upstreams: Mapping[str, Upstream] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    units_of: UnitsOf | None = None
    tags_of: TagsOf | None = None
    """Only where a route asks for an account's tags."""
    switch: Switch | None = None
    link: Callable[[str, str, str], str | None] | None = None
    """The approval page's URL for an action, its plan's digest and a channel."""
    programs: Collection[str] = ()
    """The channels that tell programs: who is notified are people."""

    @cached_property
    def groups(self) -> Groups:
        return Groups(self.policy.accounts, self.units_of)

    @cached_property
    def restraint(self) -> Restraint:
        return Restraint(self.policy, self.journal, self.switch)

    def remediation(self, name: str) -> type[Remediation[Any]]:
        """The class behind an id. Raises PolicyError if there is none."""
        if name not in self.registry:
            raise PolicyError("remediation", f"there is no {name}; there is {', '.join(sorted(self.registry))}")
        return load(self.registry[name])

    def placed(self, account: str) -> tuple[str | None, Retryable | None]:
        """The account's group (None: the strictest), and why it cannot be known for now."""
        try:
            return self.groups.of(account), None
        except Retryable as error:
            return None, Retryable(f"account group: it cannot be read: {error}")

    def protected(self) -> tuple[str, ...]:
        """The names never touched: the responder's own and the policy's."""
        return (*self.cloud.own(), *self.policy.protect)

    def bind(
        self, declared: type[Remediation[Any]], resource: Resource, purpose: str, action_id: str
    ) -> Remediation[Any]:
        """The remediation with a session that holds exactly what it declares for the purpose."""
        granted = {
            "read": declared.permissions.plan,
            "act": declared.permissions.apply | frozenset(declared.permissions.dependent),
            "undo": declared.permissions.undo | frozenset(declared.permissions.dependent),
        }[purpose]
        return declared(self.cloud.session(resource, purpose, action_id, granted), action_id)

    def lease(self, action: Action) -> Lease:
        return Lease(action.effect, action.id, action.attempt, time.time() + self.settings.lease)

    def entry(self, action: Action, declared: type[Remediation[Any]]) -> OutboxItem | None:
        """The outbox entry of an action's report, or None where nobody needs to be told."""
        if action.outcome not in REPORTED:
            return None
        return self.addressed(of_action(action, declared))

    def addressed(self, report: Report) -> OutboxItem:
        """The outbox entry of a report, with the channels that it is for. An account's tags that cannot be read lose no report."""
        if self.tags_of is not None:
            try:
                tags = self.tags_of(report.account) if report.account else {}
            except StanchError:
                tags = None
            report = replace(report, account_tags=None if tags is None else dict(tags))
        return outbox.item(report, self.route(report))

    def dress(self, report: Report, channel: str) -> Report:
        """A request for approval gets a link to its page, made when it is sent, so that it is fresh and stands in no journal."""
        if self.link is None or report.outcome != Outcome.AWAITING_APPROVAL or not (report.action_id and report.plan):
            return report
        return replace(report, approval=self.link(report.action_id, report.plan, channel))

    def deliver(self, entry: OutboxItem | None) -> list[str]:
        """Offer a filed report to its channels; the names of those by which people were told.

        What it tells of is done and journaled, so that a journal which fails now fails nothing: the report stays pending and may go out again.
        """
        if entry is None:
            return []
        try:
            told = outbox.deliver(self.journal, entry, self.channels, self.dress)
        except (Retryable, CloudError):
            told = [name for name, accepted in entry.channels.items() if accepted]
        return [name for name in told if name not in self.programs]

    def summarise(self, verdict: Verdict, playbook: str) -> None:
        """One report that a budget is used up, however many findings come within an hour."""
        reason = f"{verdict.sentence()}; what comes now waits for approval: `stanch approve --playbook {playbook} --since 1h`"
        key = f"summary:{digest([verdict.reason, self.restraint.summary(verdict)])[:32]}"
        report = Report(
            key,
            str(Outcome.AWAITING_APPROVAL),
            "Budget used up",
            "",
            severity=4,
            cloud=self.cloud.name,
            playbook=playbook,
            reason=reason,
        )
        self.tell(report)

    def tell(self, report: Report) -> list[str]:
        """File a report that belongs to no action and offer it to its channels, once for each key; the names of those that accepted it."""
        entry = self.addressed(report)
        return self.deliver(entry) if self.journal.file(entry) else []

    def archived_here(self, finding: Finding) -> bool:
        """Whether an archived finding is one that we archived ourselves, after containing it: should it come again, it counts as open."""
        return finding.archived and self.journal.counts([archive_counter(finding.source, finding.id)])[0] > 0

    def stamp(self, action: Action) -> None:
        """Every action says by which policy and which software it was made."""
        action.policy, action.software = self.policy.digest, __version__


def archive_counter(source: str, finding_id: str) -> str:
    """The counter of how often we archived a finding at its source."""
    return f"archived:{digest([source, finding_id])}"
