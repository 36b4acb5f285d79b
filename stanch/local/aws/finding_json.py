"""A finding as JSON and back: how it travels to the local cloud's process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from stanch import clock
from stanch.errors import InvalidInput
from stanch.finding import Finding, Observable, Resource, Severity

_TIMES = ("first_seen", "last_seen", "updated_at")


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """Every field of the finding, JSON-ready: times as RFC 3339, mappings as objects."""
    data = {name: getattr(finding, name) for name in finding.__struct_fields__}
    data["severity"] = int(finding.severity)
    data["resources"] = [resource.as_json() for resource in finding.resources]
    data["observables"] = [{"kind": one.kind, "value": one.value} for one in finding.observables]
    for name in _TIMES:
        moment: datetime | None = data[name]
        data[name] = moment.isoformat() if moment else None
    ready: dict[str, Any] = json.loads(json.dumps(data, default=_plain))
    return ready


def finding_from_json(data: Any) -> Finding:
    """The finding that `finding_to_json` wrote. Raises InvalidInput for anything else."""
    if not isinstance(data, Mapping):
        raise InvalidInput("finding", "is no object")
    try:
        return Finding(
            **{
                **data,
                "severity": Severity(data["severity"]),
                "resources": tuple(Resource.from_json(one) for one in data["resources"]),
                "observables": tuple(Observable(**one) for one in data["observables"]),
                **{name: clock.parse(data[name]) if data.get(name) else None for name in _TIMES},
            }
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput("finding", f"is not what finding_to_json writes: {error!r}") from error


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)
