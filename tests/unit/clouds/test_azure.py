"""Sessions before any call: settings, what they cost to import, how requests are marked."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from types import SimpleNamespace

import pytest
from azure.core.exceptions import DecodeError
from azure.core.pipeline import PipelineContext, PipelineResponse
from azure.core.rest import HttpRequest

from stanch.clouds.azure import AzureCloud
from stanch.clouds.azure_errors import translate
from stanch.clouds.azure_rest import BoundedRetryPolicy, Rest, _json, correlation
from stanch.clouds.azure_session import AzureSession
from stanch.clouds.azure_settings import AzureSettings
from stanch.errors import InvalidInput, Unreachable
from stanch.finding import Resource

SUB = "00000000-0000-0000-0000-0000000000a1"


class NoToken:
    """A credential that must not be asked."""

    def get_token(self, *scopes: str, **more: object) -> None:
        raise AssertionError(f"asked for {scopes}")


def test_importing_costs_no_management_sdk() -> None:
    code = "import sys, stanch.clouds.azure; print([name for name in sys.modules if name.startswith(('azure.mgmt', 'azure.identity', 'boto'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_settings_default_to_the_public_cloud() -> None:
    settings = AzureSettings.from_environment({})
    assert (settings.arm, settings.graph) == ("https://management.azure.com", "https://graph.microsoft.com")
    assert (settings.arm_scope, settings.graph_scope) == (
        "https://management.azure.com/.default", "https://graph.microsoft.com/.default",
    )  # fmt: skip
    assert not settings.local
    assert settings.own == ()


def test_settings_of_a_sovereign_cloud_ask_for_its_own_tokens() -> None:
    settings = AzureSettings.from_environment(
        {"STANCH_ARM_ENDPOINT": "https://management.usgovcloudapi.net/", "STANCH_GRAPH_ENDPOINT": "https://graph.microsoft.us"}
    )  # fmt: skip
    assert settings.arm_scope == "https://management.usgovcloudapi.net/.default"
    assert settings.graph_scope == "https://graph.microsoft.us/.default"


def test_settings_of_the_local_cloud_ask_for_public_tokens() -> None:
    settings = AzureSettings.from_environment({"STANCH_ARM_ENDPOINT": "https://127.0.0.1:4433", "STANCH_GRAPH_ENDPOINT": "https://127.0.0.1:4433"})  # fmt: skip
    assert settings.local
    assert settings.arm_scope == "https://management.azure.com/.default"


def test_own_identities_are_known_by_every_name() -> None:
    settings = AzureSettings.from_environment(
        {"STANCH_OWN_PRINCIPAL_ID": "oid-1,oid-2", "AZURE_CLIENT_ID": "app-1", "STANCH_IDENTITY_ACT": "app-2"}
    )
    assert AzureCloud(settings).own() == ("oid-1", "oid-2", "app-1", "app-2")
    assert AzureCloud(settings).protected_ids() == ("oid-1", "oid-2", "app-1", "app-2")


def test_a_resource_of_no_subscription_has_no_session() -> None:
    cloud = AzureCloud(AzureSettings(), NoToken())
    with pytest.raises(InvalidInput, match="names no subscription"):
        cloud.session(Resource("Microsoft.Compute/virtualMachines", "web-1", ""), "act", "")
    assert cloud.session(Resource("Microsoft.Graph/users", "a@corp.example", ""), "act", "").account == ""


@pytest.mark.parametrize("path", ["/subscriptions/../x", "/subscriptions/a/%2e%2e/b", "/users/./me"])
def test_a_path_with_dot_segments_is_never_sent(path: str) -> None:
    session = AzureSession(NoToken(), SUB, AzureSettings())
    with pytest.raises(InvalidInput, match="dot segment"):
        session.arm("GET", path, "2022-12-01")
    with pytest.raises(InvalidInput, match="dot segment"):
        session.graph("GET", path)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "management.azure.com", "https://", "ftp://a"])
def test_a_token_is_never_sent_without_tls(endpoint: str) -> None:
    with pytest.raises(InvalidInput, match="STANCH_ARM_ENDPOINT: must be an https address"):
        AzureSettings.from_environment({"STANCH_ARM_ENDPOINT": endpoint})


def test_the_action_id_is_recognisable_in_the_activity_log() -> None:
    assert correlation("0123456789ab-0019a5b3c4d") == "01234567-89ab-0019-a5b3-c4d000000000"
    assert uuid.UUID(correlation("not hex")) == uuid.UUID(correlation("not hex"))
    assert correlation("not hex") != correlation("not hex either")


class Answer:
    def __init__(self, status: int, **headers: str) -> None:
        self.status_code, self.headers = status, headers


@pytest.mark.parametrize(
    ("status", "wait", "expected"), [(429, "1", True), (429, "20", True), (429, "21", False), (503, "3600", False), (403, None, False)]
)  # fmt: skip
def test_long_waits_are_left_to_the_queue(status: int, wait: str | None, expected: bool) -> None:
    policy = BoundedRetryPolicy(retry_total=3)
    request = HttpRequest("GET", "https://management.azure.com/")
    answer = Answer(status, **({"Retry-After": wait} if wait else {}))
    response = PipelineResponse(request, answer, PipelineContext(None))
    settings = policy.configure_retries({})
    assert bool(policy.is_retry(settings, response)) is expected


def test_rest_endpoints_lose_their_trailing_slash() -> None:
    rest = Rest("https://127.0.0.1:1/", "s/.default", NoToken(), None, user_agent="a", headers={})  # type: ignore[arg-type]
    assert rest.endpoint == "https://127.0.0.1:1"


def test_an_answer_that_is_no_json_is_unknown() -> None:
    half = SimpleNamespace(
        content=b'{"id": "/sub', status_code=200, reason="OK", json=lambda: json.loads('{"id": "/sub')
    )
    with pytest.raises(DecodeError) as raised:
        _json(SimpleNamespace(http_response=half))  # type: ignore[arg-type]
    assert type(translate("GET", raised.value)) is Unreachable
