"""GuardDuty is told only where that is switched on, only of what was verified, and our own archiving starts nothing and hides nothing."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from handlers.aws import wiring
from stanch import outbox
from stanch.action import Outcome
from stanch.errors import InvalidInput
from stanch.local.aws.seed import seed
from stanch.sources import guardduty
from tests.functional.local_aws.lab import HOME, OTHER, Lab
from tests.functional.write_back.wired import Wired, sample

EVENT = sample("guardduty/leaked-access-key")
REGION = EVENT["detail"]["region"]
KEY_ONLY = """
playbooks:
  - id: key-leak
    when: {type: [{prefix: "UnauthorizedAccess:IAMUser/"}]}
    remediations: [aws.iam.deactivate_access_key]
    mode: auto
"""
AND_SESSIONS = """
  - id: key-sessions
    when: {type: [{prefix: "UnauthorizedAccess:IAMUser/"}]}
    remediations: [{id: aws.iam.revoke_user_sessions, with: {since: last_seen}}]
    mode: approve
"""


class Responder(Wired):
    """The deployment, the finding as GuardDuty has it, and the key."""

    lab: Lab

    @property
    def service(self) -> dict[str, Any]:
        client = self.lab.client("guardduty", region=REGION)
        (detector,) = client.list_detectors()["DetectorIds"]
        (found,) = client.get_findings(DetectorId=detector, FindingIds=[EVENT["detail"]["id"]])["Findings"]
        return dict(found["Service"])

    def key(self, status: str | None = None) -> str:
        """The key's status; given one, it is set by somebody else."""
        details = EVENT["detail"]["resource"]["accessKeyDetails"]
        iam = self.lab.client("iam", OTHER)
        if status:
            iam.update_access_key(UserName=details["userName"], AccessKeyId=details["accessKeyId"], Status=status)
        (found,) = [one for one in iam.list_access_keys(UserName=details["userName"])["AccessKeyMetadata"] if one["AccessKeyId"] == details["accessKeyId"]]  # fmt: skip
        return str(found["Status"])

    def resent(self) -> dict[str, Any]:
        """What EventBridge delivers when the archived finding is updated."""
        event = deepcopy(EVENT)
        event["detail"]["service"]["archived"] = True
        event["detail"]["service"]["count"] += 1
        event["detail"]["updatedAt"] = "2026-11-20T09:00:00.000Z"
        return dict(event)

    def writes(self) -> list[str]:
        """The writes since the last time; assuming roles is none."""
        calls = self.lab.own("GET", "calls")[1]["calls"]
        self.lab.own("DELETE", "calls")
        return [f"{call['service']}:{call['operation']}" for call in calls if call["write"]]


@pytest.fixture
def wired(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(policy: str = KEY_ONLY, **env: str) -> Responder:
        settings = {
            "AWS_ENDPOINT_URL": lab.url, "AWS_ACCESS_KEY_ID": "LOCALHOMEKEY00000000", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "STANCH_ACCOUNT": HOME,
            "STANCH_ROLE_NAME": "stanch", "STANCH_JOURNAL": f"sqlite://{tmp_path}/journal.sqlite", "STANCH_MODE": "auto",
            "STANCH_STALE_HOURS": "900000", "STANCH_VERIFY_DELAYS": "0.05", **env,
        }  # fmt: skip
        (tmp_path / "playbooks.yaml").write_text(policy)
        settings["STANCH_PLAYBOOKS"] = str(tmp_path / "playbooks.yaml")
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        for finding in guardduty.parse(EVENT):
            seed(lab.url, finding, HOME)
        made = Responder.of(wiring.build(settings), guardduty.parse)
        assert isinstance(made, Responder)
        made.lab = lab
        made.writes()
        return made

    return make


def test_nothing_is_told_unless_it_is_switched_on(wired: Any) -> None:
    responder = wired()
    assert [row.outcome for row in responder.deliver(EVENT)] == [Outcome.ACTED]
    assert responder.service["Archived"] is False
    assert "UserFeedback" not in responder.service
    assert responder.writes() == ["iam:UpdateAccessKey"]


def test_what_was_contained_is_archived(wired: Any) -> None:
    responder = wired(STANCH_GUARDDUTY_ARCHIVE="1")
    (row,) = responder.deliver(EVENT)
    assert (row.outcome, row.notified) == (Outcome.ACTED, ["soc"])
    assert responder.service["Archived"] is True
    assert "UserFeedback" not in responder.service
    assert responder.writes() == ["iam:UpdateAccessKey", "guardduty:ArchiveFindings"]
    assert responder.pending() == {}


def test_what_was_contained_is_rated_useful(wired: Any) -> None:
    responder = wired(STANCH_GUARDDUTY_FEEDBACK="1")
    responder.deliver(EVENT)
    assert (responder.service["Archived"], responder.service["UserFeedback"]) == (False, "USEFUL")
    assert responder.writes() == ["iam:UpdateAccessKey", "guardduty:UpdateFindingsFeedback"]


def test_our_own_archiving_starts_nothing(wired: Any) -> None:
    responder = wired(STANCH_GUARDDUTY_ARCHIVE="1")
    responder.deliver(EVENT)
    responder.writes()
    for _ in range(3):
        (row,) = responder.deliver(responder.resent())
        assert (row.outcome, row.changes, row.notified) == (Outcome.NO_OP, [], [])
    assert responder.writes() == []
    assert [report.outcome for report in responder.people.reports] == ["acted"]


def test_our_own_archiving_hides_no_new_attack(wired: Any) -> None:
    responder = wired(STANCH_GUARDDUTY_ARCHIVE="1")
    responder.deliver(EVENT)
    responder.key("Active")
    (row,) = responder.deliver(responder.resent())
    assert (row.outcome, responder.key()) == (Outcome.ACTED, "Inactive")


def test_what_a_person_archived_is_held(wired: Any) -> None:
    responder = wired(STANCH_GUARDDUTY_ARCHIVE="1")
    (row,) = responder.deliver(responder.resent())
    assert (row.outcome, responder.key()) == (Outcome.HELD, "Active")
    assert str(row.reason).startswith("archived: ")
    assert responder.writes() == []


def test_what_was_not_contained_is_not_archived(wired: Any) -> None:
    responder = wired(STANCH_GUARDDUTY_ARCHIVE="1", STANCH_GUARDDUTY_FEEDBACK="1", STANCH_MODE="approve")
    (row,) = responder.deliver(EVENT)
    assert row.outcome is Outcome.AWAITING_APPROVAL
    assert responder.service["Archived"] is False
    assert responder.writes() == []


def test_a_finding_that_still_needs_a_person_is_not_archived(wired: Any) -> None:
    """Whichever of its two actions comes first."""
    responder = wired(KEY_ONLY + AND_SESSIONS, STANCH_GUARDDUTY_ARCHIVE="1")
    rows = {row.remediation: row for row in responder.deliver(EVENT)}
    assert rows["aws.iam.deactivate_access_key"].outcome is Outcome.ACTED
    assert rows["aws.iam.revoke_user_sessions"].outcome is Outcome.AWAITING_APPROVAL
    assert responder.service["Archived"] is False
    acted = next(report for report in responder.people.reports if report.outcome == "acted")
    responder.writes()
    responder.deployment.channels["guardduty"].send(acted)
    assert responder.writes() == []


def test_a_member_account_archives_nothing_and_says_why(wired: Any, lab: Lab) -> None:
    lab.client("guardduty", region=REGION).enable_organization_admin_account(AdminAccountId=OTHER)
    responder = wired(STANCH_GUARDDUTY_ARCHIVE="1")
    (row,) = responder.deliver(EVENT)
    assert row.outcome is Outcome.ACTED
    ((errors),) = responder.pending().values()
    assert errors["guardduty"] == f"administrator: findings of {HOME} are archived by its administrator account {OTHER} alone"  # fmt: skip
    assert responder.service["Archived"] is False
    outbox.drain(responder.deployment.journal, responder.deployment.channels)
    assert len(responder.pending()) == 1


@pytest.mark.parametrize("name", ["STANCH_GUARDDUTY_ARCHIVE", "STANCH_GUARDDUTY_FEEDBACK"])
def test_a_switch_is_on_or_off(wired: Any, name: str) -> None:
    assert "guardduty" not in wired(**{name: "0"}).deployment.channels
    with pytest.raises(InvalidInput, match=name):
        wired(**{name: "yes"})
