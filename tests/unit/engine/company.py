"""The company of the example policy: its accounts, what happens in them, and the policy with another line in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from stanch import clock
from stanch.decision import Identity
from stanch.finding import Resource
from stanch.result import Result
from stanch.sweep.run import Sweep
from tests.unit.engine.bench import finding
from tests.unit.engine.doubles import Company

PCI, SANDBOX, PROD, UNKNOWN = "111122223333", "555566667777", "777788889999", "123412341234"
SUBSCRIPTION = "00000000-0000-0000-0000-0000000000a1"
UNITS = {SANDBOX: ["ou-ab12-sand0001"], PROD: ["ou-ab12-team0001", "ou-ab12-prod0001"]}
LEAK, OPEN = "UnauthorizedAccess:IAMUser/TorIPCaller", "INCOMING_SSH_DISABLED"
KEY_OFF, GROUP_SHUT, ROLE_OUT, BUCKET_SHUT = (
    "aws.iam.deactivate_access_key",
    "aws.ec2.revoke_security_group_ingress",
    "aws.iam.revoke_sessions",
    "aws.s3.block_public_access",
)


def changed(company: Company, old: str, new: str) -> Company:
    """The same company with another line in its policy."""
    assert company.text.count(old) == 1, old
    company.text = company.text.replace(old, new)
    return company


def key(account: str, name: str = "") -> Resource:
    return Resource("AWS::IAM::AccessKey", name or f"AKIA{account}EXAM", account)


def group(account: str, name: str = "sg-0a") -> Resource:
    return Resource(
        "AWS::EC2::SecurityGroup", f"arn:aws:ec2:eu-west-1:{account}:security-group/{name}", account, "eu-west-1"
    )


def role(account: str, name: str = "web") -> Resource:
    return Resource("AWS::IAM::Role", f"arn:aws:iam::{account}:role/{name}", account)


def bucket(name: str, account: str = SANDBOX) -> Resource:
    return Resource("AWS::S3::Bucket", f"arn:aws:s3:::{name}", account)


def leak(company: Company, account: str, **changes: Any) -> Result:
    return company.see(LEAK, key(account), KEY_OFF, **changes)


def exposed(company: Company, account: str, name: str = "sg-0a", **changes: Any) -> Result:
    return company.see(OPEN, group(account, name), GROUP_SHUT, **{"source": "config", **changes})


def stolen(company: Company, account: str, **changes: Any) -> Result:
    return company.see(
        "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", role(account), ROLE_OUT, **changes
    )


def public(company: Company, name: str = "reports", **changes: Any) -> Result:
    return company.see("S3_BUCKET_PUBLIC_READ_PROHIBITED", bucket(name), BUCKET_SHUT, **{"source": "config", **changes})


def person(name: str, *groups: str) -> Identity:
    return Identity(name, name, groups)


def later(company: Company, minutes: float) -> None:
    with clock.at(datetime.now(UTC) + timedelta(minutes=minutes)):
        Sweep(company.deployment).run()


def reopen(company: Company) -> None:
    for thing in company.cloud.things.values():
        thing["state"] = "open"


def about(company: Company, resource: Resource) -> Any:
    return finding(
        resource,
        type="S3_BUCKET_PUBLIC_READ_PROHIBITED",
        source="config",
        account=resource.account,
        id=f"about {resource.id}",
    )
