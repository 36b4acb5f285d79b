"""EC2 where moto differs from AWS; every reply is checked against EC2's model by the client."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.local_aws.lab import Lab

SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
SSH6 = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}


class Network:
    """A VPC of its own with a subnet and groups, beside the region's default VPC."""

    def __init__(self, ec2: Any) -> None:
        self.ec2 = ec2
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]

    def group(self, name: str, vpc: str | None = None) -> str:
        return str(self.ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc or self.vpc)["GroupId"])

    def interface(self, *groups: str) -> str:
        made = self.ec2.create_network_interface(SubnetId=self.subnet, Groups=list(groups))
        return str(made["NetworkInterface"]["NetworkInterfaceId"])

    def instance(self, *groups: str) -> tuple[str, str]:
        made = self.ec2.run_instances(
            ImageId="ami-0a1b2c3d4e5f60718",
            MinCount=1,
            MaxCount=1,
            InstanceType="t3.micro",
            SubnetId=self.subnet,
            SecurityGroupIds=list(groups),
        )["Instances"][0]
        return made["InstanceId"], made["NetworkInterfaces"][0]["NetworkInterfaceId"]

    def groups_of(self, interface: str) -> list[str]:
        found = self.ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]
        return [group["GroupId"] for group in found["Groups"]]

    def rules(self, group: str) -> dict[str, tuple[Any, ...]]:
        found = self.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])[
            "SecurityGroupRules"
        ]
        return {
            rule["SecurityGroupRuleId"]: (rule["FromPort"], rule.get("CidrIpv4") or rule.get("CidrIpv6"))
            for rule in found
            if not rule["IsEgress"]
        }


@pytest.fixture
def net(lab: Lab) -> Network:
    return Network(lab.client("ec2"))


def refused(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**params)
    return str(error.value.response["Error"]["Code"])


def test_an_attached_interface_has_exactly_the_groups_it_was_given(net: Network) -> None:
    old, new = net.group("old"), net.group("new")
    instance, interface = net.instance(old)
    net.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[new])
    assert net.groups_of(interface) == [new]
    found = net.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert [group["GroupId"] for group in found["NetworkInterfaces"][0]["Groups"]] == [new]
    assert [group["GroupId"] for group in found["SecurityGroups"]] == [new]


def test_modify_instance_attribute_replaces_the_groups_too(net: Network) -> None:
    old, new = net.group("old"), net.group("new")
    instance, interface = net.instance(old)
    net.ec2.modify_instance_attribute(InstanceId=instance, Groups=[new])
    assert net.groups_of(interface) == [new]
    assert refused(net.ec2.modify_instance_attribute, InstanceId=instance, Groups=[]) == "InvalidParameterCombination"


def test_with_two_interfaces_the_instance_has_no_groups_to_modify(net: Network) -> None:
    one, two = net.group("one"), net.group("two")
    instance, first = net.instance(one)
    second = net.interface(two)
    net.ec2.attach_network_interface(NetworkInterfaceId=second, InstanceId=instance, DeviceIndex=1)
    assert refused(net.ec2.modify_instance_attribute, InstanceId=instance, Groups=[two]) == "InvalidInstanceID"
    assert (net.groups_of(first), net.groups_of(second)) == ([one], [two])


def test_groups_that_aws_refuses_change_nothing(net: Network) -> None:
    mine = net.group("mine")
    interface = net.interface(mine)
    elsewhere = net.group("elsewhere", net.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"])
    many = [net.group(f"group-{number}") for number in range(6)]

    def modify(*groups: str) -> str:
        return refused(net.ec2.modify_network_interface_attribute, NetworkInterfaceId=interface, Groups=list(groups))

    assert modify() == "InvalidParameterCombination"
    assert modify(elsewhere) == "InvalidGroup.NotFound"
    assert modify(mine, "sg-0000000000000dead") == "InvalidGroup.NotFound"
    assert modify(many[0], many[0]) == "InvalidParameterValue"
    assert modify(*many) == "SecurityGroupsPerInterfaceLimitExceeded"
    assert net.groups_of(interface) == [mine]


def test_another_attribute_leaves_the_groups(net: Network) -> None:
    mine = net.group("mine")
    interface = net.interface(mine)
    net.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, SourceDestCheck={"Value": False})
    found = net.ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]
    assert (found["SourceDestCheck"], [group["GroupId"] for group in found["Groups"]]) == (False, [mine])


def test_a_used_referenced_or_default_group_cannot_be_deleted(net: Network) -> None:
    used, referenced, free = net.group("used"), net.group("referenced"), net.group("free")
    interface = net.interface(used)
    pair = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [{"GroupId": referenced}]}
    net.ec2.authorize_security_group_ingress(GroupId=free, IpPermissions=[pair])
    default = net.ec2.describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [net.vpc]}, {"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroups"][0]["GroupId"]
    assert refused(net.ec2.delete_security_group, GroupId=used) == "DependencyViolation"
    assert refused(net.ec2.delete_security_group, GroupId=referenced) == "DependencyViolation"
    assert refused(net.ec2.delete_security_group, GroupId=default) == "CannotDelete"
    net.ec2.delete_security_group(GroupId=free)
    net.ec2.delete_security_group(GroupId=referenced)
    net.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[default])
    net.ec2.delete_security_group(GroupId=used)
    left = {group["GroupId"] for group in net.ec2.describe_security_groups()["SecurityGroups"]}
    assert not left & {used, referenced, free}


def test_authorize_answers_with_every_rule(net: Network) -> None:
    group = net.group("g")
    answer = net.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH, SSH6, HTTPS])
    assert {rule["SecurityGroupRuleId"] for rule in answer["SecurityGroupRules"]} == set(net.rules(group))
    assert len(net.rules(group)) == 3


def test_authorize_is_all_or_nothing(net: Network) -> None:
    group = net.group("g")
    net.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH])
    assert (
        refused(net.ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[HTTPS, SSH])
        == "InvalidPermission.Duplicate"
    )
    assert (
        refused(net.ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[HTTPS, HTTPS])
        == "InvalidPermission.Duplicate"
    )
    assert list(net.rules(group).values()) == [(22, "0.0.0.0/0")]


def test_revoke_by_rule_id_takes_those_rules_and_names_them(net: Network) -> None:
    group = net.group("g")
    net.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH, SSH6, HTTPS])
    ssh = sorted(rule_id for rule_id, rule in net.rules(group).items() if rule[0] == 22)
    answer = net.ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=ssh)
    assert answer["Return"] is True
    assert sorted(rule["SecurityGroupRuleId"] for rule in answer["RevokedSecurityGroupRules"]) == ssh
    assert list(net.rules(group).values()) == [(443, "10.0.0.0/8")]


def test_one_unknown_rule_id_revokes_nothing(net: Network) -> None:
    group = net.group("g")
    net.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH])
    known = next(iter(net.rules(group)))
    code = refused(
        net.ec2.revoke_security_group_ingress, GroupId=group, SecurityGroupRuleIds=[known, "sgr-0000000000000dead"]
    )
    assert code == "InvalidSecurityGroupRuleId.NotFound"
    assert list(net.rules(group)) == [known]
    assert refused(net.ec2.revoke_security_group_ingress, GroupId=group) == "MissingParameter"


def test_an_unknown_permission_is_an_error_in_an_own_vpc(net: Network) -> None:
    group = net.group("g")
    net.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH])
    assert (
        refused(net.ec2.revoke_security_group_ingress, GroupId=group, IpPermissions=[SSH, SSH6])
        == "InvalidPermission.NotFound"
    )
    assert list(net.rules(group).values()) == [(22, "0.0.0.0/0")]


def test_an_unknown_permission_is_reported_in_the_default_vpc(net: Network) -> None:
    default = net.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    group = net.group("g", default)
    net.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH, HTTPS])
    answer = net.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[SSH, SSH6])
    unknown = answer["UnknownIpPermissions"]
    assert [(one["FromPort"], one["Ipv6Ranges"]) for one in unknown] == [(22, [{"CidrIpv6": "::/0"}])]
    assert [rule["CidrIpv4"] for rule in answer["RevokedSecurityGroupRules"]] == ["0.0.0.0/0"]
    assert list(net.rules(group).values()) == [(443, "10.0.0.0/8")]


def test_egress_is_revoked_the_same_way(net: Network) -> None:
    group = net.group("g")
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    answer = net.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
    assert [rule["IsEgress"] for rule in answer["RevokedSecurityGroupRules"]] == [True]
    assert (
        refused(net.ec2.revoke_security_group_egress, GroupId=group, IpPermissions=[everything])
        == "InvalidPermission.NotFound"
    )
    net.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[everything])
    assert (
        net.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"][0]["IpProtocol"]
        == "-1"
    )


def test_a_dry_run_changes_nothing(net: Network) -> None:
    group = net.group("g")
    assert (
        refused(net.ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[SSH], DryRun=True)
        == "DryRunOperation"
    )
    net.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[SSH])
    assert (
        refused(net.ec2.revoke_security_group_ingress, GroupId=group, IpPermissions=[SSH], DryRun=True)
        == "DryRunOperation"
    )
    assert len(net.rules(group)) == 1
