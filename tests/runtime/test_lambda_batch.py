"""GuardDuty's function under Amazon's runtime: batches of a queue, of which only what must come again is returned."""

from __future__ import annotations

from typing import Any

from stanch.sources import guardduty
from tests.runtime import events, template
from tests.runtime.aws_stack import ACCOUNT, Stack


def statuses(stack: Stack, *planted: dict[str, Any]) -> list[str]:
    iam = stack.client("iam", ACCOUNT)
    keys = [iam.list_access_keys(UserName=events.key_of(event)[0])["AccessKeyMetadata"] for event in planted]
    return [listed[0]["Status"] for listed in keys]


def planted(stack: Stack, count: int) -> list[dict[str, Any]]:
    made = [events.leaked_key() for _ in range(count)]
    for event in made:
        stack.plant(event, guardduty.parse)
    return made


def test_the_queue_takes_partial_answers_and_gives_up_when_the_function_thinks_it_does() -> None:
    for source in ("GuardDuty", "Config"):
        mapping = template.properties(f"{source}Function")["Events"]["Queue"]["Properties"]
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        redrive = template.properties(f"{source}Queue")["RedrivePolicy"]
        assert str(redrive["maxReceiveCount"]) == template.settings(f"{source}Function")["STANCH_MAX_DELIVERIES"]


def test_the_stack_of_these_tests_has_the_templates_settings(stack: Stack) -> None:
    for name in template.functions():
        assert set(template.settings(name)) <= set(stack.environment)


def test_what_must_come_again_and_what_no_one_can_read_is_returned(stack: Stack) -> None:
    good, throttled = planted(stack, 2)
    function = stack.function("GuardDutyFunction")
    stack.proxy.throttle(f"Action=ListAccessKeys.*{events.key_of(throttled)[0]}")

    answer = function.invoke(events.batch(good, '{"detail": ', throttled))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}, {"itemIdentifier": "message-2"}]}
    assert statuses(stack, good, throttled) == ["Inactive", "Active"]
    told = [outcome for outcome, _ in stack.told()]
    assert told.count("rejected") == 1

    assert function.invoke(events.batch(throttled, received=2)) == {"batchItemFailures": []}
    assert statuses(stack, throttled) == ["Inactive"]


def test_the_same_finding_twice_in_a_batch_is_one_effect(stack: Stack) -> None:
    (event,) = planted(stack, 1)
    stack.lab.own("DELETE", "calls")
    assert stack.function("GuardDutyFunction").invoke(events.batch(event, event)) == {"batchItemFailures": []}
    assert stack.writes("dynamodb", "sns") == ["iam:UpdateAccessKey", "iam:PutUserPolicy"]
    assert [outcome for outcome, _ in stack.told()] == ["acted", "acted"]


def test_what_is_still_unknown_at_the_last_delivery_is_held_and_reported(stack: Stack) -> None:
    (event,) = planted(stack, 1)
    stack.proxy.throttle(f"Action=ListAccessKeys.*{events.key_of(event)[0]}", times=16)
    assert stack.function("GuardDutyFunction").invoke(events.batch(event, received=5)) == {"batchItemFailures": []}
    assert statuses(stack, event) == ["Active"]
    assert ("held", "aws.iam.deactivate_access_key") in stack.told()
