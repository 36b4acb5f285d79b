"""Instances and groups that a finding names exist afterwards, open as it says; read back by plain SDK calls."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from stanch.local.aws.seed import seed
from tests.functional.local_aws.findings import (
    C2,
    ENI,
    GROUP,
    INSTANCE,
    SSH,
    config_finding,
    guardduty_finding,
    instance,
    item_change,
)
from tests.functional.local_aws.lab import HOME, OTHER, REGION, Lab


def rules_of(lab: Lab, group: str, account: str) -> set[tuple[Any, ...]]:
    """(protocol, first port, last port, source) of every inbound rule."""
    found = lab.client("ec2", account).describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    return {
        (
            rule["IpProtocol"], rule["FromPort"], rule["ToPort"],
            rule.get("CidrIpv4") or rule.get("CidrIpv6") or rule.get("PrefixListId") or rule["ReferencedGroupInfo"]["GroupId"],
        )
        for rule in found["SecurityGroupRules"] if not rule["IsEgress"]
    }  # fmt: skip


INNOCENT = ("tcp", 443, 443, "10.0.0.0/8")


def anywhere(*ports: int) -> set[tuple[Any, ...]]:
    return {("tcp", port, port, source) for port in ports for source in ("0.0.0.0/0", "::/0")}


def test_an_attacked_instance_runs_with_the_ids_and_the_open_port(lab: Lab) -> None:
    seed(lab.url, guardduty_finding(SSH, instance(), OTHER), HOME)
    ec2 = lab.client("ec2", OTHER)
    found = ec2.describe_instances(InstanceIds=[INSTANCE])["Reservations"][0]["Instances"][0]
    assert (found["State"]["Name"], found["InstanceType"], found["VpcId"]) == (
        "running",
        "m5.large",
        "vpc-0a1b2c3d4e5f60718",
    )
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == {"Name": "web-1", "team": "payments"}
    interface = found["NetworkInterfaces"][0]
    assert (interface["NetworkInterfaceId"], interface["SubnetId"]) == (ENI, "subnet-0a1b2c3d4e5f60718")
    assert interface["PrivateIpAddress"] == "10.0.0.23"
    assert [(group["GroupId"], group["GroupName"]) for group in interface["Groups"]] == [(GROUP, "web")]
    assert found["Placement"]["AvailabilityZone"] == f"{REGION}b"
    volume = found["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    assert ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Attachments"][0]["InstanceId"] == INSTANCE
    assert rules_of(lab, GROUP, OTHER) == anywhere(22) | {INNOCENT}
    assert ec2.describe_vpcs(VpcIds=["vpc-0a1b2c3d4e5f60718"])["Vpcs"][0]["IsDefault"] is False
    direct = ec2.describe_network_interfaces(NetworkInterfaceIds=[ENI])["NetworkInterfaces"][0]
    assert (direct["Attachment"]["InstanceId"], direct["Association"]["PublicIp"]) == (INSTANCE, "198.51.100.7")


def test_seeding_again_changes_nothing_of_an_instance(lab: Lab) -> None:
    finding = guardduty_finding(SSH, instance(), OTHER)
    seed(lab.url, finding, HOME)
    ec2 = lab.client("ec2", OTHER)
    quarantine = ec2.create_security_group(GroupName="q", Description="q", VpcId="vpc-0a1b2c3d4e5f60718")["GroupId"]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=ENI, Groups=[quarantine])
    open_rules = [
        rule["SecurityGroupRuleId"]
        for rule in ec2.describe_security_group_rules()["SecurityGroupRules"]
        if rule["FromPort"] == 22
    ]
    ec2.revoke_security_group_ingress(GroupId=GROUP, SecurityGroupRuleIds=open_rules)
    assert seed(lab.url, finding, HOME) == []
    found = ec2.describe_network_interfaces(NetworkInterfaceIds=[ENI])["NetworkInterfaces"][0]
    assert [group["GroupId"] for group in found["Groups"]] == [quarantine]
    assert rules_of(lab, GROUP, OTHER) == {INNOCENT}
    assert len(ec2.describe_instances()["Reservations"]) == 1


def test_what_was_seeded_can_be_changed_like_anything_else(lab: Lab) -> None:
    seed(lab.url, guardduty_finding(SSH, instance(), OTHER), HOME)
    ec2 = lab.client("ec2", OTHER)
    volume = ec2.describe_volumes()["Volumes"][0]["VolumeId"]
    assert ec2.create_snapshot(VolumeId=volume)["VolumeId"] == volume
    ec2.create_tags(Resources=[INSTANCE, GROUP], Tags=[{"Key": "stanch:action", "Value": "a"}])
    assert ec2.describe_security_groups(GroupIds=[GROUP])["SecurityGroups"][0]["Tags"] == [
        {"Key": "stanch:action", "Value": "a"}
    ]
    ec2.stop_instances(InstanceIds=[INSTANCE])
    assert (
        ec2.describe_instances(InstanceIds=[INSTANCE])["Reservations"][0]["Instances"][0]["State"]["Name"] == "stopped"
    )


@pytest.mark.parametrize(
    ("kind", "service", "ports"),
    [
        ("UnauthorizedAccess:EC2/RDPBruteForce", {}, (3389,)),
        ("Recon:EC2/PortProbeUnprotectedPort", {"action": {"portProbeAction": {"portProbeDetails": [
            {"localPortDetails": {"port": 6379, "portName": "Unknown"}}, {"localPortDetails": {"port": "9200"}}]}}}, (6379, 9200)),
        (SSH, {"action": {"networkConnectionAction": {"connectionDirection": "INBOUND", "localPortDetails": {"port": 2222}}}}, (22, 2222)),
        (C2, {"action": {"networkConnectionAction": {"connectionDirection": "OUTBOUND", "localPortDetails": {"port": 40000}}}, "resourceRole": "ACTOR"}, ()),
        (SSH, {"resourceRole": "ACTOR"}, ()),
    ],
)  # fmt: skip
def test_the_ports_that_were_reached_are_open_and_no_others(
    lab: Lab, kind: str, service: dict[str, Any], ports: tuple[int, ...]
) -> None:
    seed(lab.url, guardduty_finding(kind, instance(), OTHER, service=service), HOME)
    assert rules_of(lab, GROUP, OTHER) == anywhere(*ports) | {INNOCENT}


def test_a_profile_comes_with_its_role(lab: Lab) -> None:
    arn = f"arn:aws:iam::{OTHER}:instance-profile/web"
    seed(lab.url, guardduty_finding(C2, instance(profile=arn), OTHER), HOME)
    found = lab.client("ec2", OTHER).describe_instances(InstanceIds=[INSTANCE])["Reservations"][0]["Instances"][0]
    assert found["IamInstanceProfile"]["Arn"] == arn
    role = lab.client("iam", OTHER).get_instance_profile(InstanceProfileName="web")["InstanceProfile"]["Roles"][0]
    assert role["RoleName"] == "web"
    trust = lab.client("iam", OTHER).get_role(RoleName="web")["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com"}


def test_an_instance_that_names_no_network_gets_one(lab: Lab) -> None:
    bare = {"resourceType": "Instance", "instanceDetails": {"instanceId": INSTANCE}}
    seed(lab.url, guardduty_finding(SSH, bare, OTHER), HOME)
    found = lab.client("ec2", OTHER).describe_instances(InstanceIds=[INSTANCE])["Reservations"][0]["Instances"][0]
    assert len(found["NetworkInterfaces"]) == 1
    assert rules_of(lab, found["NetworkInterfaces"][0]["Groups"][0]["GroupId"], OTHER) == anywhere(22) | {INNOCENT}


def test_two_instances_may_share_group_subnet_and_vpc(lab: Lab) -> None:
    seed(lab.url, guardduty_finding(SSH, instance(), OTHER), HOME)
    second = instance("i-0ffffffffffffffff", networkInterfaceId="eni-0ffffffffffffffff", privateIpAddress="10.0.0.24")
    seed(lab.url, guardduty_finding(SSH, second, OTHER, one="b" * 32), HOME)
    found = lab.client("ec2", OTHER).describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [GROUP]}])[
        "NetworkInterfaces"
    ]
    assert {one["Attachment"]["InstanceId"]: one["SubnetId"] for one in found} == {
        INSTANCE: "subnet-0a1b2c3d4e5f60718", "i-0ffffffffffffffff": "subnet-0a1b2c3d4e5f60718",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "ports"),
    [
        ("restricted-ssh", (22,)),
        ("restricted-common-ports", (20, 21, 3389, 3306, 4333)),
        ("securityhub-restricted-ssh-1a2b3c4d", (22,)),
    ],
)
def test_a_group_has_the_rules_that_its_config_rule_forbids(lab: Lab, rule: str, ports: tuple[int, ...]) -> None:
    said = seed(lab.url, config_finding(rule, "AWS::EC2::SecurityGroup", GROUP, OTHER), HOME)
    assert rules_of(lab, GROUP, OTHER) == anywhere(*ports) | {INNOCENT}
    assert any(f"the security group {GROUP}" in sentence for sentence in said)
    assert seed(lab.url, config_finding(rule, "AWS::EC2::SecurityGroup", GROUP, OTHER), HOME) == []


def test_a_configuration_item_gives_the_group_its_own_rules(lab: Lab) -> None:
    configuration = {
        "groupId": GROUP, "groupName": "sg_open", "vpcId": "vpc-f16e4296",
        "ipPermissions": [
            {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipv4Ranges": [{"cidrIp": "0.0.0.0/0"}], "ipRanges": ["0.0.0.0/0"]},
            {"ipProtocol": "-1", "ipv6Ranges": [{"cidrIpv6": "2000::/3"}]},
            {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "prefixListIds": [{"prefixListId": "pl-0a1b2c3d"}],
             "userIdGroupPairs": [{"groupId": GROUP, "userId": OTHER}]},
        ],
    }  # fmt: skip
    seed(lab.url, item_change(configuration, OTHER), HOME)
    assert rules_of(lab, GROUP, OTHER) == {
        ("tcp", 22, 22, "0.0.0.0/0"), ("-1", -1, -1, "2000::/3"), ("tcp", 443, 443, "pl-0a1b2c3d"), ("tcp", 443, 443, GROUP),
    }  # fmt: skip
    group = lab.client("ec2", OTHER).describe_security_groups(GroupIds=[GROUP])["SecurityGroups"][0]
    assert (group["GroupName"], group["VpcId"]) == ("sg_open", "vpc-f16e4296")


def test_a_deleted_group_is_not_made(lab: Lab) -> None:
    said = seed(lab.url, item_change({"groupId": GROUP}, OTHER, status="ResourceDeleted"), HOME)
    assert said == ["It reports a deletion: nothing was created."]
    with pytest.raises(ClientError) as gone:
        lab.client("ec2", OTHER).describe_security_groups(GroupIds=[GROUP])
    assert gone.value.response["Error"]["Code"] == "InvalidGroup.NotFound"
