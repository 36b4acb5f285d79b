"""An action's states on an Event Grid topic: over TLS, with a token of the managed identity, as cloud events."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pytest

from handlers.azure import wiring
from stanch import outbox
from stanch.action import Outcome
from stanch.local.azure.seed import seed
from stanch.local.azure.server import AzureCloudServer
from stanch.sources import sentinel
from tests.functional.write_back.wired import Wired, sample

EVENT = sample("sentinel/crypto-mining-vm")
SCHEMA = jsonschema.Draft202012Validator(json.loads((Path(__file__).parents[3] / "docs/event.schema.json").read_text()))
MEMBERS = {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"}


class Topic:
    """Takes what a custom topic with the schema CloudEventSchemaV1_0 takes: https://learn.microsoft.com/azure/event-grid/post-to-custom-topic."""

    def __init__(self, azure: AzureCloudServer) -> None:
        topic, self.events, self.refused = self, list[dict[str, Any]](), list[str]()
        self.down = False

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(topic.take(azure, self.path, dict(self.headers), body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = azure.tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.server.daemon_threads = True
        self.endpoint = f"https://127.0.0.1:{self.server.server_port}/api/events"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, azure: AzureCloudServer, path: str, headers: dict[str, str], body: bytes) -> int:
        asked = urlsplit(path)
        wrong = {
            "path": asked.path != "/api/events" or parse_qs(asked.query) != {"api-version": ["2018-01-01"]},
            "token": azure.identity.refusal(headers.get("Authorization"), ("https://eventgrid.azure.net",)) is not None,
            "type": headers.get("Content-Type") != "application/cloudevents-batch+json; charset=utf-8",
            "key": "aeg-sas-key" in {name.lower() for name in headers},
            "size": len(body) > 1_048_576,
        }
        self.refused += [name for name, is_wrong in wrong.items() if is_wrong]
        if any(wrong.values()):
            return 400
        if self.down:
            return 503
        self.events += json.loads(body)
        return 200


@pytest.fixture
def topic(azure: AzureCloudServer) -> Iterator[Topic]:
    made = Topic(azure)
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def responder(azure: AzureCloudServer, topic: Topic, tmp_path: Path) -> Wired:
    for finding in sentinel.parse(EVENT):
        seed(azure.url, str(azure.ca), finding)
    settings = {
        **azure.environment(), "STANCH_JOURNAL": f"sqlite://{tmp_path}/journal.sqlite", "STANCH_MODE": "auto", "STANCH_STALE_HOURS": "900000",
        "STANCH_VERIFY_DELAYS": "0.05", "STANCH_SENTINEL_WORKSPACE": "*", "STANCH_EVENT_GRID_TOPIC": topic.endpoint,
    }  # fmt: skip
    return Wired.of(wiring.build(settings), sentinel.parse)


def test_each_state_arrives_once_and_fits_the_schema(responder: Wired, topic: Topic) -> None:
    (acted,) = responder.deliver(EVENT)
    assert (acted.outcome, acted.notified) == (Outcome.ACTED, ["soc"])
    responder.deliver(EVENT)
    responder.undo(acted.action_id)
    assert topic.refused == []
    assert [event["data"]["outcome"] for event in topic.events] == ["acted", "undone"]
    assert len({event["id"] for event in topic.events}) == 2
    for event in topic.events:
        assert set(event) == MEMBERS
        assert (event["specversion"], event["source"], event["type"]) == ("1.0", "stanch", "stanch.action.state_change")
        assert event["subject"] == f"actions/{acted.action_id}"
        SCHEMA.validate(event["data"])


def test_a_topic_that_is_down_changes_no_outcome_and_loses_nothing(responder: Wired, topic: Topic) -> None:
    topic.down = True
    (acted,) = responder.deliver(EVENT)
    assert acted.outcome is Outcome.ACTED
    assert list(responder.pending()) == [f"{acted.action_id}:acted:1"]
    topic.down = False
    assert outbox.drain(responder.deployment.journal, responder.deployment.channels) == 1
    assert [event["id"] for event in topic.events] == [f"{acted.action_id}:acted:1"]
