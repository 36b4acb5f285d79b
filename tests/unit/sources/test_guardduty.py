from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from stanch.finding import Finding, Observable, Severity
from stanch.sources import guardduty
from tests.unit.sources import events
from tests.unit.sources.events import ACCOUNT, access_key, finding, instance, on_bus
from tests.unit.sources.guardduty_read import named, parsed, refusal


def test_a_finding_from_the_bus() -> None:
    found = parsed(on_bus(finding(access_key())))
    assert found == Finding(
        source="guardduty",
        id=f"arn:aws:guardduty:eu-west-1:{ACCOUNT}:detector/12cc51e1c99e833adf5924c71ac591b2/finding/6acdc15e4418414a868e8bbdf45b456b",
        version="2026-03-01T10:05:00.123+00:00#3", type="UnauthorizedAccess:IAMUser/MaliciousIPCaller",
        title="Credentials were used from a malicious address.", severity=Severity.MEDIUM, account=ACCOUNT, region="eu-west-1",
        resources=found.resources, observables=(Observable("ip", "198.51.100.7"),), score=5.0, count=3,
        first_seen=datetime(2026, 3, 1, 9, 45, tzinfo=UTC), last_seen=datetime(2026, 3, 1, 10, tzinfo=UTC),
        updated_at=datetime(2026, 3, 1, 10, 5, 0, 123000, tzinfo=UTC),
        upstream={
            "detector_id": "12cc51e1c99e833adf5924c71ac591b2", "finding_id": "6acdc15e4418414a868e8bbdf45b456b", "region": "eu-west-1",
            "envelope_account": events.ADMINISTRATOR, "unresolved": [],
        },
        raw=on_bus(finding(access_key())),
    )  # fmt: skip
    key, user = found.resources
    assert (key.type, key.id, key.account, key.region, key.role) == (
        "AWS::IAM::AccessKey", "AKIAIOSFODNN7EXAMPLE", ACCOUNT, None, "target",
    )  # fmt: skip
    assert key.details == {"user_name": "ci-deploy", "user_type": "IAMUser"}
    assert (user.type, user.id, user.region) == ("AWS::IAM::User", f"arn:aws:iam::{ACCOUNT}:user/ci-deploy", None)
    assert user.details == {
        "user_name": "ci-deploy", "access_key_id": "AKIAIOSFODNN7EXAMPLE", "principal_id": "AIDACKCEVSQ6C2EXAMPLE", "credential": "long_term",
    }  # fmt: skip


RESOURCES = [
    access_key(), access_key(userType="AssumedRole", accessKeyId="ASIAIOSFODNN7EXAMPLE"), instance(),
    {"resourceType": "S3Bucket", "s3BucketDetails": [{"name": "data", "arn": "arn:aws:s3:::data"}], "accessKeyDetails": access_key()["accessKeyDetails"]},
    {"resourceType": "Instance"},
]  # fmt: skip


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_carrier_and_letter_case_gives_the_same_finding(resource: dict[str, Any]) -> None:
    detail = finding(resource)
    expected = replace(parsed(on_bus(detail)), raw={})
    bare = replace(expected, upstream={**expected.upstream, "envelope_account": None})

    def same(event: Any, wanted: Finding) -> None:
        found = parsed(event)
        # The place of what is missing leads through the carrier.
        notes = [{**note, "place": note["place"].rpartition("resource.")[2]} for note in found.upstream["unresolved"]]
        wanted_notes = [
            {**note, "place": note["place"].rpartition("resource.")[2]} for note in wanted.upstream["unresolved"]
        ]
        assert notes == wanted_notes
        assert (
            replace(found, raw={}, upstream={**found.upstream, "unresolved": wanted.upstream["unresolved"]}) == wanted
        )

    for carried in (
        detail,
        events.pascal(detail),
        json.dumps(detail),
        {"Findings": [detail]},
        events.notification(detail),
        [detail],
    ):
        same(carried, bare)
    for carried in (on_bus(events.pascal(detail)), on_bus(json.dumps(detail)), events.sns(on_bus(detail)), events.sqs(on_bus(detail)), events.sqs(events.notification(on_bus(detail)))):  # fmt: skip
        same(carried, expected)


def test_text_for_numbers_booleans_and_one_for_many() -> None:
    detail = finding(
        instance(networkInterfaces={"networkInterfaceId": "eni-1", "securityGroups": {"groupId": "sg-1"}}),
        severity="7.5",
        accountId=11122223333,
    )
    detail["service"] |= {"archived": "false", "count": "12", "additionalInfo": None}
    found = parsed(detail)
    assert (found.severity, found.score, found.archived, found.count, found.account) == (
        Severity.HIGH,
        7.5,
        False,
        12,
        "011122223333",
    )
    assert found.resources[0].details["interfaces"] == [
        {"eni_id": "eni-1", "subnet_id": None, "vpc_id": None, "groups": [{"id": "sg-1", "name": None}]}
    ]
    detail["service"]["archived"] = "true"
    assert parsed(detail).archived


@pytest.mark.parametrize(
    ("score", "severity"),
    [
        (None, Severity.UNKNOWN), (0, Severity.UNKNOWN), (0.9, Severity.UNKNOWN), (1, Severity.LOW), (3.9, Severity.LOW), (4, Severity.MEDIUM),
        (6.9, Severity.MEDIUM), (7, Severity.HIGH), (8.99, Severity.HIGH), (9, Severity.CRITICAL), (10, Severity.CRITICAL), (10.1, Severity.UNKNOWN),
    ],
)  # fmt: skip
def test_severity_follows_guarddutys_bands(score: float | None, severity: Severity) -> None:
    assert parsed(finding(instance(), severity=score)).severity == severity


class TestSamples:
    @pytest.mark.parametrize(
        "info",
        [
            {"sample": True},
            {"sample": "true"},
            {"value": '{"sample": true}', "type": "default"},
            '{"sample": true}',
            {"value": {"sample": True}},
        ],
    )
    def test_guarddutys_mark(self, info: Any) -> None:
        detail = finding(access_key())
        detail["service"]["additionalInfo"] = info
        assert parsed(detail).sample
        assert parsed(events.pascal(detail)).sample

    @pytest.mark.parametrize(
        "info",
        [
            {},
            None,
            {"sample": False},
            {"sample": "false"},
            {"value": '{"sample": false}'},
            {"value": "sample", "type": "x"},
        ],
    )
    def test_anything_else_is_real(self, info: Any) -> None:
        detail = finding(access_key())
        detail["service"]["additionalInfo"] = info
        assert not parsed(detail).sample

    def test_the_title_and_generated_ids_mark_a_sample(self) -> None:
        assert parsed(finding(access_key(), title="[SAMPLE] Something happened")).sample
        assert parsed(finding(access_key(accessKeyId="GeneratedFindingAccessKeyId"))).sample
        assert parsed(finding(instance(iamInstanceProfile={"id": "GeneratedFindingInstanceProfileId"}))).sample

    @pytest.mark.parametrize("details", [{"userName": "GeneratedFindingUserName"}, {"userName": "SAMPLE"}])
    def test_a_name_that_anyone_may_choose_marks_nothing(self, details: dict[str, Any]) -> None:
        assert not parsed(finding(access_key(**details), title="GeneratedFinding [SAMPLE]")).sample

    def test_a_sample_is_reported_although_it_names_nothing_real(self) -> None:
        detail = finding(
            {
                "resourceType": "ECSCluster",
                "ecsClusterDetails": {"arn": "arn:aws:ecs:region:123456789000:cluster/clusterName"},
            }
        )
        detail["service"]["additionalInfo"] = {"sample": True}
        found = parsed(detail)
        assert (found.sample, found.resources) == (True, ())
        assert [note["place"] for note in found.upstream["unresolved"]] == ["resource.ecsClusterDetails.arn"]
        generated = access_key(accessKeyId="GeneratedFindingAccessKeyId", userName="GeneratedFindingUserName")
        assert named(parsed(finding(generated)))[0] == ("AWS::IAM::AccessKey", "GeneratedFindingAccessKeyId")


@pytest.mark.parametrize(
    ("action", "observables"),
    [
        ({"networkConnectionAction": {"remoteIpDetails": {"ipAddressV4": "198.51.100.1"}, "localIpDetails": {"ipAddressV4": "10.0.0.1"}}}, ["198.51.100.1"]),
        ({"awsApiCallAction": {"remoteIpDetails": {"ipAddressV4": "198.51.100.1", "ipAddressV6": "2001:DB8::0001"}}}, ["198.51.100.1", "2001:db8::1"]),
        ({"awsApiCallAction": {"callerType": "Domain", "domainDetails": {"domain": "cloudformation.amazonaws.com"}}}, ["cloudformation.amazonaws.com"]),
        ({"portProbeAction": {"portProbeDetails": [{"remoteIpDetails": {"ipAddressV4": "198.51.100.1"}}, {"remoteIpDetails": {"ipAddressV4": "198.51.100.2"}}, {"remoteIpDetails": {"ipAddressV4": "198.51.100.1"}}]}}, ["198.51.100.1", "198.51.100.2"]),
        ({"kubernetesApiCallAction": {"sourceIPs": ["198.51.100.1", "x"], "remoteIpDetails": {"ipAddressV4": "198.51.100.2"}}}, ["198.51.100.1", "198.51.100.2"]),
        ({"rdsLoginAttemptAction": {"remoteIpDetails": {"ipAddressV4": "198.51.100.1"}}}, ["198.51.100.1"]),
        ({"dnsRequestAction": {"domain": "C2.Example.", "domainWithSuffix": "example"}}, ["c2.example"]),
        ({"dnsRequestAction": {"domain": "http://not a domain/"}}, []),
        ({"networkConnectionAction": {"remoteIpDetails": {"ipAddressV4": "111.11.000.1"}}}, []),
        (None, []),
    ],
)  # fmt: skip
def test_observables_of_every_action(action: Any, observables: list[str]) -> None:
    detail = finding(instance())
    detail["service"]["action"] = action
    assert [item.value for item in parsed(detail).observables] == observables
    assert [item.value for item in parsed(events.pascal(detail)).observables] == observables


def test_hashes_of_processes_and_malware() -> None:
    detail = finding(instance())
    detail["service"] |= {
        "action": None, "runtimeDetails": {"process": {"executableSha256": "AB" * 32}},
        "ebsVolumeScanDetails": {"scanDetections": {"threatDetectedByName": {"threatNames": [{"filePaths": [{"hash": "cd" * 32}, {"hash": "no hash"}]}]}}},
        "malwareScanDetails": {"threats": [{"itemPaths": [{"hash": "ef" * 20}]}]},
    }  # fmt: skip
    assert parsed(detail).observables == tuple(Observable("hash", value) for value in ("ab" * 32, "cd" * 32, "ef" * 20))


@pytest.mark.parametrize(
    ("changes", "place", "reason"),
    [
        ({"id": None, "arn": None}, "detail.id", "is missing"),
        ({"type": None}, "detail.type", "is missing"),
        ({"type": "Alert"}, "detail.type", "is not a GuardDuty finding type: 'Alert'"),
        ({"accountId": None}, "detail.accountId", "is missing"),
        ({"accountId": "YOUR_ACCOUNT"}, "detail.accountId", "is not an AWS account id: 'YOUR_ACCOUNT'"),
        ({"accountId": True}, "detail.accountId", "must be text, not True"),
        (
            {"arn": "arn:aws:iam::111122223333:role/x"},
            "detail.arn",
            "is not the ARN of a GuardDuty finding: 'arn:aws:iam::111122223333:role/x'",
        ),
        ({"region": "mars"}, "detail.region", "is not an AWS region: 'mars'"),
        ({"partition": "a:b"}, "detail.partition", "is not an AWS partition: 'a:b'"),
        ({"severity": "High"}, "detail.severity", "must be a number, not 'High'"),
        ({"updatedAt": "soon"}, "detail.updatedAt", "is no time: 'soon'"),
        ({"AccountId": "444455556666"}, "detail.accountId", "stands here in two spellings that contradict each other"),
    ],
)
def test_what_is_no_finding_is_refused_with_its_place(changes: dict[str, Any], place: str, reason: str) -> None:
    assert refusal(on_bus(finding(instance()) | changes)) == (place, reason)


@pytest.mark.parametrize(
    ("event", "place", "reason"),
    [
        ({}, "id", "is missing"),
        ([], "event", "holds no GuardDuty finding"),
        ({"Records": []}, "event", "holds no GuardDuty finding"),
        (None, "event", "must be an object, not None"),
        (on_bus({"scanStatus": "COMPLETED"}, kind="GuardDuty Malware Protection Object Scan Result"), "detail-type",
         "is 'GuardDuty Malware Protection Object Scan Result', which is no finding"),
        (on_bus({}, source="aws.config"), "source", "is 'aws.config', not 'aws.guardduty'"),
        (events.sns(on_bus(finding(instance(), accountId=None))), "Records[0].Sns.Message.detail.accountId", "is missing"),
    ],
)  # fmt: skip
def test_what_carries_no_finding_is_refused_with_its_place(event: Any, place: str, reason: str) -> None:
    assert refusal(event) == (place, reason)


def test_an_export_that_kept_the_id_in_the_arn_alone() -> None:
    found = parsed(finding(instance(), id=None))
    assert found.upstream["finding_id"] == "6acdc15e4418414a868e8bbdf45b456b"
    assert parsed(finding(instance(), arn=None)).id == "6acdc15e4418414a868e8bbdf45b456b"


def test_the_detector_is_read_from_the_arn_where_the_service_part_lacks_it() -> None:
    detail = finding(instance(), service=None)
    found = parsed(detail)
    assert found.upstream["detector_id"] == "12cc51e1c99e833adf5924c71ac591b2"
    assert (found.count, found.archived, found.first_seen, found.last_seen) == (
        1,
        False,
        datetime(2026, 3, 1, 9, 50, tzinfo=UTC),
        found.updated_at,
    )


def test_a_batch_gives_each_finding() -> None:
    found = guardduty.parse(events.sqs(on_bus(finding(instance())), on_bus(finding(access_key()))))
    assert [item.resources[0].type for item in found] == ["AWS::EC2::Instance", "AWS::IAM::AccessKey"]
