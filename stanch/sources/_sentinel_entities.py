"""Entities of Microsoft Sentinel alerts and incidents: resources of ours, or observables.

Two forms carry the same fields: the table's (`{"Type": "host", "HostName": …}`, https://learn.microsoft.com/azure/sentinel/entities-reference)
and ARM's (`{"kind": "Host", "properties": {"hostName": …}}`, https://learn.microsoft.com/rest/api/securityinsights/incidents/list-entities).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from stanch.errors import MalformedEvent
from stanch.finding import Observable, Resource
from stanch.sources import _arm
from stanch.sources._observables import domain, file_hash, ip_address, principal, unique, url_host
from stanch.sources._shape import Node, fold

USER = "Microsoft.Graph/users"

# What Entra allows in a user principal name, guests' #EXT# included
# (https://learn.microsoft.com/entra/identity/hybrid/connect/plan-connect-userprincipalname).
_UPN = re.compile(r"[A-Za-z0-9.!#^~_'+-]{1,113}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")


class Entities(Struct):
    """What the entities of one alert or incident name.

    A value that cannot be what its field says is noted in `unresolved` and never refused: analytics rules map entities from logs, and
    one garbled field, perhaps the attacker's, must not hide the others.
    """

    known: dict[str, Resource] = field(default_factory=dict)
    found: list[Observable | None] = field(default_factory=list)
    notes: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)

    @property
    def resources(self) -> tuple[Resource, ...]:
        return tuple(self.known.values())

    @property
    def observables(self) -> tuple[Observable, ...]:
        return unique(self.found)

    @property
    def unresolved(self) -> list[dict[str, Any]]:
        """`{place, reason}` of what is no resource, with the `kind`, `name` and further ids of a stranger; each once."""
        return list(self.notes.values())

    @property
    def empty(self) -> bool:
        return not (self.known or self.found or self.notes)

    def read(self, root: Node) -> Entities:
        """Add every entity within `root`, however deep and outermost first; JSON in a string is read.

        References (`$ref`) need no following: they repeat an entity that stands elsewhere in full.
        """
        waiting = deque([root])
        while waiting:
            node = waiting.popleft()
            try:
                waiting.extend(self._step(node.decoded()))
            except MalformedEvent as error:
                self.note(error.place, error.reason)
        return self

    def _step(self, node: Node) -> list[Node]:
        """Read one value and return what lies within it."""
        if isinstance(node.value, list):
            return list(node.items())
        if not isinstance(node.value, Mapping):
            return []
        reader = _READERS.get(_kind_of(node.value))
        if reader:
            properties = node.get("properties")
            reader(self, properties if properties.present else node)
        return [
            Node(item, f"{node.place}.{key}") for key, item in node.value.items() if isinstance(item, Mapping | list)
        ]

    def note(self, place: str, reason: str) -> None:
        """Say what could not be read."""
        self.notes.setdefault((place,), {"place": place, "reason": reason})

    def arm(self, node: Node) -> bool:
        """Add the Azure resource whose id is here. False where there is no usable id."""
        text = node.value.strip() if isinstance(node.value, str) else ""
        if not text:
            return False
        try:
            parsed = _arm.parse(text)
        except ValueError as error:
            self.note(node.place, str(error))
            return False
        self.add(Resource(parsed.type, parsed.id, parsed.subscription, details={"name": parsed.name}))
        return True

    def add(self, resource: Resource) -> None:
        """Keep the first of each resource."""
        self.known.setdefault(resource.key(), resource)

    def stranger(self, node: Node, kind: str, name: str | None, **hints: str | None) -> None:
        """Note an account or host that no resource id identifies."""
        self.found.append(principal(name))
        known = {key: value for key, value in hints.items() if value}
        note = {
            "place": node.place,
            "reason": "has no id of an Azure resource or Entra user",
            "kind": kind,
            "name": name,
            **known,
        }
        self.notes.setdefault((kind, name or node.place), note)


def _kind_of(value: Mapping[str, Any]) -> str:
    named = {fold(key): item for key, item in value.items() if isinstance(item, str)}
    return fold(named.get("kind") or named.get("type") or "").replace(" ", "")


def _string(node: Node, *names: str) -> str | None:
    """The first of the fields that holds text. Anything else in it is not looked at."""
    given = (node.mapping().get(name) for name in _spelt(node, names))
    return next((item.strip() for item in given if isinstance(item, str) and item.strip()), None)


def _spelt(node: Node, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        yield from (key for key in node.mapping() if fold(key) == fold(name))


def _account(found: Entities, node: Node) -> None:
    object_id, tenant = _arm.guid(_string(node, "aadUserId")), _arm.guid(_string(node, "aadTenantId"))
    name, suffix = _string(node, "accountName", "name"), _string(node, "upnSuffix")
    full = _string(node, "userPrincipalName") or (f"{name}@{suffix}" if name and suffix else name)
    upn = full if full and _UPN.fullmatch(full) else None
    if object_id or upn:
        details = {
            key: value
            for key, value in (("user_principal_name", upn), ("display_name", _string(node, "displayName")))
            if value
        }
        return found.add(Resource(USER, object_id or upn or "", tenant or "", details=details))
    realm, sid = _string(node, "ntDomain", "dnsDomain"), _string(node, "sid")
    shown = f"{realm}\\{name}" if realm and name else name or sid or _string(node, "friendlyName")
    return found.stranger(node, "account", shown, sid=sid, domain=realm, upn_suffix=suffix)


def _host(found: Entities, node: Node) -> None:
    if not found.arm(Node(_string(node, "azureID", "resourceId"), f"{node.place}.azureID")):
        name, realm = _string(node, "hostName", "netBiosName", "fqdn"), _string(node, "dnsDomain")
        found.stranger(
            node, "host", f"{name}.{realm}" if name and realm else name or _string(node, "friendlyName"),
            nt_domain=_string(node, "ntDomain"), oms_agent_id=_string(node, "omsAgentID"), mdatp_device_id=_string(node, "mdatpDeviceId"),
        )  # fmt: skip


def _azure_resource(found: Entities, node: Node) -> None:
    if not _string(node, "resourceId"):
        found.note(f"{node.place}.resourceId", "is missing")
    found.arm(Node(_string(node, "resourceId"), f"{node.place}.resourceId"))


def _mailbox(found: Entities, node: Node) -> None:
    found.found.append(principal(_string(node, "upn", "mailboxPrimaryAddress")))


_READERS: dict[str, Callable[[Entities, Node], None]] = {
    "account": _account,
    "host": _host,
    "azureresource": _azure_resource,
    "ip": lambda found, node: found.found.append(ip_address(_string(node, "address"))),
    "filehash": lambda found, node: found.found.append(file_hash(_string(node, "hashValue", "value"))),
    "dns": lambda found, node: found.found.append(domain(_string(node, "domainName"))),
    "dnsresolution": lambda found, node: found.found.append(domain(_string(node, "domainName"))),
    "url": lambda found, node: found.found.append(url_host(_string(node, "url"))),
    "mailbox": _mailbox,
}
