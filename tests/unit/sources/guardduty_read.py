"""GuardDuty's findings, read."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.errors import MalformedEvent
from stanch.finding import Finding
from stanch.sources import guardduty


def parsed(event: Any) -> Finding:
    (found,) = guardduty.parse(event)
    return found


def named(found: Finding) -> list[tuple[str, str]]:
    return [(resource.type, resource.id) for resource in found.resources]


def refusal(event: Any) -> tuple[str, str]:
    with pytest.raises(MalformedEvent) as caught:
        guardduty.parse(event)
    return caught.value.place, caught.value.reason
