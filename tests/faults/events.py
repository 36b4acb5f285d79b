"""Findings about a resource, as their sources deliver them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from stanch.finding import Resource

REGION = "eu-west-1"
WORKSPACE = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg-soc/providers/Microsoft.OperationalInsights/workspaces/law-soc"


def _ago(minutes: float) -> str:
    moment = datetime.now(UTC) - timedelta(minutes=minutes)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def leaked_key(key: Resource) -> dict[str, Any]:
    """GuardDuty's, from EventBridge."""
    unique = uuid.uuid4().hex
    details = {"accessKeyId": key.id, "userType": "IAMUser", "userName": key.details["user_name"], "principalId": f"AIDA{unique[:16].upper()}"}  # fmt: skip
    finding = {
        "schemaVersion": "2.0", "accountId": key.account, "region": REGION, "partition": "aws", "id": unique, "severity": 8,
        "arn": f"arn:aws:guardduty:{REGION}:{key.account}:detector/12abc34d567e8fa901bc2d34e56789f0/finding/{unique}",
        "type": "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom", "title": "A key was used from a malicious address.",
        "resource": {"resourceType": "AccessKey", "accessKeyDetails": details},
        "service": {
            "serviceName": "guardduty", "detectorId": "12abc34d567e8fa901bc2d34e56789f0", "resourceRole": "TARGET", "archived": False, "count": 1,
            "eventFirstSeen": _ago(9), "eventLastSeen": _ago(2),
        },
        "createdAt": _ago(5), "updatedAt": _ago(1),
    }  # fmt: skip
    return {"version": "0", "id": str(uuid.uuid4()), "detail-type": "GuardDuty Finding", "source": "aws.guardduty", "account": key.account,
            "time": _ago(0), "region": REGION, "resources": [], "detail": finding}  # fmt: skip


def open_group(group: Resource) -> dict[str, Any]:
    """Sentinel's, as an automation rule sends it: an incident with an alert and the group as its entity."""
    incident, alert = str(uuid.uuid4()), str(uuid.uuid4())
    kind = "Microsoft.SecurityInsights/Entities"

    def entity(name: str, of: str, **properties: Any) -> dict[str, Any]:
        return {"id": f"{WORKSPACE}/providers/{kind}/{name}", "name": name, "type": kind, "kind": of, "properties": properties}  # fmt: skip

    facts = {
        "title": "Incoming SSH brute force attempts", "severity": "Medium", "status": "New", "labels": [], "incidentNumber": 1,
        "firstActivityTimeUtc": _ago(20), "lastActivityTimeUtc": _ago(4), "lastModifiedTimeUtc": _ago(3), "createdTimeUtc": _ago(3),
        "relatedAnalyticRuleIds": [], "providerName": "Azure Sentinel",
        "alerts": [entity(
            alert, "SecurityAlert", systemAlertId=alert, alertDisplayName="Incoming SSH brute force attempts", alertType="SSH_Incoming_BF_OneToOne",
            severity="Medium", status="New", startTimeUtc=_ago(20), endTimeUtc=_ago(4), timeGenerated=_ago(3),
        )],
        "relatedEntities": [entity(str(uuid.uuid4()), "AzureResource", resourceId=group.id)],
    }  # fmt: skip
    return {
        "eventUniqueId": str(uuid.uuid4()), "objectSchemaType": "Incident", "objectEventType": "Create", "workspaceId": str(uuid.UUID(int=0xB1)),
        "object": {"id": f"{WORKSPACE}/providers/Microsoft.SecurityInsights/Incidents/{incident}", "name": incident,
                   "type": "Microsoft.SecurityInsights/Incidents", "properties": facts},
    }  # fmt: skip
