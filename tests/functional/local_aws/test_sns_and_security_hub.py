"""SNS's subject rules and Security Hub's updates and filters."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.local_aws.lab import HOME, REGION, Lab

PRODUCT = f"arn:aws:securityhub:{REGION}:{HOME}:product/{HOME}/default"


@pytest.mark.parametrize("subject", ["two\nlines", "car\rriage", "bell\x07", "tab\there", "x" * 101, ""])
def test_a_subject_that_sns_refuses(lab: Lab, subject: str) -> None:
    sns = lab.client("sns")
    topic = sns.create_topic(Name="soc")["TopicArn"]
    with pytest.raises(ClientError) as refused:
        sns.publish(TopicArn=topic, Message="m", Subject=subject)
    assert refused.value.response["Error"]["Code"] == "InvalidParameter"
    assert "Subject" in refused.value.response["Error"]["Message"]


@pytest.mark.parametrize("subject", ["[stanch] held: aws.iam.deactivate_access_key", "x" * 100, None])
def test_a_subject_that_sns_takes(lab: Lab, subject: str | None) -> None:
    sns = lab.client("sns")
    topic = sns.create_topic(Name="soc")["TopicArn"]
    assert sns.publish(TopicArn=topic, Message="m", **({"Subject": subject} if subject else {}))["MessageId"]


@pytest.fixture
def hub(lab: Lab) -> Any:
    client = lab.client("securityhub")
    client.enable_security_hub()
    client.batch_import_findings(Findings=[_finding("one", "NEW"), _finding("two", "RESOLVED")])
    return client


def _finding(one: str, status: str) -> dict[str, Any]:
    return {
        "SchemaVersion": "2018-10-08", "Id": one, "ProductArn": PRODUCT, "GeneratorId": "g", "AwsAccountId": HOME, "Types": ["T"],
        "CreatedAt": "2026-03-01T00:00:00Z", "UpdatedAt": "2026-03-01T00:00:00Z", "Severity": {"Label": "HIGH"}, "Title": one,
        "Description": "d", "Resources": [{"Type": "AwsS3Bucket", "Id": f"arn:aws:s3:::{one}"}], "Workflow": {"Status": status},
    }  # fmt: skip


def _ids(hub: Any, **filters: Any) -> list[str]:
    return [finding["Id"] for finding in hub.get_findings(Filters=filters)["Findings"]]


def test_filters_choose(hub: Any) -> None:
    assert _ids(hub) == ["one", "two"]
    assert _ids(hub, Id=[{"Value": "two", "Comparison": "EQUALS"}]) == ["two"]
    assert _ids(hub, Id=[{"Value": "three", "Comparison": "EQUALS"}]) == []
    assert _ids(hub, WorkflowStatus=[{"Value": "NEW", "Comparison": "NOT_EQUALS"}]) == ["two"]
    assert _ids(hub, ResourceId=[{"Value": "arn:aws:s3:::on", "Comparison": "PREFIX"}]) == ["one"]
    either = [{"Value": "one", "Comparison": "EQUALS"}, {"Value": "two", "Comparison": "EQUALS"}]
    assert _ids(hub, Id=either, WorkflowStatus=[{"Value": "NEW", "Comparison": "EQUALS"}]) == ["one"]


def test_an_update_shows_and_an_unknown_finding_is_reported(hub: Any) -> None:
    known, unknown = ({"Id": one, "ProductArn": PRODUCT} for one in ("one", "three"))
    answer = hub.batch_update_findings(
        FindingIdentifiers=[known, unknown], Workflow={"Status": "NOTIFIED"}, UserDefinedFields={"stanch": "a"},
        Note={"Text": "n", "UpdatedBy": "stanch"},
    )  # fmt: skip
    assert answer["ProcessedFindings"] == [known]
    assert [(one["FindingIdentifier"], one["ErrorCode"]) for one in answer["UnprocessedFindings"]] == [
        (unknown, "FindingNotFound")
    ]
    found = hub.get_findings(Filters={"Id": [{"Value": "one", "Comparison": "EQUALS"}]})["Findings"][0]
    assert (found["Workflow"], found["UserDefinedFields"], found["Note"]["Text"]) == (
        {"Status": "NOTIFIED"},
        {"stanch": "a"},
        "n",
    )
    untouched = hub.get_findings(Filters={"Id": [{"Value": "two", "Comparison": "EQUALS"}]})["Findings"][0]
    assert (untouched["Workflow"], "Note" in untouched) == ({"Status": "RESOLVED"}, False)
