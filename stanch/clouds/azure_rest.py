"""ARM and Microsoft Graph over plain REST, through azure-core's pipeline: its retries, its tokens, its connections."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.exceptions import DecodeError, HttpResponseError
from azure.core.pipeline import Pipeline, PipelineResponse
from azure.core.pipeline.policies import (
    BearerTokenCredentialPolicy,
    HeadersPolicy,
    HttpLoggingPolicy,
    RequestIdPolicy,
    RetryPolicy,
    UserAgentPolicy,
)
from azure.core.pipeline.transport import HttpTransport
from azure.core.polling import LROPoller
from azure.core.rest import HttpRequest, HttpResponse

from stanch.errors import InvalidInput

LONGEST_WAIT = 20.0
"""Seconds. Whoever asks us to wait longer is told to the queue, which is better at waiting than a function that is billed and times out."""


class BoundedRetryPolicy(RetryPolicy[Any, Any]):
    """azure-core's retry, except that it does not sleep through a long Retry-After."""

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        return (self.get_retry_after(response) or 0.0) <= LONGEST_WAIT and super().is_retry(settings, response)


class Rest:
    """JSON requests to one endpoint with tokens for one scope."""

    def __init__(
        self, endpoint: str, scope: str, credential: TokenCredential, transport: HttpTransport[Any, Any], **policy: Any
    ) -> None:
        """`policy`: `user_agent`, `headers` on every request, and RetryPolicy's settings."""
        self.endpoint = endpoint.rstrip("/")
        policies: list[Any] = [
            RequestIdPolicy(),
            HeadersPolicy(policy.pop("headers")),
            UserAgentPolicy(base_user_agent=policy.pop("user_agent")),
            BoundedRetryPolicy(**policy),
            BearerTokenCredentialPolicy(credential, scope),
            HttpLoggingPolicy(),
        ]
        self._pipeline: Pipeline[HttpRequest, HttpResponse] = Pipeline(transport, policies)

    def send(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None, body: Any = None
    ) -> dict[str, Any]:  # fmt: skip
        """The JSON object answered, {} for an empty answer. Raises azure-core's errors, and InvalidInput for a path with dot segments."""
        return _json(self._run(method, path, query, headers, body))

    def begin(
        self, method: str, path: str, *, interval: float, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None, body: Any = None
    ) -> LROPoller[dict[str, Any]]:  # fmt: skip
        """An operation that goes on after its answer, polled as the generated clients do it: every `interval` seconds where the service does not say otherwise.

        Its result is as that of `send`, and so is what it raises.
        """
        first = self._run(method, path, query, headers, body)
        # Imported once the request is out: nothing of it is needed before.
        from azure.mgmt.core.polling.arm_polling import ARMPolling

        client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(self.endpoint, pipeline=self._pipeline)
        return LROPoller(client, first, _json, ARMPolling(interval))

    def _run(
        self, method: str, path: str, query: Mapping[str, str] | None, headers: Mapping[str, str] | None, body: Any
    ) -> PipelineResponse[HttpRequest, HttpResponse]:
        if any(unquote(part) in (".", "..") for part in path.partition("?")[0].split("/")):
            raise InvalidInput("path", f"{path[:200]!r} has a dot segment")
        url = self.endpoint + path.replace("#", "%23")
        request = HttpRequest(method, url, params=dict(query or {}), headers=dict(headers or {}), json=body)
        answer = self._pipeline.run(request)
        answer.http_response.read()
        if answer.http_response.status_code >= 400:
            raise HttpResponseError(response=answer.http_response)
        return answer


def _json(answer: PipelineResponse[HttpRequest, HttpResponse]) -> dict[str, Any]:
    response = answer.http_response
    try:
        found: dict[str, Any] = response.json() if response.content else {}
    except ValueError as error:
        raise DecodeError(message=f"not JSON: {error}", response=response) from error
    return found


def correlation(action_id: str) -> str:
    """A GUID that ARM keeps in the Activity Log: the action id's own hex digits, padded, so that a person recognises it.

    ARM takes the caller's `x-ms-correlation-request-id`: https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
    """
    digits = action_id.replace("-", "")
    if 0 < len(digits) <= 32 and all(digit in "0123456789abcdef" for digit in digits):
        return str(uuid.UUID(digits.ljust(32, "0")))
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"stanch:{action_id}"))
