"""The resources that a GuardDuty finding names.

Fields: https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Resource.html and
https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-summary.html.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from stanch.sources._aws import BUCKET, INSTANCE, REGION, Named, Owner, account_of
from stanch.sources._guardduty_principal import read_principal
from stanch.sources._shape import Node

_BY_ARN = {
    "EKSCluster": ("AWS::EKS::Cluster", "eksClusterDetails", "arn"),
    "ECSCluster": ("AWS::ECS::Cluster", "ecsClusterDetails", "arn"),
    "RDSDBInstance": ("AWS::RDS::DBInstance", "rdsDbInstanceDetails", "dbInstanceArn"),
    "RDSLimitlessDB": ("AWS::RDS::DBShardGroup", "rdsLimitlessDbDetails", "dbShardGroupArn"),
    "Lambda": ("AWS::Lambda::Function", "lambdaDetails", "functionArn"),
    "EBSSnapshot": ("AWS::EC2::Snapshot", "ebsSnapshotDetails", "snapshotArn"),
    "EC2Image": ("AWS::EC2::Image", "ec2ImageDetails", "imageArn"),
    "RecoveryPoint": ("AWS::Backup::RecoveryPoint", "recoveryPointDetails", "recoveryPointArn"),
}

_IN_SEQUENCE = {
    "EKS_CLUSTER": "AWS::EKS::Cluster", "ECS_CLUSTER": "AWS::ECS::Cluster", "ECS_TASK": "AWS::ECS::Task",
    "EC2_NETWORK_INTERFACE": "AWS::EC2::NetworkInterface", "IAM_INSTANCE_PROFILE": "AWS::IAM::InstanceProfile",
    "EC2_IMAGE": "AWS::EC2::Image", "EC2_VPC": "AWS::EC2::VPC", "EC2_LAUNCH_TEMPLATE": "AWS::EC2::LaunchTemplate",
    "CLOUDFORMATION_STACK": "AWS::CloudFormation::Stack", "AUTOSCALING_AUTO_SCALING_GROUP": "AWS::AutoScaling::AutoScalingGroup",
}  # fmt: skip


def read_resources(resource: Node, sequence: Node, owner: Owner, named: Named) -> None:
    """Add what `resource` (the finding's) and `sequence` (an attack sequence's, or absent) name to `named`."""
    kind = resource.get("resourceType").text()
    if kind == "AccessKey":
        read_principal(resource.get("accessKeyDetails"), owner, named)
    elif kind == "Container" and not resource.get("instanceDetails").present:
        named.missing(resource.get("instanceDetails"), "names no instance that the container runs on")
    elif kind in ("Instance", "Container"):
        _instance(resource.get("instanceDetails"), owner, named)
    elif kind in ("S3Bucket", "S3Object"):
        _buckets(resource.get("s3BucketDetails"), owner, named)
    elif kind in _BY_ARN:
        name, details, field = _BY_ARN[kind]
        arn = named.arn(resource.at(details, field), owner)
        if arn:
            named.add(owner.resource(name, arn, regional=True))
    elif not sequence.present:
        named.missing(resource.get("resourceType"), f"is {kind!r}, which names no resource" if kind else None)
    if kind != "AccessKey" and resource.get("accessKeyDetails").present:
        read_principal(resource.get("accessKeyDetails"), replace(owner, role="actor"), named)
    _sequence(sequence, owner, named)


def _instance(details: Node, owner: Owner, named: Named) -> None:
    instance = named.name(details.get("instanceId"), INSTANCE, "an EC2 instance id")
    if instance and not owner.region:
        named.refuse(details, "names an instance, but the finding names no region")
    elif instance:
        named.add(
            owner.resource(
                "AWS::EC2::Instance", owner.arn("ec2", f"instance/{instance}"), regional=True, instance_id=instance,
                instance_profile_arn=details.at("iamInstanceProfile", "arn").text(),
                interfaces=[_interface(item) for item in details.get("networkInterfaces").items()],
            )
        )  # fmt: skip


def _interface(interface: Node) -> dict[str, Any]:
    return {
        "eni_id": interface.get("networkInterfaceId").text(),
        "subnet_id": interface.get("subnetId").text(),
        "vpc_id": interface.get("vpcId").text(),
        "groups": [
            {"id": group.get("groupId").text(), "name": group.get("groupName").text()}
            for group in interface.get("securityGroups").items()
        ],
    }


def _buckets(details: Node, owner: Owner, named: Named) -> None:
    buckets = list(details.items())
    if not buckets:
        named.missing(details)
    for bucket in buckets:
        arn = bucket.get("arn").text() or ""
        if arn.partition(":")[2].partition(":")[2].startswith("s3express:"):
            directory = named.arn(bucket.get("arn"), owner)
            if directory:
                named.add(owner.resource("AWS::S3Express::DirectoryBucket", directory, regional=True))
        else:
            _bucket(bucket, arn, owner, named)


def _bucket(bucket: Node, arn: str, owner: Owner, named: Named) -> None:
    given = bucket.get("name")
    name = named.name(
        given if given.present else Node(arn.rpartition(":")[2] or None, given.place), BUCKET, "a bucket name"
    )
    expected = f"arn:{owner.partition}:s3:::{name}"
    if name and arn not in ("", expected):
        named.refuse(bucket.get("arn"), f"does not belong to the name beside it, whose ARN is {expected}")
    elif name:
        named.add(owner.resource("AWS::S3::Bucket", expected, regional=True, bucket=name))


def _sequence(sequence: Node, owner: Owner, named: Named) -> None:
    """An attack sequence (https://docs.aws.amazon.com/guardduty/latest/APIReference/API_Sequence.html): its actors, then its resources."""
    for actor in sequence.get("actors").items():
        user = actor.get("user")
        if user.present:
            account = _account(user.at("account", "uid"), owner)
            details = {
                "accessKeyId": user.get("credentialUid").value, "userType": user.get("type").value,
                "userName": user.get("name").value, "principalId": user.get("uid").value,
            }  # fmt: skip
            read_principal(Node(details, user.place), replace(owner, role="actor", account=account), named)
    for resource in sequence.get("resources").items():
        region = resource.get("region").matching(REGION, "an AWS region") or owner.region
        _in_sequence(resource, replace(owner, account=_account(resource.get("accountId"), owner), region=region), named)


def _account(node: Node, owner: Owner) -> str:
    return account_of(node) if node.present else owner.account


def _in_sequence(resource: Node, owner: Owner, named: Named) -> None:
    kind, uid = resource.get("resourceType").text() or "", resource.get("uid")
    last = Node((uid.text() or "").rpartition("/")[2], uid.place)
    if kind == "S3_BUCKET":
        _bucket(Node({"name": (uid.text() or "").rpartition(":")[2]}, uid.place), "", owner, named)
    elif kind == "EC2_INSTANCE":
        _instance(Node({"instanceId": last.value}, uid.place), owner, named)
    elif kind == "ACCESS_KEY":
        key = {"accessKeyId": last.value, **resource.at("data", "accessKey").mapping()}
        read_principal(Node(key, resource.place), owner, named)
    elif kind in _IN_SEQUENCE and uid.present:
        arn = named.arn(uid, owner)
        if arn:
            named.add(owner.resource(_IN_SEQUENCE[kind], arn, regional=True))
    else:
        named.missing(resource, f"is a {kind or 'resource without a type'}, which has no name here that is known")
