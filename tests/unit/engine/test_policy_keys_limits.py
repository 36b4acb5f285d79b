"""The keys that bound a playbook: when and how often it acts, on what, and for how long. `test_policy_keys` lists them all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from stanch import clock
from stanch.action import Outcome
from stanch.finding import Severity
from stanch.result import Result
from tests.unit.engine.company import (
    KEY_OFF,
    LEAK,
    OPEN,
    PROD,
    ROLE_OUT,
    SANDBOX,
    UNKNOWN,
    about,
    bucket,
    changed,
    exposed,
    group,
    key,
    later,
    leak,
    public,
    reopen,
    role,
    stolen,
)
from tests.unit.engine.doubles import Company

CHRISTMAS = datetime(2026, 12, 24, 12, tzinfo=UTC)
DEPLOYS = datetime(2026, 11, 24, 21, 30, tzinfo=UTC)
"""A Tuesday, 22:30 in Berlin."""


def frozen(company: Company, moment: datetime, account: str = SANDBOX) -> tuple[Result, Result]:
    """A leaked key and an open security group at that moment."""
    seen: dict[str, Any] = {"last_seen": moment, "updated_at": moment}
    with clock.at(moment):
        return leak(company, account, id=f"key {moment}", **seen), exposed(
            company, account, id=f"group {moment}", **seen
        )


def test_freeze(company: Company) -> None:
    """Sandbox stands in for prod, whose ceiling asks anyway."""
    company.text = company.text.replace("accounts: [prod], ceiling: approve", "accounts: [sandbox], ceiling: approve")
    changed(company, "    flap: {times: 3, window: 24h, then: approve}\n", "")
    handled, asks = frozen(company, CHRISTMAS)
    assert (handled.outcome, asks.outcome) == (Outcome.ACTED, Outcome.AWAITING_APPROVAL), "key-leak is excepted"
    assert asks.reason == "freeze: year-end is on"
    for old, new in (
        ("to: 2027-01-04", "to: 2026-12-23"),
        ("from: 2026-12-18", "from: 2026-12-25"),
        (
            "tz: Europe/Berlin, accounts: [sandbox], ceiling: approve, except",
            "tz: Europe/Berlin, accounts: [prod], ceiling: approve, except",
        ),
        ("ceiling: approve, except: [key-leak]", "ceiling: auto, except: [key-leak]"),
        ("except: [key-leak]", "except: [key-leak, sg-open]"),
    ):
        text = company.text
        reopen(changed(company, old, new))
        assert frozen(company, CHRISTMAS)[1].outcome is Outcome.ACTED, new
        company.text = text
    reopen(changed(company, ", except: [key-leak]", ""))
    assert [row.outcome for row in frozen(company, CHRISTMAS + timedelta(minutes=1))] == [Outcome.AWAITING_APPROVAL] * 2
    edge = datetime(2027, 1, 4, 23, 30, tzinfo=UTC)
    reopen(company)
    assert frozen(company, edge)[1].outcome is Outcome.ACTED, "it is the fifth in Berlin already"
    reopen(changed(company, "to: 2027-01-04, tz: Europe/Berlin", "to: 2027-01-04, tz: UTC"))
    assert frozen(company, edge + timedelta(minutes=1))[1].outcome is Outcome.AWAITING_APPROVAL


def test_freeze_cron(company: Company) -> None:
    company.text = company.text.replace("accounts: [prod], ceiling: approve", "accounts: [sandbox], ceiling: approve")
    assert {row.reason for row in frozen(company, DEPLOYS)} == {"freeze: deploys is on"}
    for old, new in (('cron: "0 22 * * TUE"', 'cron: "0 22 * * WED"'), ("for: 3h", "for: 15m")):
        text = company.text
        reopen(changed(company, old, new))
        assert {row.outcome for row in frozen(company, DEPLOYS)} == {Outcome.ACTED}, new
        company.text = text


def groups_shut(company: Company, many: int, account: str = SANDBOX) -> list[Outcome]:
    """What becomes of so many new open groups."""
    start = len(company.cloud.things)
    names = [f"sg-{start + at}" for at in range(many)]
    return [exposed(company, account, name, id=f"about {name}").outcome for name in names]


def test_budget(company: Company) -> None:
    changed(company, "sandbox: {ous: [ou-ab12-sand0001]}", f'sandbox: {{ous: [ou-ab12-sand0001], ids: ["{UNKNOWN}"]}}')
    changed(company, "default:      {actions: 10,", "default:      {actions: 2,")
    changed(company, "organisation: {actions: 40,", "organisation: {actions: 5,")
    assert groups_shut(company, 3) == [Outcome.ACTED, Outcome.ACTED, Outcome.AWAITING_APPROVAL]
    assert public(company).outcome is Outcome.ACTED, "another remediation has its own"
    assert groups_shut(company, 1, UNKNOWN) == [Outcome.ACTED], "so has another account"
    changed(company, "per: [remediation, account]", "per: [remediation]")
    assert groups_shut(company, 1, UNKNOWN) == [Outcome.ACTED], "the fifth"
    reason = exposed(company, UNKNOWN, "sg-last", id="last").reason or ""
    assert "organisation" in reason, "the sixth of all is one too many for the organisation"


@pytest.mark.parametrize("which", ["default", "organisation"])
def test_budget_window(company: Company, which: str) -> None:
    company.text = company.text.replace("{actions: 10,", "{actions: 1," if which == "default" else "{actions: 9,")
    company.text = company.text.replace("{actions: 40,", "{actions: 9," if which == "default" else "{actions: 1,")
    assert groups_shut(company, 2) == [Outcome.ACTED, Outcome.AWAITING_APPROVAL]
    company.wall.now += 3601 * 7 / 6
    assert groups_shut(company, 1) == [Outcome.ACTED]
    company.text = company.text.replace("window: 1h}", "window: 2h}")
    groups_shut(company, 1)
    company.wall.now += 3601 * 7 / 6
    assert groups_shut(company, 1) == [Outcome.AWAITING_APPROVAL]


def test_own_budget(company: Company) -> None:
    def keys(many: int, start: int) -> list[Outcome]:
        named = [key(SANDBOX, f"AKIAIOSFODNN7{start + at:07}") for at in range(many)]
        return [company.see(LEAK, each, KEY_OFF).outcome for each in named]

    assert keys(6, 0) == [*[Outcome.ACTED] * 5, Outcome.AWAITING_APPROVAL]
    company.wall.now += 3601 * 7 / 6
    assert keys(1, 10) == [Outcome.ACTED]
    changed(company, "budget: {actions: 5, window: 1h}", "budget: {actions: 1, window: 2h}")
    assert keys(1, 20) == [Outcome.ACTED]
    company.wall.now += 3601 * 7 / 6
    assert keys(1, 30) == [Outcome.AWAITING_APPROVAL]


def test_enabled_and_id(company: Company) -> None:
    assert public(company).playbook == "bucket-public"
    changed(company, "enabled: true", "enabled: false")
    company.open(bucket("other"))
    assert "bucket-public" not in {row.playbook for row in company.respond(about(company, bucket("other")))}


def test_when(company: Company) -> None:
    def playbooks(**changes: Any) -> set[str]:
        given = {"source": "guardduty", **changes}
        matched = company.deployment.matcher.match(
            replace(about(company, given.pop("resource", key(SANDBOX))), **given)
        )
        return {match.playbook.id for match in matched}

    assert "key-leak" in playbooks(type=LEAK)
    assert "key-leak" not in playbooks(type="Recon:EC2/Portscan")
    assert "key-leak" not in playbooks(type=LEAK, severity=Severity.MEDIUM)
    assert "key-leak" not in playbooks(type=LEAK, resource=role(SANDBOX))
    assert "sg-open" in playbooks(type=OPEN, source="config", resource=group(SANDBOX))
    assert "sg-open" not in playbooks(type=OPEN, source="guardduty", resource=group(SANDBOX))
    assert "role-sessions" in playbooks(
        type="UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.InsideAWS", resource=role(SANDBOX)
    )


def test_remediations(company: Company) -> None:
    seen = datetime.now(UTC).replace(microsecond=0)
    result = stolen(company, SANDBOX, last_seen=seen)
    assert (result.remediation, company.action(result).params["since"]) == (ROLE_OUT, clock.iso(seen))
    changed(company, "with: {since: last_seen}", 'with: {since: "2026-01-01T00:00:00Z"}')
    reopen(company)
    assert company.action(stolen(company, SANDBOX, id="other")).params["since"] == "2026-01-01T00:00:00Z"


def test_mode(company: Company) -> None:
    assert stolen(company, SANDBOX).outcome is Outcome.ACTED
    assert stolen(company, PROD, id="other").outcome is Outcome.AWAITING_APPROVAL
    reopen(changed(company, "mode: {prod: approve, sandbox: auto}", "mode: {prod: observe, sandbox: approve}"))
    assert stolen(company, SANDBOX, id="again").outcome is Outcome.AWAITING_APPROVAL
    assert stolen(company, PROD, id="other again").outcome is Outcome.PLANNED


def test_expires(company: Company) -> None:
    action = company.action(stolen(company, SANDBOX))
    assert (action.expires or {})["after"] == 12 * 3600
    heard = len(company.told_by["soc:teams"].reports)
    later(company, 13 * 60)
    assert company.journal.get(action.id).outcome is Outcome.ACTED, "people are only reminded"
    assert len(company.told_by["soc:teams"].reports) == heard + 1
    changed(company, "flap: {times: 3, window: 24h, then: approve}", "expires: {after: 1h, then: undo}")
    lease = company.action(exposed(company, SANDBOX))
    later(company, 61)
    assert company.journal.get(lease.id).outcome is Outcome.UNDONE


def test_exempt(company: Company) -> None:
    company.open(group(SANDBOX, "sg-tagged"), tags={"sec:exposed": "approved"})
    assert exposed(company, SANDBOX, "sg-tagged").reason == "exempt: it is tagged sec:exposed=approved"
    assert (exposed(company, SANDBOX, "sg-bastion-1").reason or "").startswith("exempt: ")
    assert company.cloud.writes() == []
    changed(
        company,
        '{tags: {"sec:exposed": [approved]}, names: ["sg-bastion-*"]}',
        '{tags: {"sec:exposed": [no]}, names: ["other"]}',
    )
    assert exposed(company, SANDBOX, "sg-tagged").outcome is Outcome.ACTED
    assert exposed(company, SANDBOX, "sg-bastion-1").outcome is Outcome.ACTED


def test_flap(company: Company) -> None:
    def again(number: int) -> Outcome:
        company.open(group(SANDBOX))
        return exposed(company, SANDBOX, version=str(number)).outcome

    assert [again(number) for number in range(4)] == [*[Outcome.ACTED] * 3, Outcome.AWAITING_APPROVAL]
    changed(company, "flap: {times: 3, window: 24h, then: approve}", "flap: {times: 3, window: 24h, then: observe}")
    assert again(5) is Outcome.PLANNED
    company.wall.now += 86401 * 7 / 6
    assert again(6) is Outcome.ACTED
    changed(company, "flap: {times: 3, window: 24h, then: observe}", "flap: {times: 1, window: 24h, then: approve}")
    assert again(7) is Outcome.AWAITING_APPROVAL


def test_unless(company: Company) -> None:
    company.open(bucket("www"), facts={"website": True})
    assert public(company, "www").reason == "unless: live.website is true"
    changed(company, "unless: {live.website: [true]}", "unless: {live.website: [never]}")
    assert public(company, "www").outcome is Outcome.ACTED
