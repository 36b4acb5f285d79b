"""GuardDuty's findings, which moto lacks: list, get, archive, feedback and samples; and the administrator, whom moto misspells.

Shapes and limits: https://docs.aws.amazon.com/guardduty/latest/APIReference/. Findings are kept one store an account and region, in
the member names of botocore's model; the wire names are the serialiser's work.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.responses import ActionResult, EmptyResult
from moto.guardduty.responses import GuardDutyResponse
from moto.utilities.utils import get_partition

from stanch import clock
from stanch.local.aws.api_error import ApiError

PAGE = 50
"""The most ids that GetFindings takes and ListFindings returns."""

SAMPLE_TYPES = (
    "UnauthorizedAccess:IAMUser/MaliciousIPCaller",
    "Recon:EC2/PortProbeUnprotectedPort",
    "Policy:S3/BucketPublicAccessGranted",
)


class FindingStore(BaseBackend):
    """The findings of one account and region, by id."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.findings: dict[str, dict[str, Any]] = {}


finding_stores: BackendDict[FindingStore] = BackendDict(FindingStore, "guardduty")


class GuardDuty(GuardDutyResponse):
    """GuardDuty's API with findings."""

    def list_findings(self) -> ActionResult:
        params, store = self._request()
        criteria = params.get("FindingCriteria", {}).get("Criterion", {})
        found = [item for item in list(store.findings.values()) if _matches(item, criteria)]
        order = params.get("SortCriteria", {})
        if "AttributeName" in order:
            found.sort(
                key=lambda item: _rank(_values(item, order["AttributeName"])), reverse=order.get("OrderBy") == "DESC"
            )
        start, size = int(params.get("NextToken") or 0), min(int(params.get("MaxResults") or PAGE), PAGE)
        more = str(start + size) if start + size < len(found) else ""
        return ActionResult({"FindingIds": [item["Id"] for item in found[start : start + size]], "NextToken": more})

    def get_findings(self) -> ActionResult:
        params, store = self._request()
        ids = params.get("FindingIds", [])
        if not 0 < len(ids) <= PAGE:
            raise _bad("The request is rejected because the parameter findingIds has an invalid value.")
        return ActionResult({"Findings": [store.findings[one] for one in dict.fromkeys(ids) if one in store.findings]})

    def archive_findings(self) -> ActionResult:
        return self._change({"Archived": True})

    def unarchive_findings(self) -> ActionResult:
        return self._change({"Archived": False})

    def update_findings_feedback(self) -> ActionResult:
        params, _ = self._request()
        return self._change({"UserFeedback": params.get("Feedback")})

    def get_administrator_account(self) -> Any:
        """Nothing for an account that is its own: https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetAdministratorAccount.html."""
        self._request()
        others = [account for account in self.guardduty_backend.admin_account_ids if account != self.current_account]
        known = {"AccountId": others[0], "RelationshipStatus": "Enabled"} if others else None
        return ActionResult({"Administrator": known} if known else {})

    def create_sample_findings(self) -> ActionResult:
        params, store = self._request()
        for kind in params.get("FindingTypes") or SAMPLE_TYPES:
            item = _sample(kind, store.account_id, store.region_name, params["DetectorId"])
            store.findings[item["Id"]] = item
        return EmptyResult()

    def _change(self, service: Mapping[str, Any]) -> ActionResult:
        params, store = self._request()
        ids = params.get("FindingIds", [])
        if not 0 < len(ids) <= PAGE:
            raise _bad("The request is rejected because the parameter findingIds has an invalid value.")
        for one in ids:
            if one in store.findings:
                item = store.findings[one]
                store.findings[one] = {**item, "Service": {**item.get("Service", {}), **service}}
        return EmptyResult()

    def _request(self) -> tuple[dict[str, Any], FindingStore]:
        self.parse_parameters(self.normalized_request)
        params: dict[str, Any] = self.params
        self.guardduty_backend.get_detector(params["DetectorId"])  # refuses another account's detector
        return params, finding_stores[self.current_account][self.region]


def _bad(message: str) -> ApiError:
    return ApiError("BadRequestException", message)


def _matches(item: Mapping[str, Any], criteria: Mapping[str, Mapping[str, Any]]) -> bool:
    return all(_holds(_values(item, name), condition) for name, condition in criteria.items())


def _holds(values: list[Any], condition: Mapping[str, Any]) -> bool:
    texts = {_text(value) for value in values}
    for name, wanted in condition.items():
        if name in ("Eq", "Equals"):
            good = bool(texts & set(wanted))
        elif name in ("Neq", "NotEquals"):
            good = not texts & set(wanted)
        elif name in _COMPARE:
            good = any(_COMPARE[name](_number(value), float(wanted)) for value in values)
        else:
            raise _bad(f"The request is rejected because the condition {name} is not available here.")
        if not good:
            return False
    return True


_COMPARE = {
    "Gt": lambda left, right: left > right, "GreaterThan": lambda left, right: left > right,
    "Gte": lambda left, right: left >= right, "GreaterThanOrEqual": lambda left, right: left >= right,
    "Lt": lambda left, right: left < right, "LessThan": lambda left, right: left < right,
    "Lte": lambda left, right: left <= right, "LessThanOrEqual": lambda left, right: left <= right,
}  # fmt: skip


def _values(item: Any, path: str) -> list[Any]:
    """What stands at a criterion's path (`service.archived`), through lists; names compare without case."""
    found = [item]
    for name in path.split("."):
        below = [value for one in found for value in (one if isinstance(one, list) else [one])]
        found = [
            value
            for one in below
            if isinstance(one, Mapping)
            for key, value in one.items()
            if key.lower() == name.lower()
        ]
    return [value for one in found for value in (one if isinstance(one, list) else [one])]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any) -> float:
    """Numbers as they are, times as epoch milliseconds: the unit of GuardDuty's time criteria."""
    try:
        return float(value)
    except ValueError:
        return clock.parse(value).timestamp() * 1000


def _rank(values: list[Any]) -> tuple[float, str]:
    first = values[0] if values else ""
    return (float(first), "") if isinstance(first, (int, float)) else (0.0, str(first))


def _sample(kind: str, account: str, region: str, detector: str) -> dict[str, Any]:
    one, now = uuid4().hex, clock.iso(datetime.now(UTC))
    resource = next((name for mark, name in _SAMPLE_RESOURCES.items() if f":{mark}/" in kind), "Instance")
    return {
        "AccountId": account, "Region": region, "Partition": get_partition(region), "Id": one, "Type": kind,
        "Arn": f"arn:{get_partition(region)}:guardduty:{region}:{account}:detector/{detector}/finding/{one}",
        "SchemaVersion": "2.0", "Severity": 5.0, "Title": f"[SAMPLE] {kind}", "Description": f"[SAMPLE] {kind}",
        "CreatedAt": now, "UpdatedAt": now, "Resource": {"ResourceType": resource},
        "Service": {
            "ServiceName": "guardduty", "DetectorId": detector, "Archived": False, "Count": 1, "EventFirstSeen": now,
            "EventLastSeen": now, "AdditionalInfo": {"Value": json.dumps({"sample": True}), "Type": "default"},
        },
    }  # fmt: skip


_SAMPLE_RESOURCES = {"IAMUser": "AccessKey", "S3": "S3Bucket", "EC2": "Instance"}
