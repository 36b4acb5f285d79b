"""AWS Config's compliance, which moto lacks: what rules say of resources, and evaluations put by custom rules.

Shapes: https://docs.aws.amazon.com/config/latest/APIReference/.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from moto.config.exceptions import (
    InvalidParameterValueException,
    InvalidResultTokenException,
    NoSuchConfigRuleException,
)
from moto.config.models import ConfigRule
from moto.config.responses import ConfigResponse
from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import get_service_model

from stanch.local.aws.checks import CHECKS
from stanch.local.aws.shapes import conform

PAGE = 100
CAP = 25
"""Contributors are counted up to 25 for a rule (API_ComplianceContributorCount)."""


class ComplianceStore(BaseBackend):
    """What the rules of one account and region say of resources, and which rule a result token belongs to."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.results: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.tokens: dict[str, str] = {}

    def record(
        self,
        rule: str,
        resource_type: str,
        resource_id: str,
        compliance: str,
        at: datetime,
        annotation: str | None = None,
    ) -> None:
        """Set the rule's verdict (COMPLIANT, NON_COMPLIANT, …) on a resource; an older one is replaced."""
        now = datetime.now(UTC)
        qualifier = {
            "ConfigRuleName": rule, "ResourceType": resource_type, "ResourceId": resource_id, "EvaluationMode": "DETECTIVE",
        }  # fmt: skip
        self.results[rule, resource_type, resource_id] = {
            "EvaluationResultIdentifier": {"EvaluationResultQualifier": qualifier, "OrderingTimestamp": at},
            "ComplianceType": compliance, "ResultRecordedTime": now, "ConfigRuleInvokedTime": now,
            **({"Annotation": annotation} if annotation else {}),
        }  # fmt: skip

    def evaluate(self, rule: ConfigRule) -> None:
        """Judge again, by live state, the resources that a managed rule has a verdict on; rules not known here keep theirs."""
        check = CHECKS.get(rule.source.source_identifier)
        for _, resource_type, resource_id in [key for key in self.results if check and key[0] == rule.config_rule_name]:
            good = check(self.account_id, self.region_name, resource_id) if check else None
            if good is not None:
                verdict = "COMPLIANT" if good else "NON_COMPLIANT"
                self.record(str(rule.config_rule_name), resource_type, resource_id, verdict, datetime.now(UTC))

    def of_rule(self, rule: str) -> list[dict[str, Any]]:
        return [result for (name, _, _), result in sorted(self.results.items()) if name == rule]


compliance_stores: BackendDict[ComplianceStore] = BackendDict(ComplianceStore, "config")


class ConfigRules(ConfigResponse):
    """Config's API with compliance."""

    def describe_config_rules(self) -> str:
        """moto's answer without the members of its own that Config does not have."""
        shape = get_service_model("config").shape_for("DescribeConfigRulesResponse")
        return json.dumps(conform(json.loads(super().describe_config_rules()), shape))

    def describe_compliance_by_config_rule(self) -> ActionResult:
        params, store = self._request()
        names = params.get("ConfigRuleNames") or sorted(self.config_backend.config_rules)
        kinds = params.get("ComplianceTypes", [])
        found = [{"ConfigRuleName": name, "Compliance": _summary(store.of_rule(self._rule(name)))} for name in names]
        chosen = [one for one in found if not kinds or one["Compliance"]["ComplianceType"] in kinds]
        return _page(chosen, "ComplianceByConfigRules", params, PAGE)

    def get_compliance_details_by_config_rule(self) -> ActionResult:
        params, store = self._request()
        found = _of_kinds(store.of_rule(self._rule(params["ConfigRuleName"])), params)
        return _page(found, "EvaluationResults", params, int(params.get("Limit") or PAGE))

    def get_compliance_details_by_resource(self) -> ActionResult:
        params, store = self._request()
        wanted = (params.get("ResourceType"), params.get("ResourceId"))
        found = [result for (_, *resource), result in sorted(store.results.items()) if tuple(resource) == wanted]
        return _page(_of_kinds(found, params), "EvaluationResults", params, PAGE)

    def put_evaluations(self) -> ActionResult:  # type: ignore[override]
        params, store = self._request()
        evaluations = params.get("Evaluations", [])
        if not evaluations:
            raise InvalidParameterValueException("The Evaluations object in your request cannot be null.")
        if params.get("TestMode"):
            return ActionResult({"FailedEvaluations": []})
        rule = store.tokens.get(params.get("ResultToken", ""))
        if rule is None:
            raise InvalidResultTokenException()
        for one in evaluations:
            store.record(
                rule, one["ComplianceResourceType"], one["ComplianceResourceId"], one["ComplianceType"],
                # moto reads times as UTC without saying so
                one["OrderingTimestamp"].replace(tzinfo=UTC), one.get("Annotation"),
            )  # fmt: skip
        return ActionResult({"FailedEvaluations": []})

    def start_config_rules_evaluation(self) -> ActionResult:
        params, store = self._request()
        names = [self._rule(name) for name in params.get("ConfigRuleNames", [])]
        for name in names:
            store.evaluate(self.config_backend.config_rules[name])
        return EmptyResult()

    def _rule(self, name: str) -> str:
        if name not in self.config_backend.config_rules:
            raise NoSuchConfigRuleException(name)
        return name

    def _request(self) -> tuple[dict[str, Any], ComplianceStore]:
        self.parse_parameters(self.normalized_request)
        return self.params, compliance_stores[self.current_account][self.region]


def _summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    if not results:
        return {"ComplianceType": "INSUFFICIENT_DATA"}
    bad = sum(result["ComplianceType"] == "NON_COMPLIANT" for result in results)
    if not bad:
        return {"ComplianceType": "COMPLIANT"}
    return {
        "ComplianceType": "NON_COMPLIANT",
        "ComplianceContributorCount": {"CappedCount": min(bad, CAP), "CapExceeded": bad > CAP},
    }


def _of_kinds(results: Iterable[dict[str, Any]], params: dict[str, Any]) -> list[dict[str, Any]]:
    kinds = params.get("ComplianceTypes", [])
    return [result for result in results if not kinds or result["ComplianceType"] in kinds]


def _page(found: list[Any], key: str, params: dict[str, Any], size: int) -> ActionResult:
    start = int(params.get("NextToken") or 0)
    more = {"NextToken": str(start + size)} if start + size < len(found) else {}
    return ActionResult({key: found[start : start + size], **more})
