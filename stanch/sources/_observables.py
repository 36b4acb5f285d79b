"""Observables from untrusted text: what cannot be an address, a domain or a hash is left out, for it is the attacker's."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from stanch.finding import Observable

_DOMAIN = re.compile(r"(?=.{3,253}\Z)[^\s./\\:@<>\"'\x00-\x1f]{1,63}(?:\.[^\s./\\:@<>\"'\x00-\x1f]{1,63})*\.?")
_HASH = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{128}")


def ip_address(value: Any) -> Observable | None:
    """An IPv4 or IPv6 address in its canonical form."""
    try:
        return Observable("ip", str(ipaddress.ip_address(value.strip()))) if isinstance(value, str) else None
    except ValueError:
        return None


def domain(value: Any) -> Observable | None:
    """A domain name, in lower case, without the root's dot; international names as they are written."""
    text = value.strip().lower() if isinstance(value, str) else ""
    return Observable("domain", text.rstrip(".")) if _DOMAIN.fullmatch(text) else None


def file_hash(value: Any) -> Observable | None:
    """An MD5, SHA-1, SHA-256 or SHA-512 in hexadecimal, in lower case."""
    text = value.strip() if isinstance(value, str) else ""
    return Observable("hash", text.lower()) if _HASH.fullmatch(text) else None


def url_host(value: Any) -> Observable | None:
    """The address or domain that a URL leads to."""
    try:
        host = urlsplit(value.strip()).hostname if isinstance(value, str) else None
    except ValueError:
        return None
    return ip_address(host) or domain(host)


def principal(value: Any) -> Observable | None:
    """A foreign identity's name, as it is written."""
    text = value.strip() if isinstance(value, str) else ""
    return Observable("principal", text) if text else None


def unique(found: Iterable[Observable | None]) -> tuple[Observable, ...]:
    """The observables that there are, each once, in their order."""
    return tuple(dict.fromkeys(item for item in found if item))
