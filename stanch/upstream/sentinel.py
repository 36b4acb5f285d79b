"""Microsoft Sentinel: does a workspace that we believe hold the incident?"""

from __future__ import annotations

from functools import partial
from typing import Any

from stanch.clouds.azure import AzureCloud
from stanch.concurrent import together
from stanch.errors import AccessDenied, Unconfirmed
from stanch.finding import Finding, Resource
from stanch.sources import sentinel

API_VERSION = "2024-09-01"
"""Of Microsoft.SecurityInsights (https://learn.microsoft.com/rest/api/securityinsights/incidents/get)."""

PERMISSIONS = frozenset({"Microsoft.SecurityInsights/incidents/read"})


class SentinelUpstream:
    """Reads incidents again. `workspace` is the ARM id of the one workspace whose incidents are believed, `*` (local clouds) any."""

    def __init__(self, cloud: AzureCloud, workspace: str) -> None:
        self._cloud = cloud
        self._workspace = workspace.lower().rstrip("/")

    @staticmethod
    def can_read(finding: Finding) -> bool:
        """Whether the finding names its incident. A record of an alert table does not; it carries all there is to match."""
        return bool(finding.upstream.get("incident_id"))

    def confirm(self, finding: Finding) -> tuple[list[Finding], str]:
        """The incident's own findings: the one of the same alert where it is among them, else all. Raises Unconfirmed."""
        incident = finding.upstream.get("incident_id")
        if not incident:
            raise Unconfirmed("the record names no incident, and only incidents can be read again")
        workspace = str(incident).lower().partition("/providers/microsoft.securityinsights/")[0]
        if self._workspace != "*" and workspace != self._workspace:
            raise Unconfirmed(f"workspace {workspace or 'unknown'} is not the one whose incidents are believed")
        copies = sentinel.parse(self._read(str(incident)))
        same = [copy for copy in copies if copy.id == finding.id]
        return same or copies, f"Sentinel workspace {workspace.rpartition('/')[2]} has the incident"

    def _read(self, incident: str) -> dict[str, Any]:
        """The incident with its alerts and entities, in the form that an automation rule sends."""
        where = Resource(
            "Microsoft.SecurityInsights/incidents", incident, incident.split("/")[2] if incident.count("/") > 2 else ""
        )
        session = self._cloud.session(where, "read", "", PERMISSIONS)
        try:
            found, alerts, entities = together(
                partial(session.arm, "GET", incident, API_VERSION, missing=True),
                partial(session.arm, "POST", f"{incident}/alerts", API_VERSION, missing=True),
                partial(session.arm, "POST", f"{incident}/entities", API_VERSION, missing=True),
            )
        except AccessDenied as error:
            if error.code != "SubscriptionNotFound":
                raise
            raise Unconfirmed(f"this deployment sees no subscription {where.account}") from error
        if not found:
            raise Unconfirmed(f"there is no incident {incident}")
        properties = {
            **found.get("properties", {}),
            "alerts": (alerts or {}).get("value", []),
            "relatedEntities": (entities or {}).get("entities", []),
        }
        return {
            "objectSchemaType": "Incident",
            "objectEventType": "Update",
            "object": {**found, "properties": properties},
        }
