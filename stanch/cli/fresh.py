"""A changed sample is another finding: it gets ids of its own, so that its source can be asked for it as it now is."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence

from stanch.cli.reading import Event
from stanch.finding import Finding

_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def names(findings: Sequence[Finding]) -> set[str]:
    """The unique part of every id by which a source knows the findings: of a GuardDuty finding, a Sentinel incident, an alert."""
    ids = [str(part) for finding in findings for part in (finding.id, finding.upstream.get("incident_id") or "")]
    return {name for text in ids if _ID.fullmatch(name := text.rpartition("/")[2])}


def fresh(event: Event, given: set[str]) -> Event:
    """The event with new ids in place of the `given` ones, wherever they stand in it."""
    text = json.dumps(event.raw)
    for name in sorted(given):
        new = uuid.uuid4()
        text = text.replace(name, str(new) if "-" in name else new.hex)
    return Event(event.place, json.loads(text))
