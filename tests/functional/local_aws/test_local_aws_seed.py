"""What a finding names exists afterwards, in the state it describes; read back by plain SDK calls."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from conftest import HOME, OTHER, REGION, Lab
from findings import access_key, config_finding, guardduty_finding, instance, item_change

from stanch.finding import Finding
from stanch.local.aws.finding_json import finding_from_json, finding_to_json
from stanch.local.aws.seed import seed

KEY = "AKIAI44QH8DHBEXAMPLE"
GROUP = "sg-0a1b2c3d4e5f60718"
INSTANCE = "i-0a1b2c3d4e5f60718"
ENI = "eni-0a1b2c3d4e5f60718"
TOR = "UnauthorizedAccess:IAMUser/TorIPCaller"
SSH = "UnauthorizedAccess:EC2/SSHBruteForce"
C2 = "Backdoor:EC2/C&CActivity.B"


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


# IAM


def test_a_users_key_has_the_very_id_and_is_active(lab: Lab) -> None:
    said = seed(lab.url, guardduty_finding(TOR, access_key(KEY, "alice"), OTHER), HOME)
    iam = lab.client("iam", OTHER)
    keys = iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]
    assert [(key["AccessKeyId"], key["Status"]) for key in keys] == [(KEY, "Active")]
    assert iam.get_access_key_last_used(AccessKeyId=KEY)["UserName"] == "alice"
    user = iam.get_user(UserName="alice")["User"]
    assert (user["Arn"], user["UserId"]) == (f"arn:aws:iam::{OTHER}:user/alice", "AIDACKCEVSQ6C2EXAMPLE")
    assert lab.client("iam").list_users()["Users"] == []
    assert f"alice in {OTHER} has the access key {KEY}, Active." in said


def test_seeding_again_leaves_a_contained_key_contained(lab: Lab) -> None:
    finding = guardduty_finding(TOR, access_key(KEY, "alice"), OTHER)
    seed(lab.url, finding, HOME)
    iam = lab.client("iam", OTHER)
    iam.update_access_key(UserName="alice", AccessKeyId=KEY, Status="Inactive")
    assert seed(lab.url, finding, HOME) == []
    assert iam.list_access_keys(UserName="alice")["AccessKeyMetadata"][0]["Status"] == "Inactive"


def test_a_role_trusts_its_own_account(lab: Lab) -> None:
    role = access_key("ASIAI44QH8DHBEXAMPLE", "deploy", "AssumedRole", "AROACKCEVSQ6C2EXAMPLE:session")
    seed(lab.url, guardduty_finding(TOR, role, OTHER), HOME)
    found = lab.client("iam", OTHER).get_role(RoleName="deploy")["Role"]
    assert found["RoleId"] == "AROACKCEVSQ6C2EXAMPLE"
    assert found["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{OTHER}:root"}
    assert lab.client("iam", OTHER).list_users()["Users"] == []


def test_a_single_sign_on_role_has_its_path(lab: Lab) -> None:
    name = "AWSReservedSSO_Admin_0123456789abcdef"
    seed(lab.url, guardduty_finding(TOR, access_key("ASIAI44QH8DHBEXAMPLE", name, "AssumedRole", "AROACKCEVSQ6C2EXAMPLE:s"), OTHER), HOME)
    assert lab.client("iam", OTHER).get_role(RoleName=name)["Role"]["Path"] == "/aws-reserved/sso.amazonaws.com/"


def test_root_keys_cannot_be_made_and_that_is_said(lab: Lab) -> None:
    said = seed(lab.url, guardduty_finding(TOR, access_key(KEY, "Root", "Root", OTHER), OTHER), HOME)
    assert any("keys of root users" in sentence for sentence in said)
    assert lab.client("iam", OTHER).list_users()["Users"] == []


def test_a_rule_about_old_keys_gets_an_old_key(lab: Lab) -> None:
    seed(lab.url, config_finding("access-keys-rotated", "AWS::IAM::User", "AIDACKCEVSQ6C2EXAMPLE", OTHER), HOME)
    iam = lab.client("iam", OTHER)
    user = iam.list_users()["Users"][0]
    assert user["UserId"] == "AIDACKCEVSQ6C2EXAMPLE"
    key = iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"][0]
    assert key["Status"] == "Active"
    assert (time.time() - key["CreateDate"].timestamp()) / 86400 > 119


# EC2


def test_an_attacked_instance_runs_with_the_ids_and_the_open_port(lab: Lab) -> None:
    seed(lab.url, guardduty_finding(SSH, instance(), OTHER), HOME)
    ec2 = lab.client("ec2", OTHER)
    found = ec2.describe_instances(InstanceIds=[INSTANCE])["Reservations"][0]["Instances"][0]
    assert (found["State"]["Name"], found["InstanceType"], found["VpcId"]) == ("running", "m5.large", "vpc-0a1b2c3d4e5f60718")
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
    open_rules = [rule["SecurityGroupRuleId"] for rule in ec2.describe_security_group_rules()["SecurityGroupRules"] if rule["FromPort"] == 22]
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
    assert ec2.describe_security_groups(GroupIds=[GROUP])["SecurityGroups"][0]["Tags"] == [{"Key": "stanch:action", "Value": "a"}]
    ec2.stop_instances(InstanceIds=[INSTANCE])
    assert ec2.describe_instances(InstanceIds=[INSTANCE])["Reservations"][0]["Instances"][0]["State"]["Name"] == "stopped"


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
    found = lab.client("ec2", OTHER).describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [GROUP]}])["NetworkInterfaces"]
    assert {one["Attachment"]["InstanceId"]: one["SubnetId"] for one in found} == {
        INSTANCE: "subnet-0a1b2c3d4e5f60718", "i-0ffffffffffffffff": "subnet-0a1b2c3d4e5f60718",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "ports"),
    [("restricted-ssh", (22,)), ("restricted-common-ports", (20, 21, 3389, 3306, 4333)), ("securityhub-restricted-ssh-1a2b3c4d", (22,))],
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


# S3

OFF = {"BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}


def block_of(lab: Lab, bucket: str) -> Any:
    return lab.client("s3", OTHER).get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]


@pytest.mark.parametrize(
    ("rule", "action"),
    [("s3-bucket-public-read-prohibited", "s3:GetObject"), ("s3-bucket-public-write-prohibited", "s3:PutObject"),
     ("s3-bucket-level-public-access-prohibited", "s3:GetObject")],
)  # fmt: skip
def test_a_bucket_is_public_as_its_config_rule_forbids(lab: Lab, rule: str, action: str) -> None:
    finding = config_finding(rule, "AWS::S3::Bucket", "local-aws-public", OTHER)
    seed(lab.url, finding, HOME)
    s3 = lab.client("s3", OTHER)
    statement = json.loads(s3.get_bucket_policy(Bucket="local-aws-public")["Policy"])["Statement"][0]
    assert (statement["Principal"], statement["Action"]) == ("*", [action])
    assert block_of(lab, "local-aws-public") == OFF
    s3.put_public_access_block(Bucket="local-aws-public", PublicAccessBlockConfiguration=dict.fromkeys(OFF, True))
    assert seed(lab.url, finding, HOME) == []
    assert block_of(lab, "local-aws-public") == dict.fromkeys(OFF, True)


def test_a_bucket_is_open_as_guardduty_saw_it(lab: Lab) -> None:
    access = {
        "effectivePermission": "PUBLIC",
        "permissionConfiguration": {"bucketLevelPermissions": {
            "accessControlList": {"allowsPublicReadAccess": True, "allowsPublicWriteAccess": False},
            "bucketPolicy": {"allowsPublicReadAccess": False, "allowsPublicWriteAccess": True},
            "blockPublicAccess": {"blockPublicAcls": True, "ignorePublicAcls": False, "blockPublicPolicy": False, "restrictPublicBuckets": False},
        }},
    }  # fmt: skip
    details = [{"arn": "arn:aws:s3:::local-aws-granted", "name": "local-aws-granted", "type": "Destination", "publicAccess": access}]
    seed(lab.url, guardduty_finding("Policy:S3/BucketPublicAccessGranted", {"resourceType": "S3Bucket", "s3BucketDetails": details}, OTHER), HOME)
    s3 = lab.client("s3", OTHER)
    assert block_of(lab, "local-aws-granted") == {**OFF, "BlockPublicAcls": True}
    assert json.loads(s3.get_bucket_policy(Bucket="local-aws-granted")["Policy"])["Statement"][0]["Action"] == ["s3:PutObject"]
    grants = [(grant["Grantee"].get("URI"), grant["Permission"]) for grant in s3.get_bucket_acl(Bucket="local-aws-granted")["Grants"]]
    assert ("http://acs.amazonaws.com/groups/global/AllUsers", "READ") in grants


def test_a_bucket_that_was_only_read_from_is_not_made_public(lab: Lab) -> None:
    details = [{"arn": "arn:aws:s3:::local-aws-read", "name": "local-aws-read"}]
    seed(lab.url, guardduty_finding("Discovery:S3/AnomalousBehavior", {"resourceType": "S3Bucket", "s3BucketDetails": details}, OTHER), HOME)
    with pytest.raises(ClientError) as missing:
        lab.client("s3", OTHER).get_bucket_policy(Bucket="local-aws-read")
    assert missing.value.response["Error"]["Code"] == "NoSuchBucketPolicy"


def test_an_accounts_own_block_is_never_taken_away(lab: Lab) -> None:
    finding = config_finding("s3-account-level-public-access-blocks-periodic", "AWS::::Account", OTHER, OTHER)
    seed(lab.url, finding, HOME)
    control = lab.client("s3control", OTHER)
    with pytest.raises(ClientError) as missing:
        control.get_public_access_block(AccountId=OTHER)
    assert missing.value.response["Error"]["Code"] == "NoSuchPublicAccessBlockConfiguration"
    control.put_public_access_block(AccountId=OTHER, PublicAccessBlockConfiguration=dict.fromkeys(OFF, True))
    assert seed(lab.url, finding, HOME) == []
    assert control.get_public_access_block(AccountId=OTHER)["PublicAccessBlockConfiguration"] == dict.fromkeys(OFF, True)


# what cannot be made, and what must not be


def test_a_sample_exists_at_its_source_only(lab: Lab) -> None:
    sample = guardduty_finding(TOR, access_key(KEY, "alice"), HOME, service={"additionalInfo": {"sample": True}})
    said = seed(lab.url, sample, HOME)
    assert said[-1].startswith("It is a sample")
    assert lab.client("iam").list_users()["Users"] == []
    guardduty = lab.client("guardduty")
    detector = guardduty.list_detectors()["DetectorIds"][0]
    found = guardduty.get_findings(DetectorId=detector, FindingIds=["a" * 32])["Findings"][0]
    assert json.loads(found["Service"]["AdditionalInfo"]["Value"]) == {"sample": True}


def test_a_compliant_resource_is_not_exposed(lab: Lab) -> None:
    seed(lab.url, config_finding("restricted-ssh", "AWS::EC2::SecurityGroup", GROUP, OTHER, verdict="COMPLIANT"), HOME)
    with pytest.raises(ClientError):
        lab.client("ec2", OTHER).describe_security_groups(GroupIds=[GROUP])
    answer = lab.client("config", OTHER).get_compliance_details_by_config_rule(ConfigRuleName="restricted-ssh")
    assert [one["ComplianceType"] for one in answer["EvaluationResults"]] == ["COMPLIANT"]


def test_a_type_that_cannot_be_made_is_said(lab: Lab) -> None:
    cluster = {"resourceType": "EKSCluster", "eksClusterDetails": {"name": "c", "arn": f"arn:aws:eks:{REGION}:{OTHER}:cluster/c"}}
    said = seed(lab.url, guardduty_finding("Discovery:Kubernetes/TorIPCaller", cluster, OTHER), HOME)
    assert f"AWS::EKS::Cluster arn:aws:eks:{REGION}:{OTHER}:cluster/c cannot be created in the local AWS; only the finding was." in said


@pytest.mark.parametrize(("account", "why"), [("999", "'999' is no AWS account id"), ("1234567891234", "is no AWS account id")])
def test_an_account_that_cannot_be_gets_nothing(lab: Lab, account: str, why: str) -> None:
    said = seed(lab.url, guardduty_finding(TOR, access_key(KEY, "alice"), account), HOME)
    assert why in said[0]
    assert lab.client("guardduty").list_detectors()["DetectorIds"] == []


# at the source


def found_at(lab: Lab, account: str, one: str = "a" * 32) -> list[dict[str, Any]]:
    guardduty = lab.client("guardduty", account)
    detectors = guardduty.list_detectors()["DetectorIds"]
    return list(guardduty.get_findings(DetectorId=detectors[0], FindingIds=[one])["Findings"]) if detectors else []


def test_a_finding_is_known_to_the_home_account_and_its_own(lab: Lab) -> None:
    seed(lab.url, guardduty_finding(TOR, access_key(KEY, "alice"), OTHER), HOME)
    for account in (HOME, OTHER):
        found = found_at(lab, account)[0]
        assert (found["Type"], found["AccountId"], found["Severity"]) == (TOR, OTHER, 8.0)
        assert found["Resource"]["AccessKeyDetails"]["AccessKeyId"] == KEY
    assert found_at(lab, "444455556666") == []


def test_letter_case_of_the_event_does_not_matter(lab: Lab) -> None:
    plain = guardduty_finding(TOR, access_key(KEY, "alice"), OTHER)
    upper = json.loads(json.dumps(plain.raw["detail"]), object_pairs_hook=lambda pairs: {key[0].upper() + key[1:]: value for key, value in pairs})
    seed(lab.url, finding_from_json({**finding_to_json(plain), "raw": upper}), HOME)
    assert found_at(lab, HOME)[0]["Resource"]["AccessKeyDetails"]["AccessKeyId"] == KEY


def test_a_later_version_of_a_finding_replaces_the_earlier_but_not_the_reverse(lab: Lab) -> None:
    def version(updated: str, count: int) -> Finding:
        return guardduty_finding(TOR, access_key(KEY, "alice"), HOME, updated=updated, service={"count": count})

    seed(lab.url, version("2026-03-01T10:00:00.000Z", 1), HOME)
    seed(lab.url, version("2026-03-01T11:00:00.000Z", 5), HOME)
    assert found_at(lab, HOME)[0]["Service"]["Count"] == 5
    assert seed(lab.url, version("2026-03-01T10:00:00.000Z", 1), HOME) == []
    assert found_at(lab, HOME)[0]["Service"]["Count"] == 5


def test_an_archive_survives_a_replay(lab: Lab) -> None:
    finding = guardduty_finding(TOR, access_key(KEY, "alice"), HOME)
    seed(lab.url, finding, HOME)
    guardduty = lab.client("guardduty")
    guardduty.archive_findings(DetectorId="d" * 32, FindingIds=["a" * 32])
    assert seed(lab.url, finding, HOME) == []
    assert found_at(lab, HOME)[0]["Service"]["Archived"] is True


def test_a_later_verdict_replaces_the_earlier_but_not_the_reverse(lab: Lab) -> None:
    def verdict(kind: str, at: str) -> list[str]:
        return seed(lab.url, config_finding("restricted-ssh", "AWS::EC2::SecurityGroup", GROUP, OTHER, verdict=kind, at=at), HOME)

    verdict("NON_COMPLIANT", "2026-03-01T10:00:00Z")
    verdict("COMPLIANT", "2026-03-01T09:00:00Z")
    config = lab.client("config", OTHER)
    result = config.get_compliance_details_by_resource(ResourceType="AWS::EC2::SecurityGroup", ResourceId=GROUP)["EvaluationResults"]
    assert [one["ComplianceType"] for one in result] == ["NON_COMPLIANT"]
    verdict("COMPLIANT", "2026-03-01T11:00:00Z")
    result = config.get_compliance_details_by_resource(ResourceType="AWS::EC2::SecurityGroup", ResourceId=GROUP)["EvaluationResults"]
    assert [one["ComplianceType"] for one in result] == ["COMPLIANT"]


def test_a_finding_travels_as_json_unchanged() -> None:
    for finding in (guardduty_finding(SSH, instance(), OTHER), config_finding("restricted-ssh", "AWS::EC2::SecurityGroup", GROUP, OTHER)):
        assert finding_from_json(json.loads(json.dumps(finding_to_json(finding)))) == finding


def test_seeding_makes_no_api_call_and_is_quick(lab: Lab) -> None:
    seed(lab.url, guardduty_finding(SSH, instance(), OTHER), HOME)
    lab.own("DELETE", "calls")
    second = instance("i-0ffffffffffffffff", networkInterfaceId="eni-0ffffffffffffffff")
    started = time.perf_counter()
    seed(lab.url, guardduty_finding(SSH, second, OTHER, one="b" * 32), HOME)
    assert time.perf_counter() - started < 0.5  # about 5 ms on an idle machine
    assert lab.own("GET", "calls")[1]["calls"] == []
