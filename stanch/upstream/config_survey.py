"""AWS Config asked for what it holds now: its events are sent on a best-effort basis
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-delivery-level.html).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from stanch.clouds.aws import AwsCloud, AwsSession
from stanch.errors import MalformedEvent
from stanch.finding import Finding, Resource, Severity
from stanch.sources import config

PERMISSIONS = frozenset(
    {"config:DescribeComplianceByConfigRule", "config:DescribeConfigRules", "config:GetComplianceDetailsByConfigRule"}
)

RULES = 25
"""Rules that DescribeComplianceByConfigRule may be asked for at once
(https://docs.aws.amazon.com/config/latest/APIReference/API_DescribeComplianceByConfigRule.html)."""


class ConfigSurvey:
    """Config in one account and region."""

    def __init__(self, cloud: AwsCloud, account: str, region: str) -> None:
        self._cloud, self._account, self._region = cloud, account, region
        self.name = f"AWS Config in {account} ({region})"

    def findings(self, wanted: Callable[[Finding], bool]) -> Iterator[Finding]:
        """What the wanted rules call non-compliant, each as its event would give it, with the rule's source identifier as its type. Raises the error tree's kinds."""
        place = Resource("AWS::Config::ConfigRule", "", self._account, self._region)
        session = self._cloud.session(place, "read", "", PERMISSIONS)
        listed = session.pages("config", "describe_config_rules", "ConfigRules")
        rules = {rule["ConfigRuleName"]: rule for rule in listed if wanted(self._of_type(rule))}
        names = list(rules)
        for start in range(0, len(names), RULES):
            found = session.pages(
                "config", "describe_compliance_by_config_rule", "ComplianceByConfigRules",
                ConfigRuleNames=names[start : start + RULES], ComplianceTypes=["NON_COMPLIANT"],
            )  # fmt: skip
            for one in found:
                yield from self._of_rule(session, rules[one["ConfigRuleName"]])

    def _of_type(self, rule: Mapping[str, Any]) -> Finding:
        """A finding of the rule that names no resource."""
        identifier = rule["Source"]["SourceIdentifier"]
        return Finding("config", "", "", identifier, "", Severity.UNKNOWN, self._account, self._region)

    def _of_rule(self, session: AwsSession, rule: Mapping[str, Any]) -> Iterator[Finding]:
        """Page by page: whoever asks may stop."""
        token: dict[str, str] = {}
        while True:
            answer = session.call(
                "config", "get_compliance_details_by_config_rule", missing=("NoSuchConfigRuleException",),
                ConfigRuleName=rule["ConfigRuleName"], ComplianceTypes=["NON_COMPLIANT"], Limit=100, **token,
            )  # fmt: skip
            for result in (answer or {}).get("EvaluationResults", []):
                try:
                    yield from self._parsed(rule, result)
                except MalformedEvent:  # its event holds no finding either, and is rejected when it comes
                    continue
            if not (answer or {}).get("NextToken"):
                return
            token = {"NextToken": answer["NextToken"]}

    def _parsed(self, rule: Mapping[str, Any], result: Mapping[str, Any]) -> list[Finding]:
        identifier = rule["Source"]["SourceIdentifier"]
        return [replace(found, type=identifier) for found in config.parse(self._event(rule, result))]

    def _event(self, rule: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
        """The event that Config should have sent
        (https://docs.aws.amazon.com/config/latest/developerguide/monitor-config-with-cloudwatchevents.html)."""
        identifier = result["EvaluationResultIdentifier"]
        qualifier, recorded = identifier["EvaluationResultQualifier"], _text(result["ResultRecordedTime"])
        return {
            "source": "aws.config",
            "detail-type": "Config Rules Compliance Change",
            "account": self._account,
            "region": self._region,
            "time": recorded,
            "detail": {
                "messageType": "ComplianceChangeNotification",
                "notificationCreationTime": recorded,
                "awsAccountId": self._account,
                "awsRegion": self._region,
                "configRuleName": rule["ConfigRuleName"],
                "configRuleARN": rule["ConfigRuleArn"],
                "resourceType": qualifier["ResourceType"],
                "resourceId": qualifier["ResourceId"],
                "newEvaluationResult": {
                    "evaluationResultIdentifier": {
                        "evaluationResultQualifier": {
                            name[:1].lower() + name[1:]: text for name, text in qualifier.items()
                        },
                        "orderingTimestamp": _text(identifier["OrderingTimestamp"]),
                    },
                    "complianceType": result["ComplianceType"],
                    "resultRecordedTime": recorded,
                    "configRuleInvokedTime": _text(result["ConfigRuleInvokedTime"]),
                    "annotation": result.get("Annotation"),
                },
            },
        }


def _text(moment: datetime) -> str:
    """As Config's events write it: with milliseconds, in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
