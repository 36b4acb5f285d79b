"""Findings about resources of the local clouds, and what becomes of them: for the bugs that other tools are known for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stanch.action import Outcome
from stanch.finding import Finding, Resource, Severity
from stanch.playbooks.match import Matcher
from stanch.playbooks.model import Playbook, Policy, Step
from stanch.responder import Delivery, Responder
from stanch.result import Result
from tests.contract.harness import Bench as Lab
from tests.contract.harness import all_scenarios
from tests.contract.scenario import Scenario

EVENTS = Path(__file__).parents[2] / "events"
SCENARIOS = {(each.remediation, each.name): each for each in all_scenarios()}
GROUP, INSTANCE, ROLE = "aws.ec2.revoke_security_group_ingress", "aws.ec2.isolate_instance", "aws.iam.revoke_sessions"
NSG, VM = "azure.network.revoke_nsg_rule", "azure.compute.isolate_vm"


def seen(lab: Lab, remediation: str, resource: Resource, number: int = 1, **more: Any) -> Result:
    """What becomes of a finding about the resource under a playbook that acts."""
    made = Playbook("p", {"type": ("seen",)}, (Step(remediation),), "auto", **more)
    lab.deployment.policy = Policy((made,))
    lab.deployment.matcher = Matcher(lab.deployment.policy)
    now = datetime.now(UTC)
    given = Finding(
        "toy", f"finding-{number}", "1", "seen", "seen", Severity.HIGH, resource.account, resource.region, (resource,), last_seen=now, updated_at=now
    )  # fmt: skip
    (result,) = Responder(lab.deployment).respond([given], Delivery())
    return result


def assert_contained(lab: Lab, remediation: str, name: str) -> Result:
    """A scenario of the contract, acted on and found contained by a look that bypasses Stanch."""
    scenario: Scenario = SCENARIOS[remediation, name]
    resource = scenario.expose(lab.world)
    result = lab.act(scenario, resource)
    assert result.outcome is Outcome.ACTED
    assert scenario.contained(lab.world, resource)
    return result


def sample(name: str, **changes: Any) -> Any:
    event = json.loads((EVENTS / "guardduty" / name).read_text())
    event["detail"] |= changes
    return event


def capitalised(value: Any) -> Any:
    """The same with every key as the API writes it."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: capitalised(inner) for key, inner in value.items()}
    return [capitalised(item) for item in value] if isinstance(value, list) else value


def made_up(event: Any) -> Iterator[Any]:
    """The ways in which a sample finding says that it is one."""
    service = event["detail"]["service"]
    yield {**event, "detail": {**event["detail"], "service": {**service, "additionalInfo": {"sample": True}}}}
    yield {**event, "detail": {**event["detail"], "title": f"[SAMPLE] {event['detail']['title']}"}}
    keys = {**event["detail"]["resource"]["accessKeyDetails"], "accessKeyId": "GeneratedFindingAccessKeyId", "userName": "GeneratedFindingUserName"}  # fmt: skip
    yield {
        **event,
        "detail": {**event["detail"], "resource": {**event["detail"]["resource"], "accessKeyDetails": keys}},
    }
