"""Security Hub where moto lacks: BatchUpdateFindings, and the filters of GetFindings, which moto ignores.

Shapes: https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchUpdateFindings.html and API_AwsSecurityFindingFilters.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.securityhub.responses import SecurityHubResponse

from stanch import clock
from stanch.local.aws.api_error import ApiError

PAGE = 100

_FIELDS = (
    "Severity",
    "VerificationState",
    "Confidence",
    "Criticality",
    "Types",
    "UserDefinedFields",
    "Workflow",
    "RelatedFindings",
)
"""What BatchUpdateFindings may change, beside the note."""

_NAMES = {"ResourceId": "Resources.Id", "ResourceType": "Resources.Type", "ComplianceStatus": "Compliance.Status",
          "WorkflowStatus": "Workflow.Status", "SeverityLabel": "Severity.Label"}  # fmt: skip
"""Filters whose name is not the finding's own member."""


class SecurityHub(SecurityHubResponse):
    """Security Hub's API with string filters and updates."""

    def get_findings(self) -> ActionResult:  # type: ignore[override]
        self.parse_parameters(self.normalized_request)
        params: dict[str, Any] = self.params
        found = [one.data for one in self.securityhub_backend.findings if _matches(one.data, params.get("Filters", {}))]
        start, size = int(params.get("NextToken") or 0), int(params.get("MaxResults") or PAGE)
        more = {"NextToken": str(start + size)} if start + size < len(found) else {}
        return ActionResult({"Findings": found[start : start + size], **more})

    def batch_update_findings(self) -> ActionResult:
        self.parse_parameters(self.normalized_request)
        params: dict[str, Any] = self.params
        known = {
            (one.data.get("Id"), one.data.get("ProductArn")): one.data for one in self.securityhub_backend.findings
        }
        done, missing = [], []
        for identifier in params["FindingIdentifiers"]:
            data = known.get((identifier["Id"], identifier["ProductArn"]))
            if data is None:
                missing.append(
                    {
                        "FindingIdentifier": identifier, "ErrorCode": "FindingNotFound",
                        "ErrorMessage": "The specified finding does not exist",
                    }
                )  # fmt: skip
                continue
            data.update(_changes(params))
            done.append(identifier)
        return ActionResult({"ProcessedFindings": done, "UnprocessedFindings": missing})


def _changes(params: Mapping[str, Any]) -> dict[str, Any]:
    changed = {name: params[name] for name in _FIELDS if name in params}
    if "Note" in params:
        changed["Note"] = {**params["Note"], "UpdatedAt": clock.iso(datetime.now(UTC))}
    return changed


def _equal(value: str, wanted: str) -> bool:
    return value == wanted


def _holds(value: str, wanted: str) -> bool:
    return wanted in value


_COMPARE: dict[str, tuple[bool, Callable[[str, str], bool]]] = {
    "EQUALS": (True, _equal), "PREFIX": (True, str.startswith), "CONTAINS": (True, _holds),
    "NOT_EQUALS": (False, _equal), "PREFIX_NOT_EQUALS": (False, str.startswith), "NOT_CONTAINS": (False, _holds),
}  # fmt: skip


def _matches(data: Mapping[str, Any], filters: Mapping[str, Any]) -> bool:
    """Filters are joined by AND; the conditions of one filter by OR, its negated ones by AND."""
    return all(_passes(_values(data, _NAMES.get(name, name)), name, conditions) for name, conditions in filters.items())


def _passes(values: list[str], name: str, conditions: list[Mapping[str, str]]) -> bool:
    verdicts: dict[bool, list[bool]] = {True: [], False: []}
    for condition in conditions:
        if condition.get("Comparison") not in _COMPARE:
            raise ApiError("InvalidInputException", f"The filter {name} is not available here.")
        wants, compare = _COMPARE[condition["Comparison"]]
        verdicts[wants].append(any(compare(value, condition.get("Value", "")) for value in values))
    return (not verdicts[True] or any(verdicts[True])) and not any(verdicts[False])


def _values(data: Any, path: str) -> list[str]:
    found = [data]
    for name in path.split("."):
        items = [item for one in found for item in (one if isinstance(one, list) else [one])]
        found = [item[name] for item in items if isinstance(item, Mapping) and name in item]
    return [str(item) for one in found for item in (one if isinstance(one, list) else [one])]
