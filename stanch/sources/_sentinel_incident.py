"""The facts of a Sentinel incident that all its findings share, from each form in which it comes.

Forms: the automation rule's message and ARM (https://learn.microsoft.com/rest/api/securityinsights/incidents/get), the SDK's dict (snake_case,
without `properties`), and the SecurityIncident table (https://learn.microsoft.com/azure/azure-monitor/reference/tables/securityincident).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from msgspec import Struct

from stanch.finding import Severity
from stanch.sources import _arm
from stanch.sources._shape import Node, fold, shown, stamp

_SEVERITIES = {
    "high": Severity.HIGH, "medium": Severity.MEDIUM, "low": Severity.LOW, "informational": Severity.INFORMATIONAL,
}  # fmt: skip
_IN_URL = re.compile(r"/subscriptions/[^?#]+/incidents/[^/?#]+", re.IGNORECASE)
_DEFENDER = ("azuresecuritycenter", "microsoftdefenderforcloud")
_ENDPOINT = ("mdatp", "microsoftdefenderadvancedthreatprotection", "microsoftdefenderforendpoint")


def severity(node: Node) -> Severity:
    """Sentinel's severity as OCSF's; a word that Sentinel does not have is unknown."""
    return _SEVERITIES.get(fold(node.text() or ""), Severity.UNKNOWN)


def is_sample(title: str, alert_type: str, products: list[str]) -> bool:
    """The vendors' marks of alerts that were made to try things out.

    Defender for Cloud: `[SAMPLE ALERT]` and types in `SIMULATED_` (https://learn.microsoft.com/azure/defender-for-cloud/alert-validation). Defender for
    Endpoint: `[Test Alert]`. A title counts only from these products: rules may build titles from what an attacker named.
    """
    known = {fold(product).replace(" ", "") for product in products}
    return (
        alert_type.upper().startswith("SIMULATED_")
        or (title.upper().startswith("[SAMPLE ALERT]") and not known.isdisjoint(_DEFENDER))
        or (title.upper().startswith("[TEST ALERT]") and not known.isdisjoint(_ENDPOINT))
    )


class Incident(Struct, frozen=True):
    """`arm_id` is the incident's Azure id, None where a record does not tell it; `name` its GUID. `workspace_id` is the Azure id of its
    workspace in lower case, `customer_id` the workspace's GUID.
    """

    arm_id: str | None
    name: str
    workspace_id: str | None
    customer_id: str | None
    subscription: str
    title: str
    severity: Severity
    closed: bool
    sample: bool
    version: str
    first_seen: datetime | None
    last_seen: datetime | None
    updated_at: datetime | None
    alert_ids: tuple[str, ...]

    @property
    def id(self) -> str:
        """What identifies the incident: its Azure id in lower case, else its GUID."""
        return (self.arm_id or self.name).lower()

    def upstream(self) -> dict[str, Any]:
        return {
            "incident_id": self.arm_id, "incident_name": self.name, "workspace_id": self.workspace_id,
            "workspace_customer_id": self.customer_id, "alert_ids": list(self.alert_ids),
        }  # fmt: skip


def is_incident_id(value: object) -> bool:
    """Whether this is text that means to be the Azure id of a Sentinel incident."""
    return isinstance(value, str) and "/microsoft.securityinsights/incidents/" in value.lower()


def read_incident(node: Node, ident: Node, customer: Node) -> Incident:
    """The incident in an ARM object, an SDK dict or a table's record.

    `ident` is where its Azure id should be, `customer` its workspace's GUID, or absent. Raises MalformedEvent for an id that cannot be one.
    """
    properties = node.get("properties")
    facts = properties if properties.present else node
    record = node.get("incidentName").present
    ident = _from_url(node) if record else ident
    arm = None if record and not ident.present else _incident_id(ident)
    title = facts.get("title").text()
    name = arm.name if arm else node.get("incidentName").required()
    updated = facts.first("lastModifiedTimeUtc", "lastModifiedTime", "timeGenerated").moment()
    created = facts.first("createdTimeUtc", "createdTime").moment()
    products = [product.text() or "" for product in facts.at("additionalData", "alertProductNames").items()]
    return Incident(
        arm_id=arm.id if arm else None, name=name, workspace_id=arm.scope.lower() if arm and arm.scope else None,
        customer_id=customer.text() or facts.get("tenantId").text(), subscription=arm.subscription if arm else "",
        title=title or f"Sentinel incident {name}", severity=severity(facts.get("severity")),
        closed=fold(facts.get("status").text() or "") == "closed", sample=is_sample(title or "", "", products),
        version=stamp(updated) or node.get("etag").text() or "",
        first_seen=facts.first("firstActivityTimeUtc", "firstActivityTime").moment() or created,
        last_seen=facts.first("lastActivityTimeUtc", "lastActivityTime").moment() or updated or created, updated_at=updated,
        alert_ids=tuple(item.text() or "" for item in facts.get("alertIds").items()),
    )  # fmt: skip


def _from_url(node: Node) -> Node:
    """A record tells the incident's Azure id only within its portal link; a link to another portal tells none."""
    url = node.get("incidentUrl")
    found = _IN_URL.search(url.text() or "")
    return Node(found[0] if found else None, url.place)


def _incident_id(node: Node) -> _arm.ArmId:
    try:
        arm = _arm.parse(node.required())
    except ValueError as error:
        raise node.malformed(str(error)) from None
    workspace = _arm.parse(arm.scope).type if arm.scope else ""
    if (arm.type, workspace) != ("Microsoft.SecurityInsights/Incidents", "Microsoft.OperationalInsights/workspaces"):
        raise node.malformed(f"is not the Azure id of a Sentinel incident: {shown(arm.id)}")
    return arm
