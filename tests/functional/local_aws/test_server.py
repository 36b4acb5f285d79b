"""The server itself: its own routes, the record of calls, isolation of accounts, what reaches moto unchanged."""

from __future__ import annotations

import socket

import pytest
from botocore.exceptions import ClientError

from stanch.errors import InvalidInput, Unreachable
from stanch.finding import Finding, Severity
from stanch.local.aws.seed import seed
from stanch.local.aws.server import AwsCloud
from tests.functional.local_aws.aws_wire import WrongShape, check_wire
from tests.functional.local_aws.lab import HOME, OTHER, REGION, Lab


def test_health_names_the_cloud_and_its_account(lab: Lab) -> None:
    status, body = lab.own("GET", "health")
    assert status == 200
    assert (body["service"], body["account"]) == ("stanch-local-aws", HOME)


def test_it_listens_on_loopback_only(cloud: AwsCloud) -> None:
    port = int(cloud.url.rpartition(":")[2])
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), timeout=1):
        pass


def test_a_taken_port_is_an_error_and_not_the_end_of_the_process(cloud: AwsCloud) -> None:
    second = AwsCloud()
    with pytest.raises(OSError, match=r"[Aa]ddress already in use"):
        second.start(int(cloud.url.rpartition(":")[2]))
    with pytest.raises(RuntimeError):
        _ = second.url


def test_an_unknown_route_of_ours_is_not_found(lab: Lab) -> None:
    assert lab.own("GET", "nothing")[0] == 404
    assert lab.own("GET", "reset")[0] == 404


def test_calls_tell_service_operation_account_and_caller(lab: Lab) -> None:
    lab.client("iam", OTHER).create_user(UserName="someone")
    lab.client("s3").list_buckets()
    lab.client("dynamodb").list_tables()
    calls = lab.own("GET", "calls")[1]["calls"]
    told = [(one["service"], one["operation"], one["account"], one["status"], one["write"]) for one in calls]
    assert told == [
        ("sts", "AssumeRole", HOME, 200, False),
        ("iam", "CreateUser", OTHER, 200, True),
        ("s3", "ListBuckets", HOME, 200, False),
        ("dynamodb", "ListTables", HOME, 200, False),
    ]
    assert calls[0]["user_agent"].startswith("Boto3/")
    assert calls[3]["region"] == REGION
    assert calls[0]["time"].endswith("+00:00")


def test_a_refused_call_is_recorded_with_its_status(lab: Lab) -> None:
    with pytest.raises(ClientError):
        lab.client("iam").delete_user(UserName="nobody")
    assert [(one["operation"], one["status"]) for one in lab.own("GET", "calls")[1]["calls"]] == [("DeleteUser", 404)]


def test_calls_can_be_forgotten_without_touching_state(lab: Lab) -> None:
    lab.client("iam").create_user(UserName="someone")
    lab.own("DELETE", "calls")
    assert lab.own("GET", "calls")[1]["calls"] == []
    assert [user["UserName"] for user in lab.client("iam").list_users()["Users"]] == ["someone"]


def test_reset_empties_every_account_and_our_additions(lab: Lab) -> None:
    guardduty = lab.client("guardduty", OTHER)
    detector = guardduty.create_detector(Enable=True)["DetectorId"]
    guardduty.create_sample_findings(DetectorId=detector)
    lab.client("iam", OTHER).create_user(UserName="someone")
    lab.own("POST", "reset")
    assert lab.client("iam", OTHER).list_users()["Users"] == []
    again = lab.client("guardduty", OTHER)
    detector = again.create_detector(Enable=True)["DetectorId"]
    assert again.list_findings(DetectorId=detector)["FindingIds"] == []


@pytest.mark.parametrize(
    ("service", "make", "read"),
    [
        ("ec2", lambda c: c.create_security_group(GroupName="g", Description="d"),
         lambda c: [g["GroupName"] for g in c.describe_security_groups()["SecurityGroups"] if g["GroupName"] == "g"]),
        ("iam", lambda c: c.create_role(RoleName="r", AssumeRolePolicyDocument="{}"), lambda c: c.list_roles()["Roles"]),
        ("s3", lambda c: c.create_bucket(Bucket="local-aws-one", CreateBucketConfiguration={"LocationConstraint": REGION}),
         lambda c: c.list_buckets()["Buckets"]),
        ("guardduty", lambda c: c.create_detector(Enable=True), lambda c: c.list_detectors()["DetectorIds"]),
        ("config", lambda c: c.put_config_rule(ConfigRule={"ConfigRuleName": "r", "Source": {"Owner": "AWS", "SourceIdentifier": "INCOMING_SSH_DISABLED"}}),
         lambda c: c.describe_compliance_by_config_rule()["ComplianceByConfigRules"]),
    ],
)  # fmt: skip
def test_an_assumed_role_acts_in_its_own_account(lab: Lab, service: str, make: object, read: object) -> None:
    make(lab.client(service, OTHER))  # type: ignore[operator]
    assert read(lab.client(service, OTHER))  # type: ignore[operator]
    assert not read(lab.client(service, HOME))  # type: ignore[operator]


def test_each_account_has_its_own_public_access_block(lab: Lab) -> None:
    flags = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": False,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": False,
    }
    lab.client("s3control", OTHER).put_public_access_block(AccountId=OTHER, PublicAccessBlockConfiguration=flags)
    assert (
        lab.client("s3control", OTHER).get_public_access_block(AccountId=OTHER)["PublicAccessBlockConfiguration"]
        == flags
    )
    with pytest.raises(ClientError) as missing:
        lab.client("s3control").get_public_access_block(AccountId=HOME)
    assert missing.value.response["Error"]["Code"] == "NoSuchPublicAccessBlockConfiguration"


def test_caller_identity_is_the_assumed_role(lab: Lab) -> None:
    identity = lab.client("sts", OTHER).get_caller_identity()
    assert identity["Account"] == OTHER
    assert identity["Arn"] == f"arn:aws:sts::{OTHER}:assumed-role/test/test"


def test_an_upload_that_waits_for_permission_to_continue_is_not_delayed(lab: Lab) -> None:
    s3 = lab.client("s3")
    s3.create_bucket(Bucket="local-aws-upload", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="local-aws-upload", Key="k", Body=b"x" * 300_000)
    assert s3.get_object(Bucket="local-aws-upload", Key="k")["Body"].read() == b"x" * 300_000


def test_seeding_refuses_what_is_no_finding(lab: Lab) -> None:
    assert lab.own("POST", "seed", b"{")[0] == 400
    assert lab.own("POST", "seed", [])[1]["error"] == "seed: the body is no object"
    status, body = lab.own("POST", "seed", {"finding": {"source": "guardduty"}})
    assert status == 400
    assert body["error"].startswith("finding: is not what finding_to_json writes")
    half = Finding("guardduty", "x", "1", "t", "t", Severity.HIGH, HOME, REGION, first_seen="yesterday")  # type: ignore[arg-type]
    with pytest.raises((InvalidInput, AttributeError)):
        seed(lab.url, half, HOME)


def test_seeding_an_absent_cloud_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    finding = Finding("guardduty", "x", "1", "t", "t", Severity.HIGH, HOME, REGION)
    with pytest.raises(Unreachable, match="does not answer"):
        seed(f"http://127.0.0.1:{port}", finding, HOME)


def test_a_started_cloud_stops_answering_once_stopped() -> None:
    second = AwsCloud()
    second.start()
    url = second.url
    assert Lab(url).own("GET", "health")[0] == 200
    second.stop()
    second.stop()
    with pytest.raises(OSError):
        Lab(url).own("GET", "health")


def test_the_check_of_shapes_can_fail(lab: Lab) -> None:
    operation = lab.client("guardduty").meta.service_model.operation_model("ListFindings")
    for body in (b'{"findingIds": [], "other": 1}', b"{}", b'{"findingIds": [1]}', b'{"findingIds": {}}'):
        with pytest.raises(WrongShape):
            check_wire(operation, {"status_code": 200, "body": body})
    revoke = lab.client("ec2").meta.service_model.operation_model("RevokeSecurityGroupIngress")
    for body in (
        b"<r><other/></r>",
        b"<r><return>yes</return></r>",
        b"<r><unknownIpPermissionSet><member/></unknownIpPermissionSet></r>",
    ):
        with pytest.raises(WrongShape):
            check_wire(revoke, {"status_code": 200, "body": body})
