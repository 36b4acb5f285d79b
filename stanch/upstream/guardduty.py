"""GuardDuty: does the detector know the finding?"""

from __future__ import annotations

from typing import Any

from stanch.clouds.aws import AwsCloud
from stanch.errors import Unconfirmed
from stanch.finding import Finding
from stanch.sources import guardduty

_SCALARS = (str, int, float)


class GuardDutyUpstream:
    """Reads findings again with the detector of the account that delivered them: the responder's own.

    An administrator account's detector also answers for its members
    (https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetFindings.html).
    """

    def __init__(self, cloud: AwsCloud) -> None:
        self._cloud = cloud
        self._detectors: dict[str, str] = {}

    def confirm(self, finding: Finding) -> tuple[list[Finding], str]:
        """The detector's own copy. Raises Unconfirmed if it has none."""
        region = finding.region or self._cloud.settings.region
        # In a finding about our own account the detector is most likely ours, in one about a member it is the member's.
        named = finding.upstream.get("detector_id") if finding.account == self._cloud.account else None
        copies = self._ask(str(named), finding, region) if named else []
        if not copies:
            ours = self._detector(region)
            copies = self._ask(ours, finding, region) if ours != named else []
        if not copies:
            raise Unconfirmed(
                f"GuardDuty in {self._cloud.account} ({region}) has no finding {finding.upstream['finding_id']}"
            )
        return guardduty.parse(_plain(copies[0])), f"GuardDuty in {self._cloud.account} ({region}) has the finding"

    def _ask(self, detector: str, finding: Finding, region: str) -> list[Any]:
        """What the detector has of the finding; nothing if it is none of ours."""
        answer = self._cloud.home.call(
            "guardduty",
            "get_findings",
            region=region,
            missing=("BadRequestException",),
            DetectorId=detector,
            FindingIds=[str(finding.upstream["finding_id"])],
        )
        return list((answer or {}).get("Findings", []))

    def _detector(self, region: str) -> str:
        """The account's own detector of the region. Raises Unconfirmed where it has none."""
        if region not in self._detectors:
            known = self._cloud.home.pages("guardduty", "list_detectors", "DetectorIds", region=region)
            if not known:
                raise Unconfirmed(f"GuardDuty is not enabled in {self._cloud.account} ({region})")
            self._detectors[region] = known[0]
        return self._detectors[region]


def _plain(value: Any) -> Any:
    """The answer as JSON: what botocore made a time of is text again."""
    if value is None or isinstance(value, _SCALARS):
        return value
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else str(value)
