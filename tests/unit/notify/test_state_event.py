"""The event for other programs: what its schema says, harmless, and never too large."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanch import state_event
from stanch.errors import CloudError, InvalidInput, Throttled, Unreachable
from stanch.notify.event_bus import EventBusChannel
from stanch.notify.event_grid import EventGridChannel, cloud_event
from stanch.report import REPORTED, Report
from tests.unit.notify.samples import ACTION, HOSTILE, everywhere, refusal, report

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/event.schema.json").read_text())
TOPIC = "https://stanch.westeurope-1.eventgrid.azure.net/api/events"
OUTCOMES = sorted(str(outcome) for outcome in REPORTED - {"rejected"})


VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def assert_valid(event: Any) -> None:
    VALIDATOR.validate(event)


def test_the_published_schema_is_one_and_ours() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert state_event.schema() == SCHEMA


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_fits_the_published_schema(outcome: str) -> None:
    assert_valid(state_event.of_report(report(outcome)))


def test_the_schema_refuses_what_is_no_event() -> None:
    event = state_event.of_report(report())
    wrong = (
        {"version": 2},
        {"outcome": "done"},
        {"severity": 6},
        {"resource": {"id": "x"}},
        {"changes": [{"target": "x"}]},
    )
    for change in wrong:
        with pytest.raises(jsonschema.ValidationError):
            assert_valid({**event, **change})
    for name in event:
        with pytest.raises(jsonschema.ValidationError):
            assert_valid({key: value for key, value in event.items() if key != name})


def test_a_later_version_of_the_table_breaks_no_reader() -> None:
    assert_valid({**state_event.of_report(report()), "added_later": {"any": "thing"}})


def test_what_it_says() -> None:
    event = state_event.of_report(report(undone_by="analyst@corp.example"))
    assert (event["version"], event["id"], event["action_id"]) == (1, f"{ACTION}:acted:1", ACTION)
    assert (event["outcome"], event["severity"], event["account"]) == ("acted", 4, "111122223333")
    assert event["resource"] == {"type": "AWS::IAM::AccessKey", "id": "AKIAIOSFODNN7EXAMPLE"}
    assert event["undo"] == f"stanch undo {ACTION} --apply --reason 'why'"
    assert (event["undone_by"], event["truncated"]) == ("analyst@corp.example", False)
    assert event["changes"][0]["before"] == "Active"


def test_no_link_to_decide_is_broadcast() -> None:
    asked = report("awaiting_approval", approval="https://approve.corp.example/?token=secret", plan="0" * 64)
    assert "approve.corp.example" not in json.dumps(state_event.of_report(asked))


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *texts(item))]
    return [text for item in value for text in texts(item)] if isinstance(value, list) else [value] if isinstance(value, str) else []  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_foreign_text_is_harmless(text: str) -> None:
    event = state_event.of_report(everywhere(text))
    assert_valid(event)
    for shown in texts(event):
        assert "\n" not in shown
        assert shown.isprintable()
        assert "http://" not in shown
        assert "https://" not in shown


@pytest.mark.parametrize("size", [10, 1_000, 20_000])
def test_it_is_never_too_large(size: int) -> None:
    long = report(
        title="é" * size,
        reason="\U0001f512" * size,
        changes=[{"target": f"rule {n}", "before": {"cidr": "x" * size, "\U0001f512": ["a"] * 99}, "after": None} for n in range(60)],
        breaks=["b" * size] * 20,
        not_done=['"' * size] * 200,
    )  # fmt: skip
    event = state_event.of_report(long)
    assert_valid(event)
    assert len(state_event.encoded(event)) <= 240_000
    assert event["truncated"] is (size > 10)
    assert json.loads(state_event.encoded(event)) == event


@settings(max_examples=50)
@given(st.text(max_size=20), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))  # fmt: skip
def test_any_text_and_any_state(text: str, state: Any) -> None:
    event = state_event.of_report(everywhere(text))
    assert_valid(event)
    assert json.loads(state_event.encoded(event)) == event
    assert_valid(
        state_event.of_report(report(changes=[{"target": text, "before": state, "after": state, "status": "applied"}]))
    )


def test_reports_of_no_action_and_reminders_are_no_events() -> None:
    assert state_event.wanted(report())
    assert state_event.wanted(report("undone", key=f"{ACTION}:undone:7"))
    assert not state_event.wanted(refusal())
    assert not state_event.wanted(refusal("awaiting_approval", key="summary:0123"))
    assert not state_event.wanted(report(key=f"{ACTION}:lease-until:2026-11-24T00:00:00Z"))


class Bus:
    """EventBridge's answers."""

    def __init__(self, entry: dict[str, str]) -> None:
        self.entry, self.calls = entry, list[dict[str, Any]]()

    def call(self, service: str, operation: str, *, region: str | None = None, **params: Any) -> Any:
        self.calls.append({"service": service, "operation": operation, "region": region, **params})
        return {"FailedEntryCount": int("ErrorCode" in self.entry), "Entries": [self.entry]}


def test_an_entry_on_the_bus() -> None:
    bus = Bus({"EventId": "e1"})
    EventBusChannel(bus, "arn:aws:events:eu-west-1:111122223333:event-bus/soc").send(report())
    (call,) = bus.calls
    assert (call["service"], call["operation"], call["region"]) == ("events", "put_events", "eu-west-1")
    (entry,) = call["Entries"]
    assert (entry["Source"], entry["DetailType"]) == ("stanch", "Stanch Action State Change")
    assert_valid(json.loads(entry["Detail"]))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ThrottlingException", Throttled),
        ("InternalFailure", Unreachable),
        ("NotAuthorizedForSourceException", CloudError),
    ],
)
def test_an_entry_that_was_not_taken_is_an_error(code: str, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=code):
        EventBusChannel(Bus({"ErrorCode": code, "ErrorMessage": "no"}), "soc").send(report())


def test_a_cloud_event() -> None:
    sent: list[tuple[str, Any]] = []
    EventGridChannel(lambda topic, events: sent.append((topic, events)), TOPIC).send(report())
    ((topic, (event,)),) = sent
    assert topic == TOPIC
    assert {name: event[name] for name in ("specversion", "id", "source", "type", "subject", "time")} == {
        "specversion": "1.0", "id": f"{ACTION}:acted:1", "source": "stanch", "type": "stanch.action.state_change",
        "subject": f"actions/{ACTION}", "time": "2026-11-23T15:40:38.123Z",
    }  # fmt: skip
    assert_valid(event["data"])


@pytest.mark.parametrize(
    "topic",
    ["", "stanch", "http://stanch.westeurope-1.eventgrid.azure.net/api/events", "https://evil.example/api/events",
     "https://eventgrid.azure.net.evil.example/", "https://x@stanch.westeurope-1.eventgrid.azure.net/", "https://127.0.0.1/"],
)  # fmt: skip
def test_tokens_go_to_topics_only(topic: str) -> None:
    with pytest.raises(InvalidInput, match="STANCH_EVENT_GRID_TOPIC"):
        EventGridChannel(lambda topic, events: None, topic)
    assert isinstance(EventGridChannel(lambda topic, events: None, "https://127.0.0.1:1/", ["127.0.0.1"]), EventGridChannel)  # fmt: skip


def test_both_carry_the_same() -> None:
    told: Report = report("held", reason="protected: it matches")
    assert cloud_event(told)["data"] == state_event.of_report(told)
