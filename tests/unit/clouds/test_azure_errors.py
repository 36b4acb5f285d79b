"""What the SDKs raise, and what Stanch makes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseTimeoutError,
)
from azure.core.pipeline.transport import HttpRequest, RequestsTransportResponse

from stanch.clouds.azure_errors import translate
from stanch.errors import AccessDenied, CloudError, Conflict, Gone, Throttled, Unreachable


def refusal(
    status: int,
    code: str | None,
    message: str = "why",
    kind: type[HttpResponseError] = HttpResponseError,
    more: Any = None,
) -> HttpResponseError:
    """The error that azure-core makes of a real response with this body."""
    answer = requests.Response()
    answer.status_code, answer.reason = status, "Reason"
    answer.headers["Content-Type"] = "application/json"
    answer._content = json.dumps({"error": more or {"code": code, "message": message}}).encode() if code else b""
    request = HttpRequest("GET", "https://management.azure.com/subscriptions")
    return kind(response=RequestsTransportResponse(request, answer))


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "InvalidRequestFormat", CloudError),
        (400, "NoRegisteredProviderFound", CloudError),
        (401, "ExpiredAuthenticationToken", AccessDenied),
        (403, "AuthorizationFailed", AccessDenied),
        (403, "RequestDisallowedByPolicy", AccessDenied),
        (403, "Authorization_RequestDenied", AccessDenied),
        (403, None, AccessDenied),
        (404, "ResourceNotFound", Gone),
        (404, "ResourceGroupNotFound", Gone),
        (404, "Request_ResourceNotFound", Gone),
        (404, "SubscriptionNotFound", AccessDenied),
        (404, "InvalidResourceType", CloudError),
        (404, "InvalidResourceNamespace", CloudError),
        (408, "RequestTimeout", Unreachable),
        (409, "Conflict", Conflict),
        (409, "ScopeLocked", AccessDenied),
        (409, "AnotherOperationInProgress", Throttled),
        (409, "StorageAccountOperationInProgress", Throttled),
        (409, "ReferencedResourceNotProvisioned", Throttled),
        (412, "PreconditionFailed", Conflict),
        (429, "TooManyRequests", Throttled),
        (429, None, Throttled),
        (500, "InternalServerError", Unreachable),
        (503, None, Unreachable),
        # A long-running operation that failed: the poll itself was answered 200.
        (200, "AuthorizationFailed", AccessDenied),
        (200, "InternalExecutionError", Unreachable),
        (200, "VMExtensionProvisioningError", CloudError),
    ],
)
def test_each_answer_has_one_kind(status: int, code: str | None, expected: type[Exception]) -> None:
    assert type(translate("op", refusal(status, code))) is expected


def test_an_operation_that_another_one_displaced_is_tried_again() -> None:
    """As the network's operations tell of it: the reason stands in the details of the details."""
    why = {"code": "CanceledAndSupersededDueToAnotherOperation", "message": "superseded by PutSecurityRuleOperation"}
    body = {
        "code": "Canceled",
        "message": "Operation was canceled.",
        "details": [{"code": "Canceled", "message": "", "details": [why]}],
    }
    assert type(translate("op", refusal(200, "Canceled", more=body))) is Throttled
    body["details"] = [{"code": "NetworkSecurityGroupRulesLimitReached", "message": "too many"}]
    assert type(translate("op", refusal(200, "Canceled", more=body))) is CloudError


def test_a_considered_no_says_operation_code_and_message() -> None:
    error = translate("Rules.begin_delete", refusal(403, "AuthorizationFailed", "no right to write"))
    assert isinstance(error, AccessDenied)
    assert (error.operation, error.code, error.message) == (
        "Rules.begin_delete", "AuthorizationFailed", "no right to write",
    )  # fmt: skip
    assert str(error) == "Rules.begin_delete: AuthorizationFailed: no right to write"


def test_what_no_credential_could_do_is_one_line_without_links() -> None:
    error = translate("journal:query", ClientAuthenticationError(NO_TOKEN))
    assert str(error) == (
        "journal:query: no token could be had: DefaultAzureCredential failed to retrieve a token from the included credentials. "
        "EnvironmentCredential: not configured; AzureCliCredential: Please run 'az login' to set up an account"
    )


NO_TOKEN = """DefaultAzureCredential failed to retrieve a token from the included credentials.
Attempted credentials:
\tEnvironmentCredential: not configured. Environment variables are missing.
Visit https://aka.ms/azsdk/python/identity/environmentcredential/troubleshoot to troubleshoot this issue.
\tAzureCliCredential: Please run 'az login' to set up an account
To mitigate this issue, please refer to the troubleshooting guidelines here at https://aka.ms/azsdk/python/identity/defaultazurecredential/troubleshoot."""
"""As azure-identity 1.x says it (DefaultAzureCredential, https://learn.microsoft.com/python/api/overview/azure/identity-readme#troubleshooting)."""


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ServiceRequestError("connection refused"), Unreachable),
        (ServiceResponseTimeoutError("read timed out"), Unreachable),
        (ClientAuthenticationError("no credential worked"), Unreachable),
        (refusal(200, None, kind=DecodeError), Unreachable),
        (AzureError("something new"), CloudError),
    ],
)
def test_errors_without_an_answer(error: AzureError, expected: type[Exception]) -> None:
    assert type(translate("op", error)) is expected
