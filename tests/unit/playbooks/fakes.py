"""Findings, playbooks and a catalogue of remediations that declare much and do nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stanch.finding import Finding, Observable, Resource, Severity
from stanch.playbooks.limits import Mode
from stanch.playbooks.model import Playbook, Policy, Step
from stanch.playbooks.tree import Problem
from stanch.remediation import Change, Parameter, Permissions, Plan, Remediation, State

ACCOUNT = "111122223333"
SUBSCRIPTION = "00000000-0000-0000-0000-0000000000a1"
KEY = Resource("AWS::IAM::AccessKey", "AKIAIOSFODNN7EXAMPLE", ACCOUNT, details={"user_name": "build"})
USER = Resource("AWS::IAM::User", f"arn:aws:iam::{ACCOUNT}:user/build", ACCOUNT)
ROLE = Resource("AWS::IAM::Role", f"arn:aws:iam::{ACCOUNT}:role/web", ACCOUNT)
BUCKET = Resource("AWS::S3::Bucket", "arn:aws:s3:::example-reports", ACCOUNT)
GROUP = Resource(
    "AWS::EC2::SecurityGroup", f"arn:aws:ec2:eu-west-1:{ACCOUNT}:security-group/sg-0a", ACCOUNT, "eu-west-1"
)
ACCOUNT_RESOURCE = Resource("AWS::::Account", ACCOUNT, ACCOUNT)
VM = Resource(
    "Microsoft.Compute/virtualMachines",
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/web/providers/Microsoft.Compute/virtualMachines/web-1",
    SUBSCRIPTION,
)
STORAGE = Resource(
    "Microsoft.Storage/storageAccounts",
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/web/providers/Microsoft.Storage/storageAccounts/reports",
    SUBSCRIPTION,
)
PERSON = Resource("Microsoft.Graph/users", "00000000-0000-0000-0000-0000000000b1", "")


def instance(role: Any = "affected") -> Resource:
    return Resource("AWS::EC2::Instance", f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-0a", ACCOUNT, "eu-west-1", role)


def finding(type_: str = "UnauthorizedAccess:IAMUser/TorIPCaller", *resources: Resource, **changes: Any) -> Finding:
    given: dict[str, Any] = {
        "source": "guardduty", "id": "f-1", "version": "1", "type": type_, "title": "A title", "severity": Severity.HIGH,
        "account": ACCOUNT, "region": "eu-west-1", "resources": resources,
        "observables": (Observable("ip", "198.51.100.7"), Observable("domain", "c2.example")),
        "first_seen": datetime(2026, 11, 23, 15, 0, tzinfo=UTC), "last_seen": datetime(2026, 11, 23, 15, 40, 38, tzinfo=UTC),
    }  # fmt: skip
    return Finding(**{**given, **changes})


def playbook(id_: str = "p", when: Mapping[str, Any] | None = None, mode: Mode = "auto", **changes: Any) -> Playbook:
    steps = tuple(Step(name) for name in changes.pop("steps", ("aws.iam.deactivate_access_key",)))
    conditions = {name: tuple(patterns) for name, patterns in (when or {}).items()}
    return Playbook(id=id_, when=conditions, remediations=steps, mode=mode, **changes)


def policy(*playbooks: Playbook) -> Policy:
    return Policy(playbooks)


class Idle(Remediation[None]):
    """Declares; never acts."""

    title = "Idle"
    countermeasure = "D3-CR"
    disruption = "Nothing."
    permissions = Permissions(frozenset(), frozenset())

    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        raise NotImplementedError

    def read(self, change: Change) -> State:
        raise NotImplementedError

    def apply(self, change: Change) -> Change:
        raise NotImplementedError

    def undo(self, change: Change) -> None:
        raise NotImplementedError


SINCE = Parameter("since", "timestamp", "sessions issued before are revoked")
PORTS = Parameter("ports", "ports", "ports that count")
CUT = Parameter("cut_connections", "boolean", "whether open connections are cut", True)


def declare(id_: str, resource_type: str, *parameters: Parameter, **more: Any) -> type[Remediation[Any]]:
    return type(id_, (Idle,), {"id": id_, "resource_type": resource_type, "parameters": parameters, **more})


CATALOG: dict[str, type[Remediation[Any]]] = {
    item.id: item
    for item in (
        declare("aws.iam.deactivate_access_key", "AWS::IAM::AccessKey"),
        declare("aws.iam.revoke_sessions", "AWS::IAM::Role", SINCE, undo_delay_hours=12),
        declare("aws.iam.revoke_user_sessions", "AWS::IAM::User", SINCE, undo_delay_hours=36),
        declare("aws.ec2.revoke_security_group_ingress", "AWS::EC2::SecurityGroup", PORTS),
        declare("aws.ec2.isolate_instance", "AWS::EC2::Instance", CUT),
        declare("aws.s3.block_public_access", "AWS::S3::Bucket", facts={"website": "serves a website"}),
        declare("aws.s3.block_account_public_access", "AWS::::Account"),
        declare("azure.compute.isolate_vm", "Microsoft.Compute/virtualMachines"),
        declare("azure.compute.deallocate_vm", "Microsoft.Compute/virtualMachines", irreversible="memory is lost"),
        declare("azure.network.revoke_nsg_rule", "Microsoft.Network/networkSecurityGroups", PORTS),
        declare("azure.storage.block_public_access", "Microsoft.Storage/storageAccounts"),
        declare("azure.entra.disable_user", "Microsoft.Graph/users"),
    )
}


def write(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def errors(problems: list[Problem]) -> list[str]:
    """`line: message` of each error."""
    return [f"{item.place.rpartition(':')[2]}: {item.message}" for item in problems if item.level == "error"]
