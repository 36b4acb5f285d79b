"""What an attacker writes into a name stays inert in the handlers' logs: one line of ASCII JSON a result, whatever it says."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from handlers import approval as page
from handlers.aws import log as aws
from handlers.azure import entry as azure
from stanch.action import Outcome
from stanch.result import Result
from tests.unit.approval.desk import ALICE, Desk, link
from tests.unit.engine.bench import Wall
from tests.unit.engine.toy import ToyCloud
from tests.unit.notify.samples import HOSTILE, anything


def result(text: str) -> Result:
    """The text in every field that an event can fill."""
    return Result(
        Outcome.HELD, text, text, {"id": text, "title": text, "type": text}, {"type": text, "id": text}, action_id=text,
        changes=[{"target": text, "before": {text: text}, "after": [text]}],
    )  # fmt: skip


def assert_harmless(line: str, text: str) -> dict[str, Any]:
    """The line is one line of printable ASCII, and reads back as what was said."""
    assert line.isascii()
    assert line.isprintable()
    found: dict[str, Any] = json.loads(line)
    assert found["result"]["reason"] == text
    assert found["result"]["changes"][0]["after"] == [text]
    assert found["message"] == "answered"
    return found


@pytest.fixture
def logged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Callable[[str], list[str]]:
    """What Lambda logs of a result with this text."""
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "INFO")
    caplog.set_level(logging.INFO, "stanch-responder")

    def observe(text: str) -> list[str]:
        # Powertools keeps the stream that was the standard output when its first logger was made.
        for handler in logging.getLogger("stanch-responder").handlers:
            monkeypatch.setattr(handler, "stream", sys.stdout, raising=False)
        aws.observe([result(text)])
        return [line for line in capsys.readouterr().out.split("\n") if line and '"_aws"' not in line]

    return observe


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, ToyCloud(), Wall())


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_on_aws(name: str, logged: Callable[[str], list[str]]) -> None:
    (line,) = logged(HOSTILE[name])
    assert assert_harmless(line, HOSTILE[name])["service"] == "stanch-responder"


@pytest.mark.parametrize("text", ["\ud800", "\udcff\x00", "\U0010ffff"])
def test_what_no_encoding_holds_is_logged_all_the_same(text: str, logged: Callable[[str], list[str]]) -> None:
    (line,) = logged(text)
    assert_harmless(line, text)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_on_azure(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "stanch"):
        azure.observe([result(HOSTILE[name]).as_json()])
    (record,) = caplog.records
    assert_harmless(record.getMessage(), HOSTILE[name])


@settings(max_examples=50)
@given(anything)
def test_any_text_on_azure(text: str) -> None:
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    kept = Kept()
    azure.logger.addHandler(kept)
    level = azure.logger.level
    azure.logger.setLevel(logging.INFO)
    try:
        azure.observe([result(text).as_json()])
    finally:
        azure.logger.removeHandler(kept)
        azure.logger.setLevel(level)
    (line,) = lines
    assert_harmless(line, text)


@pytest.mark.parametrize("name", HOSTILE)
def test_refused_approvals(name: str, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    action = desk.ask()
    who = type(ALICE)(HOSTILE[name], HOSTILE[name], ())
    with caplog.at_level(logging.INFO, "stanch"):
        page.answer(desk.deployment, None, page.Visit("GET", link(action), who))
        desk.visit("POST", action, who, b"decision=approve")
    for record in caplog.records:
        assert record.getMessage().isascii()
        assert record.getMessage().isprintable()
        assert json.loads(record.getMessage())["by"] == HOSTILE[name]
    assert caplog.records
