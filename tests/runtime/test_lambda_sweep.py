"""The scheduled function under Amazon's runtime: it ends what crashed, tells what was given up, and answers what Config never sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stanch.action import Outcome
from stanch.local.aws.config_rules import compliance_stores
from stanch.local.aws.server import AwsCloud
from stanch.sources import config, guardduty
from tests.functional.local_aws.lab import HOME, Lab
from tests.runtime import events, template
from tests.runtime.aws_stack import ACCOUNT, REGION, Stack
from tests.runtime.faults import Answer, Fault
from tests.runtime.rie import FunctionError

SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
DENIED = b'{"__type": "com.amazonaws.sqs#AccessDeniedException", "message": "not yours"}'
STEPS = ["crashed", "undelivered", "approvals", "leases", "dead letters", "held", "unheard"]


@pytest.fixture(scope="module")
def dead_letters(aws_cloud: AwsCloud) -> str:
    """A dead-letter queue; its URL."""
    url: str = Lab(aws_cloud.url).client("sqs", HOME, REGION).create_queue(QueueName="swept-dead")["QueueUrl"]
    return url


@pytest.fixture(scope="module")
def _swept(new_stack: Callable[..., Stack], dead_letters: str) -> Stack:
    return new_stack(STANCH_DEAD_LETTER_QUEUES=dead_letters)


@pytest.fixture
def stack(_swept: Stack) -> Stack:
    _swept.quiet()
    return _swept


def sweep(stack: Stack) -> dict[str, dict[str, Any]]:
    """One sweep: each step's row."""
    steps = stack.function("SweepFunction").invoke(SCHEDULED)["steps"]
    assert [row["step"] for row in steps] == STEPS
    assert [row["errors"] for row in steps] == [[]] * len(STEPS)
    return {row["step"]: row for row in steps}


def crashed(stack: Stack) -> dict[str, Any]:
    """A finding whose function died before the write; nobody delivers it again."""
    function = stack.function("GuardDutyFunction")
    function.invoke({})
    event = events.leaked_key()
    stack.plant(event, guardduty.parse)
    stack.quiet()
    stack.proxy.arrange(Fault("Action=UpdateAccessKey", function.kill))
    with pytest.raises(FunctionError):
        function.invoke(event)
    stack.lapse()
    return event


def backdate(stack: Stack, hours: float) -> None:
    """Let the undelivered reports have been filed so long ago."""
    at = (datetime.now(UTC) - timedelta(hours=hours)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for item in stack.items("report#"):
        if "pending" in item:
            body = json.loads(item["body"]["S"]) | {"created_at": at}
            stack.dynamodb.put_item(TableName=stack.table, Item={**item, "body": {"S": json.dumps(body)}, "created_at": {"S": at}})  # fmt: skip


def test_what_crashed_is_ended_without_another_delivery(stack: Stack) -> None:
    event = crashed(stack)
    user, _ = events.key_of(event)
    status = stack.client("iam", ACCOUNT).list_access_keys(UserName=user)["AccessKeyMetadata"][0]["Status"]
    assert status == "Active"

    (row,) = sweep(stack)["crashed"]["actions"]

    assert (row["outcome"], row["remediation"]) == ("acted", "aws.iam.deactivate_access_key")
    status = stack.client("iam", ACCOUNT).list_access_keys(UserName=user)["AccessKeyMetadata"][0]["Status"]
    assert (status, stack.items("lock#")) == ("Inactive", [])
    assert ("acted", "aws.iam.deactivate_access_key") in stack.told()
    record = stack.journal.get(row["action_id"])
    assert record is not None
    assert (record.outcome, record.attempt) == (Outcome.ACTED, 2)
    assert sweep(stack)["crashed"]["done"] == 0


def test_what_was_not_delivered_goes_out(stack: Stack) -> None:
    event = events.leaked_key()
    stack.plant(event, guardduty.parse)
    stack.proxy.throttle("Action=Publish", times=8)
    stack.function("GuardDutyFunction").invoke(event)
    assert stack.told() == []
    assert sweep(stack)["undelivered"]["done"] == 0, "whoever filed them may still be at it"
    backdate(stack, 0.5)

    assert sweep(stack)["undelivered"]["done"] == 2

    assert stack.told() == [("acted", "aws.iam.deactivate_access_key"), ("acted", "aws.iam.revoke_user_sessions")]
    assert list(stack.journal.pending()) == []


def test_messages_that_were_given_up_are_told_once(stack: Stack, dead_letters: str) -> None:
    sqs = stack.client("sqs")
    for number in range(2):
        sqs.send_message(QueueUrl=dead_letters, MessageBody=json.dumps({"n": number}))
    assert sweep(stack)["dead letters"]["done"] == 2
    (report,) = stack.reports()
    assert "2 messages were given up" in report["Message"]
    assert "swept-dead: 2, the oldest of " in report["Message"]
    sweep(stack)
    assert stack.reports() == []
    left = sqs.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["ApproximateNumberOfMessages"])
    assert left["Attributes"]["ApproximateNumberOfMessages"] == "2"


def test_what_config_never_sent_is_answered(stack: Stack) -> None:
    event = json.loads(json.dumps(events.open_ssh()).replace(ACCOUNT, HOME))
    group = event["detail"]["resourceId"]
    stack.plant(event, config.parse)
    assert sweep(stack)["unheard"]["actions"] == [], "the event may still come"
    for result in compliance_stores[HOME][REGION].results.values():
        result["ResultRecordedTime"] = datetime.now(UTC) - timedelta(hours=1)

    (row,) = sweep(stack)["unheard"]["actions"]

    assert (row["outcome"], row["playbook"]) == ("acted", "sg-open")
    rules = stack.client("ec2", HOME).describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert 22 not in [
        rule["FromPort"] for rule in rules if "0.0.0.0/0" in [each["CidrIp"] for each in rule["IpRanges"]]
    ]
    again = stack.function("ConfigFunction").invoke(event)["actions"]
    assert [(one["outcome"], one["action_id"]) for one in again] == [("no_op", row["action_id"])]
    assert sweep(stack)["unheard"]["actions"] == []


def test_a_step_that_fails_is_the_functions_error_and_stops_no_other(stack: Stack) -> None:
    event = crashed(stack)
    stack.proxy.arrange(
        Fault(
            r"AmazonSQS\.GetQueueAttributes",
            lambda: Answer(403, {"Content-Type": "application/x-amz-json-1.0"}, DENIED),
        )
    )
    with pytest.raises(FunctionError, match=r"dead letters: swept-dead: .*AccessDenied"):
        stack.function("SweepFunction").invoke(SCHEDULED)
    user, _ = events.key_of(event)
    assert stack.client("iam", ACCOUNT).list_access_keys(UserName=user)["AccessKeyMetadata"][0]["Status"] == "Inactive"
    assert sweep(stack)["crashed"]["done"] == 0


def test_a_second_sweep_makes_way(stack: Stack) -> None:
    event = crashed(stack)
    stack.journal.keep("sweep", "running", {"id": "another"}, datetime.now(UTC).timestamp() + 60)
    assert stack.function("SweepFunction").invoke(SCHEDULED) == {"steps": []}
    stack.journal.drop("sweep", "running")
    assert sweep(stack)["crashed"]["done"] == 1
    assert events.key_of(event)


def test_the_schedule_leaves_each_sweep_its_time() -> None:
    declared = template.properties("SweepFunction")
    assert declared["Events"]["Schedule"]["Properties"]["Schedule"] == "rate(5 minutes)"
    assert declared["Timeout"] < 300
    assert declared["ReservedConcurrentExecutions"] == 1
