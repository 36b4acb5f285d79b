"""When a security group's sources amount to the internet, and which ports they reach. Pure; no SDK.

Testing for `0.0.0.0/0` alone is easily passed by: two halves, `2000::/3`, a prefix list, or many large blocks do the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

from msgspec import Struct

from stanch.remediation import port_range

Network = IPv4Network | IPv6Network
Ports = tuple[int, int]
"""First and last, both included."""

ALL_PORTS: Ports = (0, 65535)

_UNICAST_6 = IPv6Network("2000::/3")
_RESERVED_4 = IPv4Network("224.0.0.0/3")  # multicast and reserved: no host of the internet sends from there
_WIDEST_4, _WIDEST_6 = 8, 16
_PIECE_4, _PIECE_6 = 16, 24


class Opening(Struct, frozen=True):
    """What one rule lets in: `networks` is empty for a source that is no address range (another group)."""

    id: str
    protocol: str
    ports: Ports
    networks: tuple[Network, ...]


def networks(cidrs: Iterable[str]) -> tuple[Network, ...]:
    """The address ranges; host bits are ignored, as AWS ignores them."""
    return tuple(ip_network(cidr, strict=False) for cidr in cidrs)


def wide(network: Network) -> bool:
    """Whether one range is too large to be anybody's own network, and so stands for the internet.

    IANA gave single organisations at most an IPv4 /8 (https://www.iana.org/assignments/ipv4-address-space); an IPv6 /12 is a whole
    regional registry's (https://www.iana.org/assignments/ipv6-unicast-address-assignments), and no single holder has more than a /16. Private ranges (10/8, fc00::/7) are not the internet.
    """
    if isinstance(network, IPv4Network):
        return network.prefixlen < _WIDEST_4 and not network.subnet_of(_RESERVED_4)
    return network.prefixlen < _WIDEST_6 and network.overlaps(_UNICAST_6)


def covering(ranges: Iterable[Network]) -> set[Network]:
    """The large ranges that together cover at least half of the IPv4 or of the IPv6 internet; empty if they do not.

    Ranges narrower than an IPv4 /16 or an IPv6 /24 never count: covering half with them would take more rules than a group can hold
    (https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html), and they are what an allow-list is made of.
    """
    pieces = [one for one in ranges if one.prefixlen <= _PIECE_6]
    four = [one for one in pieces if isinstance(one, IPv4Network) and one.prefixlen <= _PIECE_4]
    six = [
        one for one in pieces if isinstance(one, IPv6Network) and one.prefixlen <= _PIECE_6 and one.overlaps(_UNICAST_6)
    ]
    found: set[Network] = set()
    if sum(one.num_addresses for one in collapse_addresses(four)) * 2 >= 2**32:
        found.update(four)
    if sum(one.num_addresses for one in collapse_addresses(six)) * 2 >= _UNICAST_6.num_addresses:
        found.update(six)
    return found


def exposed(openings: Sequence[Opening], wanted: Sequence[Ports]) -> list[Opening]:
    """The openings that let the internet reach one of the wanted ports, each alone or together with others on the same ports."""
    reaching = [opening for opening in openings if opening.networks and reaches(opening, wanted)]
    together = {
        (one.protocol, one.ports): covering(
            network for other in reaching if _overlap(one, other) for network in other.networks
        )
        for one in {(opening.protocol, opening.ports): opening for opening in reaching}.values()
    }
    return [
        opening
        for opening in reaching
        if any(wide(network) for network in opening.networks)
        or not together[opening.protocol, opening.ports].isdisjoint(opening.networks)
    ]


def _overlap(one: Opening, other: Opening) -> bool:
    same = one.protocol == other.protocol or "-1" in (one.protocol, other.protocol)
    return same and one.ports[0] <= other.ports[1] and other.ports[0] <= one.ports[1]


def reaches(opening: Opening, wanted: Sequence[Ports]) -> bool:
    """Whether the rule's protocol has ports and its range meets one of the wanted ones."""
    return opening.protocol in ("-1", "tcp", "udp") and any(
        opening.ports[0] <= last and first <= opening.ports[1] for first, last in wanted
    )


def parse_ports(values: Iterable[int | str]) -> list[Ports]:
    """`22`, `"22"` and `"137-139"` as ranges. Raises PolicyError for anything else."""
    return [port_range(value, "ports") for value in values]


def without(wanted: Iterable[Ports], port: int) -> list[Ports]:
    """The wanted ranges less one port."""
    left = []
    for first, last in wanted:
        left += [part for part in ((first, min(last, port - 1)), (max(first, port + 1), last)) if part[0] <= part[1]]
    return left


def written(ports: Ports) -> str:
    """`22` or `137-139`."""
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"
