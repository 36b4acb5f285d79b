"""Each key of the policy file changes what the engine does: with the key as the example has it, and without it or with another value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from stanch.action import Outcome
from stanch.decision import Decision, Request
from stanch.errors import AccessDenied, Refused
from stanch.finding import Resource
from tests.unit.engine import test_policy_keys_limits
from tests.unit.engine.company import (
    LEAK,
    PCI,
    PROD,
    ROLE_OUT,
    SANDBOX,
    SUBSCRIPTION,
    UNKNOWN,
    changed,
    exposed,
    later,
    leak,
    person,
    public,
    role,
    stolen,
)
from tests.unit.engine.doubles import Company
from tests.unit.playbooks.example import EXAMPLE

KEYS = {
    "extends": "test_extends",
    "accounts.prod.ous": "test_groups", "accounts.sandbox.ous": "test_groups", "accounts.pci.ids": "test_groups",
    "accounts.prod.subscriptions": "test_subscriptions", "accounts.unlisted": "test_unlisted",
    "ceiling.prod": "test_groups", "ceiling.pci": "test_groups", "ceiling.sandbox": "test_ceiling",
    "channels.soc.teams": "test_channels", "channels.soc.sns": "test_channels", "channels.payments.teams": "test_channels",
    "notify.to": "test_notify", "notify.when.account.tags.Team": "test_notify",
    "approval.by.group": "test_approvers",
    "approval.escalate.after": "test_escalation", "approval.escalate.notify": "test_escalation", "approval.escalate.then": "test_escalation",
    "protect.principals": "test_protect", "protect.resources": "test_protect",
    "freeze.name": "test_freeze", "freeze.from": "test_freeze", "freeze.to": "test_freeze", "freeze.tz": "test_freeze",
    "freeze.accounts": "test_freeze", "freeze.ceiling": "test_freeze", "freeze.except": "test_freeze",
    "freeze.cron": "test_freeze_cron", "freeze.for": "test_freeze_cron",
    "budget.default.actions": "test_budget", "budget.default.per": "test_budget", "budget.default.window": "test_budget_window",
    "budget.organisation.actions": "test_budget", "budget.organisation.window": "test_budget_window",
    "playbooks.id": "test_enabled_and_id", "playbooks.enabled": "test_enabled_and_id",
    "playbooks.when.type": "test_when", "playbooks.when.severity": "test_when", "playbooks.when.resource.type": "test_when",
    "playbooks.when.source": "test_when",
    "playbooks.remediations": "test_remediations", "playbooks.remediations.id": "test_remediations", "playbooks.remediations.with.since": "test_remediations",
    "playbooks.mode": "test_mode", "playbooks.mode.prod": "test_mode", "playbooks.mode.sandbox": "test_mode",
    "playbooks.budget.actions": "test_own_budget", "playbooks.budget.window": "test_own_budget",
    "playbooks.expires.after": "test_expires", "playbooks.expires.then": "test_expires",
    "playbooks.exempt.tags.sec:exposed": "test_exempt", "playbooks.exempt.names": "test_exempt",
    "playbooks.flap.times": "test_flap", "playbooks.flap.window": "test_flap", "playbooks.flap.then": "test_flap",
    "playbooks.unless.live.website": "test_unless",
}  # fmt: skip
"""Every key of the example, and the test that shows what it does."""


def paths(value: Any, place: str = "") -> Iterator[str]:
    """The keys of the file as dotted paths, without the numbers of lists."""
    if isinstance(value, dict) and "prefix" not in value and "wildcard" not in value:
        for name, inner in value.items():
            yield from paths(inner, f"{place}.{name}" if place else str(name))
    elif isinstance(value, list) and any(
        isinstance(item, dict) and not {"prefix", "wildcard"} & set(item) for item in value
    ):
        for item in value:
            yield from paths(item, place)
    else:
        yield place


def test_no_key_of_the_example_is_without_a_test() -> None:
    assert set(paths(yaml.safe_load(EXAMPLE))) == set(KEYS)
    assert set(KEYS.values()) <= {*globals(), *vars(test_policy_keys_limits)}


def test_extends(company: Company) -> None:
    user = Resource("AWS::IAM::User", f"arn:aws:iam::{SANDBOX}:user/build", SANDBOX)
    assert company.see(LEAK, user, "aws.iam.revoke_user_sessions").outcome is Outcome.ACTED, "a shipped playbook"
    alone = changed(company, "extends: shipped\n", "").deployment.policy
    assert {playbook.id for playbook in alone.playbooks} == {"key-leak", "role-sessions", "sg-open", "bucket-public"}


def test_groups(company: Company) -> None:
    """The same finding in three groups, by organisational unit and by id, under their ceilings."""
    assert leak(company, SANDBOX).outcome is Outcome.ACTED
    assert leak(company, PROD, id="in prod").outcome is Outcome.AWAITING_APPROVAL
    assert leak(company, PCI, id="in pci").outcome is Outcome.PLANNED


def test_subscriptions(company: Company) -> None:
    company.cloud.name = "azure"
    name = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/web/providers/Microsoft.Network/networkSecurityGroups/web"
    nsg = Resource("Microsoft.Network/networkSecurityGroups", name, SUBSCRIPTION.upper())
    assert company.deployment.groups.of(nsg.account) == "prod"
    elsewhere = changed(
        company, f"subscriptions: [{SUBSCRIPTION}]", "subscriptions: [00000000-0000-0000-0000-0000000000a2]"
    )
    assert elsewhere.deployment.groups.of(nsg.account) == "pci"


def test_unlisted(company: Company) -> None:
    assert leak(company, UNKNOWN).outcome is Outcome.PLANNED, "as pci"
    assert leak(changed(company, "unlisted: pci", "unlisted: sandbox"), UNKNOWN).outcome is Outcome.ACTED


def test_ceiling(company: Company) -> None:
    assert (
        exposed(changed(company, "pci: observe, sandbox: auto}", "pci: observe, sandbox: observe}"), SANDBOX).outcome
        is Outcome.PLANNED
    )
    assert (
        exposed(changed(company, "pci: observe, sandbox: observe}", "pci: observe, sandbox: auto}"), SANDBOX).outcome
        is Outcome.ACTED
    )


def test_channels(company: Company) -> None:
    leak(company, SANDBOX)
    assert company.heard("acted") == {"soc:sns", "soc:teams", "payments:teams"}
    changed(company, '{teams: teams-soc, sns: "arn:aws:sns:eu-west-1:111122223333:soc"}', "{teams: teams-soc}")
    leak(company, PROD, id="other")
    assert company.heard("awaiting_approval") == {"soc:teams", "payments:teams"}


def test_notify(company: Company) -> None:
    company.wiring["tags_of"] = {SANDBOX: {"Team": "search"}, PROD: {"Team": "payments"}}.__getitem__
    leak(company, SANDBOX), leak(company, PROD, id="other")
    assert company.heard("acted") == {"soc:sns", "soc:teams"}
    assert company.heard("awaiting_approval") == {"soc:sns", "soc:teams", "payments:teams"}


@pytest.mark.parametrize(
    ("when", "heard"),
    [("{severity: [high]}", True), ("{severity: [low]}", False), ("{outcome: [acted]}", True), ("{outcome: [held]}", False),
     ("{account.tags.Team: [payments], severity: [high], outcome: [acted]}", True), ("{account.tags.Team: [search]}", False)],
)  # fmt: skip
def test_notify_by_severity_outcome_and_tags(company: Company, when: str, heard: bool) -> None:
    leak(changed(company, "{account.tags.Team: [payments]}", when), SANDBOX)
    assert ("payments:teams" in company.heard("acted")) is heard
    assert "soc:teams" in company.heard("acted")


def test_notify_without_readable_tags(company: Company) -> None:
    def denied(account: str) -> dict[str, str]:
        raise AccessDenied("organizations:list_tags_for_resource", "AccessDeniedException", "no")

    company.wiring["tags_of"] = denied
    assert leak(company, SANDBOX).outcome is Outcome.ACTED
    assert company.heard("acted") == {"soc:sns", "soc:teams"}, "its team cannot be known, so the others are told"
    changed(company, "  - {to: [soc]}\n", "")
    leak(company, PROD, id="other")
    assert company.heard("awaiting_approval") == {"soc:sns", "soc:teams", "payments:teams"}, "better all than nobody"


def test_approvers(company: Company) -> None:
    action = company.action(leak(company, PROD))
    with pytest.raises(Refused, match="wrong group"):
        Decision(company.deployment, Request(action.id, person("carol", "finance"))).approve()
    changed(company, "group: sec-oncall", "group: finance")
    assert (
        Decision(company.deployment, Request(action.id, person("carol", "finance"))).approve().outcome is Outcome.ACTED
    )


def test_escalation(company: Company) -> None:
    action = company.action(leak(company, PROD))
    before = len(company.told_by["soc:teams"].reports)
    later(company, 14)
    assert len(company.told_by["soc:teams"].reports) == before
    later(company, 16)
    assert len(company.told_by["soc:teams"].reports) == before + 1
    assert company.journal.get(action.id).outcome is Outcome.AWAITING_APPROVAL
    later(company, 31)
    assert company.journal.get(action.id).outcome is Outcome.HELD


def test_escalation_to_act(company: Company) -> None:
    changed(company, "then: hold", "then: act")
    changed(company, "ceiling: {prod: approve,", "ceiling: {prod: auto,")
    asks = changed(company, "mode: {prod: approve, sandbox: auto}", "mode: {prod: approve, sandbox: approve}")
    action = asks.action(stolen(asks, PROD))
    later(asks, 31)
    assert asks.journal.get(action.id).outcome is Outcome.ACTED


def test_protect(company: Company) -> None:
    breakglass, archive = role(SANDBOX, "breakglass-1"), "org-log-archive-1"
    kind = "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS"
    assert company.see(kind, breakglass, ROLE_OUT).outcome is Outcome.HELD
    assert public(company, archive).outcome is Outcome.HELD
    assert company.cloud.writes() == []
    changed(company, '"arn:aws:iam::*:role/breakglass-*"', '"arn:aws:iam::*:role/other-*"')
    changed(company, '"arn:aws:s3:::org-log-archive-*"', '"arn:aws:s3:::other-*"')
    assert company.see(kind, breakglass, ROLE_OUT).outcome is Outcome.ACTED
    assert public(company, archive).outcome is Outcome.ACTED
