"""Resources named by people: an ARN, an access key id, a bucket's name, an ARM id, a user principal name."""

from __future__ import annotations

import re

from stanch.errors import InvalidInput
from stanch.finding import Resource

_PARTITIONS = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))
_ARN = re.compile(r"arn:(aws[a-z-]*):([a-z0-9-]*):([a-z0-9-]*):(\d{12})?:(.+)")
_REGION = re.compile(r"[a-z]{2,6}(?:-[a-z]+)+-\d{1,2}")
_ARM = re.compile(
    r"/subscriptions/([0-9a-fA-F-]{36})/resourceGroups/[^/]+/providers/([^/]+/[^/]+)/[^/]+", re.IGNORECASE
)
# What stands before the name in the ARN of each type that has a regional or global ARN.
_PREFIX = {
    "AWS::EC2::Instance": ("ec2", "instance/"),
    "AWS::EC2::SecurityGroup": ("ec2", "security-group/"),
    "AWS::IAM::Role": ("iam", "role/"),
    "AWS::IAM::User": ("iam", "user/"),
}


def of_text(text: str, wanted: str, account: str, region: str | None) -> Resource:
    """The resource of type `wanted` that `text` names. `account` and `region` fill in what the text leaves out.

    Raises InvalidInput when the text cannot name such a resource.
    """
    text = text.strip()
    if not text.isprintable():
        raise InvalidInput("resource", f"{text!a} has characters that stand in no name")
    if not wanted.startswith("AWS::"):
        return _azure(text, wanted, account)
    if region is not None and not _REGION.fullmatch(region):
        raise InvalidInput("region", f"{region!a} is no AWS region")
    if wanted == "AWS::IAM::AccessKey":
        return _matching(r"AKIA[A-Z0-9]{12,124}", text, wanted, "an access key id that starts with AKIA", account)
    if wanted == "AWS::::Account":
        return _matching(r"\d{12}", text, wanted, "an account id of 12 digits", text)
    arn = _ARN.fullmatch(text)
    if arn and arn[4] and wanted != "AWS::S3::Bucket":
        account = arn[4]
    if wanted == "AWS::S3::Bucket":
        name = arn[5] if arn and arn[2] == "s3" else text
        found = _matching(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name, wanted, "a bucket's name or ARN", account)
        return Resource(wanted, f"arn:{arn[1] if arn else 'aws'}:s3:::{found.id}", account, region)
    service, prefix = _PREFIX[wanted]
    regional = service == "ec2"
    if arn:
        root = wanted == "AWS::IAM::User" and arn[5] == "root"
        named = arn[5].startswith(prefix) and len(arn[5]) > len(prefix)
        if arn[2] != service or not arn[4] or not (named or root):
            raise InvalidInput("resource", f"{text} does not name {wanted}")
        return Resource(wanted, text, account, (arn[3] or region) if regional else None)
    if ":" in text or " " in text or not text:
        raise InvalidInput("resource", f"{text!r} is neither the ARN nor the name of {wanted}")
    partition = next((name for start, name in _PARTITIONS if (region or "").startswith(start)), "aws")
    place = f"{region}:{account}" if regional else f":{account}"
    return Resource(wanted, f"arn:{partition}:{service}:{place}:{prefix}{text}", account, region if regional else None)


def _matching(pattern: str, text: str, wanted: str, meant: str, account: str) -> Resource:
    if not re.fullmatch(pattern, text):
        raise InvalidInput("resource", f"{text!r} does not name {wanted}: give {meant}")
    return Resource(wanted, text, account, None)


def _azure(text: str, wanted: str, account: str) -> Resource:
    if wanted == "Microsoft.Graph/users":
        if not re.fullmatch(r"[0-9a-fA-F-]{36}|[^\s@/]+@[^\s@/]+", text):
            raise InvalidInput("resource", f"{text!r} is neither an object id nor a user principal name")
        return Resource(wanted, text, account)
    arm = _ARM.fullmatch(text)
    if not arm or arm[2].lower() != wanted.lower():
        raise InvalidInput("resource", f"{text!r} is not the resource id of a {wanted}")
    return Resource(wanted, text, arm[1])
