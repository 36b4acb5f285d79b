"""What usually comes through each entrance, and what stands beside what it names (`DECOYS`), about which no source has a finding."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from handlers.aws import config, guardduty
from remediations.aws import REGISTRY as AWS
from remediations.azure import REGISTRY as AZURE
from stanch.approval.keys import Keys
from stanch.approval.token import issue, issue_form
from stanch.remediation import load
from stanch.sources import recognise
from tests.proof.entrances import (
    CALLER,
    Entrance,
    through_approval_page,
    through_azures_queue,
    through_queue_or_call,
    through_runbook,
)
from tests.proof.mutation import paths
from tests.runtime.events import rule_invocation

ROOT = Path(__file__).parent.parent.parent
CORPUS = Path(os.environ.get("STANCH_CORPUS") or ROOT.parent / "shared" / "corpus")
SIGNING = json.dumps({"current": "now", "keys": {"now": "n" * 40}})
DECOYS = (
    ("EXAMPL", "DECOY0"), ("ci-deploy", "ci-decoy"), ("release-bot", "release-decoy"), ("web-role", "web-decoy"), ("i-0", "i-1"), ("sg-0", "sg-1"), ("-2026-example", "-2026-decoy"),
    ("vm-", "vm-decoy-"), ("stinvoices", "stdecoys"), ("00000000e0", "00000000e9"), ("d.example", "decoy.example"),
)  # fmt: skip
"""What the samples name, and what stands beside it."""
HIDDEN = (
    ("c1b2a39f4e5d", "decaf0decaf0"), ("-0000000010", "-0000000090"), ("-0000000020", "-0000000080"), ("-0000000030", "-0000000070"), ("config-rule-0000", "config-rule-9900"),
    ("restricted-ssh", "restricted-ssh-conformance-pack-decoy9"), ("pack-abc123", "pack-decoy9"), ("prohibited\"", "prohibited-conformance-pack-decoy9\""),
    ("periodic\"", "periodic-conformance-pack-decoy9\""),
)  # fmt: skip
"""The ids under which the sources know what stands beside; no event that is delivered has one."""


def entrances(waiting: dict[str, str]) -> list[Entrance]:
    """`waiting` is the id of an action that waits for approval and its plan's digest."""
    return [
        Entrance("guardduty", _samples("guardduty"), partial(through_queue_or_call, guardduty.handler)),
        Entrance("config", [*_samples("config"), invocation()], partial(through_queue_or_call, config.handler)),
        Entrance("sentinel", _samples("sentinel"), through_azures_queue),
        Entrance("runbook", list(_requests()), through_runbook),
        Entrance("approval", list(_visits(waiting)), through_approval_page),
    ]


def beside(text: str, *more: tuple[str, str]) -> Any:
    """The sample about what stands beside what it names."""
    for old, new in (*DECOYS, *more):
        text = text.replace(old, new)
    return json.loads(text)


def invocation() -> Any:
    """A rule's own invocation that nobody but Config may make, for a rule of Config's own, about a decoy."""
    text = beside((ROOT / "events" / "config" / "open-ssh.json").read_text())["detail"]["resourceId"]
    return rule_invocation("restricted-ssh", text, "111122223333", "eu-west-1", "token")


def _samples(source: str) -> list[Any]:
    """The sample events of a source, and real ones where a collection of them lies beside."""
    files = [*sorted((ROOT / "events" / source).glob("*.json")), *sorted((CORPUS / source).glob("*.json"))]
    found = []
    for path in files:
        value = json.loads(path.read_text())
        found += value if isinstance(value, list) else [value]
    return [each for each in found if isinstance(each, dict) and recognise(each) == source]


_AZURE = "/subscriptions/00000000-0000-0000-0000-0000000000a1/resourceGroups/rg-batch/providers"
SUBJECTS = {
    "AWS::IAM::AccessKey": "AKIAIOSFODNN7DECOY01", "AWS::IAM::Role": "arn:aws:iam::111122223333:role/decoy", "AWS::IAM::User": "decoy-user", "AWS::EC2::SecurityGroup": "sg-1c9d8e7f6a5b40312",
    "AWS::EC2::Instance": "i-1c9d8e7f6a5b40312", "AWS::S3::Bucket": "decoy-bucket", "AWS::::Account": "111122223333", "Microsoft.Graph/users": "decoy@corp.example",
    "Microsoft.Compute/virtualMachines": f"{_AZURE}/Microsoft.Compute/virtualMachines/vm-decoy-2", "Microsoft.Network/networkSecurityGroups": f"{_AZURE}/Microsoft.Network/networkSecurityGroups/decoy",
    "Microsoft.Storage/storageAccounts": f"{_AZURE}/Microsoft.Storage/storageAccounts/decoy",
}  # fmt: skip


def _requests() -> Iterator[Any]:
    """What an engineer asks for: a plan of each remediation."""
    for name, where in sorted({**AWS, **AZURE}.items()):
        subject = SUBJECTS[load(where).resource_type]
        yield {"remediation": name, "resource": subject, "apply": False, "reason": "seen live", "params": {}, "account": "111122223333", "region": "eu-west-1", "expires": "4h"}  # fmt: skip


def _visits(waiting: dict[str, str]) -> Iterator[Any]:
    """A look at the request that waits, and answers to it with a form that was made for somebody else."""
    keys = Keys.parse(SIGNING)
    link = issue(keys, waiting["action"], waiting["plan"], "soc:teams", lifetime=3600)
    form = issue_form(keys, "mallory", waiting["action"], waiting["plan"])
    jwt = {
        "jwt": {
            "claims": {
                "sub": "alice",
                "iss": "https://login.example",
                "email": "alice@corp.example",
                "groups": "[sec-oncall]",
            }
        }
    }
    for method, authorizer in (("GET", jwt), ("POST", jwt), ("POST", {"iam": {"userArn": CALLER}}), ("POST", None)):
        body = urlencode({"form": form, "plan": waiting["plan"], "decision": "approve", "reason": "seen live"})
        yield {
            "version": "2.0", "rawPath": "/approval", "queryStringParameters": {"t": link}, "body": body if method == "POST" else None, "isBase64Encoded": False,
            "headers": {"content-type": "application/x-www-form-urlencoded", "X-MS-CLIENT-PRINCIPAL-ID": "alice", "X-MS-CLIENT-PRINCIPAL-IDP": "aad"},
            "requestContext": {"http": {"method": method, "path": "/approval"}, "authorizer": authorizer},
        }  # fmt: skip


def dictionary(entrance: Entrance) -> tuple[Any, ...]:
    """Values that lead somewhere: ids of the decoys, and what the samples hold where an id stands."""
    texts = [beside(json.dumps(seed)) for seed in entrance.seeds]
    found = {value for text in texts for value in _texts(text) if 0 < len(value) < 300}
    return tuple(sorted(found))[:: max(1, len(found) // 400)]


def _texts(event: Any) -> Iterator[str]:
    for *way, last in paths(event, 400):
        each = event
        for key in (*way, last):
            each = each[key]
        if isinstance(each, str):
            yield each
