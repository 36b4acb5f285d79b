"""The shipped policy as a whole and on AWS, judged finding by finding as an engineer on call would."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.finding import Resource, Severity
from stanch.playbooks.load import check
from stanch.playbooks.match import bind_params
from tests.unit.playbooks.fakes import (
    ACCOUNT,
    ACCOUNT_RESOURCE,
    BUCKET,
    CATALOG,
    GROUP,
    KEY,
    ROLE,
    USER,
    finding,
    instance,
)
from tests.unit.playbooks.shipped import (
    BLOCK,
    BLOCK_ALL,
    CRITICAL,
    HIGH,
    INGRESS,
    ISOLATE,
    KEY_OFF,
    LOW,
    MATCHER,
    MEDIUM,
    PERSON_OUT,
    POLICY,
    ROLE_OUT,
    USER_OUT,
    VM_STOP,
    answers,
)

ROOT = Resource("AWS::IAM::User", f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, details={"user_name": "Root"})
ROOT_KEY = Resource("AWS::IAM::AccessKey", "AKIAIOSFODNN7EXAMPLE", ACCOUNT, details={"user_type": "Root"})


def test_nothing_is_wrong_doubtful_or_worth_a_note() -> None:
    assert check("shipped", CATALOG) == []


def test_every_remediation_is_reached_by_an_enabled_playbook() -> None:
    used = {step.remediation for item in POLICY.playbooks if item.enabled for step in item.remediations}
    assert used == set(CATALOG)


IAM: list[tuple[str, Severity, tuple[Resource, ...], dict[str, str]]] = [
    # A long-term key used from a bad place: the key, and what it minted.
    ("UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom", MEDIUM, (KEY,), {KEY_OFF: "auto", USER_OUT: "auto"}),
    ("UnauthorizedAccess:IAMUser/TorIPCaller", HIGH, (KEY, USER), {KEY_OFF: "auto", USER_OUT: "auto"}),
    ("PenTest:IAMUser/KaliLinux", MEDIUM, (KEY,), {KEY_OFF: "auto", USER_OUT: "auto"}),
    ("Exfiltration:IAMUser/AnomalousBehavior", HIGH, (KEY,), {KEY_OFF: "auto", USER_OUT: "auto"}),
    ("AttackSequence:IAM/CompromisedCredentials", CRITICAL, (KEY, USER), {KEY_OFF: "auto", USER_OUT: "auto"}),
    # A faint one: a person decides.
    ("Discovery:IAMUser/AnomalousBehavior", LOW, (KEY,), {KEY_OFF: "approve", USER_OUT: "approve"}),
    ("Stealth:IAMUser/CloudTrailLoggingDisabled", LOW, (USER,), {USER_OUT: "approve"}),
    ("Impact:IAMUser/CostHarvesting", Severity.UNKNOWN, (KEY,), {KEY_OFF: "approve", USER_OUT: "approve"}),
    # A temporary credential of a user: there is no key to deactivate.
    ("UnauthorizedAccess:IAMUser/TorIPCaller", MEDIUM, (USER,), {USER_OUT: "auto"}),
    # A role: by approval, but for credentials that left AWS.
    ("CredentialAccess:IAMUser/AnomalousBehavior", MEDIUM, (ROLE,), {ROLE_OUT: "approve"}),
    ("UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.InsideAWS", HIGH, (ROLE,), {ROLE_OUT: "approve"}),
    ("UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.OutsideAWS", HIGH, (ROLE,), {ROLE_OUT: "approve"}),
    ("UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", HIGH, (ROLE,), {ROLE_OUT: "auto"}),
    ("UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", HIGH, (), {ROLE_OUT: "auto"}),
    (
        "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
        HIGH,
        (ROLE, instance()),
        {ROLE_OUT: "auto", ISOLATE: "approve"},
    ),
    # Types that are not known yet land where a person decides.
    ("Brandnew:IAMUser/Thing", CRITICAL, (KEY,), {KEY_OFF: "approve", USER_OUT: "approve"}),
    ("Brandnew:IAMUser/Thing", CRITICAL, (ROLE,), {ROLE_OUT: "approve"}),
    # Root must reach a playbook, so that the guard that protects it holds and reports it.
    ("Policy:IAMUser/RootCredentialUsage", LOW, (ROOT,), {USER_OUT: "approve"}),
    ("Policy:IAMUser/ShortTermRootCredentialUsage", HIGH, (ROOT,), {USER_OUT: "approve"}),
    ("Policy:IAMUser/RootCredentialUsage", LOW, (ROOT_KEY,), {KEY_OFF: "approve", USER_OUT: "approve"}),
    ("UnauthorizedAccess:IAMUser/TorIPCaller", HIGH, (ROOT_KEY, ROOT), {KEY_OFF: "auto", USER_OUT: "auto"}),
]

EC2: list[tuple[str, Severity, tuple[Resource, ...], dict[str, str]]] = [
    ("Backdoor:EC2/C&CActivity.B!DNS", HIGH, (instance("actor"),), {ISOLATE: "auto"}),
    ("Backdoor:EC2/C&CActivity.B!DNS", CRITICAL, (instance("affected"),), {ISOLATE: "auto"}),
    ("CryptoCurrency:EC2/BitcoinTool.B", HIGH, (instance("actor"),), {ISOLATE: "auto"}),
    ("Trojan:EC2/DGADomainRequest.B", HIGH, (instance("actor"),), {ISOLATE: "auto"}),
    ("Trojan:EC2/DropPoint", MEDIUM, (instance("actor"),), {ISOLATE: "approve"}),
    ("Trojan:EC2/DropPoint", HIGH, (instance("target"),), {ISOLATE: "approve"}),
    ("CryptoCurrency:Runtime/BitcoinTool.B", HIGH, (instance("actor"),), {ISOLATE: "approve"}),
    ("Execution:Runtime/ReverseShell", HIGH, (instance("affected"),), {ISOLATE: "approve"}),
    ("Execution:EC2/MaliciousFile", HIGH, (instance("affected"),), {ISOLATE: "approve"}),
    ("UnauthorizedAccess:EC2/TorRelay", HIGH, (instance("target"),), {ISOLATE: "approve"}),
    ("UnauthorizedAccess:EC2/MaliciousIPCaller.Custom", MEDIUM, (instance("actor"),), {ISOLATE: "approve"}),
    ("UnauthorizedAccess:EC2/MetadataDNSRebind", HIGH, (instance("actor"),), {ISOLATE: "approve"}),
    ("Recon:EC2/Portscan", MEDIUM, (instance("actor"),), {ISOLATE: "approve"}),
    ("AttackSequence:EC2/CompromisedInstanceGroup", CRITICAL, (instance("affected"),), {ISOLATE: "approve"}),
    # The victim is not isolated: its door is closed.
    ("UnauthorizedAccess:EC2/SSHBruteForce", LOW, (instance("target"),), {INGRESS: "approve"}),
    ("UnauthorizedAccess:EC2/RDPBruteForce", HIGH, (instance("target"),), {INGRESS: "approve"}),
    ("UnauthorizedAccess:EC2/RDPBruteForce", LOW, (instance("affected"),), {INGRESS: "approve"}),
    ("UnauthorizedAccess:EC2/SSHBruteForce", HIGH, (instance("actor"),), {ISOLATE: "approve"}),
    ("Recon:EC2/PortProbeUnprotectedPort", LOW, (instance("target"),), {INGRESS: "approve"}),
    ("Recon:EC2/PortProbeEMRUnprotectedPort", HIGH, (instance("target"),), {INGRESS: "approve"}),
    ("UnauthorizedAccess:EC2/TorIPCaller", MEDIUM, (instance("target"),), {INGRESS: "approve"}),
]

S3: list[tuple[str, Severity, tuple[Resource, ...], dict[str, str]]] = [
    ("Policy:S3/BucketPublicAccessGranted", HIGH, (BUCKET,), {BLOCK: "auto"}),
    ("Policy:S3/BucketAnonymousAccessGranted", HIGH, (BUCKET, USER), {BLOCK: "auto"}),
    ("Policy:S3/BucketBlockPublicAccessDisabled", LOW, (BUCKET,), {BLOCK: "auto"}),
    ("Policy:S3/AccountBlockPublicAccessDisabled", LOW, (ACCOUNT_RESOURCE,), {BLOCK_ALL: "approve"}),
    ("Exfiltration:S3/MaliciousIPCaller", HIGH, (BUCKET, KEY), {KEY_OFF: "approve", USER_OUT: "approve"}),
    ("Discovery:S3/AnomalousBehavior", LOW, (BUCKET, USER), {USER_OUT: "approve"}),
    ("Impact:S3/AnomalousBehavior.Delete", HIGH, (BUCKET, ROLE), {ROLE_OUT: "approve"}),
    ("UnauthorizedAccess:S3/TorIPCaller", HIGH, (BUCKET, KEY), {KEY_OFF: "approve", USER_OUT: "approve"}),
    ("AttackSequence:S3/CompromisedData", CRITICAL, (BUCKET, ROLE), {ROLE_OUT: "approve"}),
    ("Exfiltration:S3/AnomalousBehavior", HIGH, (BUCKET,), {}),
]

OTHERS: list[tuple[str, Severity, tuple[Resource, ...], dict[str, str]]] = [
    ("Discovery:Kubernetes/TorIPCaller", MEDIUM, (KEY,), {}),
    ("CredentialAccess:RDS/AnomalousBehavior.SuccessfulLogin", HIGH, (), {}),
    ("Backdoor:Lambda/C&CActivity.B", HIGH, (), {}),
    ("Execution:Container/SuspiciousFile", MEDIUM, (), {}),
    ("Object:S3/MaliciousFile", HIGH, (BUCKET,), {}),
    ("Execution:EC2/MaliciousFile!Snapshot", HIGH, (), {}),
    ("UnauthorizedAccess:IAMUser/TorIPCaller", HIGH, (), {}),
    ("Backdoor:EC2/C&CActivity.B", HIGH, (KEY,), {}),
]


@pytest.mark.parametrize(("type_", "severity", "resources", "expected"), [*IAM, *EC2, *S3, *OTHERS])
def test_guardduty(type_: str, severity: Severity, resources: tuple[Resource, ...], expected: dict[str, str]) -> None:
    assert answers(finding(type_, *resources, severity=severity)) == expected


@pytest.mark.parametrize(
    ("identifier", "resource", "expected"),
    [
        ("INCOMING_SSH_DISABLED", GROUP, {INGRESS: "auto"}),
        ("RESTRICTED_INCOMING_TRAFFIC", GROUP, {INGRESS: "auto"}),
        ("VPC_SG_OPEN_ONLY_TO_AUTHORIZED_PORTS", GROUP, {INGRESS: "auto"}),
        ("VPC_SG_PORT_RESTRICTION_CHECK", GROUP, {INGRESS: "auto"}),
        ("S3_BUCKET_PUBLIC_READ_PROHIBITED", BUCKET, {BLOCK: "auto"}),
        ("S3_BUCKET_PUBLIC_WRITE_PROHIBITED", BUCKET, {BLOCK: "auto"}),
        ("S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED", BUCKET, {BLOCK: "auto"}),
        ("S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS", ACCOUNT_RESOURCE, {BLOCK_ALL: "approve"}),
        ("S3_ACCOUNT_LEVEL_PUBLIC_ACCESS_BLOCKS_PERIODIC", ACCOUNT_RESOURCE, {BLOCK_ALL: "approve"}),
        ("ACCESS_KEYS_ROTATED", USER, {}),
        ("VPC_DEFAULT_SECURITY_GROUP_CLOSED", GROUP, {}),
        ("REQUIRED_TAGS", GROUP, {}),
        ("restricted-ssh", GROUP, {}),
    ],
)
def test_config(identifier: str, resource: Resource, expected: dict[str, str]) -> None:
    given: dict[str, Any] = {"source": "config", "severity": Severity.UNKNOWN}
    assert answers(finding(identifier, resource, **given)) == expected
    assert answers(finding(identifier, resource, **given, compliant=True)) == {}


def test_sessions_are_cut_up_to_a_time_that_the_finding_gives() -> None:
    """A cutoff that moves with the clock would make every redelivery a new change."""
    found = finding("UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", ROLE, KEY)
    bound = {match.step.remediation: bind_params(match.step, found, ROLE) for match in MATCHER.match(found)}
    assert bound[ROLE_OUT] == {"since": "2026-11-23T15:40:38Z"}
    for item in POLICY.playbooks:
        for step in item.remediations:
            if step.remediation in (ROLE_OUT, USER_OUT):
                assert step.with_["since"] in ("last_seen", "updated_at")


def test_a_website_is_asked_about_by_the_plan_and_not_passed_over() -> None:
    buckets = [item for item in POLICY.playbooks if any(step.remediation == BLOCK for step in item.remediations)]
    assert [item.id for item in buckets] == ["bucket-public", "bucket-public-rule"]
    assert [item.unless for item in buckets] == [{}, {}]


@pytest.mark.parametrize("name", [VM_STOP, PERSON_OUT, BLOCK_ALL])
def test_what_hits_too_much_is_never_automatic(name: str) -> None:
    modes = {item.mode for item in POLICY.playbooks for step in item.remediations if step.remediation == name}
    assert modes == {"approve"}


GUARDDUTY = {
    "EC2": "Backdoor:EC2/C&CActivity.B Backdoor:EC2/C&CActivity.B!DNS Backdoor:EC2/DenialOfService.Dns Backdoor:EC2/DenialOfService.Tcp "
    "Backdoor:EC2/DenialOfService.Udp Backdoor:EC2/DenialOfService.UdpOnTcpPorts Backdoor:EC2/DenialOfService.UnusualProtocol "
    "Backdoor:EC2/Spambot Behavior:EC2/NetworkPortUnusual Behavior:EC2/TrafficVolumeUnusual CryptoCurrency:EC2/BitcoinTool.B "
    "CryptoCurrency:EC2/BitcoinTool.B!DNS DefenseEvasion:EC2/UnusualDNSResolver DefenseEvasion:EC2/UnusualDoHActivity "
    "DefenseEvasion:EC2/UnusualDoTActivity Impact:EC2/AbusedDomainRequest.Reputation Impact:EC2/BitcoinDomainRequest.Reputation "
    "Impact:EC2/MaliciousDomainRequest.Reputation Impact:EC2/PortSweep Impact:EC2/SuspiciousDomainRequest.Reputation "
    "Impact:EC2/WinRMBruteForce Recon:EC2/PortProbeEMRUnprotectedPort Recon:EC2/PortProbeUnprotectedPort Recon:EC2/Portscan "
    "Trojan:EC2/BlackholeTraffic Trojan:EC2/BlackholeTraffic!DNS Trojan:EC2/DGADomainRequest.B Trojan:EC2/DGADomainRequest.C!DNS "
    "Trojan:EC2/DNSDataExfiltration Trojan:EC2/DriveBySourceTraffic!DNS Trojan:EC2/DropPoint Trojan:EC2/DropPoint!DNS "
    "Trojan:EC2/PhishingDomainRequest!DNS UnauthorizedAccess:EC2/MaliciousIPCaller.Custom UnauthorizedAccess:EC2/MetadataDNSRebind "
    "UnauthorizedAccess:EC2/RDPBruteForce UnauthorizedAccess:EC2/SSHBruteForce UnauthorizedAccess:EC2/TorClient "
    "UnauthorizedAccess:EC2/TorRelay",
    "IAM": "CredentialAccess:IAMUser/AnomalousBehavior DefenseEvasion:IAMUser/AnomalousBehavior Discovery:IAMUser/AnomalousBehavior "
    "Exfiltration:IAMUser/AnomalousBehavior Impact:IAMUser/AnomalousBehavior InitialAccess:IAMUser/AnomalousBehavior "
    "Persistence:IAMUser/AnomalousBehavior PrivilegeEscalation:IAMUser/AnomalousBehavior PenTest:IAMUser/KaliLinux "
    "PenTest:IAMUser/ParrotLinux PenTest:IAMUser/PentooLinux Policy:IAMUser/RootCredentialUsage "
    "Policy:IAMUser/ShortTermRootCredentialUsage Recon:IAMUser/MaliciousIPCaller Recon:IAMUser/MaliciousIPCaller.Custom "
    "Recon:IAMUser/TorIPCaller Stealth:IAMUser/CloudTrailLoggingDisabled Stealth:IAMUser/PasswordPolicyChange "
    "UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.InsideAWS "
    "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS UnauthorizedAccess:IAMUser/MaliciousIPCaller "
    "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom UnauthorizedAccess:IAMUser/TorIPCaller "
    "AttackSequence:IAM/CompromisedCredentials",
    "S3": "Discovery:S3/AnomalousBehavior Discovery:S3/MaliciousIPCaller Discovery:S3/TorIPCaller Exfiltration:S3/AnomalousBehavior "
    "Exfiltration:S3/MaliciousIPCaller Impact:S3/AnomalousBehavior.Delete Impact:S3/AnomalousBehavior.Permission "
    "Impact:S3/AnomalousBehavior.Write Impact:S3/MaliciousIPCaller PenTest:S3/KaliLinux PenTest:S3/ParrotLinux PenTest:S3/PentooLinux "
    "Policy:S3/AccountBlockPublicAccessDisabled Policy:S3/BucketAnonymousAccessGranted Policy:S3/BucketBlockPublicAccessDisabled "
    "Policy:S3/BucketPublicAccessGranted Stealth:S3/ServerAccessLoggingDisabled UnauthorizedAccess:S3/MaliciousIPCaller.Custom "
    "UnauthorizedAccess:S3/TorIPCaller AttackSequence:S3/CompromisedData",
}
BEYOND = "Backdoor:Lambda/C&CActivity.B CredentialAccess:RDS/MaliciousIPCaller.FailedLogin Discovery:Kubernetes/TorIPCaller Object:S3/MaliciousFile"
WHAT = {"EC2": (instance("target"), instance("actor")), "IAM": (KEY, USER, ROLE), "S3": (BUCKET, KEY, ACCOUNT_RESOURCE)}


@pytest.mark.parametrize(
    ("family", "type_"), [(family, name) for family, names in GUARDDUTY.items() for name in names.split()]
)
def test_every_active_type_that_names_what_we_can_contain_reaches_a_playbook(family: str, type_: str) -> None:
    assert answers(finding(type_, *WHAT[family])) != {}


def test_the_check_lists_the_types_that_reach_none() -> None:
    """https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-active.html"""
    known = [name for names in GUARDDUTY.values() for name in names.split()]
    [note] = check("shipped", CATALOG, {"guardduty": [*known, *BEYOND.split()]})
    assert note.message == (
        f"4 of {len(known) + 4} known finding types of guardduty reach no playbook: Backdoor:Lambda/C&CActivity.B, "
        "CredentialAccess:RDS/MaliciousIPCaller.FailedLogin, Discovery:Kubernetes/TorIPCaller, Object:S3/MaliciousFile"
    )
