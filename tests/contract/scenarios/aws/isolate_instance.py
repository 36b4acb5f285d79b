"""Instances on the network: one interface; two interfaces in two networks, in an Auto Scaling group; and one whose connections are cut."""

from __future__ import annotations

from typing import Any

from stanch.finding import Resource
from tests.contract.scenario import Scenario
from tests.contract.worlds import AwsWorld

ID = "aws.ec2.isolate_instance"
IMAGE = "ami-12c6146b"


def expose(world: AwsWorld) -> Resource:
    ec2 = world.client("ec2")
    subnet, groups = _network(world, "10.31.0.0/16")
    instance = ec2.run_instances(
        ImageId=IMAGE, InstanceType="t3.micro", MinCount=1, MaxCount=1, SubnetId=subnet, SecurityGroupIds=groups,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "shop"}]}],
    )["Instances"][0]["InstanceId"]  # fmt: skip
    arn = f"arn:aws:ec2:{world.region}:{world.account}:instance/{instance}"
    return Resource("AWS::EC2::Instance", arn, world.account, world.region, "target")


def expose_two_networks(world: AwsWorld) -> Resource:
    resource, ec2 = expose(world), world.client("ec2")
    instance = _instance(resource)
    subnet, groups = _network(world, "10.32.0.0/16")
    second = ec2.create_network_interface(SubnetId=subnet, Groups=groups)["NetworkInterface"]["NetworkInterfaceId"]
    ec2.attach_network_interface(NetworkInterfaceId=second, InstanceId=instance, DeviceIndex=1)
    ec2.create_tags(
        Resources=[instance],
        Tags=[{"Key": "stanch:action", "Value": "earlier"}, {"Key": "service", "Value": "checkout"}],
    )
    return resource


def _network(world: AwsWorld, cidr: str) -> tuple[str, list[str]]:
    """A VPC with one subnet and two groups that let something in and everything out."""
    ec2 = world.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr.replace("/16", "/24"))["Subnet"]["SubnetId"]
    groups = []
    for name, port in (("web", 443), ("admin", 22)):
        group = ec2.create_security_group(GroupName=world.unique(name), Description=name, VpcId=vpc)["GroupId"]
        world_wide = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[world_wide])
        groups.append(group)
    return subnet, groups


def interfaces(world: AwsWorld, resource: Resource) -> list[dict[str, Any]]:
    mine = [{"Name": "attachment.instance-id", "Values": [_instance(resource)]}]
    found: list[dict[str, Any]] = world.client("ec2").describe_network_interfaces(Filters=mine)["NetworkInterfaces"]
    return found


def groups(world: AwsWorld, resource: Resource) -> list[dict[str, Any]]:
    """Every group of the instance's networks."""
    vpcs = sorted({one["VpcId"] for one in interfaces(world, resource)})
    found: list[dict[str, Any]] = world.client("ec2").describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": vpcs}]
    )["SecurityGroups"]
    return found


def snapshot(world: AwsWorld, resource: Resource) -> Any:
    tags = world.client("ec2").describe_tags(Filters=[{"Name": "resource-id", "Values": [_instance(resource)]}])["Tags"]
    return {
        "interfaces": {
            one["NetworkInterfaceId"]: sorted(group["GroupId"] for group in one["Groups"])
            for one in interfaces(world, resource)
        },
        "tags": {tag["Key"]: tag["Value"] for tag in tags},
        "groups": sorted(
            (one["GroupName"], str(one["IpPermissions"]), str(one["IpPermissionsEgress"]))
            for one in groups(world, resource)
        ),
    }


def contained(world: AwsWorld, resource: Resource) -> bool:
    """Every interface wears only groups that let nothing in and nothing out."""
    live = {one["GroupId"]: one for one in groups(world, resource)}
    worn = [[live[group["GroupId"]] for group in one["Groups"]] for one in interfaces(world, resource)]
    shut = all(set_ and not any(one["IpPermissions"] or one["IpPermissionsEgress"] for one in set_) for set_ in worn)
    return bool(worn) and shut


def drift(world: AwsWorld, resource: Resource) -> None:
    ec2, one = world.client("ec2"), interfaces(world, resource)[0]
    other = ec2.create_security_group(GroupName=world.unique("rescue"), Description="rescue", VpcId=one["VpcId"])
    ec2.modify_network_interface_attribute(NetworkInterfaceId=one["NetworkInterfaceId"], Groups=[other["GroupId"]])


def remove(world: AwsWorld, resource: Resource) -> None:
    world.client("ec2").terminate_instances(InstanceIds=[_instance(resource)])


def _instance(resource: Resource) -> str:
    return resource.id.rpartition("/")[2]


SCENARIOS = [
    Scenario("one interface", ID, expose, contained, snapshot, drift, remove),
    Scenario("two interfaces in two networks", ID, expose_two_networks, contained, snapshot, drift, remove),
    Scenario(
        "open connections cut", ID, expose_two_networks, contained, snapshot, drift, remove, {"cut_connections": True}
    ),
]
