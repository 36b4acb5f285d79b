"""VPCs, subnets, security groups and interfaces with given ids.

moto makes up the ids of what it creates, so these are made from its own classes and put into its registers as its `create_*` do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from moto.ec2.models import EC2Backend
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupRule
from moto.ec2.models.subnets import Subnet
from moto.ec2.models.vpcs import VPC

from stanch.local.aws.seeding.exposure import Opening
from stanch.local.aws.seeding.scene import Unseedable

VPC_RANGE = "10.0.0.0/16"
_ID = re.compile(r"[a-z]+-[A-Za-z0-9]+")


def check_id(identifier: str) -> str:
    """Raises Unseedable for what cannot be an EC2 id at all (a placeholder, an empty text)."""
    if not _ID.fullmatch(identifier):
        raise Unseedable(f"'{identifier}' is no EC2 id")
    return identifier


def beside(group_or_instance: str, kind: str) -> str:
    """A steady id for what the finding does not name (`vpc-…` beside `sg-…`)."""
    return f"{kind}-{group_or_instance.rpartition('-')[2]}"


def ensure_vpc(backend: EC2Backend, vpc_id: str) -> None:
    if vpc_id in backend.vpcs:
        return
    backend.vpcs[vpc_id] = VPC(backend, check_id(vpc_id), VPC_RANGE, is_default=False)  # type: ignore[abstract]
    backend.create_route_table(vpc_id, main=True)
    backend.create_network_acl(vpc_id, default=True)
    backend.create_security_group("default", "default VPC security group", vpc_id=vpc_id, is_default=True)


def ensure_subnet(backend: EC2Backend, subnet_id: str, vpc_id: str, zone: str | None = None) -> Subnet:
    """The subnet, made in `vpc_id` where missing; an existing one may be in another VPC."""
    for known in backend.describe_subnets():
        if known.id == subnet_id:
            return known
    ensure_vpc(backend, vpc_id)
    zones = RegionsAndZonesBackend.zones[backend.region_name]
    chosen = next((one for one in zones if one.name == zone), zones[0])
    used = len(backend.describe_subnets(filters={"vpc-id": vpc_id}))
    subnet = Subnet(  # type: ignore[abstract]
        backend, check_id(subnet_id), vpc_id, f"10.0.{used % 256}.0/24", None, chosen, False, False
    )
    backend.associate_default_network_acl_with_subnet(subnet_id, vpc_id)
    backend.subnets[chosen.name][subnet_id] = subnet
    return subnet


def ensure_group(
    backend: EC2Backend, group_id: str, name: str, vpc_id: str, openings: Iterable[Opening]
) -> SecurityGroup | None:
    """The group made in `vpc_id` with the rules; None where it exists, for then it is left as it is."""
    if backend.get_security_group_from_id(group_id) is not None:
        return None
    ensure_vpc(backend, vpc_id)
    group = SecurityGroup(  # type: ignore[abstract]
        backend, check_id(group_id), name, "Made for a replayed finding", vpc_id=vpc_id
    )
    for opening in openings:
        group.add_ingress_rule(_rule(backend, group_id, opening))
    backend.groups[vpc_id][group_id] = group
    return group


def _rule(backend: EC2Backend, group_id: str, opening: Opening) -> SecurityGroupRule:
    source, address, pair, prefixes = opening.source, None, None, None
    if source.startswith("sg-"):
        pair = {"GroupId": source, "UserId": backend.account_id, "OwnerId": backend.account_id}
    elif source.startswith("pl-"):
        prefixes = {"PrefixListId": source}
    else:
        address = {"CidrIpv6" if ":" in source else "CidrIp": source}
    first, last = (None if port is None else str(port) for port in (opening.first, opening.last))
    return SecurityGroupRule(backend, opening.protocol, group_id, first, last, address, pair, prefixes, is_egress=False)
