"""What became of an action, told to GuardDuty where that is switched on: the finding is rated useful, and archived once nothing is left to do.

Only an administrator account (or one that stands alone) may archive: https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ArchiveFindings.html.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from stanch.action import Action, Outcome
from stanch.clouds.aws import AwsCloud
from stanch.deployment import archive_counter
from stanch.errors import Refused
from stanch.journal import Journal, Query
from stanch.notify.untrusted import inert
from stanch.report import Report

KEPT = timedelta(days=90)
"""How long GuardDuty keeps a finding (https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings.html)."""

RECENT = timedelta(days=7)
"""How far back other actions for the same finding are looked for."""

_SETTLED = (Outcome.ACTED, Outcome.NO_OP, Outcome.UNDONE, Outcome.EXPIRED, Outcome.PLANNED)


class GuardDutyWriteBack:
    """Works with the detector of the responder's own account.

    Archived is what was contained and verified, while no other action for the finding needs a person; one that comes to need a person later takes it out of the
    archive again. Each archiving is counted in the journal first: a finding that we archived ourselves is not held back as archived when it comes again.
    """

    name = "guardduty"

    def __init__(self, cloud: AwsCloud, journal: Journal, *, archive: bool, feedback: bool) -> None:
        self._cloud, self._journal, self._archive, self._feedback = cloud, journal, archive, feedback
        self._detectors: dict[str, str] = {}

    def wants(self, report: Report) -> bool:
        """What contained a finding; where archiving is on, also what is not contained (any more)."""
        known = report.tells_state and report.source == "guardduty" and bool(_named(report, "finding_id"))
        return known and (self._archive or (self._feedback and report.outcome == "acted"))

    def send(self, report: Report) -> None:
        """Raises Refused in an account that has an administrator, and what calls of the session raise."""
        if report.outcome == "acted":
            if self._feedback:
                comment = f"Contained by Stanch: {inert(report.title, 200)}, action {report.action_id}."
                self._call(report, "update_findings_feedback", Feedback="USEFUL", Comments=comment)
            if self._archive and self._settled(report):
                self._journal.count([_counter(report)], (datetime.now(UTC) + KEPT).timestamp())
                self._call(report, "archive_findings")
        elif report.outcome not in _SETTLED and self._journal.counts([_counter(report)])[0]:
            self._call(report, "unarchive_findings")

    def _settled(self, report: Report) -> bool:
        """Whether the latest action of each remediation and resource for this finding needs nobody."""
        since = datetime.now(UTC) - RECENT
        latest: dict[tuple[str, str], Action] = {}
        for action in self._journal.find(Query(since=since, account=report.account)):
            if (action.finding or {}).get("id") == (report.finding or {}).get("id"):
                latest.setdefault((action.remediation, action.resource.key()), action)
        return all(action.outcome in _SETTLED for action in latest.values())

    def _call(self, report: Report, operation: str, **params: Any) -> None:
        region = _named(report, "region") or report.region or self._cloud.settings.region
        detector = self._detector(region)
        self._cloud.home.call(
            "guardduty",
            operation,
            region=region,
            DetectorId=detector,
            FindingIds=[_named(report, "finding_id")],
            **params,
        )

    def _detector(self, region: str) -> str:
        """The detector of the own account in the region, once it is sure that it is nobody's member."""
        if region not in self._detectors:
            known = self._cloud.home.pages("guardduty", "list_detectors", "DetectorIds", region=region)
            if not known:
                raise Refused("detector", f"GuardDuty is not enabled in {self._cloud.account} ({region})")
            answer = self._cloud.home.call("guardduty", "get_administrator_account", region=region, DetectorId=known[0])
            administrator = (answer.get("Administrator") or {}).get("AccountId")
            if administrator and administrator != self._cloud.account:
                raise Refused("administrator", f"findings of {self._cloud.account} are archived by its administrator account {administrator} alone")  # fmt: skip
            self._detectors[region] = known[0]
        return self._detectors[region]


def _named(report: Report, name: str) -> str:
    return str((report.upstream or {}).get(name) or "")


def _counter(report: Report) -> str:
    return archive_counter("guardduty", str((report.finding or {}).get("id", "")))
