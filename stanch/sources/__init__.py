"""Sources: from what a cloud delivers to findings. Pure functions, one module a source, each with `parse(raw) -> list[Finding]`.

`recognise` tells which module an event is for. It imports none of them, so that no cloud's function pays for the other's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from stanch.errors import MalformedEvent
from stanch.sources._shape import fold
from stanch.sources.envelope import unwrap

SOURCES = ("guardduty", "config", "security_hub", "cloudtrail", "sentinel", "defender", "event_grid")
"""The names of the sources, as `Finding.source` and results bear them."""

_EVENT_BUS = {"aws.guardduty": "guardduty", "aws.config": "config", "aws.securityhub": "security_hub"}
_GUARDDUTY_TYPE = re.compile(r"[A-Za-z0-9]+:[A-Za-z0-9]+/\S+", re.ASCII)


def recognise(raw: object) -> str | None:
    """The source that `raw` belongs to, judged by its shape alone: a name of SOURCES, None if it has the shape of none.

    Looks into SNS notifications, SQS records, lists and HTTP bodies, where the first event decides. Says nothing about whether the event is well-formed.
    """
    try:
        events = unwrap(raw)
    except MalformedEvent:
        return None
    for event in events:
        fields = {fold(key): value for key, value in event.value.items()}
        for source, fits in _SHAPES:
            if fits(fields):
                return source
    return None


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _on_bus(source: str) -> Callable[[Mapping[str, Any]], bool]:
    """An EventBridge envelope of one AWS service. API calls come under the called service's name, but are CloudTrail's."""

    def fits(fields: Mapping[str, Any]) -> bool:
        called = _text(fields, "detailtype").endswith("via CloudTrail")
        return "detail" in fields and not called and _EVENT_BUS.get(_text(fields, "source")) == source

    return fits


def _cloudtrail(fields: Mapping[str, Any]) -> bool:
    if "detail" in fields:
        return _text(fields, "detailtype").endswith("via CloudTrail")
    return {"eventversion", "eventsource", "eventname"} <= fields.keys()


def _config(fields: Mapping[str, Any]) -> bool:
    named = fields.keys() & {"newevaluationresult", "configurationitem", "configurationitemsummary", "configrulename"}
    return "invokingevent" in fields or ("messagetype" in fields and bool(named))


def _guardduty(fields: Mapping[str, Any]) -> bool:
    """A finding without envelope: the type's form, and a part that no other product's findings have."""
    service = fields.get("service")
    ours = ":guardduty:" in _text(fields, "arn") or "resource" in fields or isinstance(service, Mapping | str)
    return bool(_GUARDDUTY_TYPE.fullmatch(_text(fields, "type"))) and ours


def _security_hub(fields: Mapping[str, Any]) -> bool:
    """ASFF, or OCSF's category Findings (https://schema.ocsf.io)."""
    return {"productarn", "awsaccountid"} <= fields.keys() or ("classuid" in fields and fields.get("categoryuid") == 2)


def _sentinel(fields: Mapping[str, Any]) -> bool:
    named = _text(fields, "incidentarmid") + _text(fields, "id")
    return (
        "objectschematype" in fields
        or _text(fields, "type") in ("SecurityIncident", "SecurityAlert")
        or _text(fields, "kind") == "SecurityAlert"
        or "incidentarmid" in fields
        or "/microsoft.securityinsights/incidents/" in named.lower()
        or {"systemalertid", "alertseverity"} <= fields.keys()
    )


def _defender(fields: Mapping[str, Any]) -> bool:
    return (
        _text(fields, "type").lower().startswith("microsoft.security/")
        or "/providers/microsoft.security/" in _text(fields, "id").lower()
        or {"systemalertid", "alerturi"} <= fields.keys()
    )


def _event_grid(fields: Mapping[str, Any]) -> bool:
    """Event Grid's own schema, CloudEvents of Azure, Activity Log records, and Azure Monitor's alerts about them."""
    return (
        ("eventtype" in fields and "data" in fields and bool(fields.keys() & {"topic", "subject"}))
        or ("specversion" in fields and _text(fields, "type").startswith("Microsoft."))
        or (
            {"operationname", "resourceid"} <= fields.keys()
            and bool(fields.keys() & {"category", "caller", "correlationid"})
        )
        or "alertcontext" in fields
        or _text(fields, "schemaid") == "azureMonitorCommonAlertSchema"
    )


_SHAPES: tuple[tuple[str, Callable[[Mapping[str, Any]], bool]], ...] = (
    *((source, _on_bus(source)) for source in _EVENT_BUS.values()),
    ("cloudtrail", _cloudtrail),
    ("config", _config),
    ("security_hub", _security_hub),
    ("guardduty", _guardduty),
    ("sentinel", _sentinel),
    ("defender", _defender),
    ("event_grid", _event_grid),
)
