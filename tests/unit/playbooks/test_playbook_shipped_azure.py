"""The shipped policy on Azure: incidents and alerts, judged one by one as an engineer on call would."""

from __future__ import annotations

import pytest

from stanch.finding import Resource, Severity
from tests.unit.playbooks.fakes import PERSON, STORAGE, VM, finding
from tests.unit.playbooks.shipped import HIGH, LOW, MEDIUM, NSG, PERSON_OUT, STORE, VM_OUT, VM_STOP, answers


def azure(type_: str, title: str, severity: Severity, *resources: Resource, source: str = "sentinel") -> dict[str, str]:
    return answers(finding(type_, *resources, source=source, title=title, severity=severity, account=VM.account))


GENERIC = "e00daaf8-0000-0000-0000-000000000000_9c4be437-0000-0000-0000-000000000000"

AZURE: list[tuple[str, str, Severity, Resource, dict[str, str]]] = [
    ("VM_DigitalCurrencyMining", "Digital currency mining related behavior detected", HIGH, VM, {VM_OUT: "auto"}),
    ("SIMULATED_VM_DigitalCurrencyMining", "[SAMPLE ALERT] Digital currency mining related behavior detected", HIGH, VM, {VM_OUT: "auto"}),
    (GENERIC, "Digital Currency Mining Related Behavior Detected", HIGH, VM, {VM_OUT: "auto"}),
    ("VM_CryptoCoinMinerExecution", "Potential crypto coin miner started", MEDIUM, VM, {VM_OUT: "approve"}),
    (GENERIC, "Potential crypto coin miner started", MEDIUM, VM, {VM_OUT: "approve"}),
    ("VM.Windows_RansomwareIndication", "Ransomware indicators detected", HIGH, VM, {VM_OUT: "auto"}),
    (GENERIC, "Behavior similar to ransomware detected [seen multiple times]", HIGH, VM, {VM_OUT: "auto"}),
    ("Network_CommunicationWithC2", "Network communication with a malicious machine detected", MEDIUM, VM, {VM_OUT: "approve"}),
    ("Network_CommunicationWithC2", "Network communication with a malicious machine detected", HIGH, VM, {VM_OUT: "auto"}),
    # Attacks others: isolated, by approval.
    ("RDP_Outgoing_BF_OneToMany", "Suspicious outgoing RDP network activity to multiple destinations", HIGH, VM, {VM_OUT: "approve"}),
    ("SSH_Outgoing_BF_OneToOne", "Suspicious outgoing SSH network activity", MEDIUM, VM, {VM_OUT: "approve"}),
    ("PortScanning", "Suspicious outgoing SSH traffic detected", MEDIUM, VM, {VM_OUT: "approve"}),
    (GENERIC, "Possible outgoing denial-of-service attack detected", MEDIUM, VM, {VM_OUT: "approve"}),
    # Is attacked: the door is closed, the machine stays.
    ("RDP_Incoming_BF_ManyToOne", "Suspicious incoming RDP network activity from multiple sources", MEDIUM, VM, {NSG: "auto"}),
    ("SSH_Incoming_BF_OneToOne", "Suspicious incoming SSH network activity", HIGH, VM, {NSG: "auto"}),
    (GENERIC, "Suspicious incoming RDP network activity", HIGH, VM, {NSG: "auto"}),
    (GENERIC, "SSH brute force against web-1", HIGH, VM, {NSG: "auto"}),
    ("VM_SshBruteForceFailed", "Failed SSH brute force attack", MEDIUM, VM, {NSG: "auto"}),
    ("VM_SshBruteForceSuccess", "Successful SSH brute force attack", HIGH, VM, {NSG: "auto", VM_OUT: "approve"}),
    (GENERIC, "Successful SSH brute force attack", HIGH, VM, {NSG: "auto", VM_OUT: "approve"}),
    (GENERIC, "Unsuccessful SSH brute force attack", HIGH, VM, {NSG: "auto"}),
    # Anything else of weight about a machine.
    ("WindowsDefenderAtp", "Suspicious PowerShell command line", HIGH, VM, {VM_OUT: "approve"}),
    ("WindowsDefenderAtp", "Suspicious PowerShell command line", Severity.INFORMATIONAL, VM, {}),
    ("ARM_SuspiciousComputeCreation", "PREVIEW - Suspicious creation of compute resources detected", MEDIUM, VM, {VM_STOP: "approve"}),
    (GENERIC, "Suspicious creation of compute resources detected", HIGH, VM, {VM_STOP: "approve"}),
    # Storage.
    ("Storage.Blob_OpenACL", "The access level of a potentially sensitive storage blob container was changed to allow unauthenticated public access", MEDIUM, STORAGE, {STORE: "auto"}),
    (GENERIC, "The access level of a sensitive storage blob container was changed to allow unauthenticated public access", MEDIUM, STORAGE, {STORE: "auto"}),
    ("Storage.Blob_OpenContainersScanning.SuccessfulDiscovery", "Publicly accessible storage containers successfully discovered", MEDIUM, STORAGE, {STORE: "approve"}),
    ("Storage.Blob_OpenContainersScanning.FailedAttempt", "Publicly accessible storage containers unsuccessfully scanned", LOW, STORAGE, {}),
    (GENERIC, "Publicly accessible storage containers with potentially sensitive data have been exposed", HIGH, STORAGE, {STORE: "approve"}),
    ("Storage.Blob_AnonymousAccessAnomaly", "Unusual unauthenticated access to a storage container", HIGH, STORAGE, {STORE: "approve"}),
    ("Storage.Blob_TorAnomaly", "Authenticated access from a Tor exit node", HIGH, STORAGE, {}),
    # Accounts.
    (GENERIC, "Sign-in from an infected device", HIGH, PERSON, {PERSON_OUT: "approve"}),
    (GENERIC, "Unfamiliar sign-in properties", MEDIUM, PERSON, {}),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "title", "severity", "resource", "expected"), AZURE)
def test_azure(type_: str, title: str, severity: Severity, resource: Resource, expected: dict[str, str]) -> None:
    assert azure(type_, title, severity, resource) == expected
    assert azure(type_, title, severity, resource, source="defender") == expected
    assert azure(type_, title, severity, resource, source="guardduty") == {}


def test_an_incident_that_names_nothing_reaches_nothing() -> None:
    assert azure(GENERIC, "Test 22", LOW) == {}
    assert azure(GENERIC, "Suspicious incoming RDP network activity", HIGH) == {}


def test_an_incident_with_a_machine_and_its_user_contains_both() -> None:
    assert azure("VM_DigitalCurrencyMining", "Digital currency mining related behavior detected", HIGH, VM, PERSON) == {
        VM_OUT: "auto",
        PERSON_OUT: "approve",
    }
