"""The on-call engineer's trigger over HTTP: a Function URL with IAM, or an HTTP API with an OIDC JWT."""

from __future__ import annotations

import base64
import json
from typing import Any

from handlers import runbook
from handlers.aws import wiring
from stanch.errors import MalformedEvent
from stanch.sources.loading import load


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Lambda's entry, payload format 2.0 (https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads)."""
    deployment = wiring.deployment()
    try:
        body = load(_text(event), "body")
    except MalformedEvent as error:
        return _reply(400, {"error": str(error)})
    cloud: Any = deployment.cloud
    return _reply(*runbook.answer(deployment, body, identity(event), cloud.account, cloud.settings.region))


def identity(event: Any) -> str | None:
    """Who calls, as AWS verified it: the IAM principal's ARN, or the token's subject with its issuer."""
    authorizer = ((event or {}).get("requestContext") or {}).get("authorizer") or {}
    arn = (authorizer.get("iam") or {}).get("userArn")
    if arn:
        return str(arn)
    claims = (authorizer.get("jwt") or {}).get("claims") or {}
    if claims.get("sub"):
        return str(claims.get("email") or claims["sub"]) + f" ({claims.get('iss')})"
    return None


def _text(event: Any) -> str:
    text = str((event or {}).get("body") or "")
    if (event or {}).get("isBase64Encoded"):
        return base64.b64decode(text).decode("utf-8", "replace")
    return text


def _reply(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body, default=str),
    }
