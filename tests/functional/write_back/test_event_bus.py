"""An action's states on EventBridge, as a rule with a queue gets them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from handlers.aws import wiring
from stanch import outbox
from stanch.action import Outcome
from stanch.local.aws.seed import seed
from stanch.sources import guardduty
from tests.functional.local_aws.lab import HOME, Lab
from tests.functional.write_back.wired import Wired, sample

EVENT = sample("guardduty/public-bucket")
SCHEMA = jsonschema.Draft202012Validator(json.loads((Path(__file__).parents[3] / "docs/event.schema.json").read_text()))
REGION = "us-east-1"
PATTERN = {"source": ["stanch"], "detail-type": ["Stanch Action State Change"], "detail": {"outcome": ["acted", "undone", "awaiting_approval"]}}  # fmt: skip


class Listener:
    """A queue behind a rule."""

    def __init__(self, lab: Lab, bus: str) -> None:
        self.sqs, events = lab.client("sqs", region=REGION), lab.client("events", region=REGION)
        if bus != "default":
            events.create_event_bus(Name=bus)
        self.url = self.sqs.create_queue(QueueName="tickets")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="tickets", EventBusName=bus, EventPattern=json.dumps(PATTERN))
        events.put_targets(Rule="tickets", EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])

    def heard(self) -> list[dict[str, Any]]:
        """What came since the last time."""
        return list(self._messages())

    def _messages(self) -> Iterator[dict[str, Any]]:
        while found := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                yield json.loads(message["Body"])


@pytest.fixture
def wired(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(bus: str) -> Wired:
        settings = {
            "AWS_ENDPOINT_URL": lab.url, "AWS_ACCESS_KEY_ID": "LOCALHOMEKEY00000000", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION, "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "STANCH_ACCOUNT": HOME,
            "STANCH_ROLE_NAME": "stanch", "STANCH_JOURNAL": f"sqlite://{tmp_path}/journal.sqlite", "STANCH_MODE": "auto",
            "STANCH_STALE_HOURS": "900000", "STANCH_VERIFY_DELAYS": "0.05", "STANCH_EVENT_BUS": bus,
        }  # fmt: skip
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        for finding in guardduty.parse(EVENT):
            seed(lab.url, finding, HOME)
        return Wired.of(wiring.build(settings), guardduty.parse)

    return make


@pytest.mark.parametrize("bus", ["default", "soc"])
def test_each_state_arrives_and_fits_the_schema(lab: Lab, wired: Any, bus: str) -> None:
    listener, responder = Listener(lab, bus), wired(bus)
    acted = [row for row in responder.deliver(EVENT) if row.outcome is Outcome.ACTED]
    assert acted
    heard = listener.heard()
    assert {event["detail"]["action_id"] for event in heard if event["detail"]["outcome"] == "acted"} == {row.action_id for row in acted}  # fmt: skip
    for event in heard:
        SCHEMA.validate(event["detail"])
        assert (event["source"], event["detail-type"]) == ("stanch", "Stanch Action State Change")
    responder.undo(acted[0].action_id)
    (undone,) = listener.heard()
    assert (undone["detail"]["outcome"], undone["detail"]["undone_by"]) == ("undone", "analyst@corp.example")
    assert {change["status"] for change in undone["detail"]["changes"]} == {"undone"}
    assert responder.pending() == {}


def test_a_repeat_says_nothing_new(lab: Lab, wired: Any) -> None:
    listener, responder = Listener(lab, "default"), wired("default")
    responder.deliver(EVENT)
    listener.heard()
    assert {row.outcome for row in responder.deliver(EVENT)} <= {Outcome.NO_OP, Outcome.AWAITING_APPROVAL}
    assert listener.heard() == []


def test_a_bus_that_is_missing_changes_no_outcome_and_loses_nothing(lab: Lab, wired: Any) -> None:
    responder = wired("soc")
    assert Outcome.ACTED in [row.outcome for row in responder.deliver(EVENT)]
    waiting = responder.pending()
    assert waiting
    assert all("events:put_events" in errors["event_bus"] for errors in waiting.values())
    listener = Listener(lab, "soc")
    outbox.drain(responder.deployment.journal, responder.deployment.channels)
    assert responder.pending() == {}
    assert {event["detail"]["id"] for event in listener.heard()} == set(waiting)
