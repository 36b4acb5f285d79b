"""Plans of revoke_security_group_ingress that need what no local cloud has: load balancers, stacks, odd rules."""

from __future__ import annotations

from typing import Any

import pytest

from remediations.aws.revoke_security_group_ingress import RevokeSecurityGroupIngress, faces_internet
from remediations.aws.security_group_rules import permission, recorded, said, same
from stanch.finding import Resource
from stanch.remediation import Plan
from tests.unit.remediations.aws.canned_session import CannedSession

GROUP = Resource(
    "AWS::EC2::SecurityGroup", "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-0a", "111122223333", "eu-west-1"
)
BALANCER = {
    "RequesterId": "amazon-elb",
    "InterfaceType": "interface",
    "Association": {"PublicIp": "203.0.113.9"},
    "Groups": [{"GroupId": "sg-0a"}],
}


def rule(number: int, first: int, last: int, source: str = "0.0.0.0/0", **more: Any) -> dict[str, Any]:
    kind = "PrefixListId" if source.startswith("pl-") else "CidrIpv6" if ":" in source else "CidrIpv4"
    return {
        "SecurityGroupRuleId": f"sgr-{number}", "IsEgress": False, "IpProtocol": "tcp",
        "FromPort": first, "ToPort": last, kind: source, **more,
    }  # fmt: skip


LISTED = {"Entries": [{"Cidr": "198.51.100.0/24"}, {"Cidr": "::/0"}]}


def plan(
    rules: list[dict[str, Any]], ports: list[Any] | None = None, wearers: Any = (), tags: Any = (), listed: Any = LISTED
) -> Plan:
    group = {"GroupId": "sg-0a", "GroupName": "web", "Tags": list(tags)}
    session = CannedSession(
        {
            "ec2:describe_security_groups": {"SecurityGroups": [group]},
            "ec2:describe_security_group_rules": {"SecurityGroupRules": rules},
            "ec2:describe_network_interfaces": {"NetworkInterfaces": list(wearers)},
            "ec2:get_managed_prefix_list_entries": listed,
        }
    )
    return RevokeSecurityGroupIngress(session, "a1").plan(GROUP, {"ports": ports} if ports else {})  # type: ignore[arg-type]


def going(found: Plan) -> list[str]:
    return sorted(change.id for change in found.changes)


@pytest.mark.parametrize(
    ("interface", "public"),
    [
        (BALANCER, True),
        ({**BALANCER, "Association": {}}, False),
        ({"InterfaceType": "network_load_balancer", "Association": {"PublicIp": "203.0.113.9"}}, True),
        ({"InterfaceType": "network_load_balancer", "Ipv6Addresses": [{"Ipv6Address": "2001:db8::1"}], "DenyAllIgwTraffic": True}, False),
        ({"RequesterId": "amazon-elb", "Ipv6Addresses": [{"Ipv6Address": "2001:db8::1"}]}, True),
        ({"InterfaceType": "interface", "Association": {"PublicIp": "203.0.113.9"}}, False),
        ({"InterfaceType": "gateway_load_balancer", "Association": {"PublicIp": "203.0.113.9"}}, False),
    ],
)  # fmt: skip
def test_which_interfaces_are_of_a_public_load_balancer(interface: dict[str, Any], public: bool) -> None:
    assert faces_internet(interface) is public


WEB = [rule(80, 80, 80), rule(443, 443, 443, "::/0"), rule(8443, 8443, 8443), rule(22, 22, 22)]


def test_a_public_load_balancer_keeps_its_web_ports_and_nothing_else() -> None:
    assert going(plan(WEB, ["0-65535"], [BALANCER])) == ["rule:sgr-22", "rule:sgr-8443"]
    assert going(plan(WEB, ["0-65535"])) == ["rule:sgr-22", "rule:sgr-443", "rule:sgr-80", "rule:sgr-8443"]


def test_asked_for_web_ports_only_a_public_load_balancer_keeps_everything() -> None:
    found = plan(WEB, [80, 443], [BALANCER])
    assert found.contained
    assert found.facts["load_balancer"] is True
    assert found.reason


def test_a_range_that_reaches_further_goes_as_a_whole_and_is_said_to() -> None:
    found = plan([rule(1, 0, 65535), rule(2, 22, 22)])
    assert going(found) == ["rule:sgr-1", "rule:sgr-2"]
    assert [text for text in found.breaks if "as a whole" in text] == [
        "tcp 0-65535 from 0.0.0.0/0 goes as a whole: 0-65535 closes for that source"
    ]


def test_what_else_stays_open_to_the_internet_is_named() -> None:
    found = plan([rule(1, 22, 22), rule(2, 8080, 8080), rule(3, 9999, 9999, "203.0.113.0/24")])
    assert "open to the internet and not among the ports: tcp 8080 from 0.0.0.0/0" in found.not_done


def test_a_prefix_list_is_judged_by_its_entries() -> None:
    found = plan([rule(1, 22, 22, "pl-0a")])
    assert going(found) == ["rule:sgr-1"]
    assert any("pl-0a" in text for text in found.breaks)


@pytest.mark.parametrize("listed", [None, {"Entries": []}], ids=["not shared any more", "empty"])
def test_a_prefix_list_that_shows_nothing_keeps_no_other_rule_open(listed: Any) -> None:
    found = plan([rule(1, 22, 22, "pl-0a"), rule(2, 22, 22)], listed=listed)
    assert going(found) == ["rule:sgr-2"]
    assert "rules from prefix list pl-0a stay: it shows no networks to judge them by" in found.not_done
    assert not any("prefix list" in text for text in plan([rule(2, 22, 22)]).not_done)


def test_the_plan_says_who_wears_the_group_and_which_stack_drifts() -> None:
    wearer = {"Attachment": {"InstanceId": "i-0a"}, "Groups": [{"GroupId": "sg-0a"}, {"GroupId": "sg-0b"}]}
    found = plan(WEB, wearers=[wearer], tags=[{"Key": "aws:cloudformation:stack-name", "Value": "shop"}])
    assert found.breaks[0] == "1 network interface wears the group (instances i-0a)"
    assert any("stack shop" in text for text in found.breaks)
    assert any("sg-0b" in text for text in found.not_done)


def test_the_plan_does_not_depend_on_the_order_of_the_rules() -> None:
    assert plan(WEB, ["0-65535"]).digest() == plan(WEB[::-1], ["0-65535"]).digest()


@pytest.mark.parametrize(
    ("live", "asked"),
    [
        (rule(1, 22, 22, Description="x"), {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "x"}]}),
        (rule(1, 22, 22, "::/0"), {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}),
        (rule(1, 22, 22, "pl-0a"), {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "PrefixListIds": [{"PrefixListId": "pl-0a"}]}),
        ({**rule(1, -1, -1), "IpProtocol": "-1"}, {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}),
    ],
)  # fmt: skip
def test_a_recorded_rule_can_be_put_back(live: dict[str, Any], asked: dict[str, Any]) -> None:
    assert permission(recorded(live)) == asked


def test_tags_that_only_aws_may_write_are_no_state() -> None:
    marked = rule(
        1, 22, 22, Tags=[{"Key": "b", "Value": "2"}, {"Key": "aws:x", "Value": "1"}, {"Key": "a", "Value": "1"}]
    )
    assert recorded(marked)["tags"] == {"a": "1", "b": "2"}


def test_a_rule_is_the_same_whatever_its_description() -> None:
    one, other = recorded(rule(1, 22, 22)), recorded(rule(2, 22, 22, Description="again"))
    assert same(one, other)
    assert one != other
    assert said({**one, "protocol": "-1"}) == "all traffic from 0.0.0.0/0"
