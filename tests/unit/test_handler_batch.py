"""A batch of a queue: its records at the same time, each on its own, and none given up for another's sake."""

from __future__ import annotations

import io
import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from handlers.aws import log, wiring
from handlers.aws.batch import failures, is_batch
from handlers.aws.entry import serve
from stanch.action import Outcome
from stanch.errors import Busy, MalformedEvent, Throttled
from stanch.finding import Finding, Resource
from stanch.responder import Delivery
from stanch.result import Result
from tests.unit.engine.bench import finding

PATIENCE = 5.0


def parse(raw: Any) -> list[Finding]:
    """An event of these tests is `{"id": …, "on": …}`."""
    if "id" not in raw:
        raise MalformedEvent("id", "is missing")
    return [finding(Resource("AWS::Toy::Door", raw["on"], "111122223333"), id=raw["id"])]


def record(name: str, on: str = "", received: int = 1) -> dict[str, Any]:
    body = json.dumps({"id": name, "on": on or f"door of {name}"})
    return {
        "messageId": f"m-{name}",
        "eventSource": "aws:sqs",
        "attributes": {"ApproximateReceiveCount": str(received)},
        "body": body,
    }


def acted(name: str) -> list[Result]:
    return [Result(Outcome.ACTED, source="toy", finding={"id": name})]


class Answers:
    """Keeps who was answered, and how many at the same time."""

    def __init__(self, answer: Callable[[str, Delivery], Any] = lambda name, delivery: None) -> None:
        self._answer, self._lock = answer, threading.Lock()
        self.names: list[str] = []
        self.running: set[str] = set()
        self.beside: dict[str, set[str]] = {}
        self.most = 0

    def __call__(self, text: str, delivery: Delivery) -> list[Result]:
        name = json.loads(text)["id"]
        with self._lock:
            self.names.append(name)
            self.running.add(name)
            self.most = max(self.most, len(self.running))
            for each in self.running:
                self.beside.setdefault(each, set()).update(self.running)
        try:
            self._answer(name, delivery)
            return acted(name)
        finally:
            with self._lock:
                self.running.discard(name)


@pytest.fixture(autouse=True)
def logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    """What was logged of each message so far."""
    monkeypatch.setenv("STANCH_MAX_DELIVERIES", "5")
    log._logger()
    caplog.set_level(logging.INFO, "stanch-responder")
    written = io.StringIO()
    for handler in logging.getLogger("stanch-responder").handlers:
        monkeypatch.setattr(handler, "stream", written, raising=False)
    return lambda: [json.loads(line) for line in written.getvalue().splitlines()]


def test_ten_records_are_answered_at_the_same_time() -> None:
    meet = threading.Barrier(10, timeout=PATIENCE)
    answers = Answers(lambda name, delivery: meet.wait())
    assert failures([record(str(each)) for each in range(10)], parse, answers) == {"batchItemFailures": []}
    assert len(answers.names) == 10


def test_never_more_than_ten() -> None:
    answers = Answers(lambda name, delivery: time.sleep(0.01))
    failures([record(str(each)) for each in range(40)], parse, answers)
    assert len(answers.names) == 40
    assert answers.most == 10


def test_only_what_failed_comes_again_and_the_log_says_which_and_why(
    logged: Callable[[], list[dict[str, Any]]],
) -> None:
    def answer(name: str, delivery: Delivery) -> None:
        if name == "bug":
            raise KeyError("a defect")
        if name == "exit":
            raise SystemExit(3)
        if name == "slow":
            raise Throttled("iam:ListAccessKeys")

    answers = Answers(answer)
    found = failures([record(name) for name in ("good", "bug", "slow", "exit", "fine")], parse, answers)
    assert found == {
        "batchItemFailures": [{"itemIdentifier": "m-bug"}, {"itemIdentifier": "m-slow"}, {"itemIdentifier": "m-exit"}]
    }
    lines = {line["message_id"]: line for line in logged()}
    assert {name: line["message"] for name, line in lines.items()} == {
        "m-good": "answered",
        "m-fine": "answered",
        "m-bug": "to be delivered again",
        "m-slow": "to be delivered again",
        "m-exit": "to be delivered again",
    }
    assert lines["m-slow"]["error"] == "Throttled: iam:ListAccessKeys"
    assert lines["m-good"]["result"]["finding"] == {"id": "good"}


def test_a_record_is_logged_when_it_is_done_not_when_all_are(logged: Callable[[], list[dict[str, Any]]]) -> None:
    seen: list[str] = []

    def answer(name: str, delivery: Delivery) -> None:
        end = time.monotonic() + PATIENCE
        while name == "slow" and not seen and time.monotonic() < end:
            seen[:] = [line["message_id"] for line in logged()]
            time.sleep(0.01)

    failures([record("slow"), record("quick")], parse, Answers(answer))
    assert seen == ["m-quick"]


def test_records_of_one_finding_or_one_resource_wait_for_each_other() -> None:
    answers = Answers(lambda name, delivery: time.sleep(0.02))
    same = [record("a", on="door-1"), record("a", on="door-1"), record("b", on="door-1"), record("c", on="door-2")]
    failures(same, parse, answers)
    assert sorted(answers.names) == ["a", "a", "b", "c"]
    assert "b" not in answers.beside["a"]


def test_what_another_record_was_at_is_answered_again_at_once() -> None:
    tried: list[str] = []

    def answer(name: str, delivery: Delivery) -> None:
        tried.append(name)
        if name == "second" and tried.count("second") == 1:
            raise Busy("another action on the resource is in progress")

    assert failures([record("first"), record("second")], parse, Answers(answer)) == {"batchItemFailures": []}
    assert sorted(tried) == ["first", "second", "second"]


def test_a_last_delivery_is_given_up_only_when_the_others_are_done() -> None:
    last: list[tuple[str, bool]] = []

    def answer(name: str, delivery: Delivery) -> None:
        last.append((name, delivery.last))
        if not delivery.last:
            raise Throttled("iam:ListAccessKeys")

    found = failures([record("third", received=3), record("fifth", received=5)], parse, Answers(answer))
    assert found == {"batchItemFailures": [{"itemIdentifier": "m-third"}]}
    assert sorted(last) == [("fifth", False), ("fifth", True), ("third", False)]


def test_what_is_no_finding_is_answered_like_any_other() -> None:
    answers = Answers()
    broken = {**record("broken"), "body": '{"id": "broken"}'}
    assert failures([broken, record("good")], lambda raw: parse(raw) if "on" in raw else parse({}), answers) == {
        "batchItemFailures": []
    }
    assert sorted(answers.names) == ["broken", "good"]


@pytest.mark.parametrize(
    "event", [{}, {"Records": []}, {"Records": [{"eventSource": "aws:sns"}]}, {"Records": "x"}, []]
)
def test_what_is_no_batch(event: Any) -> None:
    assert not is_batch(event)
    assert is_batch({"Records": [record("a")]})


@pytest.mark.parametrize("part", ["messageId", "body", "attributes"])
def test_a_record_without_one_of_its_parts_makes_no_batch(part: str) -> None:
    """As somebody sends who calls the function directly: an answer could not name the record."""
    without = {name: value for name, value in record("a").items() if name != part}
    assert not is_batch({"Records": [without]})
    assert not is_batch({"Records": [record("b"), without]})


@pytest.mark.parametrize("given", [["a"], {"a": 1}, None, 7])
def test_a_record_whose_id_is_no_text_makes_no_batch(given: Any) -> None:
    """It used to end the function with a TypeError."""
    assert not is_batch({"Records": [record("b"), record("a") | {"messageId": given}]})


@pytest.mark.parametrize("given", [["1"], {}, None, "", "x", "-1", "1.5", "9" * 5_000, "\u0661"])
def test_a_record_that_came_no_number_of_times_makes_no_batch(given: Any) -> None:
    """It used to end the function with a TypeError."""
    assert is_batch({"Records": [record("a")]})
    assert not is_batch({"Records": [record("a") | {"attributes": {"ApproximateReceiveCount": given}}]})


def test_a_record_without_an_id_is_answered_as_a_direct_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """It used to end the function with a KeyError."""
    given: list[Any] = []

    class Responder:
        def respond(self, findings: list[Finding], delivery: Delivery) -> list[Result]:
            return [result for each in findings for result in acted(each.id)]

    def envelope(raw: Any) -> list[Finding]:
        given.append(raw)
        return parse(json.loads(raw["Records"][0]["body"]))

    monkeypatch.setattr(wiring, "responder", Responder)
    event = {"Records": [{name: value for name, value in record("a").items() if name != "messageId"}]}
    answered = serve("toy", envelope, event, None)
    assert given == [event]
    assert [(action["outcome"], action["finding"]) for action in answered["actions"]] == [("acted", {"id": "a"})]
