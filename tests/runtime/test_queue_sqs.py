"""The whole way on AWS: event bus, the template's rule and queue, the event source mapping, the packaged function, the dead-letter queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stanch.journal.dynamodb_table import create_table
from stanch.sources import config, guardduty
from tests.runtime import events, template
from tests.runtime.aws_stack import ACCOUNT, Stack
from tests.runtime.event_source import EventSource
from tests.runtime.faults import Fault

DEACTIVATE = "aws.iam.deactivate_access_key"
LAST = int(template.properties("GuardDutyQueue")["RedrivePolicy"]["maxReceiveCount"])


def status(stack: Stack, event: dict[str, Any]) -> str:
    listed = stack.client("iam", ACCOUNT).list_access_keys(UserName=events.key_of(event)[0])["AccessKeyMetadata"]
    return str(listed[0]["Status"])


@pytest.fixture(scope="module")
def _source(_stack: Stack) -> EventSource:
    return EventSource(_stack, "GuardDuty")


@pytest.fixture
def source(_source: EventSource, stack: Stack) -> EventSource:
    """The way in of GuardDuty's findings, empty."""
    assert (_source.waiting(_source.queue), _source.waiting(_source.dead)) == (0, 0)
    return _source


@pytest.fixture
def event(stack: Stack) -> dict[str, Any]:
    made = events.leaked_key()
    stack.plant(made, guardduty.parse)
    return made


def test_a_finding_comes_through_the_rule_and_the_queue(
    stack: Stack, source: EventSource, event: dict[str, Any]
) -> None:
    source.emit(event)
    assert source.run() == 1
    assert status(stack, event) == "Inactive"
    assert [outcome for outcome, _ in stack.told()] == ["acted", "acted"]
    assert source.waiting(source.dead) == 0


def test_a_verdict_of_config_comes_through_its_own(stack: Stack) -> None:
    source, event = EventSource(stack, "Config"), events.open_ssh()
    stack.plant(event, config.parse)
    source.emit(event)
    assert source.run() == 1
    assert stack.told() == [("acted", "aws.ec2.revoke_security_group_ingress")]


def test_the_rule_keeps_out_what_is_not_meant(source: EventSource, event: dict[str, Any]) -> None:
    source.emit(event | {"source": "aws.health"})
    source.emit(event | {"detail-type": "GuardDuty Malware Protection Object Scan Result"})
    assert source.waiting(source.queue) == 0


def test_a_message_that_no_one_can_read_is_reported_once_and_waits_among_the_dead_letters(
    stack: Stack, source: EventSource
) -> None:
    source.send('{"detail": ')
    assert source.run() == LAST
    assert stack.told() == [("rejected", "")]
    assert (source.waiting(source.queue), source.waiting(source.dead)) == (0, 1)
    source.forget()


def test_what_stays_unknown_is_held_at_the_last_delivery(
    stack: Stack, source: EventSource, event: dict[str, Any]
) -> None:
    """The function dies while it acts; as long as its lease lasts nobody can tell what it did."""
    function = stack.function("GuardDutyFunction")
    function.invoke({})
    stack.quiet()
    stack.proxy.arrange(Fault("Action=UpdateAccessKey", function.kill))
    source.emit(event)

    assert source.run() == LAST

    assert status(stack, event) == "Active"
    assert ("held", DEACTIVATE) in stack.told()
    assert source.waiting(source.dead) == 0


def test_what_cannot_even_be_journaled_waits_in_the_dead_letter_queue(
    new_stack: Callable[..., Stack], event: dict[str, Any]
) -> None:
    stack = new_stack()
    source = EventSource(stack, "GuardDuty")
    stack.dynamodb.delete_table(TableName=stack.table)
    source.emit(event)

    assert source.run() == LAST

    assert source.waiting(source.dead) == 1
    assert status(stack, event) == "Active"
    assert stack.told() == []

    create_table(stack.dynamodb, stack.table)
    source.redrive()
    assert source.run() == 1
    assert status(stack, event) == "Inactive"
    assert ("acted", DEACTIVATE) in stack.told()
