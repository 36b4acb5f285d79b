from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from stanch.errors import MalformedEvent
from stanch.sources import recognise
from stanch.sources.envelope import unwrap
from tests.unit.sources import events

GUARDDUTY = events.finding(events.access_key())
CHANGE = events.compliance_change("AWS::S3::Bucket", "a-bucket")
CALL = {"eventVersion": "1.08", "eventSource": "iam.amazonaws.com", "eventName": "CreateUser", "userIdentity": {}}
ASFF = {
    "SchemaVersion": "2018-10-08",
    "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/securityhub",
    "AwsAccountId": "111122223333",
}
GRID = {
    "topic": "/subscriptions/x",
    "subject": "/y",
    "eventType": "Microsoft.Resources.ResourceWriteSuccess",
    "data": {},
    "id": "1",
}


@pytest.mark.parametrize(
    ("source", "event"),
    [
        ("guardduty", GUARDDUTY),
        ("guardduty", events.pascal(GUARDDUTY)),
        ("guardduty", events.on_bus(GUARDDUTY)),
        ("guardduty", events.on_bus({}, kind="GuardDuty Malware Protection Object Scan Result")),
        ("guardduty", {"Findings": [GUARDDUTY]}),
        ("guardduty", {"Type": "Recon:EC2/Portscan", "Service": {"ServiceName": "guardduty"}}),
        ("config", CHANGE),
        ("config", events.on_bus(CHANGE, "Config Rules Compliance Change", "aws.config")),
        ("config", {"messageType": "OversizedConfigurationItemChangeNotification", "configurationItemSummary": {}}),
        ("config", events.rule_invocation({"messageType": "ScheduledNotification"})),
        ("security_hub", ASFF),
        ("security_hub", events.on_bus({"findings": [ASFF]}, "Security Hub Findings - Imported", "aws.securityhub")),
        ("security_hub", {"class_uid": 2003, "category_uid": 2, "metadata": {}, "finding_info": {}}),
        ("cloudtrail", CALL),
        ("cloudtrail", {"Records": [CALL]}),
        ("cloudtrail", events.on_bus(CALL, "AWS API Call via CloudTrail", "aws.iam")),
        ("cloudtrail", events.on_bus(CALL, "AWS API Call via CloudTrail", "aws.guardduty")),
        ("sentinel", events.incident()),
        ("sentinel", {"body": events.incident()}),
        ("sentinel", {"id": events.INCIDENT, "severity": "High"}),
        ("sentinel", {"incidentArmId": events.INCIDENT}),
        ("sentinel", events.alert_record()),
        ("sentinel", events.arm_alert()),
        ("sentinel", {"Type": "SecurityIncident", "IncidentName": "x"}),
        ("defender", {"id": "/subscriptions/x/providers/Microsoft.Security/assessments/y", "type": "Microsoft.Security/assessments"}),
        ("defender", {"VendorName": "Microsoft", "SystemAlertId": "x", "AlertUri": "https://portal.azure.com/"}),
        ("event_grid", [GRID]),
        ("event_grid", GRID),
        ("event_grid", {"specversion": "1.0", "type": "Microsoft.Storage.BlobCreated", "source": "/x", "data": {}}),
        ("event_grid", {"operationName": "X/write", "resourceId": "/x", "category": "Administrative"}),
        ("guardduty", events.sns(events.on_bus(GUARDDUTY))),
        ("guardduty", events.sqs(events.on_bus(GUARDDUTY), {})),
        ("guardduty", events.sqs(events.notification(events.on_bus(GUARDDUTY)))),
        ("config", events.notification(CHANGE)),
        (None, {}),
        (None, []),
        (None, None),
        (None, 7),
        (None, "no JSON"),
        (None, {"Records": [7]}),
        (None, events.notification("View the timeline in the console")),
        (None, events.on_bus({}, "Inspector2 Finding", "aws.inspector2")),
        (None, {"Records": [{"eventSource": "aws:s3", "s3": {}}]}),
        (None, {"type": "note", "source": 5, "detail": {}, "detail-type": []}),
    ],
)  # fmt: skip
def test_an_event_is_recognised_by_its_shape(source: str | None, event: Any) -> None:
    assert recognise(event) == source


def test_places_lead_through_the_wrappers() -> None:
    assert [node.place for node in unwrap(events.sns(GUARDDUTY))] == ["Records[0].Sns.Message"]
    assert [node.place for node in unwrap(events.sqs(events.notification(GUARDDUTY), CHANGE))] == [
        "Records[0].body.Message",
        "Records[1].body",
    ]
    assert [node.place for node in unwrap([{"a": 1}, {"b": 2}])] == ["[0]", "[1]"]
    assert [node.place for node in unwrap({"Findings": [{"a": 1}]}, "file.json")] == ["file.json.Findings[0]"]


@pytest.mark.parametrize(
    ("event", "place", "reason"),
    [
        (events.notification("text"), "Message", "is not JSON"),
        ({"Records": [{"body": "{"}]}, "Records[0].body", "is not JSON"),
        ({"Records": ["[]", 5]}, "Records[1]", "must be an object, not 5"),
        ("", "event", "is empty"),
        (None, "event", "must be an object, not None"),
        (2**64, "event", "holds 18446744073709551616, which is no JSON value"),
        ({"a": {"b": float("nan")}}, "a.b", "holds nan, which is no JSON value"),
        ([[[[[[[[{}]]]]]]]], "[0][0][0][0][0][0]", "is wrapped in more than 6 layers"),
    ],
)
def test_a_wrapper_without_an_event_is_refused(event: Any, place: str, reason: str) -> None:
    with pytest.raises(MalformedEvent) as caught:
        unwrap(event)
    assert caught.value.place == place
    assert caught.value.reason.startswith(reason)


@pytest.mark.parametrize("source", ["guardduty", "config"])
def test_the_aws_sources_import_neither_the_azure_one_nor_an_sdk(source: str) -> None:
    code = f"import sys; import stanch.sources.{source}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert f"stanch.sources.{source}" in loaded
    assert [
        name
        for name in loaded
        if name.startswith(("azure", "boto", "pydantic", "yaml")) or "sentinel" in name or name.endswith("._arm")
    ] == []
