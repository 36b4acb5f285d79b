"""One set of clients: over one TLS context, with the credentials and the action of whichever call is under way."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import botocore.httpsession
import pytest
import trustme
from botocore.exceptions import NoCredentialsError, ParamValidationError, SSLError

from stanch.clouds import aws_clients
from stanch.clouds.aws import AwsSession
from stanch.clouds.aws_clients import Clients
from stanch.errors import AccessDenied, StanchError

REGION = "eu-west-1"
ANSWER = b"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"


class Sts(BaseHTTPRequestHandler):
    """Says who calls, after it kept what was sent."""

    protocol_version = "HTTP/1.1"
    headers_seen: list[dict[str, str]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.headers_seen.append(dict(self.headers.items()))
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[dict[str, str]]]:
    """The headers of every request to an STS of our own, which the environment points at and whose authority it trusts."""
    seen: list[dict[str, str]] = []
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Kept", (Sts,), {"headers_seen": seen}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{server.server_address[1]}")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "OURS")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    aws_clients._tls_context.cache_clear()
    yield seen
    server.shutdown()
    server.server_close()
    thread.join()
    aws_clients._tls_context.cache_clear()


def identity(session: AwsSession) -> str:
    return str(session.call("sts", "get_caller_identity")["Account"])


def signer(headers: dict[str, str]) -> tuple[str, str | None]:
    return headers["Authorization"].partition("Credential=")[2].partition("/")[0], headers.get("X-Amz-Security-Token")


class TestTls:
    def test_all_clients_share_one_context_that_reads_the_bundle_once(
        self, sts: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[Any] = []
        real = ssl.SSLContext.load_verify_locations
        monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *given: (read.append(given), real(*given)))
        for clients in (Clients(REGION), Clients(REGION)):
            for region in (REGION, "eu-central-1"):
                assert identity(AwsSession(clients, "", region)) == "111122223333"
        assert len(read) == 1
        assert len(sts) == 4

    def test_botocore_still_makes_contexts_where_ours_is_handed_in(self) -> None:
        made = [Clients(REGION).client(service, REGION) for service in ("sts", "sqs")]
        contexts = {id(client._endpoint.http_session._manager.connection_pool_kw["ssl_context"]) for client in made}
        assert contexts == {id(aws_clients._tls_context())}
        assert isinstance(aws_clients._tls_context(), aws_clients._Context)

    def test_nobody_elses_clients_get_it(self) -> None:
        Clients(REGION).client("sts", REGION)
        assert botocore.httpsession.URLLib3Session()._get_ssl_context() is not aws_clients._tls_context()
        assert botocore.httpsession.SSLContext is ssl.SSLContext

    def test_a_name_that_botocore_has_no_more_is_an_error(self) -> None:
        with (
            pytest.raises(AttributeError, match="no_such_name"),
            aws_clients._patched(botocore.httpsession, "no_such_name", None),
        ):
            raise AssertionError("not reached")

    def test_it_still_verifies(
        self, sts: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        stranger = trustme.CA()
        stranger.cert_pem.write_to_path(str(tmp_path / "stranger.pem"))
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "stranger.pem"))
        client = Clients(REGION).client("sts", REGION)
        with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
            client.get_caller_identity()
        assert sts == []


class TestCredentials:
    def test_every_call_is_signed_with_its_own_sessions(self, sts: list[dict[str, str]]) -> None:
        borrowed = Clients(REGION, borrowed=True)
        names = [f"AKIAROLE{number}" for number in range(8)]
        sessions = [AwsSession(borrowed, "", REGION, name, (name, "local", f"token-{name}")) for name in names]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(identity, sessions * 3))
        for headers in sts:
            key, token = signer(headers)
            assert token == f"token-{key}"
            assert headers["User-Agent"].endswith(f" md/action#{key}")
        assert sorted(signer(headers)[0] for headers in sts) == sorted(names * 3)

    def test_nothing_is_signed_outside_a_session(self, sts: list[dict[str, str]]) -> None:
        client = Clients(REGION, borrowed=True).client("sts", REGION)
        with pytest.raises(NoCredentialsError):
            client.get_caller_identity()
        assert sts == []

    def test_a_session_without_keys_borrows_none(self, sts: list[dict[str, str]]) -> None:
        with pytest.raises(AccessDenied, match="NoCredentials"):
            identity(AwsSession(Clients(REGION, borrowed=True), "", REGION))
        assert sts == []

    def test_the_deployments_own_calls_say_their_action(self, sts: list[dict[str, str]]) -> None:
        own = Clients(REGION)
        for action in ("0123456789ab-1", ""):
            identity(AwsSession(own, "", REGION, action))
        assert [signer(headers) for headers in sts] == [("OURS", None)] * 2
        assert [headers["User-Agent"].rpartition("#")[2] for headers in sts] == ["0123456789ab-1", "none"]
        assert sts[0]["User-Agent"].startswith(f"{aws_clients.AGENT} ")


class TestClients:
    def test_a_region_that_is_none_fails_like_any_call(self) -> None:
        session = AwsSession(Clients(REGION), "", "no region at all")
        with pytest.raises(StanchError, match="sts:get_caller_identity"):
            identity(session)
        with pytest.raises(StanchError, match="iam:list_users"):
            session.pages("iam", "list_users", "Users")

    def test_a_client_a_service_and_region(self) -> None:
        clients = Clients(REGION)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: clients.client("sts", REGION), range(8)))
        assert len({id(client) for client in found}) == 1
        assert clients.client("sts", "eu-central-1") is not found[0]
        assert clients.client("sts", "eu-central-1").meta.region_name == "eu-central-1"

    def test_only_the_journals_parameters_go_unchecked(self, sts: list[dict[str, str]]) -> None:
        clients = Clients(REGION)
        with pytest.raises(ParamValidationError):
            clients.client("sts", REGION).get_access_key_info(AccessKeyId=1)
        assert sts == []
        clients.client("dynamodb", REGION).list_tables(Limit="many")
        assert len(sts) == 1

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("2026-11-23T15:40:38Z", datetime(2026, 11, 23, 15, 40, 38, tzinfo=UTC)),
            ("2026-11-23T15:40:38.123456789Z", datetime(2026, 11, 23, 15, 40, 38, 123456, tzinfo=UTC)),
            ("Mon, 23 Nov 2026 15:40:38 GMT", datetime(2026, 11, 23, 15, 40, 38, tzinfo=UTC)),
            ("1795448438", datetime.fromtimestamp(1795448438, UTC)),
            (1795448438.5, datetime.fromtimestamp(1795448438.5, UTC)),
        ],
    )
    def test_times_are_read_as_botocore_reads_them(self, written: Any, meant: datetime) -> None:
        found = aws_clients._moment(written)
        assert abs(found - aws_clients.parse_timestamp(written)) < timedelta(microseconds=1)
        assert found == meant
