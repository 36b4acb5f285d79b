"""A request as it would come of a real finding: SSH open to the internet in a group that is exempted by a tag."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from remediations.aws.revoke_security_group_ingress import RevokeSecurityGroupIngress
from stanch.action import Action, Outcome, Step
from stanch.clock import iso
from stanch.decision import View
from stanch.finding import Resource
from stanch.guardrails import Verdict
from stanch.remediation import Change, Plan

ACTION = "0a1b2c3d4e5f-0192f5c1a2b"
GROUP = "arn:aws:ec2:eu-west-1:111122223333:security-group/sg-0123456789abcdef0"
DECLARED = RevokeSecurityGroupIngress


def rule(name: str, port: int, source: str) -> Change:
    state = {"protocol": "tcp", "from": port, "to": port, "source": source}
    return Change(f"rule:{name}", f"ingress rule {name} of {GROUP}", state, None, {"id": name})


def plan(*changes: Change, **more: Any) -> Plan:
    given: dict[str, Any] = {
        "changes": changes or (rule("sgr-0a", 22, "0.0.0.0/0"), rule("sgr-0b", 22, "::/0")),
        "breaks": ("3 network interfaces use this group; one belongs to a load balancer",),
        "not_done": ("connections that are open now stay open until they close",),
    }
    return Plan(Resource("AWS::EC2::SecurityGroup", GROUP, "111122223333", "eu-west-1"), **{**given, **more})


def action(made: Plan, **changed: Any) -> Action:
    given: dict[str, Any] = {
        "playbook": "sg-open", "source": "config", "mode": "approve", "outcome": Outcome.AWAITING_APPROVAL,
        "reason": "exempt: it is tagged sec:exposed=approved",
        "evidence": {"confirmed": "Config in 111122223333 (eu-west-1) says NON_COMPLIANT"},
        "finding": {"id": "restricted-ssh/sg-0123456789abcdef0", "type": "INCOMING_SSH_DISABLED", "severity": 4,
                    "title": "Security group allows SSH from anywhere", "account": "111122223333", "region": "eu-west-1"},
    }  # fmt: skip
    return Action(
        ACTION, ACTION[:12] + "0" * 52, DECLARED.id, made.resource, {}, [Step(each) for each in made.changes],
        plan=made.as_json(ACTION), **{**given, **changed},
    )  # fmt: skip


def view(made: Plan | None = None, minutes: float = 43.4, **changed: Any) -> View:
    """The request as it is shown, with so many minutes left."""
    made = made or plan()
    given: dict[str, Any] = {
        "action": action(made), "plan": made, "digest": made.digest(ACTION), "approvals_needed": 1, "approvals": [],
        "expires_at": iso(datetime.now(UTC) + timedelta(minutes=minutes)),
        "verdicts": [Verdict("exempt", "approve", "it is tagged sec:exposed=approved"), Verdict("protected", "pass"), Verdict("budget", "pass")],
    }  # fmt: skip
    return View(**{**given, **changed})
