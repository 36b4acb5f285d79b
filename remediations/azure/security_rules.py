"""What a security rule lets in, and the least that must go from it.

A rule is kept as the JSON of its writable properties, in Azure's own names and exact forms (`sourceAddressPrefix` or
`sourceAddressPrefixes`, never turned into each other), so that it can be put back as it was.
https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from msgspec import Struct

from remediations.azure import ports
from remediations.azure.ports import Interval

Properties = dict[str, Any]
Network = IPv4Network | IPv6Network

FIRST, LAST = 100, 4096
"""The priorities a rule of one's own may have; the lower number is asked first."""

_WIDEST = {4: 7, 6: 15}
"""Prefix lengths up to which a network is taken for "anywhere": nobody owns more than a /8, and no registry ever gave away an IPv6 /16."""


class Cut(Struct, frozen=True):
    """What becomes of one rule: `after` is None when nothing is left. `kept` is a second rule that carries on what one rule alone can no longer say:
    the sound sources on the ports that the rule gave up. `open` are the ports that were open to anywhere, `lost` says what sound access goes too."""

    after: Properties | None
    open: tuple[Interval, ...]
    kept: Properties | None = None
    lost: str | None = None


def properties(rule: Mapping[str, Any]) -> Properties:
    """The writable properties of a rule's JSON, without what is empty: ARM answers with empty lists where nothing was given."""
    found = rule.get("properties") or {}
    return {
        name: found[name] for name in sorted(found) if found[name] not in (None, [], "") and name != "provisioningState"
    }


def several(rule: Mapping[str, Any], one: str, many: str) -> list[str]:
    """Both forms of an attribute as one list."""
    return [*([rule[one]] if rule.get(one) else []), *(rule.get(many) or [])]


def sources(rule: Mapping[str, Any]) -> list[str]:
    return several(rule, "sourceAddressPrefix", "sourceAddressPrefixes")


def destination_ports(rule: Mapping[str, Any]) -> list[str]:
    return several(rule, "destinationPortRange", "destinationPortRanges")


def says(rule: Mapping[str, Any], name: str, *values: str) -> bool:
    """Whether the property has one of these values: ARM keeps them in the case in which they were written."""
    return str(rule.get(name)).lower() in {value.lower() for value in values}


def from_anywhere(prefixes: Iterable[str]) -> set[str]:
    """Those of the prefixes that let the whole Internet, or a good part of it, in.

    `*`, `Internet`, /0, its halves 0.0.0.0/1 and 128.0.0.0/1, 2000::/3, and smaller prefixes that make up such a network together. Other service tags and
    private networks are not meant.
    """
    named = set(prefixes)
    networks = {prefix: network for prefix in named if (network := _network(prefix)) is not None}
    wide = {prefix for prefix, network in networks.items() if _is_wide(network)}
    small = {prefix: network for prefix, network in networks.items() if prefix not in wide and not network.is_private}
    wholes = [whole for version in (4, 6) for whole in _collapsed(small.values(), version) if _is_wide(whole)]
    parts = {prefix for prefix, network in small.items() if any(_within(network, whole) for whole in wholes)}
    return {prefix for prefix in named if prefix.lower() in ("*", "internet", "any")} | wide | parts


def _network(prefix: str) -> Network | None:
    if not prefix[:1].isdigit() and ":" not in prefix:
        return None
    try:
        return ip_network(prefix.strip(), strict=False)
    except ValueError:
        return None  # a form that we do not know is nobody's whole Internet


def _is_wide(network: Network) -> bool:
    return network.prefixlen <= _WIDEST[network.version] and not network.is_private and not network.is_multicast


def _collapsed(networks: Iterable[Network], version: int) -> list[Network]:
    chosen: list[Any] = [network for network in networks if network.version == version]
    return list(collapse_addresses(chosen))


def _within(network: Any, whole: Any) -> bool:
    return network.version == whole.version and bool(network.subnet_of(whole))


def cuts(rules: Mapping[str, Properties], guarded: Sequence[Interval]) -> dict[str, Cut]:
    """By rule, what must go from a group so that nobody from anywhere reaches a port in `guarded`; rules of which nothing must go are left out."""
    standing, found = list(rules.values()), {}
    for name, rule in rules.items():
        cut = surgery(rule, standing, guarded, tuple(rules.values()))
        if cut:
            found[name] = cut
            standing += [cut.kept] if cut.kept else []
    return found


def surgery(
    rule: Properties, rules: Sequence[Properties], guarded: Sequence[Interval], live: Sequence[Properties] = ()
) -> Cut | None:
    """What must go from `rule`, one of the group's `rules`, of which `live` are there already; None if nothing must."""
    if not (says(rule, "direction", "Inbound") and says(rule, "access", "Allow")):
        return None
    if not says(rule, "protocol", "*", "Tcp", "Udp"):
        return None
    wide = from_anywhere(sources(rule))
    given = [ports.parse(each) for each in destination_ports(rule)]
    exposed = ports.meet(given, guarded)
    shut = _shut(rule, rules)
    exposed = [part for each in exposed for part in ports.cut(each, shut)]
    if not wide or not exposed:
        return None
    sound = [source for source in sources(rule) if source not in wide]
    rest = [part for each in given for part in ports.cut(each, exposed)]
    if not rest:
        return Cut(_with_sources(rule, sound) if sound else None, tuple(exposed))
    if not sound:
        return Cut(_with_ports(rule, rest), tuple(exposed), lost=_portless(rule))
    kept = _with_ports(_with_sources(rule, sound), exposed)
    near = (rule["priority"] + 1, rule["priority"] - 1)
    if any(kept | {"priority": number} in live for number in near):  # an attempt made it and broke off
        return Cut(_with_ports(rule, rest), tuple(exposed), lost=_portless(rule))
    return _split(rule, rules, sound, rest, exposed)


def _portless(rule: Properties) -> str | None:
    """A rule that names ports fits TCP and UDP alone."""
    every = says(rule, "protocol", "*") and "*" in destination_ports(rule)
    return "protocols without ports, such as ICMP, no longer pass through it" if every else None


def _split(
    rule: Properties, rules: Sequence[Properties], sound: list[str], rest: list[Interval], exposed: list[Interval]
) -> Cut:
    """Anywhere keeps the harmless ports, the sound sources keep the guarded ones: that takes two rules."""
    taken = {other.get("priority") for other in rules if says(other, "direction", "Inbound")}
    # Only the very next number keeps the order towards every other rule.
    near = (rule["priority"] + 1, rule["priority"] - 1)
    free = [number for number in near if FIRST <= number <= LAST and number not in taken]
    if not free:
        lost = f"{', '.join(sound)} can no longer reach {', '.join(map(ports.text, exposed))} through it"
        lost = "; ".join(filter(None, (lost, _portless(rule))))
        return Cut(_with_ports(rule, rest), tuple(exposed), lost=lost)
    kept = _with_ports(_with_sources(rule, sound), exposed) | {"priority": free[0]}
    return Cut(_with_ports(rule, rest), tuple(exposed), kept, _portless(rule))


def _shut(rule: Properties, rules: Iterable[Properties]) -> list[Interval]:
    """The ports that a rule asked before this one refuses to everybody, as just-in-time access does
    (https://learn.microsoft.com/azure/defender-for-cloud/just-in-time-access-overview)."""
    return [
        ports.parse(each)
        for other in rules
        if says(other, "direction", "Inbound")
        and says(other, "access", "Deny")
        and other["priority"] < rule["priority"]
        and _covers(other, rule)
        for each in destination_ports(other)
    ]


def _covers(deny: Properties, rule: Properties) -> bool:
    """Whether whatever the rule lets in meets the deny first, ports aside."""
    where = ("destinationAddressPrefix", "destinationAddressPrefixes")
    aims, shielded = several(rule, *where), several(deny, *where)
    return (
        says(deny, "protocol", "*", str(rule.get("protocol")))
        and "*" in sources(deny)
        and "*" in several(deny, "sourcePortRange", "sourcePortRanges")
        and ("*" in shielded or (bool(aims) and set(aims) <= set(shielded)))
    )


def _with_sources(rule: Properties, sound: list[str]) -> Properties:
    return _replaced(rule, "sourceAddressPrefix", "sourceAddressPrefixes", sound)


def _with_ports(rule: Properties, left: list[Interval]) -> Properties:
    return _replaced(rule, "destinationPortRange", "destinationPortRanges", [ports.text(each) for each in left])


def _replaced(rule: Properties, one: str, many: str, values: list[str]) -> Properties:
    """The values in the form the rule has, or in the plural one where the singular cannot hold them: Azure takes only one of the two."""
    distinct = list(dict.fromkeys(values))
    rest = {name: value for name, value in rule.items() if name not in (one, many)}
    form: Properties = {one: distinct[0]} if len(distinct) == 1 and one in rule else {many: distinct}
    return dict(sorted({**rest, **form}.items()))
