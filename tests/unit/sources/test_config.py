from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from stanch.errors import MalformedEvent
from stanch.finding import Finding, Severity
from stanch.sources import config
from tests.unit.sources import events
from tests.unit.sources.config_read import GROUP, GROUP_ARN, RULE_ARN, on_bus, parsed, refusal
from tests.unit.sources.events import ACCOUNT, compliance_change


def test_a_compliance_change_from_the_bus() -> None:
    event = on_bus(compliance_change("AWS::EC2::SecurityGroup", GROUP))
    found = parsed(event)
    recorded, notified = datetime(2026, 3, 1, 10, 0, 1, tzinfo=UTC), datetime(2026, 3, 1, 10, 0, 2, tzinfo=UTC)
    assert found == Finding(
        source="config", id=f"{RULE_ARN}/AWS::EC2::SecurityGroup/{GROUP}", version="2026-03-01T10:00:01.000+00:00#NON_COMPLIANT",
        type="no-public-ssh", title=f"AWS::EC2::SecurityGroup {GROUP} is NON_COMPLIANT with no-public-ssh", severity=Severity.UNKNOWN,
        account=ACCOUNT, region="eu-west-1", resources=found.resources, first_seen=recorded, last_seen=recorded, updated_at=notified,
        upstream={
            "rule_name": "no-public-ssh", "rule_arn": RULE_ARN, "resource_type": "AWS::EC2::SecurityGroup", "resource_id": GROUP, "account": ACCOUNT,
            "region": "eu-west-1", "evaluation": "NON_COMPLIANT", "evaluation_mode": "DETECTIVE", "annotation": "Port 22 is open.",
            "message_type": "ComplianceChangeNotification", "envelope_account": events.ADMINISTRATOR,
        },
        raw=event,
    )  # fmt: skip
    (group,) = found.resources
    assert (group.type, group.id, group.account, group.region, group.role) == (
        "AWS::EC2::SecurityGroup", GROUP_ARN, ACCOUNT, "eu-west-1", "affected",
    )  # fmt: skip


def test_every_carrier_and_letter_case_gives_the_same_finding() -> None:
    detail = compliance_change("AWS::S3::Bucket", "data")
    expected = replace(parsed(on_bus(detail)), raw={})
    for carried in (
        on_bus(events.pascal(detail)),
        events.sns(on_bus(detail)),
        events.sqs(events.notification(on_bus(detail))),
    ):
        assert replace(parsed(carried), raw={}) == expected
    bare = replace(expected, upstream={**expected.upstream, "envelope_account": None})
    for carried in (
        detail,
        events.pascal(detail),
        events.notification(detail),
        events.notification(json.dumps(detail)),
        json.dumps(detail),
    ):
        assert replace(parsed(carried), raw={}) == bare


@pytest.mark.parametrize(
    ("verdict", "compliant"),
    [("NON_COMPLIANT", False), ("COMPLIANT", True), ("NOT_APPLICABLE", True), ("INSUFFICIENT_DATA", True)],
)
def test_only_a_violation_is_not_compliant(verdict: str, compliant: bool) -> None:
    detail = compliance_change("AWS::S3::Bucket", "data")
    detail["newEvaluationResult"]["complianceType"] = verdict
    found = parsed(on_bus(detail))
    assert (found.compliant, found.upstream["evaluation"]) == (compliant, verdict)


@pytest.mark.parametrize(
    ("kind", "ident", "resource", "region"),
    [
        ("AWS::S3::Bucket", "data.example", "arn:aws:s3:::data.example", "eu-west-1"),
        (
            "AWS::EC2::Instance",
            "i-0abc1234def567890",
            f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-0abc1234def567890",
            "eu-west-1",
        ),
        (
            "AWS::EC2::Volume",
            "vol-0abc1234def567890",
            f"arn:aws:ec2:eu-west-1:{ACCOUNT}:volume/vol-0abc1234def567890",
            "eu-west-1",
        ),
        ("AWS::IAM::User", "AIDACKCEVSQ6C2EXAMPLE", "AIDACKCEVSQ6C2EXAMPLE", None),
        ("AWS::IAM::Role", "AROACKCEVSQ6C2EXAMPLE", "AROACKCEVSQ6C2EXAMPLE", None),
        ("AWS::IAM::User", "ci-deploy", f"arn:aws:iam::{ACCOUNT}:user/ci-deploy", None),
        ("AWS::::Account", ACCOUNT, ACCOUNT, None),
        ("AWS::Account", ACCOUNT, ACCOUNT, None),
        ("AWS::Lambda::Function", "resize", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:resize", "eu-west-1"),
        ("AWS::Logs::LogGroup", "/aws/lambda/resize", "/aws/lambda/resize", "eu-west-1"),
        ("AWS::SNS::Topic", f"arn:aws:sns:eu-west-1:{ACCOUNT}:t", f"arn:aws:sns:eu-west-1:{ACCOUNT}:t", "eu-west-1"),
    ],
)
def test_configs_ids_become_canonical(kind: str, ident: str, resource: str, region: str | None) -> None:
    (found,) = parsed(on_bus(compliance_change(kind, ident))).resources
    assert (found.type, found.id, found.region) == (kind.replace("AWS::Account", "AWS::::Account"), resource, region)


def test_no_arn_is_invented_for_a_unique_id() -> None:
    (user,) = parsed(on_bus(compliance_change("AWS::IAM::User", "AIDACKCEVSQ6C2EXAMPLE"))).resources
    assert user.details == {"unique_id": "AIDACKCEVSQ6C2EXAMPLE"}


def test_the_qualifier_stands_in_for_what_the_detail_lacks() -> None:
    detail = compliance_change("AWS::S3::Bucket", "data", resourceType=None, resourceId=None, configRuleName=None)
    found = parsed(on_bus(detail))
    assert (found.type, found.resources[0].id) == ("no-public-ssh", "arn:aws:s3:::data")
    contradicting = compliance_change("AWS::Other::Type", "other", resourceType="AWS::S3::Bucket", resourceId="data")
    assert parsed(on_bus(contradicting)).resources[0].id == "arn:aws:s3:::data"
    listed = compliance_change("AWS::S3::Bucket", "data", configRuleName=None, configRuleNames=["no-public-ssh"])
    del listed["newEvaluationResult"]["evaluationResultIdentifier"]
    assert parsed(on_bus(listed)).type == "no-public-ssh"


def test_account_and_region_come_from_the_rule_and_never_from_the_envelope() -> None:
    detail = compliance_change("AWS::S3::Bucket", "data", awsAccountId=None, awsRegion=None)
    found = parsed(on_bus(detail))
    assert (found.account, found.region) == (ACCOUNT, "eu-west-1")
    assert refusal(on_bus(detail | {"configRuleARN": None})) == ("detail.awsAccountId", "is missing")


def test_a_third_partys_resource_and_one_not_yet_made_name_nothing() -> None:
    assert parsed(on_bus(compliance_change("Acme::Db::Cluster", "c-1"))).resources == ()
    proactive = compliance_change("AWS::S3::Bucket", "data")
    proactive["newEvaluationResult"]["evaluationResultIdentifier"]["evaluationResultQualifier"]["evaluationMode"] = (
        "PROACTIVE"
    )
    assert parsed(on_bus(proactive)).resources == ()


@pytest.mark.parametrize(
    ("changes", "place", "reason"),
    [
        ({"resourceType": "AWS: :EC2: :Volume"}, "resourceType", "is not an AWS resource type: 'AWS: :EC2: :Volume'"),
        ({"resourceId": "sg-0abc 1234"}, "resourceId", "is not an EC2 resource id: 'sg-0abc 1234'"),
        ({"resourceType": "AWS::S3::Bucket", "resourceId": "${bucket}"}, "resourceId", "is a placeholder, not a bucket name: '${bucket}'"),
        ({"resourceType": "AWS::IAM::Role", "resourceId": "a/b"}, "resourceId", "is not an IAM name: 'a/b'"),
        ({"resourceType": "AWS::Lambda::Function", "resourceId": "a b"}, "resourceId", "is not a function name: 'a b'"),
        ({"resourceType": "AWS::Logs::LogGroup", "resourceId": "a\nb"}, "resourceId", r"is not a resource id: 'a\nb'"),
        ({"resourceType": "AWS::::Account", "resourceId": events.ADMINISTRATOR}, "resourceId",
         f"is '{events.ADMINISTRATOR}', but the message is about account {ACCOUNT}"),
        ({"awsAccountId": "x"}, "awsAccountId", "is not an AWS account id: 'x'"),
        ({"awsRegion": "x"}, "awsRegion", "is not an AWS region: 'x'"),
        ({"awsRegion": None, "configRuleARN": None}, "awsRegion", "is missing"),
        ({"configRuleARN": "arn:aws:config: x"}, "configRuleARN", "is not an ARN: 'arn:aws:config: x'"),
        ({"newEvaluationResult": None}, "newEvaluationResult.complianceType", "is missing"),
        ({"newEvaluationResult": {"complianceType": "MAYBE"}}, "newEvaluationResult.complianceType",
         "is 'MAYBE', not one of NON_COMPLIANT, COMPLIANT, NOT_APPLICABLE, INSUFFICIENT_DATA"),
        ({"messageType": "ConfigRulesEvaluationStarted"}, "messageType",
         "is 'ConfigRulesEvaluationStarted', which holds no compliance change and no configuration item"),
        ({"messageType": None, "newEvaluationResult": None}, "messageType", "is missing"),
        ({"notificationCreationTime": "later"}, "notificationCreationTime", "is no time: 'later'"),
    ],
)  # fmt: skip
def test_a_malformed_compliance_change_is_refused_with_its_place(
    changes: dict[str, Any], place: str, reason: str
) -> None:
    assert refusal(on_bus(compliance_change("AWS::EC2::SecurityGroup", GROUP) | changes)) == (f"detail.{place}", reason)


@pytest.mark.parametrize("event", [{}, [], {"Records": []}, None, events.on_bus({}), on_bus({"a": 1}), on_bus("text")])
def test_what_is_no_message_of_config_is_refused(event: Any) -> None:
    with pytest.raises(MalformedEvent):
        config.parse(event)
