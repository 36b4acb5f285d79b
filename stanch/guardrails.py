"""The veto chain: small named guards, each a pure function. What a guard cannot evaluate raises Retryable; it never lets pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from stanch.action import Action, Outcome
from stanch.errors import Retryable
from stanch.finding import Finding, Resource
from stanch.playbooks.limits import Exempt
from stanch.remediation import Plan

Effect = Literal["pass", "hold", "approve", "observe"]

PROTECTED_ALWAYS = (
    "arn:*:iam::*:root",
    "arn:*:iam::*:role/aws-service-role/*",
    "arn:*:iam::*:role/AWSServiceRoleFor*",
    "arn:*:iam::*:role/aws-reserved/*",
    "arn:*:iam::*:role/AWSReservedSSO_*",
)
"""Root cannot be changed by policy, service-linked roles not at all, and Identity Center owns its roles
(https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html)."""


class Verdict(Struct, frozen=True):
    """What one guard says: pass, hold, or lower the mode."""

    guard: str
    effect: Effect
    reason: str = ""

    def sentence(self) -> str:
        return f"{self.guard}: {self.reason}"


def _passed(guard: str) -> Verdict:
    return Verdict(guard, "pass")


# Finding guards: before any read, because what they stop may name what does not exist.


def sample(finding: Finding) -> Verdict:
    if finding.sample:
        return Verdict("sample", "hold", "the finding is a sample; the resources it names are made up")
    return _passed("sample")


def archived(finding: Finding) -> Verdict:
    if finding.archived:
        return Verdict("archived", "hold", "the finding is archived, suppressed or closed at its source")
    return _passed("archived")


def stale(finding: Finding, now: datetime, limit: timedelta) -> Verdict:
    times = [moment for moment in (finding.updated_at, finding.last_seen) if moment is not None]
    if times and now - max(times) > limit:
        return Verdict("stale", "hold", f"last seen {max(times):%Y-%m-%d %H:%M} UTC, more than {limit} ago")
    return _passed("stale")


def wrong_account(finding: Finding) -> Verdict:
    """A source may only speak of its own account's resources: a member could otherwise point us at another's."""
    for resource in finding.resources:
        if resource.cloud == "aws" and resource.account != finding.account:
            return Verdict(
                "wrong account",
                "hold",
                f"the finding is of account {finding.account} but names {resource.id} of {resource.account}",
            )
    return _passed("wrong account")


def finding_guards(finding: Finding, now: datetime, limit: timedelta) -> list[Verdict]:
    return [sample(finding), archived(finding), stale(finding, now, limit), wrong_account(finding)]


# Resource guards.


def protected(resource: Resource, aliases: Iterable[str], patterns: Sequence[str]) -> Verdict:
    """Names that are never touched: built in, the responder's own, and the policy's. AWS compares with case, Azure without."""
    root = (f"arn:aws:iam::{resource.account}:root",) if resource.details.get("user_type") == "Root" else ()
    for name in (resource.id, *root, *aliases):
        for pattern in (*PROTECTED_ALWAYS, *patterns):
            if _fits(resource, name, pattern):
                return Verdict("protected", "hold", f"{name} matches {pattern}, which is never touched")
    return _passed("protected")


def exempt(plan: Plan, exemption: Exempt) -> Verdict:
    """A name in the policy exempts; a tag only asks, because whoever holds the resource may write its tags."""
    for name in (plan.resource.id, *plan.aliases):
        for pattern in exemption.names:
            if named(plan.resource, name, pattern):
                return Verdict("exempt", "hold", f"{name} matches {pattern} in the playbook")
    if not exemption.tags:
        return _passed("exempt")
    if plan.tags is None:
        raise Retryable("exempt: the live tags could not be read")
    for key, value in plan.tags.items():
        if any(value in values for wanted, values in exemption.tags.items() if _same_key(plan.resource, key, wanted)):
            return Verdict("exempt", "approve", f"it is tagged {key}={value}")
    return _passed("exempt")


def named(resource: Resource, name: str, pattern: str) -> bool:
    """Whether a person who writes `pattern` means the resource by this name: whole, or its last part."""
    return any(_fits(resource, form, pattern) for form in (name, name.rpartition("/")[2], name.rpartition(":")[2]))


def _fits(resource: Resource, name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or (resource.cloud == "azure" and fnmatchcase(name.lower(), pattern.lower()))


def _same_key(resource: Resource, key: str, wanted: str) -> bool:
    """Azure's tag names know no case, its values do (https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources)."""
    return key == wanted or (resource.cloud == "azure" and key.lower() == wanted.lower())


def undone_before(earlier: Action | None, finding: str | None = None) -> Verdict:
    """Nobody fights an analyst: what a person undid, if only in part, is not redone for the same finding, nor for another one (`finding` is its id) that tells of nothing since."""
    if earlier is not None and earlier.undo is not None:
        how = "undid" if earlier.outcome is Outcome.UNDONE else "began to undo"
        own = finding is None or earlier.finding is None or earlier.finding["id"] == finding
        which = "for this finding" if own else "on the same resource, and this finding tells of nothing since"
        return Verdict(
            "undone", "hold", f"{earlier.undo.get('requester', 'a person')} {how} action {earlier.id} {which}"
        )
    return _passed("undone")


def advised(plan: Plan) -> Verdict:
    """A remediation may ask for a person where it sees that acting breaks something in use."""
    if plan.facts.get("approve"):
        return Verdict("impact", "approve", str(plan.facts["approve"]))
    return _passed("impact")


def irreversible(reason: str) -> Verdict:
    """What cannot be undone takes people's agreement, whatever the mode; `reason` is empty where it can."""
    return Verdict("irreversible", "approve", reason) if reason else _passed("irreversible")


def asking(verdict: Verdict, guard: str) -> Verdict:
    """The verdict, or for this guard one that only asks instead of holding."""
    return replace(verdict, effect="approve") if (verdict.guard, verdict.effect) == (guard, "hold") else verdict


def resource_guards(
    plan: Plan, exemption: Exempt, patterns: Sequence[str], earlier: Action | None, finding: str | None = None
) -> list[Verdict]:
    guards: list[Callable[[], Verdict]] = [
        lambda: exempt(plan, exemption),
        lambda: protected(plan.resource, plan.aliases, patterns),
        lambda: undone_before(earlier, finding),
        lambda: advised(plan),
    ]
    return [guard() for guard in guards]


def first(verdicts: Iterable[Verdict], effect: Effect) -> Verdict | None:
    """The first verdict with this effect."""
    return next((verdict for verdict in verdicts if verdict.effect == effect), None)
