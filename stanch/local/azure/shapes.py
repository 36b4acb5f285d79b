"""What may stand in a request body, and what of it is kept.

`shapes.json` holds, for each model, the wire name of every field with a short notation of its type: `s` string, `b` boolean, `i` integer, `n` number, `o` anything,
`s:A|B` one of these, `@model`, `[]` a list of, `{}` a map of; before it `-` for read-only and `!` for required.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

HANDMADE: dict[str, dict[str, str]] = {
    # Types whose SDK is not among ours; from the REST reference of their stable versions.
    "resources.ResourceGroup": {"id": "-s", "name": "-s", "type": "-s", "location": "!s", "managedBy": "s", "tags": "{}s", "properties": "@resources.Provisioned"},
    "resources.ResourceGroupPatch": {"name": "s", "managedBy": "s", "tags": "{}s", "properties": "@resources.Provisioned"},
    "resources.Provisioned": {"provisioningState": "-s"},
    "resources.Tags": {"id": "-s", "name": "-s", "type": "-s", "properties": "!@resources.TagSet"},
    "resources.TagsPatch": {"operation": "s:Replace|Merge|Delete", "properties": "@resources.TagSet"},
    "resources.TagSet": {"tags": "{}s"},
    "authorization.Lock": {"id": "-s", "name": "-s", "type": "-s", "systemData": "-o", "properties": "!@authorization.LockProperties"},
    "authorization.LockProperties": {"level": "!s:NotSpecified|CanNotDelete|ReadOnly", "notes": "s", "owners": "[]o"},
    "insights.Workspace": {"id": "-s", "name": "-s", "type": "-s", "location": "!s", "tags": "{}s", "etag": "s", "identity": "o", "properties": "o"},
    "insights.Incident": {"id": "-s", "name": "-s", "type": "-s", "systemData": "-o", "etag": "s", "properties": "!@insights.IncidentProperties"},
    "insights.IncidentProperties": {
        "title": "!s", "severity": "!s:High|Medium|Low|Informational", "status": "!s:New|Active|Closed", "description": "s",
        "classification": "s:Undetermined|TruePositive|BenignPositive|FalsePositive", "classificationComment": "s",
        "classificationReason": "s:SuspiciousActivity|SuspiciousButExpected|IncorrectAlertLogic|InaccurateData",
        "firstActivityTimeUtc": "s", "lastActivityTimeUtc": "s", "labels": "[]@insights.Label", "owner": "@insights.Owner",
        "additionalData": "-o", "createdTimeUtc": "-s", "incidentNumber": "-i", "incidentUrl": "-s", "lastModifiedTimeUtc": "-s",
        "providerIncidentId": "-s", "providerName": "-s", "relatedAnalyticRuleIds": "-[]s", "teamInformation": "-o"},
    "insights.Label": {"labelName": "!s", "labelType": "-s"},
    "insights.Owner": {"email": "s", "assignedTo": "s", "objectId": "s", "userPrincipalName": "s", "ownerType": "-s"},
    "insights.Comment": {"id": "-s", "name": "-s", "type": "-s", "systemData": "-o", "etag": "s", "properties": "!@insights.CommentProperties"},
    "insights.CommentProperties": {"message": "!s", "author": "-o", "createdTimeUtc": "-s", "lastModifiedTimeUtc": "-s"},
}  # fmt: skip


@cache
def models() -> dict[str, dict[str, str]]:
    """Every model by name."""
    generated: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("shapes.json").read_text())["models"]
    return generated | HANDMADE


@dataclass
class Reading:
    """A body read against a model: `value` is what is kept, the rest what is wrong with it, each as a JSON path."""

    value: Any = None
    unknown: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def read(model: str, body: Any, *, partial: bool = False) -> Reading:
    """Names in any case are taken as the model writes them, read-only fields and nulls are left out; with `partial` nothing is required."""
    reading = Reading()
    reading.value = _model(model, body, "", reading, partial)
    return reading


def _model(name: str, body: Any, path: str, reading: Reading, partial: bool) -> Any:
    if not isinstance(body, dict):
        reading.wrong.append((path, "object"))
        return None
    fields = models()[name]
    by_lower = {known.lower(): known for known in fields}
    kept: dict[str, Any] = {}
    for given, value in body.items():
        known = by_lower.get(given.lower())
        if known is None:
            reading.unknown.append((f"{path}{given}", name.partition(".")[2]))
        elif value is not None and not fields[known].startswith("-"):
            kept[known] = _value(fields[known].removeprefix("!"), value, f"{path}{known}", reading, partial)
    if not partial:
        reading.missing += [
            f"{path}{known}" for known, kind in fields.items() if kind.startswith("!") and known not in kept
        ]
    return kept


def _value(kind: str, value: Any, path: str, reading: Reading, partial: bool) -> Any:
    if kind.startswith("@"):
        # A reference to another resource needs its id alone, so nothing inside an optional part is required.
        reference = isinstance(value, dict) and "id" in {key.lower() for key in value}
        return _model(kind[1:], value, f"{path}.", reading, partial or reference)
    if kind.startswith("[]"):
        if isinstance(value, list):
            # An item of a list is whole even in a patch: lists are replaced, not merged.
            return [
                _value(kind[2:], item, f"{path}[{index}]", reading, partial and not isinstance(item, dict))
                for index, item in enumerate(value)
            ]
        reading.wrong.append((path, "array"))
        return None
    if kind.startswith("{}"):
        if isinstance(value, dict):
            return {key: _value(kind[2:], item, f"{path}.{key}", reading, partial) for key, item in value.items()}
        reading.wrong.append((path, "object"))
        return None
    return _scalar(kind, value, path, reading)


def _scalar(kind: str, value: Any, path: str, reading: Reading) -> Any:
    letter, _, choices = kind.partition(":")
    wanted: dict[str, tuple[type, ...]] = {"s": (str,), "b": (bool,), "i": (int,), "n": (int, float)}
    if letter != "o" and (not isinstance(value, wanted[letter]) or (letter in "in" and isinstance(value, bool))):
        reading.wrong.append((path, {"s": "string", "b": "boolean", "i": "integer", "n": "number"}[letter]))
    elif choices:
        return ", ".join(_chosen(choices.split("|"), part, path, reading) for part in str(value).split(", "))
    return value


def _chosen(choices: list[str], given: str, path: str, reading: Reading) -> str:
    found = next((choice for choice in choices if choice.lower() == given.lower()), None)
    if found is None:
        reading.wrong.append((path, " or ".join(choices)))
    return given


def problems(reading: Reading) -> Iterator[str]:
    """One sentence for each thing wrong, as the providers' JSON reader writes them."""
    for path, owner in reading.unknown:
        yield f"Could not find member '{path.rpartition('.')[2]}' on object of type '{owner}'. Path '{path}', line 1, position 1."
    for path, wanted in reading.wrong:
        yield f"Error converting value at path '{path}': expected {wanted}."
    for path in reading.missing:
        yield f"Required property '{path.rpartition('.')[2]}' not found in JSON. Path '{path}', line 1, position 1."
