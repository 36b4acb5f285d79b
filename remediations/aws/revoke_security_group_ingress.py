"""Revoke the ingress rules of a security group that open chosen ports to the internet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from remediations.aws import tags
from remediations.aws.internet import ALL_PORTS, Opening, Ports, exposed, parse_ports, without, written
from remediations.aws.security_group_rules import Rule, opening, permission, ports, recorded, said, same
from stanch.clouds.aws import AwsSession
from stanch.finding import Resource
from stanch.remediation import Change, Parameter, Permissions, Plan, Remediation, State

HIGH_RISK = (
    "20-23", "135", "137-139", "445", "1433-1434", "3306", "3389", "4333", "5432", "5500", "5601", "5900-5903", "5985-5986",
    "6379", "9200", "9300", "11211", "27017",
)  # fmt: skip
"""Remote administration, file shares and data stores: the ports of AWS Config's restricted-common-ports (20, 21, 3306, 3389, 4333;
https://docs.aws.amazon.com/config/latest/developerguide/restricted-common-ports.html) and of Security Hub's EC2.19
(https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-19) less its mail and web ports (25, 110, 143, 3000, 5000, 8080,
8088, 8888), from which people serve the public on purpose; and NetBIOS, VNC, WinRM, Redis, Memcached and MongoDB."""

WEB = (80, 443)
_MISSING_GROUP = ("InvalidGroup.NotFound", "InvalidGroupId.Malformed")
_MISSING_LIST = ("InvalidPrefixListID.NotFound", "InvalidPrefixListId.NotFound")
_MISSING_RULE = ("InvalidSecurityGroupRuleId.NotFound", "InvalidPermission.NotFound")


class RevokeSecurityGroupIngress(Remediation[AwsSession]):
    """Revokes by rule id, and only rules whose source amounts to the internet and that reach one of the ports; every other rule stays.

    Sources count for what they let in: `0.0.0.0/0`, `::/0`, halves of them, `2000::/3`, prefix lists with such entries. On a group that a public load balancer wears, 80 and 443 are
    never among the ports. Undo authorises the same rule again with its description and tags; AWS gives it a new rule id.
    """

    id = "aws.ec2.revoke_security_group_ingress"
    title = "Revoke security-group rules open to the internet"
    resource_type = "AWS::EC2::SecurityGroup"
    countermeasure = "D3-ITF"
    disruption = "New connections from the internet to these ports fail, the legitimate ones too."
    parameters = (Parameter("ports", "ports", "the ports to close to the internet", default=HIGH_RISK, identity=True),)
    facts: ClassVar[Mapping[str, str]] = {
        "load_balancer": "true when a load balancer that faces the internet wears the group",
        "interfaces": "how many network interfaces wear the group",
        "default_group": "true for the default group of its VPC",
    }
    permissions = Permissions(
        plan=frozenset(
            {
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSecurityGroupRules",
                "ec2:DescribeNetworkInterfaces",
                "ec2:GetManagedPrefixListEntries",
            }
        ),
        apply=frozenset({"ec2:DescribeSecurityGroupRules", "ec2:RevokeSecurityGroupIngress"}),
        undo=frozenset({"ec2:DescribeSecurityGroupRules", "ec2:AuthorizeSecurityGroupIngress"}),
        dependent={"ec2:CreateTags": "a rule that bore tags is authorised again with them"},
    )

    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        group_id = resource.id.rpartition("/")[2]
        answer = self.session.call("ec2", "describe_security_groups", missing=_MISSING_GROUP, GroupIds=[group_id])
        if not answer or not answer["SecurityGroups"]:
            return Plan(resource, reason="gone")
        group = answer["SecurityGroups"][0]
        name, live = group["GroupName"], tags.as_mapping(group.get("Tags"))
        wearers = self._wearers(group_id)
        balanced = any(faces_internet(wearer) for wearer in wearers)
        wanted = _wanted(params, balanced)
        rules = self._rules(group_id)
        openings = [self._opening(rule_id, rule) for rule_id, rule in rules.items()]
        offending = sorted((found.id for found in exposed(openings, wanted)), key=lambda rule_id: said(rules[rule_id]))
        kept = {found.id for found in exposed(openings, [ALL_PORTS])}.difference(offending)
        changes = tuple(_change(group_id, name, rule_id, rules[rule_id]) for rule_id in offending)
        return Plan(
            resource,
            changes=changes,
            aliases=(group_id, name),
            tags=live,
            facts={"load_balancer": balanced, "interfaces": len(wearers), "default_group": name == "default"},
            breaks=(
                _worn_by(wearers),
                *_wider([rules[rule_id] for rule_id in offending], wanted),
                *tags.drift(live),
            ),
            not_done=(
                *_left_open(group_id, wearers, [rules[rule_id] for rule_id in kept]),
                *_unjudged({found.id for found in openings if not found.networks}, rules),
            ),
            reason=None
            if changes
            else f"no rule opens {', '.join(map(written, wanted)) or 'any other port'} to the internet",
        )

    def read(self, change: Change) -> State:
        live = self._rules(change.data["group"]).values()
        return next((rule for rule in live if same(rule, change.before)), None)

    def apply(self, change: Change) -> Change:
        group = change.data["group"]
        # A rule id that is gone is the after-state, unless somebody made the very same rule anew, which has another.
        if self._revoke(group, change.data["rule"]) is None:
            for rule_id in [name for name, rule in self._rules(group).items() if rule == change.before]:
                self._revoke(group, rule_id)
        return change

    def undo(self, change: Change) -> None:
        marks = [{"Key": key, "Value": value} for key, value in change.before["tags"].items()]
        extra: dict[str, Any] = (
            {"TagSpecifications": [{"ResourceType": "security-group-rule", "Tags": marks}]} if marks else {}
        )
        self.session.call(
            "ec2", "authorize_security_group_ingress",
            GroupId=change.data["group"], IpPermissions=[permission(change.before)], **extra,
        )  # fmt: skip

    def _revoke(self, group: str, rule_id: str) -> Any:
        """AWS's answer, None for a rule that is not there."""
        return self.session.call(
            "ec2", "revoke_security_group_ingress", missing=_MISSING_RULE, GroupId=group, SecurityGroupRuleIds=[rule_id]
        )

    def _wearers(self, group_id: str) -> list[Mapping[str, Any]]:
        worn = [{"Name": "group-id", "Values": [group_id]}]
        return self.session.pages("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=worn)

    def _rules(self, group_id: str) -> dict[str, Rule]:
        """The ingress rules by id."""
        of_group = [{"Name": "group-id", "Values": [group_id]}]
        live = self.session.pages("ec2", "describe_security_group_rules", "SecurityGroupRules", Filters=of_group)
        return {rule["SecurityGroupRuleId"]: recorded(rule) for rule in live if not rule["IsEgress"]}

    def _opening(self, rule_id: str, rule: Rule) -> Opening:
        if not rule["source"].startswith("pl-"):
            return opening(rule_id, rule, ())
        # Another account's list that is not shared any more is not there for us; the rules that name it go on.
        entries = self.session.pages(
            "ec2", "get_managed_prefix_list_entries", "Entries", missing=_MISSING_LIST, PrefixListId=rule["source"]
        )
        return opening(rule_id, rule, [entry["Cidr"] for entry in entries])


def faces_internet(interface: Mapping[str, Any]) -> bool:
    """Whether the interface belongs to a load balancer that the internet reaches: it has a public address, or an IPv6 one that
    the internet gateway lets in (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html)."""
    kind = interface.get("InterfaceType")
    balancer = interface.get("RequesterId") == "amazon-elb" or kind in ("load_balancer", "network_load_balancer")
    reachable = bool(interface.get("Ipv6Addresses")) and not interface.get("DenyAllIgwTraffic")
    return balancer and (bool(interface.get("Association", {}).get("PublicIp")) or reachable)


def _wanted(params: Mapping[str, Any], balanced: bool) -> list[Ports]:
    wanted = parse_ports(params.get("ports") or HIGH_RISK)
    for port in WEB if balanced else ():
        wanted = without(wanted, port)
    return wanted


def _change(group_id: str, name: str, rule_id: str, rule: Rule) -> Change:
    target = f"ingress {said(rule)} of security group {group_id} ({name})"
    return Change(f"rule:{rule_id}", target, rule, None, {"group": group_id, "rule": rule_id})


def _worn_by(wearers: Sequence[Mapping[str, Any]]) -> str:
    if not wearers:
        return "no network interface wears the group"
    instances = sorted({found for one in wearers if (found := one.get("Attachment", {}).get("InstanceId"))})
    named = f" (instances {_some(instances)})" if instances else ""
    count = "1 network interface wears" if len(wearers) == 1 else f"{len(wearers)} network interfaces wear"
    return f"{count} the group{named}"


def _wider(offending: Iterable[Rule], wanted: Sequence[Ports]) -> list[str]:
    """What closes beyond the wanted ports and sources, because AWS revokes a rule as a whole."""
    sentences = []
    for rule in offending:
        first, last = ports(rule)
        if not any(low <= first and last <= high for low, high in wanted):
            sentences.append(f"{said(rule)} goes as a whole: {written((first, last))} closes for that source")
        if rule["source"].startswith("pl-"):
            sentences.append(f"every network of prefix list {rule['source']} loses these ports, small ones too")
    return sentences


def _left_open(group_id: str, wearers: Iterable[Mapping[str, Any]], kept: Iterable[Rule]) -> tuple[str, ...]:
    others = sorted({group["GroupId"] for one in wearers for group in one.get("Groups", [])} - {group_id})
    stay = sorted(said(rule) for rule in kept)
    return (
        "connections that are already open live on until they end: security groups track them",
        "undo makes the same rules again, with new rule ids",
        *((f"open to the internet and not among the ports: {_some(stay)}",) if stay else ()),
        *((f"the same interfaces also wear {_some(others)}, which may open the ports too",) if others else ()),
    )


def _unjudged(unseen: Iterable[str], rules: Mapping[str, Rule]) -> list[str]:
    lists = sorted({source for rule_id in unseen if (source := rules[rule_id]["source"]).startswith("pl-")})
    return [f"rules from prefix list {name} stay: it shows no networks to judge them by" for name in lists]


def _some(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
