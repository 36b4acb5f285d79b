"""AWS Config's function under Amazon's runtime: compliance changes, and the invocation of a rule that points at it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stanch.clock import parse as parse_time
from stanch.playbooks.load import load
from stanch.sources import config
from tests.functional.local_aws.lab import HOME
from tests.runtime import events
from tests.runtime.aws_stack import ACCOUNT, REGION, Stack

CUSTOM = """
extends: shipped
playbooks:
  - id: judged-by-us
    when:
      source: [config]
      type: [{prefix: "arn:aws:lambda:"}]
      resource.type: ["AWS::EC2::SecurityGroup"]
    remediations: [aws.ec2.revoke_security_group_ingress]
    mode: auto
"""


def world_open(stack: Stack, group: str, account: str = ACCOUNT) -> list[int]:
    """The ports that the group opens to the world."""
    found = stack.client("ec2", account).describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    rules = found["IpPermissions"]
    return sorted(one["FromPort"] for one in rules if "0.0.0.0/0" in [each["CidrIp"] for each in one["IpRanges"]])


def test_an_open_security_group_is_closed(stack: Stack) -> None:
    event = events.open_ssh()
    group = event["detail"]["resourceId"]
    stack.plant(event, config.parse)
    assert 22 in world_open(stack, group)
    function = stack.function("ConfigFunction")

    (row,) = function.invoke(event)["actions"]

    assert (row["outcome"], row["playbook"], row["source"]) == ("acted", "sg-open", "config")
    assert 22 not in world_open(stack, group)
    assert stack.told() == [("acted", "aws.ec2.revoke_security_group_ingress")]

    stack.lab.own("DELETE", "calls")
    assert function.invoke(events.batch(event)) == {"batchItemFailures": []}
    assert stack.writes() == []


def test_a_verdict_that_config_does_not_hold_is_rejected(stack: Stack) -> None:
    real, forged = events.open_ssh(), events.open_ssh()
    stack.plant(real, config.parse)
    stack.lab.own("DELETE", "calls")
    (row,) = stack.function("ConfigFunction").invoke(forged)["actions"]
    assert row["outcome"] == "rejected"
    assert stack.writes("dynamodb", "sns") == []


@pytest.fixture(scope="module")
def judge(new_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A deployment whose policy has a playbook for a rule of the customer's own, compiled as a build compiles it."""
    folder = tmp_path_factory.mktemp("policy")
    written, compiled = folder / "playbooks.yaml", folder / "playbooks.json"
    written.write_text(CUSTOM)
    compiled.write_text(json.dumps(load(written).as_json()))
    return new_stack(STANCH_PLAYBOOKS=str(compiled))


def verdict(stack: Stack, rule: str) -> dict[str, Any]:
    """What Config holds of the rule's one resource."""
    answer = stack.client("config").get_compliance_details_by_config_rule(ConfigRuleName=rule)
    (found,) = answer["EvaluationResults"]
    return dict(found)


def test_a_rules_own_invocation_is_answered_with_the_verdict(judge: Stack, tmp_path: Path) -> None:
    judge.quiet()
    group = events.group_id()
    event = events.rule_invocation("ports-closed", group, HOME, REGION, token="token-of-ports-closed")
    judge.plant(event, config.parse)
    judge.client("ec2").authorize_security_group_ingress(
        GroupId=group, IpProtocol="tcp", FromPort=3389, ToPort=3389, CidrIp="0.0.0.0/0"
    )
    assert verdict(judge, "ports-closed")["ComplianceType"] == "NON_COMPLIANT"

    (row,) = judge.function("ConfigFunction").invoke(event)["actions"]

    assert row["outcome"] == "acted"
    assert world_open(judge, group, HOME) == []
    found = verdict(judge, "ports-closed")
    assert found["ComplianceType"] == "COMPLIANT"
    captured = json.loads(event["invokingEvent"])["configurationItem"]["configurationItemCaptureTime"]
    assert found["EvaluationResultIdentifier"]["OrderingTimestamp"] == parse_time(captured)
    assert found["EvaluationResultIdentifier"]["EvaluationResultQualifier"]["ResourceId"] == group
    assert "config:PutEvaluations" in judge.writes()


def test_an_invocation_for_a_rule_that_has_no_function_is_forged(stack: Stack) -> None:
    """Config invokes functions for custom rules alone; whoever else does so names any group that is open."""
    known = events.open_ssh()
    stack.plant(known, config.parse)
    rule, account = known["detail"]["configRuleName"], known["detail"]["awsAccountId"]
    planted = events.open_ssh()
    planted["detail"]["configRuleName"] = f"other-{rule}"
    stack.plant(planted, config.parse)
    group = planted["detail"]["resourceId"]
    stack.lab.own("DELETE", "calls")

    (row,) = stack.function("ConfigFunction").invoke(
        events.rule_invocation(rule, group, account, known["detail"]["awsRegion"], token="forged")
    )["actions"]

    assert (row["outcome"], "invokes no function" in row["reason"]) == ("rejected", True)
    assert world_open(stack, group, account) != []
    assert stack.writes("dynamodb", "sns") == []


def test_a_rule_that_no_playbook_is_for_is_not_applicable(stack: Stack) -> None:
    event = events.rule_invocation("unrelated", events.group_id(), HOME, REGION, token="token-of-unrelated")
    stack.plant(event, config.parse)
    (row,) = stack.function("ConfigFunction").invoke(event)["actions"]
    assert row["outcome"] == "unmatched"
    assert verdict(stack, "unrelated")["ComplianceType"] == "NOT_APPLICABLE"
