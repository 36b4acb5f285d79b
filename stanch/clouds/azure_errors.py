"""Azure's errors become Stanch's: the one place for ARM, Microsoft Graph and the SDKs' own transport errors."""

from __future__ import annotations

from collections.abc import Sequence

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ODataV4Format,
    ServiceRequestError,
    ServiceResponseError,
)

from stanch.errors import AccessDenied, CloudError, Conflict, Gone, StanchError, Throttled, Unreachable

# https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
_DENIED = {"AuthorizationFailed", "LinkedAuthorizationFailed", "RequestDisallowedByPolicy", "ScopeLocked", "Authorization_RequestDenied",
           "InvalidAuthenticationToken", "InvalidAuthenticationTokenTenant", "ExpiredAuthenticationToken", "SubscriptionNotFound",
           "InvalidSubscriptionId", "DisallowedOperation", "ReadOnlyDisabledSubscription"}  # fmt: skip
# Some tell that another operation is at work on the resource, or on one that it refers to, and that the same call may be sent again when it has ended
# (https://learn.microsoft.com/rest/api/storagerp/srp_error_codes_common for those of storage accounts).
_THROTTLED = {"TooManyRequests", "AnotherOperationInProgress", "SubscriptionRequestsThrottled", "OperationPreempted", "ReferencedResourceNotProvisioned",
              "RetryableErrorDueToAnotherOperation", "CanceledAndSupersededDueToAnotherOperation", "StorageAccountOperationInProgress",
              "StorageAccountIsNotProvisioned"}  # fmt: skip
_SERVER = {"InternalServerError", "InternalOperationError", "InternalExecutionError", "ServiceUnavailable", "RetryableError",
           "ServerTimeout", "GatewayTimeout", "NetworkingInternalOperationError"}  # fmt: skip
_NEVER_GONE = {"InvalidResourceType", "InvalidResourceNamespace", "NoRegisteredProviderFound", "MissingSubscription"}
"""Answered with 404 too, but they say that we asked wrongly, not that the resource does not exist."""


def translate(operation: str, error: AzureError) -> StanchError:
    """The kind of Stanch's error tree for what an Azure SDK raised.

    Codes decide before the status does: a long-running operation that failed carries its code under status 200, a locked scope answers 409
    (https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources) but is a refusal by an administrator, and a subscription that the identity
    cannot see answers 404. Where no token could be had, azure-identity does not say whether its endpoint was busy or refused: that is unknown, so it is tried again.
    """
    if isinstance(error, DecodeError):
        return Unreachable(f"{operation}: the answer could not be read: {error.message}")
    if isinstance(error, HttpResponseError):
        return _from_response(operation, error)
    if isinstance(error, (ServiceRequestError, ServiceResponseError)):
        return Unreachable(f"{operation}: {error.message}")
    return CloudError(operation, type(error).__name__, error.message)


def _tokenless(message: str) -> str:
    """azure-identity's page of what it tried, in one line: of each credential the first sentence, without the links."""
    first, *lines = [line.strip() for line in message.splitlines() if line.strip()] or [""]
    tried = [
        line.partition(". ")[0].rstrip(".")
        for line in lines
        if not line.startswith(("Attempted ", "Visit ", "To mitigate "))
    ]
    return f"{first} {'; '.join(tried)}".strip()


def _from_response(operation: str, error: HttpResponseError) -> StanchError:
    status = error.status_code or 0
    if status == 0 and isinstance(error, ClientAuthenticationError):
        return Unreachable(f"{operation}: no token could be had: {_tokenless(error.message)}")
    code = (error.error.code if error.error else None) or type(error).__name__
    text = (error.error.message if error.error else None) or error.message
    by_code = _kind(code) or _within(error.error.details if error.error else None)
    if by_code in (Throttled, Unreachable) or (by_code is None and (status == 429 or status == 408 or status >= 500)):
        retryable = by_code if by_code in (Throttled, Unreachable) else Throttled if status == 429 else Unreachable
        return retryable(f"{operation}: {code}: {text}")
    if by_code is AccessDenied or status in (401, 403) or isinstance(error, ClientAuthenticationError):
        return AccessDenied(operation, code, text)
    if status == 404 and code not in _NEVER_GONE:
        return Gone(operation, code, text)
    if status in (409, 412):
        return Conflict(operation, code, text)
    return CloudError(operation, code, text)


def _within(details: Sequence[ODataV4Format] | None) -> type[StanchError] | None:
    """What the details say that it was, where the code says no more than that it failed: only that it may be tried again."""
    kinds = [_kind(str(detail.code)) or _within(detail.details) for detail in details or ()]
    return next((kind for kind in kinds if kind in (Throttled, Unreachable)), None)


def _kind(code: str) -> type[StanchError] | None:
    if code in _DENIED:
        return AccessDenied
    if code in _THROTTLED:
        return Throttled
    return Unreachable if code in _SERVER else None
