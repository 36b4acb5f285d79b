"""What a GuardDuty finding mentions and that is no resource of ours: remote addresses, domains, file hashes.

Fields: https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Action.html (every kind of action keeps the caller in `remoteIpDetails`),
API_RuntimeDetails.html, API_MalwareScanDetails.html, API_ScanDetections.html and API_NetworkEndpoint.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stanch.finding import Observable
from stanch.sources._observables import domain, file_hash, ip_address
from stanch.sources._shape import OBJECT, Node, fold

_ADDRESSES = ("ipaddressv4", "ipaddressv6", "sourceips")
_REMOTE = ("remoteipdetails", "sourceips")
_DOMAINS = ("domain",)
_HASHES = ("executablesha256", "hash")


def read_observables(service: Node) -> Iterator[Observable | None]:
    """Each observable of the finding's `service` part, in the order of the event; None for what is malformed."""
    for name, value, remote in _leaves(service.get("action").decoded().value):
        if name in _ADDRESSES and remote:
            yield ip_address(value)
        elif name in _DOMAINS:
            yield domain(value)
    for endpoint in service.at("detection", "sequence", "endpoints").items():
        yield ip_address(endpoint.get("ip").value)
        yield domain(endpoint.get("domain").value)
    for part in ("runtimeDetails", "ebsVolumeScanDetails", "malwareScanDetails"):
        for name, value, _ in _leaves(service.get(part).decoded().value):
            if name in _HASHES:
                yield file_hash(value)


def _leaves(value: Any) -> list[tuple[str, Any, bool]]:
    """Every scalar with its folded name, and whether it lies within `remoteIpDetails`. The nesting is bounded by the event's."""
    found: list[tuple[str, Any, bool]] = []
    _gather(value, False, "", found)
    return found


def _gather(value: Any, remote: bool, name: str, found: list[tuple[str, Any, bool]]) -> None:
    if isinstance(value, OBJECT):
        for key, item in value.items():
            folded = fold(key)
            _gather(item, remote or folded in _REMOTE, folded, found)
    elif isinstance(value, list):
        for item in value:
            _gather(item, remote, name, found)
    else:
        found.append((name, value, remote))
