"""GuardDuty's findings as the API gives them; every reply is checked against GuardDuty's model by the client."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.local_aws.lab import OTHER, Lab

KINDS = [
    "UnauthorizedAccess:IAMUser/MaliciousIPCaller",
    "Recon:EC2/PortProbeUnprotectedPort",
    "Policy:S3/BucketPublicAccessGranted",
]


@pytest.fixture
def guardduty(lab: Lab) -> Any:
    client = lab.client("guardduty")
    client.detector = client.create_detector(Enable=True)["DetectorId"]
    client.create_sample_findings(DetectorId=client.detector, FindingTypes=KINDS)
    return client


def _ids(client: Any, **criterion: Any) -> list[str]:
    asked = {"FindingCriteria": {"Criterion": criterion}} if criterion else {}
    return list(client.list_findings(DetectorId=client.detector, **asked)["FindingIds"])


def _types(client: Any, ids: list[str]) -> list[str]:
    found = client.get_findings(DetectorId=client.detector, FindingIds=ids)["Findings"]
    return sorted(finding["Type"] for finding in found)


def test_samples_are_listed_read_and_marked_as_samples(guardduty: Any) -> None:
    ids = _ids(guardduty)
    found = guardduty.get_findings(DetectorId=guardduty.detector, FindingIds=ids)["Findings"]
    assert sorted(finding["Type"] for finding in found) == sorted(KINDS)
    assert {finding["Resource"]["ResourceType"] for finding in found} == {"AccessKey", "Instance", "S3Bucket"}
    for finding in found:
        assert finding["Title"].startswith("[SAMPLE]")
        assert json.loads(finding["Service"]["AdditionalInfo"]["Value"]) == {"sample": True}


def test_criteria_choose(guardduty: Any) -> None:
    assert _types(guardduty, _ids(guardduty, type={"Eq": [KINDS[0]]})) == [KINDS[0]]
    assert _types(guardduty, _ids(guardduty, type={"NotEquals": KINDS[:2]})) == [KINDS[2]]
    assert len(_ids(guardduty, severity={"Gte": 5})) == 3
    assert _ids(guardduty, severity={"GreaterThan": 5}) == []
    assert len(_ids(guardduty, updatedAt={"GreaterThan": 1_600_000_000_000})) == 3
    assert len(_ids(guardduty, **{"service.archived": {"Eq": ["false"]}})) == 3
    assert _ids(guardduty, **{"resource.instanceDetails.instanceId": {"Eq": ["i-0"]}}) == []


def test_pages_hold_every_finding_once(guardduty: Any) -> None:
    pages = guardduty.get_paginator("list_findings").paginate(
        DetectorId=guardduty.detector, PaginationConfig={"PageSize": 2}
    )
    sizes = [page["FindingIds"] for page in pages]
    assert [len(page) for page in sizes] == [2, 1]
    assert sorted(one for page in sizes for one in page) == sorted(_ids(guardduty))


def test_archive_unarchive_and_feedback_show_in_the_finding(guardduty: Any) -> None:
    one = _ids(guardduty)[0]
    guardduty.archive_findings(DetectorId=guardduty.detector, FindingIds=[one])
    guardduty.update_findings_feedback(DetectorId=guardduty.detector, FindingIds=[one], Feedback="USEFUL", Comments="c")
    assert _ids(guardduty, **{"service.archived": {"Eq": ["true"]}}) == [one]
    service = guardduty.get_findings(DetectorId=guardduty.detector, FindingIds=[one])["Findings"][0]["Service"]
    assert (service["Archived"], service["UserFeedback"], service["Count"]) == (True, "USEFUL", 1)
    guardduty.unarchive_findings(DetectorId=guardduty.detector, FindingIds=[one])
    assert _ids(guardduty, **{"service.archived": {"Eq": ["true"]}}) == []


def test_an_unknown_finding_is_left_out_not_an_error(guardduty: Any) -> None:
    asked = ["0" * 32, _ids(guardduty)[0]]
    found = guardduty.get_findings(DetectorId=guardduty.detector, FindingIds=asked)["Findings"]
    assert [finding["Id"] for finding in found] == asked[1:]


def test_another_accounts_detector_is_refused(guardduty: Any, lab: Lab) -> None:
    stranger = lab.client("guardduty", OTHER)
    for call in (
        stranger.list_findings,
        lambda DetectorId: stranger.get_findings(DetectorId=DetectorId, FindingIds=["a"]),
    ):
        with pytest.raises(ClientError) as refused:
            call(DetectorId=guardduty.detector)
        assert refused.value.response["Error"]["Code"] == "BadRequestException"


def test_more_than_fifty_ids_are_refused(guardduty: Any) -> None:
    with pytest.raises(ClientError) as refused:
        guardduty.get_findings(DetectorId=guardduty.detector, FindingIds=[f"{number:032}" for number in range(51)])
    assert refused.value.response["Error"]["Code"] == "BadRequestException"
