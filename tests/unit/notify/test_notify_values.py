"""Changes as people read them."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.notify import values
from tests.unit.notify.samples import HOSTILE

SUB = "/subscriptions/00000000-0000-0000-0000-0000000000a1"
NETWORK = f"{SUB}/resourceGroups/rg-web/providers/Microsoft.Network"
OURS = "stanch-05bd6106057c-1a20949d031"
FLAGS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
ALLOW = {"access": "Allow", "direction": "Inbound", "priority": 300, "protocol": "Tcp", "sourceAddressPrefix": "*", "sourcePortRange": "*",
         "destinationAddressPrefix": "*", "destinationPortRange": "22"}  # fmt: skip
DENY = {**ALLOW, "access": "Deny", "protocol": "*", "destinationPortRange": "*"}
CUTOFF = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2026-11-20T03:12:45Z"}}}]}  # fmt: skip


def ingress(ports: int | tuple[int, int], source: str, protocol: str = "tcp", **more: Any) -> dict[str, Any]:
    first, last = ports if isinstance(ports, tuple) else (ports, ports)
    rule = {"protocol": protocol, "from": first, "to": last, "source": source, "description": None, "tags": {}}
    return {"target": f"ingress of security group sg-1 from {source}", "before": rule, "after": None, **more}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("arn:aws:ec2:eu-west-1:111122223333:security-group/sg-0abc", "security-group/sg-0abc"),
        ("arn:aws:iam::111122223333:role/path/web", "role/path/web"),
        ("arn:aws-cn:s3:::reports", "reports"),
        (
            f"{SUB}/resourceGroups/rg-web/providers/Microsoft.Compute/virtualMachines/vm-1",
            "rg-web/virtualMachines/vm-1",
        ),
        (f"{SUB}/providers/Microsoft.Security/locations/x", "locations/x"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("", ""),
    ],
)
def test_the_part_that_people_know(name: str, shown: str) -> None:
    assert values.short(name) == shown


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (None, "none"), ([], "none"), ({}, "none"), (True, "true"), (False, "false"), (5, "5"), ("", '""'), ("Active", "Active"),
        (["sg-1", "sg-2"], "sg-1, sg-2"),
        ([OURS], "containment group"),
        (f"{NETWORK}/networkSecurityGroups/{OURS}", "quarantine group"),
        (f"{NETWORK}/networkSecurityGroups/web-nsg", "web-nsg"),
        ("arn:aws:iam::111122223333:role/web", "web"),
        ({"a": True, "b": True, "c": 1}, "a, b: true, c: 1"),
        ({"ingress": [], "egress": []}, "nothing in, nothing out"),
        ({"rules": {"in": DENY, "out": {**DENY, "direction": "Outbound"}}, "tag": "x"}, "deny all traffic from anyone, deny all traffic to anyone"),
        (CUTOFF, "denies sessions issued before 2026-11-20T03:12:45Z"),
        ("x → y", "x -> y"),
    ],
)  # fmt: skip
def test_states_in_words(state: Any, shown: str) -> None:
    assert values.words(state) == shown


@pytest.mark.parametrize(
    ("rule", "shown"),
    [
        (ingress(22, "0.0.0.0/0")["before"], "tcp 22 from 0.0.0.0/0"),
        (ingress((8000, 8080), "::/0", "udp")["before"], "udp 8000-8080 from ::/0"),
        (ingress(-1, "sg-2", "-1")["before"], "all traffic from sg-2"),
        (ingress(-1, "10.0.0.0/8", "icmp")["before"], "icmp from 10.0.0.0/8"),
        (ALLOW, "tcp 22 from anyone"),
        (
            {**ALLOW, "protocol": "*", "destinationPortRange": None, "destinationPortRanges": ["22", "3389"]},
            "any 22, 3389 from anyone",
        ),
        (
            {**ALLOW, "sourceAddressPrefix": None, "sourceAddressPrefixes": ["10.0.0.0/8", "Internet"]},
            "tcp 22 from 10.0.0.0/8, Internet",
        ),
        ({**ALLOW, "sourceAddressPrefix": None}, "tcp 22 from application groups"),
        ({"a": 1}, None),
        (None, None),
    ],
)
def test_rules_in_words(rule: Any, shown: str | None) -> None:
    assert values.rule(rule) == shown


@pytest.mark.parametrize(
    ("before", "after", "undone", "shown"),
    [
        ("Active", "Inactive", False, "t: Active → Inactive"),
        ("Active", "Inactive", True, "t: Inactive → Active"),
        (dict.fromkeys(FLAGS, False), dict.fromkeys(FLAGS, True), False, f"t: {', '.join(FLAGS)}: false → true"),
        ({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 3, "d": 4}, False, "t: b: 2 → 3, c: 3 → none, d: none → 4"),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, True, "t: b: 3 → 2"),
        ({"a": 1}, {"a": 1}, False, "t: no difference"),
        (None, CUTOFF, False, "t: none → denies sessions issued before 2026-11-20T03:12:45Z"),
        (ALLOW, None, False, "t: tcp 22 from anyone → revoked"),
        (["sg-0f1e"], [OURS], False, "t: sg-0f1e → containment group"),
        (["sg-0f1e"], [OURS], True, "t: containment group → sg-0f1e"),
    ],
)
def test_one_change(before: Any, after: Any, undone: bool, shown: str) -> None:
    assert values.change({"target": "t", "before": before, "after": after}, undone) == shown


def test_a_policy_that_another_cutoff_replaces_is_told_as_a_whole() -> None:
    later = {
        **CUTOFF,
        "Statement": [
            {**CUTOFF["Statement"][0], "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2026-11-21T00:00:00Z"}}}
        ],
    }
    shown = values.change({"target": "t", "before": CUTOFF, "after": later})
    assert (
        shown
        == "t: denies sessions issued before 2026-11-20T03:12:45Z → denies sessions issued before 2026-11-21T00:00:00Z"
    )


def test_a_rule_of_azure_is_called_by_its_name() -> None:
    target = "inbound rule AllowSsh (priority 300, * to 22) of network security group vm-nsg"
    assert (
        values.change({"target": target, "before": ALLOW, "after": None})
        == "inbound rule AllowSsh of network security group vm-nsg: tcp 22 from anyone → revoked"
    )


@pytest.mark.parametrize(
    ("status", "undone", "shown"),
    [
        ("applied", False, "t: 1 → 2"), ("failed", False, "t: 1 → 2 (FAILED)"), ("skipped", False, "t: 1 → 2 (not tried)"),
        ("undone", True, "t: 2 → 1"), (None, True, "t: 2 → 1"), ("applied", True, "t: 1 → 2 (stays)"), ("failed", True, "t: 1 → 2 (had failed)"),
    ],
)  # fmt: skip
def test_a_change_with_another_fate_says_so(status: str | None, undone: bool, shown: str) -> None:
    assert values.change({"target": "t", "before": 1, "after": 2, "status": status}, undone) == shown


def test_rules_that_differ_in_port_or_source_share_a_line() -> None:
    found = [ingress(port, source) for port in (20, 21, 3306) for source in ("0.0.0.0/0", "::/0")]
    assert values.changes(found) == ["tcp 20, 21, 3306 from 0.0.0.0/0, ::/0 → revoked"]
    assert values.changes(found, undone=True) == ["revoked → tcp 20, 21, 3306 from 0.0.0.0/0, ::/0"]


def test_only_rules_with_the_same_fate_share_a_line() -> None:
    found = [
        ingress(22, "0.0.0.0/0"),
        ingress(22, "::/0", status="failed"),
        ingress(3389, "0.0.0.0/0"),
        ingress(53, "0.0.0.0/0", "udp"),
    ]
    assert values.changes(found) == [
        "tcp 22, 3389 from 0.0.0.0/0 → revoked",
        "tcp 22 from ::/0 → revoked (FAILED)",
        "udp 53 from 0.0.0.0/0 → revoked",
    ]
    back = [{**ingress(22, "0.0.0.0/0"), "before": None, "after": ingress(22, "0.0.0.0/0")["before"]}]
    assert values.changes(back) == ["revoked → tcp 22 from 0.0.0.0/0"]


def test_how_many_more_there_are_is_said() -> None:
    found = [{"target": f"t{at}", "before": 1, "after": 2} for at in range(5)]
    assert values.changes(found, limit=2) == ["t0: 1 → 2", "t1: 1 → 2", "… and 3 more"]
    assert values.changes(found, limit=5)[-1] == "t4: 1 → 2"
    assert values.changes([]) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_inert(name: str) -> None:
    text = HOSTILE[name]
    found = [
        {"target": text, "before": {"a": text}, "after": {"a": [text], text: 1}},
        {"target": text, "before": text, "after": None},
        ingress(22, text),
    ]
    for line in values.changes(found):
        assert not [char for char in line if unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")]
        assert "://" not in line


def test_a_name_cannot_tell_of_a_change_that_was_not_made() -> None:
    shown = values.change({"target": "key: Active → Inactive", "before": "a → b", "after": "c"})
    assert shown.count("→") == 1
    assert shown.endswith(" → c")


states = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(max_size=30), states, states, st.booleans())
def test_any_change_is_one_line_of_bounded_length(target: str, before: Any, after: Any, undone: bool) -> None:
    (line,) = values.changes([{"target": target, "before": before, "after": after}], undone)
    assert line.isprintable()
    assert len(line) <= 4 * values.WIDTH
