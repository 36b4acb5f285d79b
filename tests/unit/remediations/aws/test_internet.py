"""What counts as the internet, and which ports a rule reaches."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediations.aws.internet import ALL_PORTS, Opening, covering, exposed, networks, parse_ports, wide, without
from stanch.errors import PolicyError


def opening(rule: str, *cidrs: str, protocol: str = "tcp", ports: tuple[int, int] = (22, 22)) -> Opening:
    return Opening(rule, protocol, ports, networks(cidrs))


@pytest.mark.parametrize(
    "cidr",
    ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "64.0.0.0/2", "8.0.0.0/7", "::/0", "::/1", "2000::/3", "2600::/12"],
)
def test_a_range_that_nobody_owns_alone_is_the_internet(cidr: str) -> None:
    assert wide(ip_network(cidr))


@pytest.mark.parametrize(
    "cidr",
    ["10.0.0.0/8", "17.0.0.0/8", "172.16.0.0/12", "203.0.113.7/32", "224.0.0.0/4", "240.0.0.0/4", "fc00::/7", "fe80::/10", "2600::/16", "2001:db8::/32"],
)  # fmt: skip
def test_a_range_that_somebody_may_own_or_nobody_can_send_from_is_not(cidr: str) -> None:
    assert not wide(ip_network(cidr))


@given(st.lists(st.integers(0, 1000), max_size=80))
def test_the_internet_in_pieces_is_the_internet_however_it_is_cut(cuts: list[int]) -> None:
    pieces = [IPv4Network("0.0.0.0/0")]
    for cut in cuts:
        piece = pieces.pop(cut % len(pieces))
        pieces += piece.subnets() if piece.prefixlen < 16 else [piece]
    rules = [opening(str(piece), str(piece)) for piece in pieces]
    office = opening("office", "203.0.113.0/24")
    assert {one.id for one in exposed([*rules, office], [(22, 22)])} == {one.id for one in rules}


def test_a_rule_for_every_slash_eight_is_the_internet() -> None:
    rules = [opening(str(first), f"{first}.0.0.0/8") for first in range(256)]
    assert exposed(rules, [(22, 22)]) == rules


@given(st.lists(st.integers(0, 2**24 - 1), max_size=60, unique=True))
def test_an_allow_list_is_never_the_internet(blocks: list[int]) -> None:
    rules = [opening(str(block), f"{block >> 16}.{block >> 8 & 255}.{block & 255}.0/24") for block in blocks]
    assert exposed(rules, [ALL_PORTS]) == []


def test_pieces_that_do_not_reach_half_of_it_stay() -> None:
    assert covering(networks(f"{first}.0.0.0/8" for first in range(1, 100))) == set()
    assert len(covering(networks(f"{first}.0.0.0/8" for first in range(1, 140)))) == 139


def test_pieces_on_different_ports_do_not_add_up() -> None:
    low = [opening(f"l{first}", f"{first}.0.0.0/8") for first in range(70)]
    high = [opening(f"h{first}", f"{first}.0.0.0/8", ports=(3389, 3389)) for first in range(70, 140)]
    assert exposed([*low, *high], [ALL_PORTS]) == []


def test_ipv6_in_pieces() -> None:
    pieces = [str(one) for one in ip_network("2000::/4").subnets(new_prefix=16)]
    assert len(exposed([opening(cidr, cidr) for cidr in pieces], [(22, 22)])) == len(pieces)


def test_one_entry_is_enough_for_a_prefix_list() -> None:
    listed = opening("list", "203.0.113.0/24", "0.0.0.0/1")
    assert exposed([listed], [(22, 22)]) == [listed]


@pytest.mark.parametrize(
    ("protocol", "ports", "found"),
    [
        ("tcp", (0, 65535), True),
        ("udp", (20, 25), True),
        ("-1", ALL_PORTS, True),
        ("tcp", (23, 80), False),
        ("icmp", (8, -1), False),
        ("50", ALL_PORTS, False),
    ],
)
def test_only_protocols_with_ports_that_meet_the_wanted_ones(
    protocol: str, ports: tuple[int, int], found: bool
) -> None:
    assert bool(exposed([opening("r", "0.0.0.0/0", protocol=protocol, ports=ports)], [(22, 22)])) is found


def test_a_source_that_is_another_group_is_no_address_range() -> None:
    assert exposed([opening("r", protocol="-1", ports=ALL_PORTS)], [ALL_PORTS]) == []


def test_ports_are_read_as_numbers_and_ranges() -> None:
    assert parse_ports([22, "443", "137-139"]) == [(22, 22), (443, 443), (137, 139)]


@pytest.mark.parametrize("value", ["ssh", "22-", "-1", "90-80", "70000", "1-2-3", "", "２２x"])
def test_a_port_that_is_none_is_refused_by_name(value: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_ports([value])
    assert refused.value.place == "ports"
    assert repr(value) in refused.value.reason


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)).map(lambda pair: (min(pair), max(pair)))),
    st.integers(0, 300),
)
def test_taking_one_port_out_leaves_every_other(wanted: list[tuple[int, int]], port: int) -> None:
    def spread(ranges: list[tuple[int, int]]) -> set[int]:
        return {one for first, last in ranges for one in range(first, last + 1)}

    assert spread(without(wanted, port)) == spread(wanted) - {port}
