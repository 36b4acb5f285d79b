"""Findings that do not name what they should, through the real handlers on local clouds: looked up where that is safe, else rejected with the place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stanch.cli.context import Context
from stanch.cli.reading import Event
from stanch.cli.replaying import Replay
from stanch.sources import guardduty
from tests.functional.local_replay import calls, local_clouds
from tests.unit.sources import events

HOME = "123456789012"
OWN_RESOURCES = {"iam", "ec2", "s3", "s3control"}
POLICY = """
extends: shipped
playbooks:
  - id: old-keys
    when: {source: [config], type: [ACCESS_KEYS_ROTATED], resource.type: ["AWS::IAM::User"]}
    remediations: [aws.iam.revoke_user_sessions]
    mode: auto
  - id: judged-by-us
    when: {source: [config], type: [{prefix: "arn:aws:lambda:"}], resource.type: ["AWS::EC2::SecurityGroup"]}
    remediations: [aws.ec2.revoke_security_group_ingress]
    mode: auto
"""


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    folder = tmp_path_factory.mktemp("incomplete")
    policy = folder / "playbooks.yaml"
    policy.write_text(POLICY)
    with local_clouds(folder / "state", policy) as entered:
        yield entered


def answer(clouds: Context, raw: Any, *, seed: bool = True) -> list[dict[str, Any]]:
    return Replay(clouds, seed=seed).rows(Event("event", raw))


def writes(clouds: Context) -> int:
    """How often a resource was written to so far, on both clouds."""
    of_aws, of_azure = calls(clouds)
    changing = [call for call in of_azure if call["method"] in ("PUT", "PATCH", "DELETE")]
    return len(changing) + sum(call["write"] and call["service"] in OWN_RESOURCES for call in of_aws)


def leak(number: int, **details: Any) -> dict[str, Any]:
    ident = f"{number:032x}"
    arn = f"arn:aws:guardduty:eu-west-1:{events.ACCOUNT}:detector/12cc51e1c99e833adf5924c71ac591b2/finding/{ident}"
    return events.on_bus(events.finding(events.access_key(**details), id=ident, arn=arn))


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (leak(1, accessKeyId=None, userName=None, userType=None, principalId=None),
         "resource.accessKeyDetails.accessKeyId: is missing"),
        (leak(2, userType="FederatedUser", accessKeyId="ASIAIOSFODNN7EXAMPLE"),
         "resource.accessKeyDetails.userType: is no user or role of the account"),
        (events.on_bus(events.finding({"resourceType": "Instance"}, type="Some:EC2/NewThing")),
         "detail.resource.instanceDetails.instanceId: is missing"),
    ],
)  # fmt: skip
def test_a_finding_that_does_not_name_its_resource_is_rejected_with_the_place(
    clouds: Context, event: Any, reason: str
) -> None:
    before = writes(clouds)
    (row,) = answer(clouds, event)
    assert (row["outcome"], row["reason"], row["notified"]) == ("rejected", reason, ["sns", "teams"])
    assert writes(clouds) == before
    (again,) = answer(clouds, event)
    assert (again["outcome"], again["notified"]) == ("rejected", [])


def test_a_type_of_resource_that_is_not_known_is_no_defect(clouds: Context) -> None:
    (row,) = answer(clouds, events.on_bus(events.finding({"resourceType": "Sprocket"}, type="Some:Sprocket/NewThing")))
    assert (row["outcome"], row["reason"]) == ("unmatched", "no playbook is for Some:Sprocket/NewThing")


def test_the_sources_own_copy_names_what_the_event_left_out(clouds: Context) -> None:
    whole, sparse = leak(3), leak(3, accessKeyId=None, userName=None, userType=None, principalId=None)
    Replay(clouds, seed=True).prepare("guardduty", guardduty.parse(whole))
    rows = answer(clouds, sparse, seed=False)
    assert ("aws.iam.deactivate_access_key", "acted") in {(row["remediation"], row["outcome"]) for row in rows}


def test_a_user_known_by_its_unique_id_is_not_taken_for_a_name(clouds: Context) -> None:
    unique = "AIDACKCEVSQ6C2EXAMPLE"
    change = events.compliance_change("AWS::IAM::User", unique, configRuleName="access-keys-rotated")
    before = writes(clouds)
    (row,) = answer(clouds, events.on_bus(change, "Config Rules Compliance Change", "aws.config"))
    assert (row["outcome"], row["resource"]) == ("rejected", {"type": "AWS::IAM::User", "id": unique})
    assert row["reason"] == f"resourceId: {unique} is the unique id of a AWS::IAM::User, which does not say its name"
    assert writes(clouds) == before


def test_an_account_that_cannot_be_is_rejected_before_anything_is_asked_of_it(clouds: Context) -> None:
    detail = events.finding(events.access_key(), accountId="1234567890123", id="f" * 32, arn=None)
    rows = answer(clouds, events.on_bus(detail))
    assert {(row["outcome"], row["reason"]) for row in rows} == {
        ("rejected", "accountId: '1234567890123' is no AWS account id, which has 12 digits")
    }
    assert {row["remediation"] for row in rows} == {"aws.iam.deactivate_access_key", "aws.iam.revoke_user_sessions"}
    assert [row["notified"] for row in rows] == [["sns", "teams"], []], "said once"


def invocation(group: str, account: str) -> dict[str, Any]:
    item = events.configuration_item(
        resourceId=group, awsAccountId=account, ARN=f"arn:aws:ec2:eu-west-1:{account}:security-group/{group}",
        configuration={"groupName": "web", "vpcId": "vpc-0abc1234def567890", "ipPermissions": [
            {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipv4Ranges": [{"cidrIp": "0.0.0.0/0"}]}]},
    )  # fmt: skip
    message = {"messageType": "ConfigurationItemChangeNotification", "configurationItem": item}
    arn = f"arn:aws:config:eu-west-1:{account}:config-rule/config-rule-abc123"
    return events.rule_invocation(
        message, configRuleName="ours", accountId=account, configRuleArn=arn, resultToken=f"token-of-{group}"
    )


def test_a_result_token_is_used_and_kept_nowhere(clouds: Context) -> None:
    event = invocation("sg-0abc1234def567891", HOME)
    (row,) = answer(clouds, event)
    assert (row["outcome"], row["playbook"]) == ("acted", "judged-by-us")
    action = clouds.deployment("aws").journal.get(row["action_id"])
    assert action is not None
    assert action.evidence["event"]["configRuleName"] == "ours"
    assert event["resultToken"] not in json.dumps([row, action.as_json()], default=str)
    put = [call for call in calls(clouds)[0] if call["operation"] == "PutEvaluations"]
    assert [call["status"] for call in put] == [200]


def test_a_rule_of_a_member_account_is_answered_there(clouds: Context) -> None:
    (row,) = answer(clouds, invocation("sg-0abc1234def567892", events.ACCOUNT))
    assert row["outcome"] == "acted"
    put = [call for call in calls(clouds)[0] if call["operation"] == "PutEvaluations"][-1]
    assert (put["account"], put["status"]) == (events.ACCOUNT, 200)


def test_a_verdict_that_config_does_not_take_hides_nothing(clouds: Context) -> None:
    unknown = invocation("sg-0abc1234def567892", events.ACCOUNT) | {"resultToken": "of-nobody"}
    contained, verdict = answer(clouds, unknown, seed=False)
    assert contained["outcome"] == "no_op"
    assert verdict["outcome"] == "failed"
    assert verdict["reason"].startswith("Config did not take the verdict: config:put_evaluations: InvalidResultToken")


def ransomware(number: int, host: str) -> dict[str, Any]:
    alert = events.arm_alert(
        f"00000000-0000-0000-0000-{number:012d}", alertDisplayName="Ransomware indicators detected", alertType="Unknown"
    )
    event = events.incident([alert], [events.entity("Host", hostName=host)], severity="High")
    workspace, _, _ = str(event["object"]["id"]).rpartition("/")
    event["object"] |= {"id": f"{workspace}/{number:032x}", "name": f"{number:032x}"}
    return event


def test_a_host_without_an_id_is_looked_up_and_contained(clouds: Context) -> None:
    (row,) = answer(clouds, ransomware(1, "web-7"))
    assert (row["outcome"], row["playbook"], row["remediation"]) == (
        "acted", "vm-malware-by-title", "azure.compute.isolate_vm",
    )  # fmt: skip
    assert row["resource"]["id"].endswith("/Microsoft.Compute/virtualMachines/web-7")


def test_a_host_that_is_no_machine_of_ours_is_rejected(clouds: Context) -> None:
    before = writes(clouds)
    (row,) = answer(clouds, ransomware(2, "not_an_azure_name"))
    assert row["outcome"] == "rejected"
    assert row["reason"].endswith("relatedEntities[0].properties: has no id of an Azure resource or Entra user")
    assert writes(clouds) == before


def test_a_rule_of_ours_is_believed_before_config_has_a_verdict(clouds: Context) -> None:
    """Config asks the function first and knows nothing of the resource until it is answered."""
    answer(clouds, invocation("sg-0abc1234def567893", HOME))
    row, *_ = answer(clouds, invocation("sg-0abc1234def567894", HOME), seed=False)
    assert (row["outcome"], row["playbook"], row["reason"]) == ("no_op", "judged-by-us", "gone")


def test_a_rule_that_config_does_not_have_is_not_answered(clouds: Context) -> None:
    put = sum(call["operation"] == "PutEvaluations" for call in calls(clouds)[0])
    forged = invocation("sg-0abc1234def567895", HOME) | {"configRuleName": "made-up"}
    (row,) = answer(clouds, forged, seed=False)
    assert (row["outcome"], row["reason"]) == (
        "rejected", f"unconfirmed: Config in {HOME} (eu-west-1) has no rule made-up",
    )  # fmt: skip
    assert sum(call["operation"] == "PutEvaluations" for call in calls(clouds)[0]) == put


def test_an_incident_of_a_subscription_out_of_sight_is_unconfirmed(clouds: Context) -> None:
    event = ransomware(3, "web-8")
    unknown = "00000000-0000-0000-0000-0000000000ff"
    event["object"]["id"] = event["object"]["id"].replace(events.SUBSCRIPTION, unknown)
    (row,) = answer(clouds, event, seed=False)
    assert (row["outcome"], row["reason"]) == (
        "rejected", f"unconfirmed: this deployment sees no subscription {unknown}",
    )  # fmt: skip


def test_a_lone_record_is_refused_only_where_something_would_be_done(clouds: Context) -> None:
    """Tables stream every alert; a record names no incident, so that nothing in it can be confirmed."""
    quiet = events.alert_record([], AlertType="Unknown", AlertSeverity="Low")
    (row,) = answer(clouds, quiet)
    assert (row["outcome"], row["notified"]) == ("unmatched", [])
    machine = [{"$id": "1", "Type": "host", "HostName": "vm-web", "AzureID": events.VM}]
    (row,) = answer(clouds, events.alert_record(machine, DisplayName="Ransomware indicators detected"))
    assert row["outcome"] == "rejected"
    assert row["reason"].startswith("unconfirmed: the record names no incident")
