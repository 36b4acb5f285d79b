"""The Sentinel incident behind a finding, rebuilt from the event in whatever form it came."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from stanch.clock import iso
from stanch.finding import Finding, Severity

_SEVERITY = {Severity.CRITICAL: "High", Severity.HIGH: "High", Severity.MEDIUM: "Medium", Severity.LOW: "Low"}
_TIMES = ("createdTime", "firstActivityTime", "lastActivityTime", "lastModifiedTime")
_TEXTS = ("title", "description", "classification", "classificationComment", "classificationReason", "providerName", "providerIncidentId",
          *(f"{name}Utc" for name in _TIMES))  # fmt: skip
_CHOICES = {"severity": ("High", "Medium", "Low", "Informational"), "status": ("New", "Active", "Closed")}


def incident(finding: Finding) -> dict[str, Any] | None:
    """`{"id", "properties", "alerts", "entities"}` of the incident that the finding belongs to; None where it belongs to none."""
    incident_id = finding.upstream.get("incident_id")
    if not incident_id:
        return None
    facts = _facts(finding.raw)
    return {
        "id": str(incident_id), "properties": _properties(facts, finding),
        "alerts": _listed(facts.get("alerts")), "entities": _listed(facts.get("relatedEntities")),
    }  # fmt: skip


def _facts(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The incident's fields by ARM's names: out of the trigger's envelope, the SDK's flat dict or the table's record."""
    at: Any = raw
    for name in ("body", "object", "properties"):
        inner = next((value for key, value in at.items() if key.lower() == name and isinstance(value, Mapping)), None)
        at = inner if inner is not None else at
    facts = {_camel(key): value for key, value in at.items() if value not in (None, "", "None")}
    for name in _TIMES:
        if name in facts:
            facts.setdefault(f"{name}Utc", facts[name])
    return facts


def _camel(name: str) -> str:
    """`label_name` and `LabelName` are `labelName`."""
    first, *rest = name.split("_")
    return first[:1].lower() + first[1:] + "".join(part[:1].upper() + part[1:] for part in rest)


def _properties(facts: dict[str, Any], finding: Finding) -> dict[str, Any]:
    kept: dict[str, Any] = {name: facts[name] for name in _TEXTS if isinstance(facts.get(name), str)}
    kept.setdefault("title", finding.title)
    kept.setdefault("lastModifiedTimeUtc", iso(finding.updated_at) if finding.updated_at else None)
    fallback = {"severity": _SEVERITY.get(finding.severity, "Informational"), "status": "Closed" if finding.archived else "New"}  # fmt: skip
    for name, choices in _CHOICES.items():
        given = str(facts.get(name, "")).lower()
        kept[name] = next((choice for choice in choices if choice.lower() == given), fallback[name])
    if kept["status"] == "Closed":
        kept.setdefault("classification", "Undetermined")
    number = str(facts.get("incidentNumber", ""))
    if number.isdecimal():
        kept["incidentNumber"] = int(number)
    kept["labels"] = [{"labelName": label["labelName"]} for label in map(_named, _listed(facts.get("labels"))) if "labelName" in label]  # fmt: skip
    kept["relatedAnalyticRuleIds"] = [str(rule) for rule in _listed(facts.get("relatedAnalyticRuleIds"))]
    owner = _named(_parsed(facts.get("owner")))
    names = ("email", "assignedTo", "objectId", "userPrincipalName")
    kept["owner"] = {name: owner[name] for name in names if isinstance(owner.get(name), str)}
    kept["additionalData"] = _named(_parsed(facts.get("additionalData")))
    return {name: value for name, value in kept.items() if value is not None}


def _parsed(value: Any) -> Any:
    """Tables keep lists and objects as JSON in a string."""
    if isinstance(value, str) and re.match(r"\s*[\[{]", value):
        try:
            return json.loads(value)
        except ValueError:
            return None
    return value


def _listed(value: Any) -> list[Any]:
    parsed = _parsed(value)
    return list(parsed) if isinstance(parsed, list | tuple) else []


def _named(value: Any) -> dict[str, Any]:
    return {_camel(str(key)): item for key, item in value.items()} if isinstance(value, Mapping) else {}
