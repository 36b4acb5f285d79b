"""AWS's errors as Stanch's: whatever an answer holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from stanch.clouds.aws import AwsSession, translate
from stanch.clouds.aws_clients import Clients
from stanch.errors import AccessDenied, CloudError, Conflict, Gone, Throttled, Unreachable


class _Proxy(BaseHTTPRequestHandler):
    """Answers everything with a page, as a proxy in trouble does."""

    def do_POST(self) -> None:
        self.send_response(502)
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Bad Gateway</title>")

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsSession]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "LOCAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    clients = Clients("eu-west-1", config=Config(retries={"total_max_attempts": 1}))
    yield AwsSession(clients, "111122223333", "eu-west-1")
    server.shutdown()
    server.server_close()


def test_an_answer_that_is_a_page_is_unknown_and_comes_again(proxied: AwsSession) -> None:
    for ask in (lambda: proxied.call("iam", "list_users"), lambda: proxied.pages("iam", "list_users", "Users")):
        with pytest.raises(Unreachable, match="iam:list_users: the answer cannot be read"):
            ask()


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        # "Wait a few minutes and submit your request again", "Try again": another write was at work.
        (409, "ConcurrentModification", Throttled),
        (409, "EntityTemporarilyUnmodifiable", Throttled),
        (409, "OperationAborted", Throttled),
        (503, "EC2ThrottledException", Throttled),
        (400, "RequestLimitExceeded", Throttled),
        (400, "DependencyViolation", Conflict),
        (409, "LimitExceeded", CloudError),
        (404, "NoSuchEntity", Gone),
        (400, "InvalidGroup.NotFound", Gone),
        (403, "AccessDenied", AccessDenied),
        (500, "InternalError", Unreachable),
    ],
)
def test_each_answer_has_one_kind(status: int, code: str, expected: type[Exception]) -> None:
    answer: Any = {"Error": {"Code": code, "Message": "why"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    assert type(translate("iam:put_role_policy", ClientError(answer, "PutRolePolicy"))) is expected
