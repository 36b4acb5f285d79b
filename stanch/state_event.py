"""The event that tells other programs of an action's new state: versioned JSON, described by one table that its schema and its documentation are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from stanch.action import Status
from stanch.notify.untrusted import cut, inert
from stanch.remediation import canonical
from stanch.report import REPORTED, Report

VERSION = 1
"""Of the event. A later version may add fields to this one; whatever else changes is a new number."""

SOURCE = "stanch"
DETAIL_TYPE = "Stanch Action State Change"
CLOUD_EVENT_TYPE = "stanch.action.state_change"

LIMIT = 240_000
"""Bytes. An entry of PutEvents may have 256 KB, with its names and its time (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html)."""

_SHORTER: tuple[tuple[int | None, int | None], ...] = ((None, None), (50, 2_000), (10, 1_000), (3, 1_000))
"""Items a list and code points a text, tried one after the other until the event fits."""

Schema = Mapping[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}


def _nullable(name: str = "string") -> Schema:
    return {"type": [name, "null"]}


def _object(**properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": True,
    }


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


class Field(Struct, frozen=True):
    """One field: its name, its JSON Schema, what it says, and where a report has it."""

    name: str
    schema: Schema
    about: str
    of: Callable[[Report], Any]


FIELDS = (
    Field("version", {"const": VERSION}, "Version of this format.", lambda report: VERSION),
    Field("id", _TEXT, "The same for every repeat of the same event: drop what you have seen.", lambda report: report.key),
    Field("time", {"type": "string", "format": "date-time"}, "When the state was reached (RFC 3339, UTC).", lambda report: report.at),
    Field("action_id", _TEXT, "The action: `stanch actions show ID`.", lambda report: report.action_id),
    Field("outcome", {"enum": sorted(str(one) for one in REPORTED)}, "The state.", lambda report: report.outcome),
    Field("reason", _nullable(), "Why it is that state, with the guard's name where one decided.", lambda report: report.reason),
    Field("title", _TEXT, "What the remediation does, in words.", lambda report: report.title),
    Field("severity", {"type": "integer", "minimum": 0, "maximum": 5}, "OCSF `severity_id`: 0 unknown, 1 informational, 2 low, 3 medium, 4 high, 5 critical.", lambda report: report.severity),
    Field("cloud", {"enum": ["aws", "azure"]}, "Whose resource it is.", lambda report: report.cloud),
    Field("account", _TEXT, "AWS account id, Azure subscription id, or Entra tenant id ('' if unknown).", lambda report: report.account),
    Field("region", _nullable(), "AWS region of a regional resource.", lambda report: report.region),
    Field("resource", _or_null(_object(type=_TEXT, id=_TEXT)), "CloudFormation or ARM type, and ARN or ARM id.", lambda report: report.resource),
    Field("remediation", _nullable(), "Id of the remediation: see `docs/catalog.md`.", lambda report: report.remediation),
    Field("playbook", _nullable(), "Id of the playbook; null for a person's runbook.", lambda report: report.playbook),
    Field("mode", _nullable(), "`observe`, `approve` or `auto`.", lambda report: report.mode),
    Field("source", _nullable(), "Where the finding came from: `guardduty`, `config`, `sentinel` …", lambda report: report.source),
    Field("finding", _or_null(_object(id=_TEXT, type=_TEXT, title=_TEXT, severity={"type": "integer"}, account=_TEXT, region=_nullable())), "The finding; null for a person's runbook.", lambda report: report.finding),
    Field("confirmed", _nullable(), "What confirmed the finding.", lambda report: report.why),
    Field("requester", _TEXT, "Who asked for the action: `stanch` or a person.", lambda report: report.requester),
    Field("undone_by", _nullable(), "Who undid it, or began to.", lambda report: report.undone_by),
    Field("changes", {"type": "array", "items": _object(target=_TEXT, before={}, after={}, status={"enum": sorted(str(one) for one in Status)})}, "Each write: what, its state before and after (any JSON, null is what does not exist), and what became of it.", lambda report: report.changes),
    Field("breaks", _TEXTS, "What is likely to stop working.", lambda report: report.breaks),
    Field("not_done", _TEXTS, "What stays open; of an undo, what stays changed.", lambda report: report.not_done),
    Field("failures", _TEXTS, "What went wrong.", lambda report: report.failures),
    Field("undo", _nullable(), "The command that undoes it, or why nothing can.", lambda report: report.undo),
    Field("truncated", {"type": "boolean"}, "Whether lists or texts were cut to fit; `stanch actions show ID` has all.", lambda report: False),
)  # fmt: skip
"""The format. All texts are harmless to show: one line each, without control and direction characters, their links defanged."""

_OURS = ("version", "id", "time", "action_id", "outcome", "undo")


def of_report(report: Report, limit: int = LIMIT) -> dict[str, Any]:
    """The event of an action's report, at most `limit` bytes as `canonical` writes it."""
    for items, width in _SHORTER:
        event = {field.name: _value(field, report, items, width) for field in FIELDS}
        event["truncated"] = items is not None
        if len(encoded(event)) <= limit:
            break
    return event


def encoded(event: Mapping[str, Any]) -> bytes:
    """The bytes that are sent."""
    return canonical(event).encode("utf-8", "backslashreplace")


def wanted(report: Report) -> bool:
    """Whether there is an event of the report."""
    return report.tells_state


def schema() -> dict[str, Any]:
    """The JSON Schema of the event."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": DETAIL_TYPE,
        "type": "object",
        "properties": {field.name: {"description": field.about, **field.schema} for field in FIELDS},
        "required": [field.name for field in FIELDS],
        "additionalProperties": True,
    }


def _value(field: Field, report: Report, items: int | None, width: int | None) -> Any:
    value = field.of(report)
    if field.name in _OURS:
        return value
    if field.name == "changes":
        return [_change(change, items, width) for change in value[:items]]
    return _harmless(value, items, width)


def _change(change: Mapping[str, Any], items: int | None, width: int | None) -> dict[str, Any]:
    return {
        "target": inert(change.get("target", ""), width),
        "before": _state(change.get("before"), items, width),
        "after": _state(change.get("after"), items, width),
        "status": str(change.get("status", Status.PLANNED)),
    }


def _state(state: Any, items: int | None, width: int | None) -> Any:
    """A state as it is, or where it takes too much room as the beginning of its JSON."""
    text = canonical(state)
    return _harmless(state, items, None) if width is None or len(text) <= width else cut(inert(text), width)


def _harmless(value: Any, items: int | None, width: int | None) -> Any:
    if isinstance(value, str):
        return inert(value, width)
    if isinstance(value, Mapping):
        return {inert(key, width): _harmless(item, items, width) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_harmless(item, items, width) for item in value[:items]]
    return value
