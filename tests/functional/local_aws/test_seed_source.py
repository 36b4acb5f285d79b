"""The finding itself at its source, and what seeding refuses to make."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stanch.finding import Finding
from stanch.local.aws.finding_json import finding_from_json, finding_to_json
from stanch.local.aws.seed import seed
from tests.functional.local_aws.findings import (
    GROUP,
    KEY,
    SSH,
    TOR,
    access_key,
    config_finding,
    guardduty_finding,
    instance,
)
from tests.functional.local_aws.lab import HOME, OTHER, REGION, Lab


def test_a_sample_exists_at_its_source_only(lab: Lab) -> None:
    sample = guardduty_finding(TOR, access_key(KEY, "alice"), HOME, service={"additionalInfo": {"sample": True}})
    said = seed(lab.url, sample, HOME)
    assert said[-1].startswith("It is a sample")
    assert lab.client("iam").list_users()["Users"] == []
    guardduty = lab.client("guardduty")
    detector = guardduty.list_detectors()["DetectorIds"][0]
    found = guardduty.get_findings(DetectorId=detector, FindingIds=["a" * 32])["Findings"][0]
    assert json.loads(found["Service"]["AdditionalInfo"]["Value"]) == {"sample": True}


def test_a_compliant_resource_is_not_exposed(lab: Lab) -> None:
    seed(lab.url, config_finding("restricted-ssh", "AWS::EC2::SecurityGroup", GROUP, OTHER, verdict="COMPLIANT"), HOME)
    with pytest.raises(ClientError):
        lab.client("ec2", OTHER).describe_security_groups(GroupIds=[GROUP])
    answer = lab.client("config", OTHER).get_compliance_details_by_config_rule(ConfigRuleName="restricted-ssh")
    assert [one["ComplianceType"] for one in answer["EvaluationResults"]] == ["COMPLIANT"]


def test_a_type_that_cannot_be_made_is_said(lab: Lab) -> None:
    cluster = {
        "resourceType": "EKSCluster",
        "eksClusterDetails": {"name": "c", "arn": f"arn:aws:eks:{REGION}:{OTHER}:cluster/c"},
    }
    said = seed(lab.url, guardduty_finding("Discovery:Kubernetes/TorIPCaller", cluster, OTHER), HOME)
    assert (
        f"AWS::EKS::Cluster arn:aws:eks:{REGION}:{OTHER}:cluster/c cannot be created in the local AWS; only the finding was."
        in said
    )


@pytest.mark.parametrize(
    ("account", "why"), [("999", "'999' is no AWS account id"), ("1234567891234", "is no AWS account id")]
)
def test_an_account_that_cannot_be_gets_nothing_but_the_finding_is_known(lab: Lab, account: str, why: str) -> None:
    said = seed(lab.url, guardduty_finding(TOR, access_key(KEY, "alice"), account), HOME)
    assert why in said[0]
    assert found_at(lab, HOME)[0]["AccountId"] == account
    assert any("was not created" in one and why in one for one in said)
    assert lab.client("iam").list_users()["Users"] == []


def found_at(lab: Lab, account: str, one: str = "a" * 32) -> list[dict[str, Any]]:
    guardduty = lab.client("guardduty", account)
    detectors = guardduty.list_detectors()["DetectorIds"]
    return list(guardduty.get_findings(DetectorId=detectors[0], FindingIds=[one])["Findings"]) if detectors else []


def test_a_finding_is_known_to_the_home_account_and_its_own(lab: Lab) -> None:
    seed(lab.url, guardduty_finding(TOR, access_key(KEY, "alice"), OTHER), HOME)
    for account in (HOME, OTHER):
        found = found_at(lab, account)[0]
        assert (found["Type"], found["AccountId"], found["Severity"]) == (TOR, OTHER, 8.0)
        assert found["Resource"]["AccessKeyDetails"]["AccessKeyId"] == KEY
    assert found_at(lab, "444455556666") == []


def test_letter_case_of_the_event_does_not_matter(lab: Lab) -> None:
    plain = guardduty_finding(TOR, access_key(KEY, "alice"), OTHER)
    upper = json.loads(
        json.dumps(plain.raw["detail"]),
        object_pairs_hook=lambda pairs: {key[0].upper() + key[1:]: value for key, value in pairs},
    )
    seed(lab.url, finding_from_json({**finding_to_json(plain), "raw": upper}), HOME)
    assert found_at(lab, HOME)[0]["Resource"]["AccessKeyDetails"]["AccessKeyId"] == KEY


def test_a_later_version_of_a_finding_replaces_the_earlier_but_not_the_reverse(lab: Lab) -> None:
    def version(updated: str, count: int) -> Finding:
        return guardduty_finding(TOR, access_key(KEY, "alice"), HOME, updated=updated, service={"count": count})

    seed(lab.url, version("2026-03-01T10:00:00.000Z", 1), HOME)
    seed(lab.url, version("2026-03-01T11:00:00.000Z", 5), HOME)
    assert found_at(lab, HOME)[0]["Service"]["Count"] == 5
    assert seed(lab.url, version("2026-03-01T10:00:00.000Z", 1), HOME) == []
    assert found_at(lab, HOME)[0]["Service"]["Count"] == 5


def test_an_archive_survives_a_replay(lab: Lab) -> None:
    finding = guardduty_finding(TOR, access_key(KEY, "alice"), HOME)
    seed(lab.url, finding, HOME)
    guardduty = lab.client("guardduty")
    guardduty.archive_findings(DetectorId="d" * 32, FindingIds=["a" * 32])
    assert seed(lab.url, finding, HOME) == []
    assert found_at(lab, HOME)[0]["Service"]["Archived"] is True


def test_a_later_verdict_replaces_the_earlier_but_not_the_reverse(lab: Lab) -> None:
    def verdict(kind: str, at: str) -> list[str]:
        return seed(
            lab.url,
            config_finding("restricted-ssh", "AWS::EC2::SecurityGroup", GROUP, OTHER, verdict=kind, at=at),
            HOME,
        )

    verdict("NON_COMPLIANT", "2026-03-01T10:00:00Z")
    verdict("COMPLIANT", "2026-03-01T09:00:00Z")
    config = lab.client("config", OTHER)
    result = config.get_compliance_details_by_resource(ResourceType="AWS::EC2::SecurityGroup", ResourceId=GROUP)[
        "EvaluationResults"
    ]
    assert [one["ComplianceType"] for one in result] == ["NON_COMPLIANT"]
    verdict("COMPLIANT", "2026-03-01T11:00:00Z")
    result = config.get_compliance_details_by_resource(ResourceType="AWS::EC2::SecurityGroup", ResourceId=GROUP)[
        "EvaluationResults"
    ]
    assert [one["ComplianceType"] for one in result] == ["COMPLIANT"]


def test_a_finding_travels_as_json_unchanged() -> None:
    for finding in (
        guardduty_finding(SSH, instance(), OTHER),
        config_finding("restricted-ssh", "AWS::EC2::SecurityGroup", GROUP, OTHER),
    ):
        assert finding_from_json(json.loads(json.dumps(finding_to_json(finding)))) == finding


def test_seeding_makes_no_api_call_and_is_quick(lab: Lab) -> None:
    seed(lab.url, guardduty_finding(SSH, instance(), OTHER), HOME)
    lab.own("DELETE", "calls")
    second = instance("i-0ffffffffffffffff", networkInterfaceId="eni-0ffffffffffffffff")
    started = time.perf_counter()
    seed(lab.url, guardduty_finding(SSH, second, OTHER, one="b" * 32), HOME)
    assert time.perf_counter() - started < 0.5  # about 5 ms on an idle machine
    assert lab.own("GET", "calls")[1]["calls"] == []
