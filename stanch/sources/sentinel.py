"""Microsoft Sentinel: incidents as an automation rule's playbook sends them, and records of the SecurityIncident and SecurityAlert tables.

Formats: https://learn.microsoft.com/azure/sentinel/automation/playbook-triggers-actions (message of the incident trigger),
https://learn.microsoft.com/azure/azure-monitor/reference/tables/securityalert and …/securityincident, and
https://learn.microsoft.com/rest/api/securityinsights/incidents/list-alerts.
"""

from __future__ import annotations

import re
from typing import Any

from stanch.errors import MalformedEvent
from stanch.finding import Finding
from stanch.sources import _arm
from stanch.sources._redact import redact
from stanch.sources._sentinel_entities import Entities
from stanch.sources._sentinel_incident import Incident, is_incident_id, is_sample, read_incident, severity
from stanch.sources._shape import Node, fold, shown, stamp
from stanch.sources.envelope import unwrap

INCIDENT = "Incident"
"""Type of the finding of an incident that came without its alerts."""

_RULE = re.compile(r"[0-9a-f-]{36}_([0-9a-f-]{36})", re.IGNORECASE)
_DONE = ("resolved", "dismissed", "closed")


def parse(raw: object) -> list[Finding]:
    """The findings in a Sentinel message or record, in any letter case: one for each alert of an incident, else one for the incident.

    An alert that names its own entities has those; one that names none has the incident's related entities, for an incident does not say which of its
    alerts an entity came from. A message with the incident's Azure id alone makes a finding without resources: confirming reads the rest. The account is the
    subscription of the first Azure resource, else of the workspace. `upstream` holds `incident_id` (Azure id), `workspace_id` (Azure id, lower case),
    `workspace_customer_id` (GUID), `alert_id` and, under `unresolved`, the entities that no id identifies. Raises MalformedEvent with the place
    and the reason for what is none of these.
    """
    findings = [finding for event in unwrap(raw) for finding in _findings(event)]
    if not findings:
        raise MalformedEvent("event", "holds no Sentinel incident or alert")
    return findings


def _findings(event: Node) -> list[Finding]:
    schema, table, raw = event.get("objectSchemaType").text(), event.get("type").text(), redact(event.value)
    if schema == "Incident":
        node = event.get("object")
        return _incident(node, node.get("id"), event.get("workspaceId"), raw)
    if schema == "Alert":
        return [_alert(event.get("object"), None, Entities(), raw)]
    if schema is not None:
        raise event.get("objectSchemaType").malformed(f"is {shown(schema)}, which holds no incident and no alert")
    if table == "SecurityIncident" or is_incident_id(event.get("id").value):
        return _incident(event, event.get("id"), Node(None), raw)
    if event.get("incidentArmId").present:
        return _incident(Node({}, event.place), event.get("incidentArmId"), Node(None), raw)
    if table == "SecurityAlert" or event.get("kind").value == "SecurityAlert" or event.get("systemAlertId").present:
        return [_alert(event, None, Entities(), raw)]
    raise event.malformed("is no Sentinel incident or alert")


def _facts(node: Node) -> Node:
    """Where the fields are: within `properties` in ARM's form, else the node itself."""
    properties = node.get("properties")
    return properties if properties.present else node


def _incident(node: Node, ident: Node, customer: Node, raw: dict[str, Any]) -> list[Finding]:
    incident, facts = read_incident(node, ident, customer), _facts(node)
    related = Entities().read(facts.get("relatedEntities"))
    alerts = [_alert(alert, incident, related, raw) for alert in facts.get("alerts").items()]
    return alerts or [
        Finding(
            source="sentinel", id=incident.id, version=incident.version, type=INCIDENT, title=incident.title, severity=incident.severity,
            account=_account(related, incident.subscription), region=None, resources=related.resources,
            observables=related.observables, first_seen=incident.first_seen, last_seen=incident.last_seen,
            updated_at=incident.updated_at, sample=incident.sample, archived=incident.closed,
            upstream=incident.upstream() | {"alert_id": None, "unresolved": related.unresolved}, raw=raw,
        )
    ]  # fmt: skip


def _alert(node: Node, incident: Incident | None, related: Entities, raw: dict[str, Any]) -> Finding:
    facts = _facts(node)
    own = _own_entities(facts)
    entities = related if own.empty else own
    title, ident = facts.first("alertDisplayName", "displayName", "alertName").text(), _alert_id(node, facts)
    kind, rule = _type(facts, title)
    products = [facts.get(name).text() or "" for name in ("productName", "providerName")]
    done = fold(facts.get("status").text() or "") in _DONE
    processed = facts.first("processingEndTime", "timeGenerated").moment()
    last = facts.first("endTimeUtc", "endTime").moment() or processed
    return Finding(
        source="sentinel", id=ident, version=f"{stamp(processed or last)}#{'done' if done else 'open'}",
        type=kind, title=title or kind, severity=severity(facts.first("severity", "alertSeverity")),
        account=_account(entities, incident.subscription if incident else facts.get("workspaceSubscriptionId").text() or ""), region=None,
        resources=entities.resources, observables=entities.observables,
        first_seen=facts.first("startTimeUtc", "startTime").moment() or last, last_seen=last, updated_at=processed,
        sample=is_sample(title or "", facts.get("alertType").text() or "", products) or bool(incident and incident.sample),
        archived=done or bool(incident and incident.closed),
        upstream=(incident.upstream() if incident else _workspace(facts))
        | {"alert_id": ident, "analytic_rule_id": rule, "unresolved": entities.unresolved},
        raw=raw,
    )  # fmt: skip


def _own_entities(facts: Node) -> Entities:
    """The alert's entities and the resource that its provider says it is about."""
    own = Entities().read(facts.get("entities"))
    own.arm(facts.get("resourceId"))
    compromised = facts.get("compromisedEntity")
    if isinstance(compromised.value, str) and compromised.value.lower().startswith("/subscriptions/"):
        own.arm(compromised)
    for identifier in facts.get("resourceIdentifiers").items():
        if fold(identifier.get("type").text() or "") == "azureresource":
            own.arm(identifier.first("azureResourceId", "resourceId"))
    return own


def _alert_id(node: Node, facts: Node) -> str:
    known = facts.get("systemAlertId").text() or (node.get("name").text() if node.get("kind").present else None)
    return (known or facts.get("systemAlertId").required()).lower()


def _type(facts: Node, title: str | None) -> tuple[str, str | None]:
    """The provider's alert type; for scheduled rules, whose type is two GUIDs, the rule's name. And the rule's GUID."""
    kind = facts.get("alertType").text()
    scheduled = _RULE.fullmatch(kind or "")
    if kind and not scheduled:
        return kind, None
    extended = facts.first("extendedProperties", "additionalData")
    name = extended.get("Analytic Rule Name").text() if extended.present else None
    return name or title or kind or "SecurityAlert", scheduled[1].lower() if scheduled else None


def _workspace(facts: Node) -> dict[str, Any]:
    """An alert's record does not name its incident, and of its workspace only the GUID: the table's `TenantId`."""
    return {
        "incident_id": None, "incident_name": None, "workspace_id": None, "alert_ids": [],
        "workspace_customer_id": facts.get("tenantId").text(),
    }  # fmt: skip


def _account(entities: Entities, subscription: str) -> str:
    owned = (resource.account for resource in entities.resources if resource.id.startswith("/"))
    return next(owned, _arm.guid(subscription) or "").lower()
