"""Groups open to the internet in every way that AWS knows, each beside rules that must stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stanch.finding import Resource
from tests.contract.scenario import Scenario
from tests.contract.worlds import AwsWorld

ID = "aws.ec2.revoke_security_group_ingress"
Permission = dict[str, Any]


def tcp(first: int, last: int, **source: Any) -> Permission:
    return {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, **source}


def v4(cidr: str, description: str = "") -> dict[str, Any]:
    return {"IpRanges": [{"CidrIp": cidr, **({"Description": description} if description else {})}]}


def v6(cidr: str) -> dict[str, Any]:
    return {"Ipv6Ranges": [{"CidrIpv6": cidr, "Description": "six"}]}


KEPT = [
    tcp(22, 22, **v4("203.0.113.0/24", "office")),
    tcp(443, 443, **v4("0.0.0.0/0", "shop")),
    tcp(3389, 3389, **v6("fc00::/7")),
]


def exposing(bad: list[Permission], kept: list[Permission], own_vpc: bool = True) -> Callable[[AwsWorld], Resource]:
    """A group with rules that must go and rules that must stay, worn by one interface; a neighbour group may send it everything."""

    def expose(world: AwsWorld) -> Resource:
        ec2 = world.client("ec2")
        vpc, subnet = _network(ec2, own_vpc)
        group = ec2.create_security_group(
            GroupName=world.unique("web"), Description="web servers", VpcId=vpc,
            TagSpecifications=[{"ResourceType": "security-group", "Tags": [{"Key": "team", "Value": "shop"}]}],
        )["GroupId"]  # fmt: skip
        neighbour = ec2.create_security_group(GroupName=world.unique("db"), Description="data", VpcId=vpc)["GroupId"]
        ec2.create_network_interface(SubnetId=subnet, Groups=[group, neighbour])
        beside = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": neighbour}]}
        for permission in (*kept, beside):
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
        marked = [{"ResourceType": "security-group-rule", "Tags": [{"Key": "ticket", "Value": "none"}]}]
        for permission in bad:
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission], TagSpecifications=marked)
        arn = f"arn:aws:ec2:{world.region}:{world.account}:security-group/{group}"
        return Resource("AWS::EC2::SecurityGroup", arn, world.account, world.region, "target")

    return expose


def _network(ec2: Any, own_vpc: bool) -> tuple[str, str]:
    if not own_vpc:
        vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
        return vpc, subnets[0]["SubnetId"]
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    return vpc, ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.1.0/24")["Subnet"]["SubnetId"]


def expose_prefix_list(world: AwsWorld) -> Resource:
    ec2 = world.client("ec2")
    lists = {}
    for name, cidrs in {
        "halves": ["0.0.0.0/1", "128.0.0.0/1"],
        "offices": ["203.0.113.0/24", "198.51.100.0/24"],
    }.items():
        lists[name] = ec2.create_managed_prefix_list(
            PrefixListName=world.unique(name),
            AddressFamily="IPv4",
            MaxEntries=5,
            Entries=[{"Cidr": cidr} for cidr in cidrs],
        )["PrefixList"]["PrefixListId"]
    bad, kept = (tcp(22, 22, PrefixListIds=[{"PrefixListId": lists[name]}]) for name in ("halves", "offices"))
    return exposing([bad], [kept])(world)


def snapshot(world: AwsWorld, resource: Resource) -> Any:
    """Every ingress rule but for its id, which AWS gives anew."""
    rules = world.client("ec2").describe_security_group_rules(
        Filters=[{"Name": "group-id", "Values": [_group(resource)]}]
    )["SecurityGroupRules"]
    parts = ("IpProtocol", "FromPort", "ToPort", "CidrIpv4", "CidrIpv6", "PrefixListId", "Description", "Tags")
    return sorted(
        ({**{part: rule.get(part) for part in parts}, "Group": rule.get("ReferencedGroupInfo", {}).get("GroupId")}
         for rule in rules if not rule["IsEgress"]),
        key=str,
    )  # fmt: skip


def containing(*stay: str) -> Callable[[AwsWorld, Resource], bool]:
    """Whether exactly the rules from these sources, and the neighbour's, are left."""

    def contained(world: AwsWorld, resource: Resource) -> bool:
        left = snapshot(world, resource)
        sources = sorted(rule["CidrIpv4"] or rule["CidrIpv6"] or "other" for rule in left)
        return sources == sorted((*stay, "other"))

    return contained


def contained_prefix_list(world: AwsWorld, resource: Resource) -> bool:
    lists = [rule["PrefixListId"] for rule in snapshot(world, resource) if rule["PrefixListId"]]
    found = world.client("ec2").describe_managed_prefix_lists(PrefixListIds=lists)["PrefixLists"]
    return len(found) == 1 and found[0]["PrefixListName"].startswith("offices")


def drifting(permission: Permission) -> Callable[[AwsWorld, Resource], None]:
    """Somebody opens the same again under another description."""

    def drift(world: AwsWorld, resource: Resource) -> None:
        world.client("ec2").authorize_security_group_ingress(GroupId=_group(resource), IpPermissions=[permission])

    return drift


def remove(world: AwsWorld, resource: Resource) -> None:
    ec2, group = world.client("ec2"), _group(resource)
    for interface in ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [group]}])[
        "NetworkInterfaces"
    ]:
        ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    ec2.delete_security_group(GroupId=group)


def _group(resource: Resource) -> str:
    return resource.id.rpartition("/")[2]


def scenario(
    name: str, bad: list[Permission], stay: list[Permission], left: tuple[str, ...], drift: Permission,
    params: Mapping[str, Any] | None = None, own_vpc: bool = True,
) -> Scenario:  # fmt: skip
    return Scenario(
        name, ID, exposing(bad, stay, own_vpc), containing(*left), snapshot, drifting(drift), remove, params or {}
    )


LEFT = ("203.0.113.0/24", "0.0.0.0/0", "fc00::/7")
SSH = tcp(22, 22, **v4("0.0.0.0/0", "reopened"))
SCENARIOS = [
    scenario(
        "ssh and remote desktop over IPv4 and IPv6",
        [tcp(22, 22, **v4("0.0.0.0/0", "for now")), tcp(3380, 3390, **v6("::/0"))], KEPT, LEFT, SSH,
    ),
    scenario(
        "everything open",
        [{"IpProtocol": "-1", **v4("0.0.0.0/0", "all")}, tcp(0, 65535, **v6("::/0"))], KEPT, LEFT,
        {"IpProtocol": "-1", **v4("0.0.0.0/0", "reopened")},
    ),
    scenario(
        "the internet in pieces",
        [tcp(22, 22, **v4("0.0.0.0/1", "half")), tcp(22, 22, **v4("128.0.0.0/1")), tcp(5432, 5432, **v6("2000::/3"))], KEPT, LEFT,
        tcp(22, 22, **v4("0.0.0.0/1", "reopened")),
    ),
    scenario(
        "only the ports asked for, in the default network",
        [tcp(8080, 8080, **v4("0.0.0.0/0"))], [tcp(22, 22, **v4("0.0.0.0/0", "bastion"))], ("0.0.0.0/0",),
        tcp(8080, 8080, **v4("0.0.0.0/0", "reopened")), {"ports": [8080, "9000-9010"]}, own_vpc=False,
    ),
    Scenario(
        "a prefix list that holds the internet", ID, expose_prefix_list, contained_prefix_list, snapshot, None, remove
    ),
]  # fmt: skip
