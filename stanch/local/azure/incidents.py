"""Microsoft Sentinel: incidents of a workspace, their alerts, entities and comments.

https://learn.microsoft.com/rest/api/securityinsights/incidents
"""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from stanch.local.azure.errors import ArmError
from stanch.local.azure.kinds import Kind, Reply, Request, bare
from stanch.local.azure.state import Record, State, now

VERSIONS = ("2021-10-01", "2022-11-01", "2023-02-01", "2023-11-01", "2024-03-01", "2024-09-01", "2025-03-01", "2025-06-01", "2025-09-01")  # fmt: skip
WORKSPACE = "Microsoft.OperationalInsights/workspaces"
INCIDENT = "Microsoft.SecurityInsights/Incidents"


class Workspaces(Kind):
    type = WORKSPACE
    versions = ("2020-08-01", "2021-12-01-preview", "2022-10-01", "2023-09-01", "2025-02-01")
    model = "insights.Workspace"
    patch_model = "insights.Workspace"


class Sentinel(Kind):
    """What hangs on a workspace. The etag of the body guards a write: without the current one a change is refused."""

    versions = VERSIONS
    located = False
    shows_etag = False

    def find(self, request: Request) -> Record | None:
        scope = request.target.scope
        workspace = request.state.get(scope)
        if workspace is None or workspace.type != WORKSPACE:
            raise ArmError(404, "ResourceNotFound", f"The Resource '{scope.partition('/providers/')[2]}' under resource group '{request.target.group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix")  # fmt: skip
        return super().find(request)

    def need(self, request: Request) -> Record:
        record = self.find(request)
        if record is None:
            raise ArmError(404, "NotFound", f"{self.noun} '{request.target.names[-1]}' was not found.")
        return record

    noun: ClassVar[str] = "Incident"

    def put(self, request: Request) -> Reply:
        current = self.find(request)
        given = request.body.get("etag") if isinstance(request.body, dict) else None
        if current is not None and bare(str(given)) != current.etag:
            raise ArmError(409, "Conflict", f"New version of resource '{current.name}' exists. Data was not saved.")
        return super().put(request)

    def answer(self, state: State, record: Record, version: str) -> dict[str, Any]:
        return super().answer(state, record, version) | {"etag": f'"{record.etag}"'}


class Incidents(Sentinel):
    type = INCIDENT
    model = "insights.Incident"

    def stored(self, request: Request, body: dict[str, Any], current: Record | None) -> dict[str, Any]:
        properties, old = body["properties"], current.properties if current else {}
        moment = now()
        fixed = {
            "createdTimeUtc": old.get("createdTimeUtc", moment),
            "incidentNumber": old.get("incidentNumber") or next(request.state.numbers),
            "lastModifiedTimeUtc": moment,
            "relatedAnalyticRuleIds": old.get("relatedAnalyticRuleIds", []),
            "providerName": old.get("providerName", "Azure Sentinel"),
        }
        fixed["providerIncidentId"] = old.get("providerIncidentId", str(fixed["incidentNumber"]))
        nobody = {"objectId": None, "email": None, "assignedTo": None, "userPrincipalName": None}
        owner = nobody | properties.get("owner", {})
        labels = [{"labelType": "User"} | label for label in properties.get("labels", [])]
        if properties["status"] == "Closed" and "classification" not in properties:
            raise ArmError(400, "BadRequest", "Classification is required when closing an incident.")
        return {"properties": properties | {"owner": owner, "labels": labels} | fixed}

    def shown(self, state: State, record: Record, version: str) -> dict[str, Any]:
        shown = super().shown(state, record, version)
        alerts = state.incident_parts.get(record.id.lower(), {}).get("alerts", [])
        comments = sum(1 for _ in state.of_type(Comments.type, record.id))
        products = {alert.get("properties", {}).get("productName") for alert in alerts} - {None}
        shown["properties"]["additionalData"] = {
            "alertsCount": len(alerts), "bookmarksCount": 0, "commentsCount": comments, "alertProductNames": sorted(products), "tactics": [],
            **record.hidden.get("additionalData", {}),
        }  # fmt: skip
        portal = "https://portal.azure.com/#asset/Microsoft_Azure_Security_Insights/Incident"
        shown["properties"]["incidentUrl"] = f"{portal}{record.id}"
        return shown

    def post(self, request: Request, record: Record, action: str) -> Reply:
        parts = request.state.incident_parts.get(record.id.lower(), {})
        if action.lower() == "alerts":
            return Reply(200, {"value": parts.get("alerts", [])})
        if action.lower() == "bookmarks":
            return Reply(200, {"value": []})
        if action.lower() == "entities":
            entities = parts.get("entities", [])
            counts = Counter(entity["kind"] for entity in entities)
            meta = [{"entityKind": kind, "count": count} for kind, count in counts.items()]
            return Reply(200, {"entities": entities, "metaData": meta})
        return super().post(request, record, action)


class Comments(Sentinel):
    type = "Microsoft.SecurityInsights/Incidents/Comments"
    model = "insights.Comment"
    noun = "Comment"

    def stored(self, request: Request, body: dict[str, Any], current: Record | None) -> dict[str, Any]:
        incident = request.state.get(request.target.id.rpartition("/")[0].rpartition("/")[0])
        if incident is None:
            raise ArmError(404, "NotFound", f"Incident '{request.target.names[0]}' was not found.")
        if len(body["properties"]["message"]) > 30_000:
            raise ArmError(400, "BadRequest", "The comment message exceeds the limit of 30000 characters.")
        # A comment is a change of its incident: whoever read it before must read it again to write it.
        incident.touch()
        times = {"createdTimeUtc": current.properties["createdTimeUtc"] if current else now(), "lastModifiedTimeUtc": now()}  # fmt: skip
        author = {"objectId": None, "email": None, "name": None, "userPrincipalName": None}
        return {"properties": body["properties"] | times | {"author": author}}
