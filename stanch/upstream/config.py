"""AWS Config: which rule is it, and is the resource still non-compliant?"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from stanch.clouds.aws import AwsCloud
from stanch.errors import Unconfirmed
from stanch.finding import Finding, Resource

PERMISSIONS = frozenset({"config:DescribeConfigRules", "config:GetComplianceDetailsByResource"})


class ConfigUpstream:
    """Events carry only the rule's name, which customers choose; playbooks route on the rule's source identifier
    (https://docs.aws.amazon.com/config/latest/APIReference/API_Source.html), so that the copy must be read before matching.
    """

    def __init__(self, cloud: AwsCloud) -> None:
        self._cloud = cloud
        self._sources: dict[tuple[str, str, str], tuple[str, str]] = {}

    def confirm(self, finding: Finding) -> tuple[list[Finding], str]:
        """The finding with the rule's source identifier as its type and today's compliance. Raises Unconfirmed."""
        rule = finding.upstream.get("rule_name")
        if not rule:
            return [finding], "a configuration item, not an evaluation"
        owner, identifier = self._source(finding, rule)
        if "result_token" in finding.upstream:
            if owner != "CUSTOM_LAMBDA":
                raise Unconfirmed(f"rule {rule} of {finding.account} invokes no function: its owner is {owner}")
            # The rule's own function is asked to judge: Config has no verdict yet. The token is the handler's affair and must not reach the journal.
            known = {name: value for name, value in finding.upstream.items() if name != "result_token"}
            return [
                replace(finding, type=identifier, upstream=known)
            ], f"Config in {finding.account} ({finding.region}) has rule {rule}"
        evaluation = self._evaluation(finding, rule)
        if evaluation is None:
            raise Unconfirmed(
                f"Config in {finding.account} has no evaluation of {finding.upstream.get('resource_id')} by rule {rule}"
            )
        compliant = evaluation["ComplianceType"] != "NON_COMPLIANT"
        copy = replace(finding, type=identifier, compliant=compliant)
        return (
            [copy],
            f"Config in {finding.account} ({finding.region}) says {evaluation['ComplianceType']} by rule {rule}",
        )

    def _call(self, finding: Finding, operation: str, **params: Any) -> Any:
        where = Resource("AWS::Config::ConfigRule", "", finding.account, finding.region)
        session = self._cloud.session(where, "read", "", PERMISSIONS)
        return session.call("config", operation, missing=("NoSuchConfigRuleException",), **params)

    def _source(self, finding: Finding, rule: str) -> tuple[str, str]:
        """The rule's owner and its source identifier."""
        key = (finding.account, finding.region or "", rule)
        if key not in self._sources:
            answer = self._call(finding, "describe_config_rules", ConfigRuleNames=[rule])
            if not answer or not answer["ConfigRules"]:
                raise Unconfirmed(f"Config in {finding.account} ({finding.region}) has no rule {rule}")
            source = answer["ConfigRules"][0]["Source"]
            self._sources[key] = str(source["Owner"]), str(source.get("SourceIdentifier", ""))
        return self._sources[key]

    def _evaluation(self, finding: Finding, rule: str) -> dict[str, Any] | None:
        """What the rule says of the resource today: all rules' verdicts on it are one page, whatever the number of resources that the rule watches
        (https://docs.aws.amazon.com/config/latest/APIReference/API_GetComplianceDetailsByResource.html)."""
        named = {
            "ResourceType": finding.upstream.get("resource_type"),
            "ResourceId": finding.upstream.get("resource_id"),
        }
        if not all(named.values()):
            return None
        token: dict[str, str] = {}
        while True:
            answer = self._call(finding, "get_compliance_details_by_resource", **named, **token) or {}
            for result in answer.get("EvaluationResults", []):
                qualifier = result["EvaluationResultIdentifier"]["EvaluationResultQualifier"]
                if qualifier.get("ConfigRuleName") == rule and qualifier.get("EvaluationMode") != "PROACTIVE":
                    return dict(result)
            if not answer.get("NextToken"):
                return None
            token = {"NextToken": answer["NextToken"]}
