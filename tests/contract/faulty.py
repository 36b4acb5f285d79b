"""Answers of a cloud that says no, given at the SDKs' own hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.awsrequest import AWSResponse

AWS_CODES = {403: "AccessDenied", 429: "Throttling", 500: "InternalFailure"}


def aws_answer(status: int, purposes: tuple[str, ...]) -> Callable[[str, str], Any]:
    """For botocore's `before-call`: the parsed error instead of a request."""

    def answer(purpose: str, name: str) -> Any:
        if purpose not in purposes:
            return None
        parsed = {
            "Error": {"Code": AWS_CODES[status], "Message": "said the test"},
            "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}, "RequestId": "test"},
        }
        return AWSResponse("https://test", status, {}, None), parsed

    return answer


def azure_answer(status: int, purposes: tuple[str, ...]) -> Callable[[str, str], Any]:
    """For an azure-core transport: the error that ARM would answer."""
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

    def answer(purpose: str, name: str) -> Any:
        if purpose not in purposes:
            return None
        error = (ClientAuthenticationError if status == 401 else HttpResponseError)(f"{name}: said the test")
        error.status_code = status
        raise error

    return answer
