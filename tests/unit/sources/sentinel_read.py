"""Sentinel's incidents and records, read."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.errors import MalformedEvent
from stanch.finding import Finding
from stanch.sources import sentinel
from tests.unit.sources.events import (
    TENANT,
    USER,
    VM,
    entity,
)

HOST = entity("Host", hostName="vm-web", azureID=VM, omsAgentID="00000000-0000-0000-0000-0000000000aa")
ACCOUNT = entity(
    "Account", accountName="alex", upnSuffix="corp.example", aadUserId=USER, aadTenantId=TENANT, displayName="Alex"
)
IP = entity("Ip", address="198.51.100.7")


def parsed(event: Any) -> Finding:
    (found,) = sentinel.parse(event)
    return found


def refusal(event: Any) -> tuple[str, str]:
    with pytest.raises(MalformedEvent) as caught:
        sentinel.parse(event)
    return caught.value.place, caught.value.reason


def named(found: Finding) -> list[tuple[str, str, str]]:
    return [(resource.type, resource.id, resource.account) for resource in found.resources]
