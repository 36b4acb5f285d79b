"""Security-group rules as they are recorded, compared, judged, put back and spoken of. Pure; no SDK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from remediations.aws import tags
from remediations.aws.internet import ALL_PORTS, Opening, Ports, networks, written

Rule = dict[str, Any]
"""`protocol`, `from`, `to` (-1 where the protocol has no ports), `source` (a CIDR, a prefix list's or a group's id), `description` or None, `tags`."""


def recorded(rule: Mapping[str, Any]) -> Rule:
    """A rule of DescribeSecurityGroupRules. Tags that AWS itself sets cannot be put back, so they are no part of it."""
    group = rule.get("ReferencedGroupInfo", {}).get("GroupId", "")
    marks = sorted(tags.as_mapping(rule.get("Tags")).items())
    return {
        "protocol": rule["IpProtocol"],
        "from": rule.get("FromPort", -1),
        "to": rule.get("ToPort", -1),
        "source": rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId") or group,
        "description": rule.get("Description") or None,
        "tags": {key: value for key, value in marks if not key.startswith("aws:")},
    }


def same(one: Rule, other: Rule) -> bool:
    """Whether AWS would take both for one rule: a group never holds two."""
    return all(one[part] == other[part] for part in ("protocol", "from", "to", "source"))


def permission(rule: Rule) -> dict[str, Any]:
    """The rule as AuthorizeSecurityGroupIngress takes it; its source is a CIDR or a prefix list."""
    source = rule["source"]
    described = {"Description": rule["description"]} if rule["description"] else {}
    between = {} if rule["protocol"] == "-1" else {"FromPort": rule["from"], "ToPort": rule["to"]}
    if source.startswith("pl-"):
        ranges = {"PrefixListIds": [{"PrefixListId": source, **described}]}
    elif ":" in source:
        ranges = {"Ipv6Ranges": [{"CidrIpv6": source, **described}]}
    else:
        ranges = {"IpRanges": [{"CidrIp": source, **described}]}
    return {"IpProtocol": rule["protocol"], **between, **ranges}


def ports(rule: Rule) -> Ports:
    """The ports that the rule opens."""
    return ALL_PORTS if rule["protocol"] == "-1" or rule["from"] == -1 else (rule["from"], rule["to"])


def opening(rule_id: str, rule: Rule, entries: Sequence[str]) -> Opening:
    """What the rule lets in; `entries` are the CIDRs of its prefix list, if its source is one."""
    ranges = entries if rule["source"].startswith("pl-") else [rule["source"]] if "/" in rule["source"] else []
    return Opening(rule_id, rule["protocol"], ports(rule), networks(ranges))


def said(rule: Rule) -> str:
    """`tcp 22 from 0.0.0.0/0`."""
    what = "all traffic" if rule["protocol"] == "-1" else f"{rule['protocol']} {written(ports(rule))}"
    return f"{what} from {rule['source']}"
