"""What became of an action as a comment and a tag on its Sentinel incident; the incident is never closed, reassigned or otherwise changed.

Comments: https://learn.microsoft.com/rest/api/securityinsights/incident-comments/create-or-update; tags are the incident's labels:
https://learn.microsoft.com/rest/api/securityinsights/incidents/create-or-update.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from stanch.clouds.azure import AzureCloud
from stanch.clouds.azure_session import AzureSession
from stanch.errors import Conflict, Refused
from stanch.finding import Resource
from stanch.notify.message import compose
from stanch.remediation import digest
from stanch.report import Report
from stanch.upstream.sentinel import API_VERSION

PERMISSIONS = frozenset(
    {
        "Microsoft.SecurityInsights/incidents/read",
        "Microsoft.SecurityInsights/incidents/write",
        "Microsoft.SecurityInsights/incidents/comments/read",
        "Microsoft.SecurityInsights/incidents/comments/write",
    }
)

TAG = "stanch:"
TRIES = 3
"""How often a tag is tried when somebody changes the incident at the same moment."""

PAGES = 10
"""An incident holds at most 100 comments (https://learn.microsoft.com/azure/sentinel/incident-investigation)."""

_NEWS = ("acted", "undone")
"""Outcomes that are news however often they come: something was really changed."""

_MARKUP = {ord(char): f"&#{ord(char)};" for char in "&<>[]*`#|!\\"}
"""Comments are rendered as HTML and Markdown; a character reference is never markup (https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references)."""

_FOOTER = re.compile(r"stanch ([0-9a-f]{16}) (\w+) (\S+)\Z")

_WRITABLE = (
    "classification", "classificationComment", "classificationReason", "description", "firstActivityTimeUtc", "labels",
    "lastActivityTimeUtc", "owner", "severity", "status", "title",
)  # fmt: skip
"""What an update sets: a field that is left out of it is emptied."""

_OWNER = ("assignedTo", "email", "objectId", "userPrincipalName")


class SentinelWriteBack:
    """Writes as the deployment's own identity, to the workspace whose incidents are believed (`*`, local clouds: any).

    A comment is written once for a report: its id is made of the report's key. A state that the incident was told last of the same remediation and resource is not told
    again, so that a rule that delivers every change of an incident does not go round in circles with us.
    """

    name = "sentinel"

    def __init__(self, cloud: AzureCloud, workspace: str) -> None:
        self._cloud, self._workspace = cloud, workspace.lower().rstrip("/")

    def wants(self, report: Report) -> bool:
        """Every state of an action that an incident led to, but what would be done: observing leaves no trace."""
        return (
            report.tells_state
            and report.source == "sentinel"
            and report.outcome != "planned"
            and bool(_incident(report))
        )

    def send(self, report: Report) -> None:
        """Raises Refused for an incident of another workspace, Conflict if somebody keeps changing it, and the error tree's kinds. An incident that is gone needs nothing."""
        incident = _incident(report)
        workspace = incident.lower().partition("/providers/microsoft.securityinsights/")[0]
        if self._workspace not in ("*", workspace):
            raise Refused("workspace", f"{workspace} is not the workspace whose incidents are written to")
        where = Resource("Microsoft.SecurityInsights/incidents", incident, incident.split("/")[2])
        session = self._cloud.session(where, "own", report.action_id or "")
        comments = _comments(session, incident)
        if comments is None:
            return
        comment = str(uuid.uuid5(uuid.NAMESPACE_URL, f"stanch:{report.key}"))
        if not _told(comments, comment, report):
            body = {"properties": {"message": message(report)}}
            session.arm("PUT", f"{incident}/comments/{comment}", API_VERSION, body=body)
        _tag(session, incident, f"{TAG}{report.outcome}")


def message(report: Report) -> str:
    """The comment: the report in words, a paragraph a line, nothing in it markup; the last line is for us to find it again."""
    told = compose(report, items=5, width=240)
    lines = [f"{told.state}: {told.title}", told.sentence, f"Reason: {told.reason}" if told.reason else ""]
    lines += [f"{section.label}: {line}" for section in told.sections for line in section.lines]
    shown = [line.translate(_MARKUP) for line in lines if line]
    return "\n\n".join([*shown, f"stanch {_subject(report)} {report.outcome} {report.key}"])


def _incident(report: Report) -> str:
    return str((report.upstream or {}).get("incident_id") or "")


def _subject(report: Report) -> str:
    """What the states of one remediation on one resource have in common (16 hex digits)."""
    return digest([report.remediation, str((report.resource or {}).get("id", "")).lower()])[:16]


def _told(comments: Sequence[Mapping[str, Any]], comment: str, report: Report) -> bool:
    """Whether the incident knows: this very report, or the same state told last."""
    if any(str(one.get("name", "")).lower() == comment for one in comments):
        return True
    ordered = sorted(comments, key=lambda one: str(one["properties"].get("createdTimeUtc") or ""))
    footers = [_FOOTER.search(str(one["properties"].get("message") or "").rstrip()) for one in ordered]
    told = [footer.groups() for footer in footers if footer is not None and footer[1] == _subject(report)]
    if any(key == report.key for _, _, key in told):
        return True
    return bool(told) and told[-1][1] == report.outcome and report.outcome not in _NEWS


def _comments(session: AzureSession, incident: str) -> list[dict[str, Any]] | None:
    """Every comment of the incident; None where there is no such incident."""
    found: list[dict[str, Any]] = []
    path = f"{incident}/comments"
    for _ in range(PAGES):
        page = session.arm("GET", path, API_VERSION, missing=True)
        if page is None:
            return None
        found += page.get("value", [])
        following = urlsplit(str(page.get("nextLink") or ""))
        if not following.path.lower().startswith(f"{incident}/comments".lower()):
            break
        path = f"{following.path}?{following.query}"
    return found


def _tag(session: AzureSession, incident: str, name: str) -> None:
    """Add a label, with everything else as it is: the etag sees to it that nobody's change is lost."""
    for attempt in range(TRIES):
        read = session.arm("GET", incident, API_VERSION, missing=True)
        if read is None:
            return
        labels = [{"labelName": label["labelName"]} for label in read["properties"].get("labels") or []]
        if any(label["labelName"] == name for label in labels):
            return
        kept = _kept(read["properties"]) | {"labels": [*labels, {"labelName": name}]}
        try:
            session.arm("PUT", incident, API_VERSION, body={"etag": read.get("etag"), "properties": kept})
        except Conflict:
            if attempt == TRIES - 1:
                raise
        else:
            return


def _kept(properties: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: properties[name] for name in _WRITABLE if properties.get(name) is not None}
    owner = {name: value for name in _OWNER if (value := (properties.get("owner") or {}).get(name)) is not None}
    return {name: value for name, value in kept.items() if name != "owner"} | ({"owner": owner} if owner else {})
