"""The resource that an AWS Config message is about.

Config identifies a resource by its own `resourceId`: a bucket's name, a group's id, an IAM user's unique id
(https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigurationItem.html, …/developerguide/resource-config-reference.html).
"""

from __future__ import annotations

import re
from typing import Any

from stanch.errors import MalformedEvent
from stanch.finding import Resource
from stanch.sources._aws import ARN, BUCKET, IAM_NAME, Owner, arn_part
from stanch.sources._shape import Node, shown

ACCOUNT_TYPE = "AWS::::Account"

_TYPE = re.compile(r"[A-Za-z0-9]{2,64}::[A-Za-z0-9]{0,64}::[A-Za-z0-9]{1,64}(?:::MODULE)?", re.ASCII)
_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,28}", re.ASCII)
_EC2_ID = re.compile(r"[a-z]+(?:-[a-z]+)*-[0-9a-zA-Z]{8,32}", re.ASCII)
_ANY_ID = re.compile(r"[^\x00-\x1f\x7f]{1,2048}")

_EC2 = {
    "AWS::EC2::Instance": "instance", "AWS::EC2::SecurityGroup": "security-group", "AWS::EC2::Volume": "volume",
    "AWS::EC2::NetworkInterface": "network-interface", "AWS::EC2::Subnet": "subnet", "AWS::EC2::VPC": "vpc",
    "AWS::EC2::NetworkAcl": "network-acl", "AWS::EC2::RouteTable": "route-table", "AWS::EC2::InternetGateway": "internet-gateway",
}  # fmt: skip
_IAM = {"AWS::IAM::User": "user", "AWS::IAM::Role": "role"}


def resource_type(node: Node) -> str:
    """The resource type here, required. `AWS::Account`, which some messages write, is `AWS::::Account`."""
    if node.required() == "AWS::Account":
        return ACCOUNT_TYPE
    return node.matching(_TYPE, "an AWS resource type") or ""


def read_resource(kind: str, ident: Node, owner: Owner, name: Node, arn: Node) -> Resource | None:
    """The resource of type `kind` that Config calls `ident`; `name` and `arn` are its other names, where the message has them.

    None for a type that is not AWS's own (Config also keeps third parties' resources). Raises MalformedEvent for an id that cannot be one.
    """
    text = ident.required()
    if not kind.startswith("AWS::"):
        return None
    if kind in _EC2:
        return _ec2(kind, ident, owner, name)
    if kind in _IAM:
        return _iam(kind, ident, owner, name, arn)
    if kind == ACCOUNT_TYPE:
        if text != owner.account:
            raise ident.malformed(f"is {shown(text)}, but the message is about account {owner.account}")
        return owner.resource(kind, text)
    if kind == "AWS::S3::Bucket":
        bucket = ident.matching(BUCKET, "a bucket name") or ""
        return owner.resource(kind, f"arn:{owner.partition}:s3:::{bucket}", regional=True, bucket=bucket)
    if kind == "AWS::Lambda::Function" and not text.startswith("arn:") and owner.region:
        return owner.resource(
            kind, _checked_arn(owner.arn("lambda", f"function:{text}"), ident), regional=True, name=text
        )
    ident.matching(_ANY_ID, "a resource id")
    known = arn.text() or text
    full = known if ARN.fullmatch(known) and arn_part(known, 4) in (None, owner.account) else text
    return owner.resource(kind, full, regional=True, resource_id=text, name=name.text())


def _ec2(kind: str, ident: Node, owner: Owner, name: Node) -> Resource:
    text = ident.matching(_EC2_ID, "an EC2 resource id") or ""
    if not owner.region:
        raise Node(None, ident.place.replace("resourceId", "awsRegion")).malformed("is missing")
    details: dict[str, Any] = {"instance_id": text} if kind == "AWS::EC2::Instance" else {"resource_id": text}
    return owner.resource(kind, owner.arn("ec2", f"{_EC2[kind]}/{text}"), regional=True, name=name.text(), **details)


def _iam(kind: str, ident: Node, owner: Owner, name: Node, arn: Node) -> Resource:
    """By name where the message has one, else by unique id, for which no ARN is invented.

    The ARN has no path, for the other sources know none, and one resource has one id.
    """
    text = ident.required()
    unique = text if _UNIQUE_ID.fullmatch(text) else None
    given = (
        name if name.present else Node((arn.text() or "").rpartition("/")[2] or (None if unique else text), ident.place)
    )
    known = given.matching(IAM_NAME, "an IAM name")
    if known is None:
        return owner.resource(kind, text, unique_id=text)
    full = owner.arn("iam", f"{_IAM[kind]}/{known}", regional=False)
    return owner.resource(kind, full, user_name=known, unique_id=unique, arn=arn.text())


def _checked_arn(arn: str, ident: Node) -> str:
    if not ARN.fullmatch(arn):
        raise MalformedEvent(ident.place, f"is not a function name: {shown(ident.value)}")
    return arn
