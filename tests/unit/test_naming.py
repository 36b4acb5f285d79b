"""What people type when they mean a resource."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.errors import InvalidInput
from stanch.finding import Resource
from stanch.naming import of_text

ACCOUNT, OTHER, REGION = "111122223333", "444455556666", "eu-west-1"
SUB = "00000000-0000-0000-0000-0000000000a1"
VM = f"/subscriptions/{SUB}/resourceGroups/rg-web/providers/Microsoft.Compute/virtualMachines/vm-1"
TYPES = ("AWS::IAM::AccessKey", "AWS::IAM::User", "AWS::IAM::Role", "AWS::EC2::Instance", "AWS::EC2::SecurityGroup", "AWS::S3::Bucket", "AWS::::Account",
         "Microsoft.Compute/virtualMachines", "Microsoft.Graph/users")  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [
        ("AKIAIOSFODNN7EXAMPLE", "AWS::IAM::AccessKey", ("AKIAIOSFODNN7EXAMPLE", ACCOUNT, None)),
        ("  AKIAIOSFODNN7EXAMPLE\n", "AWS::IAM::AccessKey", ("AKIAIOSFODNN7EXAMPLE", ACCOUNT, None)),
        ("alice", "AWS::IAM::User", (f"arn:aws:iam::{ACCOUNT}:user/alice", ACCOUNT, None)),
        (f"arn:aws:iam::{OTHER}:user/path/alice", "AWS::IAM::User", (f"arn:aws:iam::{OTHER}:user/path/alice", OTHER, None)),
        ("web-role", "AWS::IAM::Role", (f"arn:aws:iam::{ACCOUNT}:role/web-role", ACCOUNT, None)),
        (f"arn:aws-cn:iam::{OTHER}:role/web-role", "AWS::IAM::Role", (f"arn:aws-cn:iam::{OTHER}:role/web-role", OTHER, None)),
        ("i-0abc", "AWS::EC2::Instance", (f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-0abc", ACCOUNT, REGION)),
        (f"arn:aws:ec2:us-east-2:{OTHER}:instance/i-0abc", "AWS::EC2::Instance", (f"arn:aws:ec2:us-east-2:{OTHER}:instance/i-0abc", OTHER, "us-east-2")),
        ("sg-0abc", "AWS::EC2::SecurityGroup", (f"arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/sg-0abc", ACCOUNT, REGION)),
        ("my-bucket", "AWS::S3::Bucket", ("arn:aws:s3:::my-bucket", ACCOUNT, REGION)),
        ("arn:aws:s3:::my-bucket", "AWS::S3::Bucket", ("arn:aws:s3:::my-bucket", ACCOUNT, REGION)),
        ("arn:aws-us-gov:s3:::my-bucket", "AWS::S3::Bucket", ("arn:aws-us-gov:s3:::my-bucket", ACCOUNT, REGION)),
        (OTHER, "AWS::::Account", (OTHER, OTHER, None)),
        (VM, "Microsoft.Compute/virtualMachines", (VM, SUB, None)),
        (VM.upper(), "Microsoft.Compute/virtualMachines", (VM.upper(), SUB.upper(), None)),
        ("d.example@corp.example", "Microsoft.Graph/users", ("d.example@corp.example", ACCOUNT, None)),
        ("00000000-0000-0000-0000-00000000e001", "Microsoft.Graph/users", ("00000000-0000-0000-0000-00000000e001", ACCOUNT, None)),
    ],
)  # fmt: skip
def test_ids_arns_and_names(text: str, wanted: str, found: tuple[str, str, str | None]) -> None:
    resource = of_text(text, wanted, ACCOUNT, REGION)
    assert (resource.id, resource.account) == found[:2]
    assert (resource.type, resource.details) == (wanted, {})
    if wanted.startswith(("AWS::EC2", "AWS::S3")):  # regional types alone are bound by a region
        assert resource.region == found[2]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ASIAIOSFODNN7EXAMPLE", "AWS::IAM::AccessKey"),  # a session's key: there is nothing to deactivate
        ("alice", "AWS::IAM::AccessKey"),
        ("AKIAIOSFODNN7EXAMPLE; rm -rf", "AWS::IAM::AccessKey"),
        (f"arn:aws:iam::{ACCOUNT}:role/web", "AWS::IAM::User"),
        (f"arn:aws:ec2:{REGION}:{ACCOUNT}:volume/vol-1", "AWS::EC2::Instance"),
        (f"arn:aws:s3:::{'b' * 70}", "AWS::S3::Bucket"),
        ("My_Bucket", "AWS::S3::Bucket"),
        ("", "AWS::IAM::Role"),
        ("two words", "AWS::IAM::Role"),
        ("12345", "AWS::::Account"),
        ("vm-1", "Microsoft.Compute/virtualMachines"),
        (VM.replace("virtualMachines", "disks"), "Microsoft.Compute/virtualMachines"),
        (f"{VM}/extensions/x", "Microsoft.Compute/virtualMachines"),
        ("somebody", "Microsoft.Graph/users"),
        ("https://evil.example/@x", "Microsoft.Graph/users"),
    ],
)
def test_what_cannot_name_it_is_refused_with_the_text(text: str, wanted: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        of_text(text, wanted, ACCOUNT, REGION)
    assert caught.value.place == "resource"
    assert text.strip()[-20:] in str(caught.value)


@given(st.text(max_size=80), st.sampled_from(TYPES))
def test_any_text_names_a_resource_of_that_type_or_is_refused(text: str, wanted: str) -> None:
    try:
        resource = of_text(text, wanted, ACCOUNT, REGION)
    except InvalidInput:
        return
    assert isinstance(resource, Resource)
    assert resource.type == wanted
    assert text.strip() in resource.id


@pytest.mark.parametrize(
    "region", ["eu-west-1.evil.example", "a b", "EU-WEST-1", "eu-west-1/", "\ud800", "eu-west-1\n"]
)
def test_a_region_that_cannot_be_one_is_refused_before_any_call(region: str) -> None:
    with pytest.raises(InvalidInput, match=r"^region: "):
        of_text("sg-0abc1234def567890", "AWS::EC2::SecurityGroup", ACCOUNT, region)


@pytest.mark.parametrize("mark", ["\0", "\x1b[2J", "\u202e", "\ud800", "\u2028"])
@pytest.mark.parametrize("wanted", TYPES)
def test_what_no_name_can_hold_is_refused_for_every_type(mark: str, wanted: str) -> None:
    with pytest.raises(InvalidInput, match=r"^resource: "):
        of_text(f"web{mark}x", wanted, ACCOUNT, REGION)
