"""Cards over TLS to a workflow played on this machine."""

from __future__ import annotations

import json
import logging
import ssl
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from stanch.action import Outcome
from stanch.errors import CloudError, Refused, StanchError, Throttled, Unreachable
from stanch.journal import OutboxItem
from stanch.notify.card import card, smallest
from stanch.notify.teams import TeamsChannel
from stanch.outbox import deliver, item
from tests.unit.notify.adaptive_cards import content, faults, texts
from tests.unit.notify.samples import HOSTILE, OUTCOMES, enormous, everywhere, report

SIGNATURE = "c2lnbmF0dXJlLW9mLXRoZS13ZWJob29r"
PATH = (
    f"/workflows/0123/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sig={SIGNATURE}"
)


class Workflow(ThreadingHTTPServer):
    """Answers with the statuses it is given, then with 202, and keeps what it was sent."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Trigger)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.stuck = threading.Event()
        self.slow = False
        self.url = f"https://127.0.0.1:{self.server_address[1]}{PATH}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up or refuses our certificate is what some tests are about."""


class _Trigger(BaseHTTPRequestHandler):
    server: Workflow

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), body))
        if self.server.slow:
            self.server.stuck.wait(5)
            return
        status, headers = self.server.answers.pop(0) if self.server.answers else (202, {})
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def workflow(authority: trustme.CA) -> Iterator[Workflow]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Workflow(context) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield running
        finally:
            running.stuck.set()
            running.shutdown()
            thread.join()


@pytest.fixture
def channel(workflow: Workflow, trusted: str) -> TeamsChannel:
    return TeamsChannel("soc:teams", lambda: workflow.url, extra_hosts=("127.0.0.1",), verify=trusted, timeout=(2, 2))


def failure(channel: TeamsChannel) -> StanchError:
    """What `send` raises, after a look for the URL in all that could be shown of it."""
    with pytest.raises(StanchError) as caught:
        channel.send(report())
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(channel)
    assert SIGNATURE not in shown
    assert "/workflows/0123" not in shown
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    return caught.value


@pytest.mark.parametrize("status", [200, 202])
def test_is_accepted(channel: TeamsChannel, workflow: Workflow, status: int) -> None:
    workflow.answers = [(status, {})]
    channel.send(report())
    ((path, headers, body),) = workflow.requests
    assert path == PATH
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert json.loads(body) == card(report())


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_hostile_names_arrive_inert(channel: TeamsChannel, workflow: Workflow, outcome: str) -> None:
    for text in HOSTILE.values():
        channel.send(everywhere(text, outcome))
    assert len(workflow.requests) == len(HOSTILE)
    for _, _, body in workflow.requests:
        shown = content(json.loads(body))
        assert faults(shown) == []
        assert not [text for text in texts(shown) if "://" in text or "{{" in text or not text.isprintable()]


def test_the_largest_report_arrives_at_once(channel: TeamsChannel, workflow: Workflow) -> None:
    channel.send(enormous())
    ((_, _, body),) = workflow.requests
    assert len(body) <= 20_000


def test_too_large_is_tried_once_more_without_evidence(channel: TeamsChannel, workflow: Workflow) -> None:
    workflow.answers = [(413, {})]
    channel.send(report())
    assert [json.loads(body) for _, _, body in workflow.requests] == [card(report()), smallest(report())]


def test_too_large_twice_is_the_end(channel: TeamsChannel, workflow: Workflow) -> None:
    workflow.answers = [(413, {})] * 3
    error = failure(channel)
    assert isinstance(error, CloudError)
    assert str(error) == "teams:post: 413: channel soc:teams: even the smallest card is too large for it"
    assert len(workflow.requests) == 2


@pytest.mark.parametrize(
    ("status", "headers", "kind", "said"),
    [
        (429, {"Retry-After": "17"}, Throttled, "channel soc:teams: the workflow asks to wait 17 (Retry-After)"),
        (429, {}, Throttled, "channel soc:teams: the workflow asks to wait an unsaid time (Retry-After)"),
        (
            429,
            {"Retry-After": "x" * 90},
            Throttled,
            f"channel soc:teams: the workflow asks to wait {'x' * 39}… (Retry-After)",
        ),
        (500, {}, Unreachable, "channel soc:teams: the workflow answers 500"),
        (503, {}, Unreachable, "channel soc:teams: the workflow answers 503"),
        (400, {}, CloudError, "teams:post: 400: channel soc:teams: the workflow does not take the card"),
        (401, {}, CloudError, "teams:post: 401: channel soc:teams: the workflow asks for a sign-in"),
        (403, {}, CloudError, "teams:post: 403: channel soc:teams: the workflow refuses the signature of the URL"),
        (404, {}, CloudError, "teams:post: 404: channel soc:teams: there is no such workflow any more"),
        (204, {}, CloudError, "teams:post: 204: channel soc:teams: it was not accepted"),
    ],
)
def test_is_not_accepted(
    channel: TeamsChannel, workflow: Workflow, status: int, headers: dict[str, str], kind: type[StanchError], said: str
) -> None:
    workflow.answers = [(status, headers)]
    error = failure(channel)
    assert (type(error), str(error)) == (kind, said)
    assert len(workflow.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(channel: TeamsChannel, workflow: Workflow, status: int) -> None:
    workflow.answers = [(status, {"Location": workflow.url.replace("0123", "4567")})]
    assert str(failure(channel)) == f"teams:post: {status}: channel soc:teams: redirects are not followed"
    assert [path for path, _, _ in workflow.requests] == [PATH]


def test_no_answer_in_time(workflow: Workflow, trusted: str) -> None:
    workflow.slow = True
    hurried = TeamsChannel(
        "soc:teams", lambda: workflow.url, extra_hosts=("127.0.0.1",), verify=trusted, timeout=(2, 0.2)
    )
    error = failure(hurried)
    assert (type(error), str(error)) == (Unreachable, "channel soc:teams: no answer from the workflow (ReadTimeout)")


def test_no_connection(channel: TeamsChannel, workflow: Workflow) -> None:
    port = workflow.server_address[1]
    workflow.url = workflow.url.replace(f":{port}/", ":9/")
    error = failure(channel)
    assert (type(error), str(error)) == (
        Unreachable,
        "channel soc:teams: no answer from the workflow (ConnectionError)",
    )


@pytest.mark.parametrize("verify", [True, "/no/such/file.pem"])
def test_a_certificate_that_nobody_vouches_for(
    workflow: Workflow, verify: bool | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    channel = TeamsChannel("soc:teams", lambda: workflow.url, extra_hosts=("127.0.0.1",), verify=verify)
    error = failure(channel)
    assert type(error) is Unreachable
    assert (
        str(error) == f"channel soc:teams: no answer from the workflow ({'SSLError' if verify is True else 'OSError'})"
    )
    assert workflow.requests == []


def test_the_ca_bundle_of_the_environment_counts(
    workflow: Workflow, trusted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", trusted)
    TeamsChannel("teams", lambda: workflow.url, extra_hosts=("127.0.0.1",)).send(report())
    assert len(workflow.requests) == 1


def test_this_machine_is_refused_unless_the_caller_allows_it(workflow: Workflow, trusted: str) -> None:
    error = failure(TeamsChannel("teams", lambda: workflow.url, verify=trusted))
    assert isinstance(error, Refused)
    assert workflow.requests == []


def test_the_signature_is_in_no_log(
    channel: TeamsChannel, workflow: Workflow, trusted: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        requests.post(workflow.url, data=b"{}", timeout=2, verify=trusted).close()
        assert SIGNATURE in caplog.text  # so the HTTP library does log it where nobody keeps it from doing so
        caplog.clear()
        workflow.answers = [(202, {}), (500, {})]
        channel.send(report())
        failure(channel)
        assert len(workflow.requests) == 3
        assert SIGNATURE not in caplog.text
        assert "/workflows/" not in caplog.text
        requests.post(workflow.url, data=b"{}", timeout=2, verify=trusted).close()
        assert SIGNATURE in caplog.text  # and others' requests are logged as before


class Outbox:
    """As much of a journal as delivery uses."""

    def __init__(self) -> None:
        self.kept: list[OutboxItem] = []

    def sent(self, entry: OutboxItem) -> None:
        self.kept.append(entry)


def test_a_report_stays_in_the_outbox_until_it_is_accepted(channel: TeamsChannel, workflow: Workflow) -> None:
    journal: Any = Outbox()
    entry = item(report(str(Outcome.ACTED)), ["soc:teams"])
    workflow.answers = [(429, {"Retry-After": "17"})]
    assert deliver(journal, entry, {"soc:teams": channel}) == []
    assert entry.errors == {"soc:teams": "channel soc:teams: the workflow asks to wait 17 (Retry-After)"}
    assert deliver(journal, entry, {"soc:teams": channel}) == ["soc:teams"]
    assert entry.errors == {}
    first, second = (json.loads(body) for _, _, body in workflow.requests)
    assert first == second
    assert deliver(journal, entry, {"soc:teams": channel}) == ["soc:teams"]
    assert len(workflow.requests) == 2
