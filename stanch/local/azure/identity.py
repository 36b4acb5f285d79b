"""The managed-identity endpoint of App Service and Functions, and what its tokens are good for.

https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from stanch.local.azure.kinds import Reply

ARM_AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
GRAPH_AUDIENCES = ("https://graph.microsoft.com",)


class Identity:
    """Issues tokens for a resource (audience) to whoever knows the header's secret, and tells whether one is good."""

    def __init__(self, lifetime: float = 86_400.0) -> None:
        self.header = secrets.token_hex(16)
        self.lifetime = lifetime
        self._issued: dict[str, tuple[str, float]] = {}

    def answer(self, query: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        """The token endpoint."""
        if headers.get("X-IDENTITY-HEADER") != self.header:
            return Reply(401, {"statusCode": 401, "message": "The X-IDENTITY-HEADER is missing or wrong."})
        resource = query.get("resource", "").rstrip("/")
        if not resource or query.get("api-version") != "2019-08-01":
            return Reply(400, {"statusCode": 400, "message": "resource and api-version=2019-08-01 are required."})
        token, until = secrets.token_urlsafe(32), time.time() + self.lifetime
        self._issued[token] = (resource, until)
        answer: dict[str, Any] = {"access_token": token, "expires_on": str(int(until)), "resource": resource, "token_type": "Bearer"}  # fmt: skip
        return Reply(200, answer | ({"client_id": query["client_id"]} if "client_id" in query else {}))

    def refusal(self, authorization: str | None, audiences: tuple[str, ...]) -> tuple[str, str] | None:
        """Error code and message for a token that is missing, unknown, too old or for something else; None for a good one."""
        if not authorization:
            return "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
        scheme, _, token = authorization.partition(" ")
        resource, until = self._issued.get(token, ("", 0.0))
        if scheme.lower() != "bearer" or not resource:
            return "InvalidAuthenticationToken", "The access token is invalid."
        if until < time.time():
            return (
                "ExpiredAuthenticationToken",
                "The access token expiry UTC time is earlier than the current UTC time.",
            )
        if resource not in audiences:
            return "InvalidAuthenticationTokenAudience", f"The access token has been obtained for wrong audience or resource '{resource}'. It should exactly match with one of the allowed audiences '{','.join(audiences)}'."  # fmt: skip
        return None
