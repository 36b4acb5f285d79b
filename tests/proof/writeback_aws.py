"""GuardDuty archived by us, Config told by us, the bus, the topic, and CloudTrail's records of our calls."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from stanch.action import Outcome
from stanch.sources import config, guardduty
from tests.functional.local_aws.lab import HOME
from tests.proof import deployed
from tests.runtime import events
from tests.runtime.aws_stack import ACCOUNT, REGION, Stack
from tests.runtime.rie import FunctionError

BUS = "state-changes"
TELLING = ("dynamodb", "sns", "sqs", "events", "guardduty")
FUNCTIONS = ("GuardDutyFunction", "ConfigFunction")


class AwsEchoes:
    """See `Echoes`."""

    cloud = "AWS"

    def __init__(self, stack: Stack, count: int) -> None:
        self._stack, self._known = stack, set[str]()
        self._heard = self._listening()
        self._leaks = [events.leaked_key() for _ in range(count)]
        self._open = [events.open_ssh() for _ in range(count)]
        for event, parse, function in [
            *((one, guardduty.parse, FUNCTIONS[0]) for one in self._leaks),
            *((one, config.parse, FUNCTIONS[1]) for one in self._open),
        ]:
            stack.plant(event, parse)
            stack.function(function).invoke(event)
        made = [call for call in stack.lab.own("GET", "calls")[1]["calls"] if "stanch/" in call["user_agent"]]
        self._calls = list({(call["service"], call["operation"]): call for call in made}.values())

    def _listening(self) -> str:
        sqs, bus = self._stack.client("sqs"), self._stack.client("events")
        bus.create_event_bus(Name=BUS)
        url: str = sqs.create_queue(QueueName="heard")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        bus.put_rule(Name="all", EventBusName=BUS, EventPattern=json.dumps({"source": ["stanch"]}))
        bus.put_targets(Rule="all", EventBusName=BUS, Targets=[{"Id": "queue", "Arn": arn}])
        return url

    def echoes(self) -> dict[str, list[Any]]:
        return {
            "the archived finding, updated": [self._archived(event) for event in self._leaks],
            "Config's new verdict": [self._verdict(event) for event in self._open],
            "state changes on the bus": list(self._states()),
            "reports in the mailbox": self._stack.reports(),
            "CloudTrail's records of each kind of our calls": [_trail(call) for call in self._calls],
        }

    def _archived(self, event: Any) -> Any:
        """As EventBridge delivers it; GuardDuty itself has it archived by now."""
        client = self._stack.client("guardduty")
        (detector,) = client.list_detectors()["DetectorIds"]
        (found,) = client.get_findings(DetectorId=detector, FindingIds=[event["detail"]["id"]])["Findings"]
        assert found["Service"]["Archived"], "we did not archive it"
        again = copy.deepcopy(event)
        again["detail"]["service"]["archived"] = True
        again["detail"]["service"]["count"] += 1
        again["detail"]["updatedAt"] = again["time"]
        return again

    def _verdict(self, event: Any) -> Any:
        again = copy.deepcopy(event)
        detail = again["detail"]
        detail["oldEvaluationResult"], detail["newEvaluationResult"] = detail["newEvaluationResult"], copy.deepcopy(detail["newEvaluationResult"])  # fmt: skip
        detail["newEvaluationResult"]["complianceType"] = "COMPLIANT"
        return again

    def _states(self) -> Iterator[Any]:
        sqs = self._stack.client("sqs")
        while found := sqs.receive_message(QueueUrl=self._heard, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                sqs.delete_message(QueueUrl=self._heard, ReceiptHandle=message["ReceiptHandle"])
                yield json.loads(message["Body"])

    def doors(self) -> Mapping[str, Callable[[Any], object]]:
        given: dict[str, Callable[[Any], object]] = {}
        for name in FUNCTIONS:
            function = self._stack.function(name)
            given[name] = function.invoke
            given[f"{name}, from its queue"] = lambda event, function=function: function.invoke(events.batch(event))  # type: ignore[misc]
        for name in ("RunbookFunction", "ApprovalFunction"):
            given[name] = lambda event, name=name: self._asked(name, event)  # type: ignore[misc]
        return given

    def _asked(self, name: str, event: Any) -> None:
        with suppress(FunctionError):  # a refusal: what counts is what was done
            self._stack.function(name).invoke(events.http(event))

    def acted(self) -> list[str]:
        found = self._stack.writes(*TELLING, "sts")
        self._stack.lab.own("DELETE", "calls")
        new = [one for one in self._stack.actions() if one.id not in self._known]
        self._known |= {one.id for one in new}
        return found + [f"action {one.id}" for one in new if one.outcome is Outcome.ACTED]


def _trail(call: dict[str, Any]) -> Any:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html"""
    record = {
        "eventVersion": "1.09", "eventTime": call["time"], "eventSource": f"{call['service']}.amazonaws.com", "eventName": call["operation"],
        "awsRegion": call["region"], "recipientAccountId": call["account"], "userAgent": call["user_agent"], "eventType": "AwsApiCall",
        "userIdentity": {"type": "AssumedRole", "arn": f"arn:aws:sts::{call['account']}:assumed-role/stanch-act/stanch", "accountId": call["account"]},
        "requestParameters": {}, "readOnly": False,
    }  # fmt: skip
    return {
        "version": "0", "id": "00000000-0000-0000-0000-000000000001", "detail-type": "AWS API Call via CloudTrail", "source": f"aws.{call['service']}",
        "account": ACCOUNT, "time": call["time"], "region": REGION, "resources": [], "detail": record,
    }  # fmt: skip


@contextmanager
def echoing(folder: Path, count: int) -> Iterator[AwsEchoes]:
    """The deployment with every write-back switched on, after it has acted."""
    with deployed.aws(folder, STANCH_GUARDDUTY_ARCHIVE="1", STANCH_GUARDDUTY_FEEDBACK="1", STANCH_EVENT_BUS=BUS, STANCH_ACCOUNT=HOME) as stack:  # fmt: skip
        yield AwsEchoes(stack, count)
