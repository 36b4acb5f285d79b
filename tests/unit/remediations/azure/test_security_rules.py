from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediations.azure import ports
from remediations.azure.security_rules import Properties, cuts, from_anywhere, properties, sources

GUARDED = [(22, 22), (3389, 3389)]


def rule(priority: int, came_from: str | list[str], opened: str | list[str], **more: Any) -> Properties:
    return {
        "protocol": "Tcp", "access": "Allow", "direction": "Inbound", "priority": priority,
        "sourcePortRange": "*", "destinationAddressPrefix": "*",
        ("sourceAddressPrefix" if isinstance(came_from, str) else "sourceAddressPrefixes"): came_from,
        ("destinationPortRange" if isinstance(opened, str) else "destinationPortRanges"): opened,
        **more,
    }  # fmt: skip


def one(found: Properties, *others: Properties) -> Any:
    """What becomes of the first rule of a group."""
    named = {"rule": found, **{f"other{number}": other for number, other in enumerate(others)}}
    return cuts(named, GUARDED).get("rule")


@pytest.mark.parametrize(
    "prefixes",
    [
        ["*"], ["Internet"], ["internet"], ["0.0.0.0/0"], ["::/0"], ["0.0.0.0/1", "128.0.0.0/1"], ["2000::/3"], ["1.2.3.4/0"], ["64.0.0.0/2"],
        [f"{first}.0.0.0/8" for first in range(16, 32)],
    ],
)  # fmt: skip
def test_the_internet_has_many_names(prefixes: list[str]) -> None:
    assert from_anywhere(prefixes) == set(prefixes)


@pytest.mark.parametrize(
    "prefix",
    ["10.0.0.0/8", "17.0.0.0/8", "198.51.100.7", "VirtualNetwork", "AzureLoadBalancer", "Storage.WestEurope", "fd00::/8", "2001:db8::/32", "224.0.0.0/4", "9-lives"],
)  # fmt: skip
def test_what_is_somebodys_own_is_not_the_internet(prefix: str) -> None:
    assert from_anywhere([prefix, "0.0.0.0/0"]) == {"0.0.0.0/0"}


@pytest.mark.parametrize(
    "harmless",
    [
        rule(100, "*", "443"),
        rule(100, "10.0.0.0/8", "22"),
        rule(100, "*", "22", access="Deny"),
        rule(100, "*", "22", direction="Outbound"),
        rule(100, "*", "*", protocol="Icmp"),
        rule(100, [], "22", sourceApplicationSecurityGroups=[{"id": "/asg"}]),
    ],
)
def test_what_does_not_offend_stays(harmless: Properties) -> None:
    assert one(harmless) is None


def test_letters_case_does_not_hide_a_rule() -> None:
    assert one(rule(100, "INTERNET", "22", access="allow", direction="inbound", protocol="TCP")).after is None


def test_a_rule_keeps_its_form_and_everything_else() -> None:
    more = {
        "description": "shop",
        "destinationApplicationSecurityGroups": [{"id": "/asg"}],
        "sourcePortRange": "1024-65535",
    }
    cut = one(rule(100, "*", "20-25", **more))
    assert cut.after == properties({"properties": rule(100, "*", ["20-21", "23-25"], **more)})
    assert cut.open == ((22, 22),)
    assert one(rule(100, ["*"], ["22", "443"])).after == properties({"properties": rule(100, ["*"], ["443"])})


def test_every_port_but_the_guarded_ones_stays_open() -> None:
    cut = one(rule(100, "*", "*"))
    assert cut.after["destinationPortRanges"] == ["0-21", "23-3388", "3390-65535"]
    assert cut.lost is None


def test_a_rule_for_everything_that_gets_ports_loses_what_has_none() -> None:
    assert "ICMP" in one(rule(100, "*", "*", protocol="*")).lost
    assert "ICMP" in one(rule(100, ["*", "10.0.0.0/8"], "*", protocol="*")).lost
    assert one(rule(100, "*", "22", protocol="*")).lost is None


def test_the_whole_group_of_a_rule_says_which_numbers_are_free() -> None:
    mixed = rule(200, ["Internet", "10.0.0.0/8"], ["22", "443"])
    assert one(mixed).kept["priority"] == 201
    assert one(mixed, rule(201, "10.0.0.0/8", "80")).kept["priority"] == 199
    assert one(mixed, rule(201, "10.0.0.0/8", "80", direction="Outbound")).kept["priority"] == 201
    crowded = one(mixed, rule(201, "10.0.0.0/8", "80"), rule(199, "10.0.0.0/8", "81"))
    assert crowded.kept is None
    assert crowded.lost == "10.0.0.0/8 can no longer reach 22 through it"
    assert one(rule(4096, ["*", "10.0.0.0/8"], "20-25")).kept["priority"] == 4095


def test_two_rules_do_not_take_the_same_free_number() -> None:
    mixed = {
        "a": rule(110, ["*", "10.0.0.0/8"], "20-25"),
        "b": rule(112, ["*", "10.0.0.0/8"], "20-25"),
        "c": rule(113, "10.1.0.0/16", "80"),
    }
    found = cuts(mixed, GUARDED)
    assert found["a"].kept is not None
    assert found["a"].kept["priority"] == 111
    assert (found["b"].kept, bool(found["b"].lost)) == (None, True)


@pytest.mark.parametrize(
    ("deny", "still_open"),
    [
        (rule(90, "*", "22", access="Deny", protocol="*"), False),
        (rule(90, "*", "*", access="Deny"), False),
        (rule(300, "*", "22", access="Deny", protocol="*"), True),
        (rule(90, "Internet", "22", access="Deny"), True),
        (rule(90, "*", "22", access="Deny", protocol="Udp"), True),
        (rule(90, "*", "22", access="Deny", sourcePortRange="1024"), True),
        (rule(90, "*", "22", access="Deny", destinationAddressPrefix="10.1.0.4"), True),
        (rule(90, "*", "3389", access="Deny"), True),
    ],
)
def test_a_rule_that_is_never_reached_is_left_alone(deny: Properties, still_open: bool) -> None:
    assert (one(rule(200, "*", "22"), deny) is not None) is still_open


def test_just_in_time_access_shuts_the_machine_it_names() -> None:
    machine = {"destinationAddressPrefix": "10.1.0.4"}
    deny = rule(150, "*", ["22", "3389"], access="Deny", protocol="*", **machine)
    assert one(rule(200, "*", "22", **machine), deny) is None
    assert one(rule(200, "*", "22", destinationAddressPrefix="10.1.0.5"), deny) is not None


# Whole groups, judged by what they let through.

NAMES = ["*", "Internet", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8", "198.51.100.0/24"]
ANYWHERE, PRIVATE, PARTNER = ("8.8.8.8", "203.0.113.9"), "10.1.1.1", "198.51.100.7"
PORTS = ["22", "20-25", "443", "3389", "*"]

some_rules = st.lists(
    st.builds(
        rule,
        st.integers(100, 115),
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
        st.lists(st.sampled_from(PORTS), min_size=1, max_size=3, unique=True),
        access=st.sampled_from(["Allow", "Allow", "Deny"]),
    ),
    max_size=6,
    unique_by=lambda found: found["priority"],
)


def fits(found: Properties, address: str, port: int) -> bool:
    """Whether Azure would ask this rule about a packet; the test's own reading of the documentation."""
    given = ipaddress.ip_address(address)
    near = any(
        name == "*"
        or (name == "Internet" and not given.is_private)
        or ("/" in name and given in ipaddress.ip_network(name))
        for name in sources(found)
    )
    ranges = [found["destinationPortRange"]] if "destinationPortRange" in found else found["destinationPortRanges"]
    return near and any(low <= port <= high for low, high in map(ports.parse, ranges))


def lets_in(group: list[Properties], address: str, port: int) -> Properties | None:
    first = next(
        (found for found in sorted(group, key=lambda each: each["priority"]) if fits(found, address, port)), None
    )
    return first if first is not None and first["access"] == "Allow" else None


@given(some_rules)
def test_exactly_the_exposure_goes(group: list[Properties]) -> None:
    named = {str(number): found for number, found in enumerate(group)}
    found = cuts(named, GUARDED)
    after = [cut.after for cut in found.values() if cut.after] + [cut.kept for cut in found.values() if cut.kept]
    after += [kept for name, kept in named.items() if name not in found]
    for address in ANYWHERE:
        for port in (22, 3389):
            assert lets_in(after, address, port) is None, "nobody from anywhere"
    for address in (*ANYWHERE, PRIVATE, PARTNER):
        for port in (20, 23, 443, 9999):
            assert bool(lets_in(after, address, port)) == bool(lets_in(group, address, port)), (
                "other ports are as before"
            )
    if not any(cut.lost for cut in found.values()):
        for address, own in ((PRIVATE, "10.0.0.0/8"), (PARTNER, "198.51.100.0/24")):
            for port in (22, 3389):
                before = lets_in(group, address, port)
                if before is not None and own in sources(before):
                    assert lets_in(after, address, port), "whoever was let in by name still is"
    assert len({each["priority"] for each in after}) == len(after)
    assert cuts({str(number): each for number, each in enumerate(after)}, GUARDED) == {}, "nothing is left to do"
