"""The shipped policy, what it answers to a finding, and short names for what it may do."""

from __future__ import annotations

from stanch.finding import Finding, Severity
from stanch.playbooks.load import load
from stanch.playbooks.match import Matcher
from stanch.playbooks.model import strictest
from tests.unit.playbooks.fakes import CATALOG

POLICY = load("shipped", CATALOG)
MATCHER = Matcher(POLICY)
LOW, MEDIUM, HIGH, CRITICAL = Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL

KEY_OFF, USER_OUT, ROLE_OUT = "aws.iam.deactivate_access_key", "aws.iam.revoke_user_sessions", "aws.iam.revoke_sessions"
ISOLATE, INGRESS = "aws.ec2.isolate_instance", "aws.ec2.revoke_security_group_ingress"
BLOCK, BLOCK_ALL = "aws.s3.block_public_access", "aws.s3.block_account_public_access"
VM_OUT, VM_STOP, NSG = "azure.compute.isolate_vm", "azure.compute.deallocate_vm", "azure.network.revoke_nsg_rule"
STORE, PERSON_OUT = "azure.storage.block_public_access", "azure.entra.disable_user"


def answers(found: Finding) -> dict[str, str]:
    """Remediation → mode; all matches apply, the strictest mode wins."""
    modes: dict[str, list[str]] = {}
    for match in MATCHER.match(found):
        modes.setdefault(match.step.remediation, []).append(match.mode)
    return {name: strictest(*given) for name, given in modes.items()}
