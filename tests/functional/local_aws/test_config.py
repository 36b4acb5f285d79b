"""Config's compliance as the API gives it; every reply is checked against Config's model by the client."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stanch.local.aws.seed import seed
from tests.functional.local_aws.findings import config_finding
from tests.functional.local_aws.lab import HOME, REGION, Lab

BUCKET = "AWS::S3::Bucket"


def _evaluations(client: Any, rule: str, *kinds: str) -> list[tuple[str, str]]:
    found = client.get_compliance_details_by_config_rule(ConfigRuleName=rule, ComplianceTypes=list(kinds))[
        "EvaluationResults"
    ]
    return [
        (one["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ResourceId"], one["ComplianceType"])
        for one in found
    ]


@pytest.fixture
def config(lab: Lab) -> Any:
    """A custom rule with a verdict on one bucket, and the token of its invocation."""
    finding = config_finding("custom-rule", BUCKET, "local-aws-one", HOME, result_token="token-1")
    seed(lab.url, finding, HOME)
    return lab.client("config")


def test_a_rule_nobody_knows_is_refused(config: Any) -> None:
    for call in (
        lambda: config.get_compliance_details_by_config_rule(ConfigRuleName="none"),
        lambda: config.describe_compliance_by_config_rule(ConfigRuleNames=["none"]),
        lambda: config.start_config_rules_evaluation(ConfigRuleNames=["none"]),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["Error"]["Code"] == "NoSuchConfigRuleException"


def test_a_rule_without_results_has_insufficient_data(lab: Lab) -> None:
    config = lab.client("config")
    config.put_config_rule(
        ConfigRule={"ConfigRuleName": "fresh", "Source": {"Owner": "AWS", "SourceIdentifier": "INCOMING_SSH_DISABLED"}}
    )
    found = config.describe_compliance_by_config_rule()["ComplianceByConfigRules"]
    assert found == [{"ConfigRuleName": "fresh", "Compliance": {"ComplianceType": "INSUFFICIENT_DATA"}}]
    assert _evaluations(config, "fresh") == []


def test_put_evaluations_changes_what_the_rule_says(config: Any) -> None:
    assert _evaluations(config, "custom-rule") == [("local-aws-one", "NON_COMPLIANT")]
    now = datetime.now(UTC)
    answer = config.put_evaluations(
        ResultToken="token-1",
        Evaluations=[
            {"ComplianceResourceType": BUCKET, "ComplianceResourceId": "local-aws-one", "ComplianceType": "COMPLIANT", "OrderingTimestamp": now},
            {"ComplianceResourceType": BUCKET, "ComplianceResourceId": "local-aws-two", "ComplianceType": "NON_COMPLIANT",
             "Annotation": "open", "OrderingTimestamp": now},
        ],
    )  # fmt: skip
    assert answer["FailedEvaluations"] == []
    assert _evaluations(config, "custom-rule") == [("local-aws-one", "COMPLIANT"), ("local-aws-two", "NON_COMPLIANT")]
    assert _evaluations(config, "custom-rule", "NON_COMPLIANT") == [("local-aws-two", "NON_COMPLIANT")]
    compliance = config.describe_compliance_by_config_rule(ConfigRuleNames=["custom-rule"])["ComplianceByConfigRules"][
        0
    ]
    assert compliance["Compliance"]["ComplianceContributorCount"] == {"CappedCount": 1, "CapExceeded": False}
    by_resource = config.get_compliance_details_by_resource(ResourceType=BUCKET, ResourceId="local-aws-two")[
        "EvaluationResults"
    ]
    assert [(one["ComplianceType"], one["Annotation"]) for one in by_resource] == [("NON_COMPLIANT", "open")]


def test_a_verdict_that_was_put_survives_a_replay_of_the_older_event(lab: Lab) -> None:
    finding = config_finding("custom-rule", BUCKET, "local-aws-one", HOME, result_token="token-1")
    seed(lab.url, finding, HOME)
    config, now = lab.client("config"), datetime.now(UTC).replace(microsecond=0)
    one = {
        "ComplianceResourceType": BUCKET, "ComplianceResourceId": "local-aws-one", "ComplianceType": "COMPLIANT",
        "OrderingTimestamp": now,
    }  # fmt: skip
    config.put_evaluations(ResultToken="token-1", Evaluations=[one])
    assert seed(lab.url, finding, HOME) == []
    (kept,) = config.get_compliance_details_by_config_rule(ConfigRuleName="custom-rule")["EvaluationResults"]
    assert (kept["ComplianceType"], kept["EvaluationResultIdentifier"]["OrderingTimestamp"]) == ("COMPLIANT", now)


def test_an_unknown_token_records_nothing(config: Any) -> None:
    one = {
        "ComplianceResourceType": BUCKET,
        "ComplianceResourceId": "x",
        "ComplianceType": "COMPLIANT",
        "OrderingTimestamp": datetime.now(UTC),
    }
    with pytest.raises(ClientError) as refused:
        config.put_evaluations(ResultToken="forged", Evaluations=[one])
    assert refused.value.response["Error"]["Code"] == "InvalidResultTokenException"
    config.put_evaluations(ResultToken="forged", Evaluations=[one], TestMode=True)
    assert _evaluations(config, "custom-rule") == [("local-aws-one", "NON_COMPLIANT")]


def test_results_come_in_pages(config: Any) -> None:
    now = datetime.now(UTC)
    config.put_evaluations(
        ResultToken="token-1",
        Evaluations=[
            {
                "ComplianceResourceType": BUCKET,
                "ComplianceResourceId": f"b-{number}",
                "ComplianceType": "NON_COMPLIANT",
                "OrderingTimestamp": now,
            }
            for number in range(30)
        ],
    )
    first = config.get_compliance_details_by_config_rule(ConfigRuleName="custom-rule", Limit=20)
    rest = config.get_compliance_details_by_config_rule(
        ConfigRuleName="custom-rule", Limit=20, NextToken=first["NextToken"]
    )
    assert (len(first["EvaluationResults"]), len(rest["EvaluationResults"]), rest.get("NextToken")) == (20, 11, None)
    summary = config.describe_compliance_by_config_rule()["ComplianceByConfigRules"][0]["Compliance"]
    assert summary["ComplianceContributorCount"] == {"CappedCount": 25, "CapExceeded": True}


def test_an_evaluation_that_is_started_judges_live_state(lab: Lab) -> None:
    group = "sg-0a1b2c3d4e5f60718"
    seed(lab.url, config_finding("restricted-ssh", "AWS::EC2::SecurityGroup", group, HOME), HOME)
    config, ec2 = lab.client("config"), lab.client("ec2")
    config.start_config_rules_evaluation(ConfigRuleNames=["restricted-ssh"])
    assert _evaluations(config, "restricted-ssh") == [(group, "NON_COMPLIANT")]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    open_ssh = [rule["SecurityGroupRuleId"] for rule in rules if rule.get("FromPort") == 22]
    ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=open_ssh)
    config.start_config_rules_evaluation(ConfigRuleNames=["restricted-ssh"])
    assert _evaluations(config, "restricted-ssh") == [(group, "COMPLIANT")]


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("restricted-ssh", "INCOMING_SSH_DISABLED"),
        ("securityhub-restricted-ssh-1a2b3c4d", "INCOMING_SSH_DISABLED"),
        ("securityhub-restricted-ssh-abcdefab", "INCOMING_SSH_DISABLED"),
        ("restricted-common-ports-conformance-pack-9xk2lmq0p", "RESTRICTED_INCOMING_TRAFFIC"),
        ("OrgConfigRule-s3-bucket-public-read-prohibited-w1x2y3z4", "S3_BUCKET_PUBLIC_READ_PROHIBITED"),
        ("s3-public-read-prohibited", "S3_BUCKET_PUBLIC_READ_PROHIBITED"),
        ("s3-account-level-public-access-blocks-periodic-conformance-pack-qayjyopmd", "S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC"),
        ("S3_BUCKET_PUBLIC_WRITE_PROHIBITED", "S3_BUCKET_PUBLIC_WRITE_PROHIBITED"),
        ("access-keys-rotated", "ACCESS_KEYS_ROTATED"),
    ],
)  # fmt: skip
def test_a_seeded_rule_has_the_source_that_its_name_tells(lab: Lab, name: str, identifier: str) -> None:
    arn = f"arn:aws:config:{REGION}:{HOME}:config-rule/config-rule-abc123"
    seed(lab.url, config_finding(name, "AWS::EC2::Volume", "vol-0a1b2c3d4e5f60718", HOME, rule_arn=arn), HOME)
    rule = lab.client("config").describe_config_rules(ConfigRuleNames=[name])["ConfigRules"][0]
    assert rule["Source"] == {"Owner": "AWS", "SourceIdentifier": identifier}
    assert (rule["ConfigRuleArn"], rule["ConfigRuleId"]) == (arn, "config-rule-abc123")


@pytest.mark.parametrize("name", ["my-own-check", "prod-restricted-ssh-everywhere", "volumes-prod-tags"])
def test_a_name_that_tells_no_managed_rule_is_a_custom_one(lab: Lab, name: str) -> None:
    seed(lab.url, config_finding(name, "AWS::EC2::Volume", "vol-0a1b2c3d4e5f60718", HOME), HOME)
    source = lab.client("config").describe_config_rules(ConfigRuleNames=[name])["ConfigRules"][0]["Source"]
    assert source["Owner"] == "CUSTOM_LAMBDA"
    assert source["SourceIdentifier"].startswith("arn:aws:lambda:")
