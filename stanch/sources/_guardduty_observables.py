"""What a GuardDuty finding mentions and that is no resource of ours: remote addresses, domains, file hashes.

Fields: https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Action.html (every kind of action keeps the caller in `remoteIpDetails`),
API_RuntimeDetails.html, API_MalwareScanDetails.html, API_ScanDetections.html and API_NetworkEndpoint.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stanch.finding import Observable
from stanch.sources._observables import domain, file_hash, ip_address
from stanch.sources._shape import Node, fold

_ADDRESSES = ("ipaddressv4", "ipaddressv6", "sourceips")
_REMOTE = ("remoteipdetails", "sourceips")
_DOMAINS = ("domain",)
_HASHES = ("executablesha256", "hash")


def read_observables(service: Node) -> Iterator[Observable | None]:
    """Each observable of the finding's `service` part, in the order of the event; None for what is malformed."""
    for name, value, remote in _leaves(service.get("action").decoded().value, False):
        if name in _ADDRESSES and remote:
            yield ip_address(value)
        elif name in _DOMAINS:
            yield domain(value)
    for endpoint in service.at("detection", "sequence", "endpoints").items():
        yield ip_address(endpoint.get("ip").value)
        yield domain(endpoint.get("domain").value)
    for part in ("runtimeDetails", "ebsVolumeScanDetails", "malwareScanDetails"):
        for name, value, _ in _leaves(service.get(part).decoded().value, False):
            if name in _HASHES:
                yield file_hash(value)


def _leaves(value: Any, remote: bool, name: str = "") -> Iterator[tuple[str, Any, bool]]:
    """Every scalar with its folded name, and whether it lies within `remoteIpDetails`. The nesting is bounded by the event's."""
    if isinstance(value, str):
        yield name, value, remote
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, remote or fold(key) in _REMOTE, fold(key))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, remote, name)
    else:
        yield name, value, remote
