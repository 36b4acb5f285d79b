"""Whom and what a GuardDuty finding names: principals, and resources of every type."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.finding import Observable, Severity
from tests.unit.sources import events
from tests.unit.sources.events import ACCOUNT, access_key, finding, instance, on_bus
from tests.unit.sources.guardduty_read import named, parsed, refusal


class TestPrincipals:
    def test_a_users_session_names_the_user_and_no_key(self) -> None:
        (user,) = parsed(finding(access_key(accessKeyId="ASIAIOSFODNN7EXAMPLE"))).resources
        assert (user.type, user.id) == ("AWS::IAM::User", f"arn:aws:iam::{ACCOUNT}:user/ci-deploy")
        assert (user.details["credential"], user.details["access_key_id"]) == ("temporary", "ASIAIOSFODNN7EXAMPLE")

    @pytest.mark.parametrize("user_type", ["AssumedRole", "Role", "ASSUMED_ROLE", None])
    def test_a_role_session_names_the_role(self, user_type: str | None) -> None:
        details = {
            "userType": user_type,
            "userName": "web",
            "principalId": "AROACKCEVSQ6C2EXAMPLE:i-0abc1234def567890",
            "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
        }
        (role,) = parsed(finding(access_key(**details))).resources
        assert (role.type, role.id, role.region) == ("AWS::IAM::Role", f"arn:aws:iam::{ACCOUNT}:role/web", None)
        assert role.details == {
            "user_name": "web", "access_key_id": "ASIAIOSFODNN7EXAMPLE", "principal_id": "AROACKCEVSQ6C2EXAMPLE:i-0abc1234def567890",
            "credential": "temporary",
        }  # fmt: skip

    def test_roots_long_term_key_and_roots_session(self) -> None:
        root = ("AWS::IAM::User", f"arn:aws:iam::{ACCOUNT}:root")
        found = parsed(finding(access_key(userType="Root", userName="Root")))
        assert named(found) == [("AWS::IAM::AccessKey", "AKIAIOSFODNN7EXAMPLE"), root]
        assert found.resources[0].details == {"user_type": "Root"}
        assert named(parsed(finding(access_key(userType="Root", accessKeyId="ASIAIOSFODNN7EXAMPLE")))) == [root]
        assert named(parsed(finding(access_key(userType="Root", accessKeyId=None)))) == [root]

    @pytest.mark.parametrize(
        "user_type", ["FederatedUser", "AWSAccount", "AWSService", "Directory", "SAMLUser", "Unknown"]
    )
    def test_a_foreign_principal_is_observed_and_nothing_is_named(self, user_type: str) -> None:
        found = parsed(finding(access_key(userType=user_type, userName="partner", accessKeyId="ASIAIOSFODNN7EXAMPLE")))
        assert found.resources == ()
        assert Observable("principal", "partner") in found.observables
        assert found.upstream["unresolved"] == [
            {"place": "resource.accessKeyDetails.userType", "reason": "is no user or role of the account"}
        ]

    @pytest.mark.parametrize("details", [None, {}, {"secretAccessKey": "not-to-be-kept"}])
    def test_a_finding_that_names_no_credentials_is_still_one(self, details: Any) -> None:
        found = parsed(on_bus(finding({"resourceType": "AccessKey", "accessKeyDetails": details})))
        assert found.resources == ()
        assert found.upstream["unresolved"] == [
            {"place": "detail.resource.accessKeyDetails.accessKeyId", "reason": "is missing", "missing": True}
        ]
        assert "not-to-be-kept" not in str(found.raw)

    def test_a_user_without_a_key_id_is_named(self) -> None:
        assert named(parsed(finding(access_key(accessKeyId=None)))) == [
            ("AWS::IAM::User", f"arn:aws:iam::{ACCOUNT}:user/ci-deploy")
        ]

    def test_a_long_term_key_without_a_type_is_a_users(self) -> None:
        assert named(parsed(finding(access_key(userType=None, principalId=None))))[0] == (
            "AWS::IAM::AccessKey",
            "AKIAIOSFODNN7EXAMPLE",
        )

    @pytest.mark.parametrize(
        ("changes", "field", "reason"),
        [
            ({"userName": "${user_name}"}, "userName", "is a placeholder, not an IAM user name: '${user_name}'"),
            ({"userName": "a/b"}, "userName", "is not an IAM user name: 'a/b'"),
            ({"userType": "AssumedRole", "userName": "*"}, "userName", "is not a role name: '*'"),
            ({"accessKeyId": "AKIA_PLACEHOLDER"}, "accessKeyId", "is not an access key id: 'AKIA_PLACEHOLDER'"),
            ({"accessKeyId": ["AKIAIOSFODNN7EXAMPLE"]}, "accessKeyId", "must be text, not a list"),
        ],
    )
    def test_a_name_that_cannot_be_one_is_refused(self, changes: dict[str, Any], field: str, reason: str) -> None:
        assert refusal(on_bus(finding(access_key(**changes)))) == (f"detail.resource.accessKeyDetails.{field}", reason)


class TestResources:
    def test_an_instance_with_what_leads_to_its_role_and_groups(self) -> None:
        detail = finding(instance(), type="Backdoor:EC2/C&CActivity.B!DNS")
        detail["service"]["resourceRole"] = "ACTOR"
        (machine,) = parsed(detail).resources
        assert (machine.type, machine.id) == (
            "AWS::EC2::Instance",
            f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-0abc1234def567890",
        )
        assert (machine.account, machine.region, machine.role) == (ACCOUNT, "eu-west-1", "actor")
        assert machine.details == {
            "instance_id": "i-0abc1234def567890", "instance_profile_arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/web",
            "interfaces": [{
                "eni_id": "eni-0abc", "subnet_id": "subnet-0abc", "vpc_id": "vpc-0abc",
                "groups": [{"id": "sg-0abc", "name": "web"}, {"id": "sg-0def", "name": "ssh"}],
            }],
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("region", "partition"),
        [
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("eu-west-1", "aws"),
            ("eusc-de-east-1", "aws-eusc"),
        ],
    )
    def test_other_partitions(self, region: str, partition: str) -> None:
        detail = finding(instance(), region=region, partition=None, arn=None)
        assert parsed(detail).resources[0].id == f"arn:{partition}:ec2:{region}:{ACCOUNT}:instance/i-0abc1234def567890"
        bucket = finding(
            {"resourceType": "S3Bucket", "s3BucketDetails": {"name": "data"}},
            region=region,
            partition=partition,
            arn=None,
        )
        assert parsed(bucket).resources[0].id == f"arn:{partition}:s3:::data"

    def test_each_bucket_and_who_used_it(self) -> None:
        buckets = [{"arn": "arn:aws:s3:::data", "name": "data"}, {"arn": "arn:aws:s3:::logs"}, {"name": "data"}]
        found = parsed(
            finding(
                {
                    "resourceType": "S3Bucket",
                    "s3BucketDetails": buckets,
                    "accessKeyDetails": access_key()["accessKeyDetails"],
                }
            )
        )
        assert [(resource.id, resource.role) for resource in found.resources] == [
            ("arn:aws:s3:::data", "target"), ("arn:aws:s3:::logs", "target"), ("AKIAIOSFODNN7EXAMPLE", "actor"),
            (f"arn:aws:iam::{ACCOUNT}:user/ci-deploy", "actor"),
        ]  # fmt: skip

    def test_a_directory_bucket_is_another_type(self) -> None:
        arn = f"arn:aws:s3express:eu-west-1:{ACCOUNT}:bucket/data--euw1-az1--x-s3"
        found = parsed(
            finding({"resourceType": "S3Bucket", "s3BucketDetails": [{"arn": arn, "name": "data--euw1-az1--x-s3"}]})
        )
        assert named(found) == [("AWS::S3Express::DirectoryBucket", arn)]

    @pytest.mark.parametrize(
        ("kind", "details", "field", "arn", "name"),
        [
            ("EKSCluster", "eksClusterDetails", "arn", "eks:eu-west-1:{}:cluster/c", "AWS::EKS::Cluster"),
            ("ECSCluster", "ecsClusterDetails", "arn", "ecs:eu-west-1:{}:cluster/c", "AWS::ECS::Cluster"),
            ("RDSDBInstance", "rdsDbInstanceDetails", "dbInstanceArn", "rds:eu-west-1:{}:db:c", "AWS::RDS::DBInstance"),
            ("Lambda", "lambdaDetails", "functionArn", "lambda:eu-west-1:{}:function:c", "AWS::Lambda::Function"),
            (
                "EBSSnapshot",
                "ebsSnapshotDetails",
                "snapshotArn",
                "ec2:eu-west-1:{}:snapshot/snap-0abc",
                "AWS::EC2::Snapshot",
            ),
        ],
    )
    def test_resources_that_an_arn_names(self, kind: str, details: str, field: str, arn: str, name: str) -> None:
        mine, other = (f"arn:aws:{arn.format(account)}" for account in (ACCOUNT, events.ADMINISTRATOR))
        assert named(parsed(finding({"resourceType": kind, details: {field: mine}}))) == [(name, mine)]
        place, reason = refusal(finding({"resourceType": kind, details: {field: other}}))
        assert place == f"resource.{details}.{field}"
        assert reason.startswith(f"names account {events.ADMINISTRATOR}, but the finding is of account {ACCOUNT}")
        assert parsed(finding({"resourceType": kind})).upstream["unresolved"] == [
            {"place": f"resource.{details}.{field}", "reason": "is missing", "missing": True}
        ]

    def test_a_container_is_contained_by_its_instance(self) -> None:
        assert named(parsed(finding(instance() | {"resourceType": "Container"})))[0][0] == "AWS::EC2::Instance"

    def test_what_is_not_ours_or_not_known_is_told_from_what_is_missing(self) -> None:
        """A container on no instance and a type of resource that we do not know are sound findings; an instance without its id is not."""
        for resource, missing in (
            ({"resourceType": "Container", "containerDetails": {"id": "c"}}, None),
            ({"resourceType": "Sprocket"}, None),
            ({"resourceType": "Instance", "instanceDetails": {"platform": "linux"}}, True),
        ):
            (note,) = parsed(finding(resource)).upstream["unresolved"]
            assert note.get("missing") is missing

    @pytest.mark.parametrize(
        ("resource", "place"),
        [
            ({"resourceType": "Instance"}, "resource.instanceDetails.instanceId"),
            ({"resourceType": "S3Bucket"}, "resource.s3BucketDetails"),
            ({"resourceType": "Sprocket"}, "resource.resourceType"),
            (None, "resource.resourceType"),
        ],
    )
    def test_a_finding_without_its_resource_says_so(self, resource: Any, place: str) -> None:
        found = parsed(finding(resource))
        assert found.resources == ()
        assert [note["place"] for note in found.upstream["unresolved"]] == [place]

    @pytest.mark.parametrize(
        ("resource", "place"),
        [
            (instance(instanceId="${instance_id}"), "resource.instanceDetails.instanceId"),
            (instance(instanceId="i-0abc1234def567890/../x"), "resource.instanceDetails.instanceId"),
            ({"resourceType": "S3Bucket", "s3BucketDetails": [{"name": "a"}]}, "resource.s3BucketDetails[0].name"),
            (
                {"resourceType": "S3Bucket", "s3BucketDetails": [{"name": "data", "arn": "arn:aws:s3:::other"}]},
                "resource.s3BucketDetails[0].arn",
            ),
            ({"resourceType": "Lambda", "lambdaDetails": {"functionArn": "f"}}, "resource.lambdaDetails.functionArn"),
            ("text", "resource"),
            ([{}, {}], "resource"),
        ],
    )
    def test_a_name_that_cannot_be_one_is_refused(self, resource: Any, place: str) -> None:
        assert refusal(finding(resource))[0] == place

    def test_an_instance_needs_a_region(self) -> None:
        assert refusal(finding(instance(), region=None, arn=None)) == (
            "resource.instanceDetails", "names an instance, but the finding names no region",
        )  # fmt: skip

    def test_an_attack_sequence_names_its_actors_and_resources(self) -> None:
        sequence = {
            "uid": "s-1",
            "actors": [{"id": "a", "user": {"name": "web", "type": "AssumedRole", "uid": "AROACKCEVSQ6C2EXAMPLE:s", "credentialUid": "ASIAIOSFODNN7EXAMPLE"}}],
            "endpoints": [{"id": "e", "ip": "198.51.100.9"}, {"id": "f", "domain": "Bad.example."}],
            "resources": [
                {"uid": "arn:aws:s3:::data", "name": "data", "resourceType": "S3_BUCKET", "accountId": ACCOUNT, "region": "eu-west-2"},
                {"uid": f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-0abc1234def567890", "resourceType": "EC2_INSTANCE"},
                {"uid": "AKIAIOSFODNN7EXAMPLE", "resourceType": "ACCESS_KEY", "data": {"accessKey": {"userName": "ci-deploy", "userType": "IAMUser"}}},
                {"uid": f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/c", "resourceType": "EKS_CLUSTER"},
                {"uid": "w", "resourceType": "KUBERNETES_WORKLOAD"},
            ],
        }  # fmt: skip
        detail = finding(
            {"resourceType": "AttackSequence"}, type="AttackSequence:IAM/CompromisedCredentials", severity=9
        )
        detail["service"] |= {"detection": {"sequence": sequence}, "action": None, "resourceRole": None}
        found = parsed(detail)
        assert found.severity == Severity.CRITICAL
        assert [(resource.id, resource.role) for resource in found.resources] == [
            (f"arn:aws:iam::{ACCOUNT}:role/web", "actor"), ("arn:aws:s3:::data", "affected"),
            (f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-0abc1234def567890", "affected"), ("AKIAIOSFODNN7EXAMPLE", "affected"),
            (f"arn:aws:iam::{ACCOUNT}:user/ci-deploy", "affected"), (f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/c", "affected"),
        ]  # fmt: skip
        assert found.resources[1].region == "eu-west-2"
        assert found.observables == (Observable("ip", "198.51.100.9"), Observable("domain", "bad.example"))
        assert found.upstream["unresolved"] == [{
            "place": "service.detection.sequence.resources[4]", "reason": "is a KUBERNETES_WORKLOAD, which has no name here that is known",
        }]  # fmt: skip
