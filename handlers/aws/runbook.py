"""The on-call engineer's trigger over HTTP: a Function URL with IAM, or an HTTP API with an OIDC JWT."""

from __future__ import annotations

import json
from typing import Any

from handlers import runbook
from handlers.aws import gateway, wiring
from handlers.aws.gateway import text, within
from stanch.errors import MalformedEvent
from stanch.sources.loading import load


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Lambda's entry; see `handlers.runbook.answer`."""
    deployment = wiring.deployment()
    try:
        body = load(gateway.body(event), "body")
    except ValueError:
        return _reply(400, {"error": "body: is neither text nor base64"})
    except MalformedEvent as error:
        return _reply(400, {"error": str(error)})
    cloud: Any = deployment.cloud
    return _reply(*runbook.answer(deployment, body, identity(event), cloud.account, cloud.settings.region))


def identity(event: Any) -> str | None:
    """Who calls, as AWS verified it: the IAM principal's ARN, or the token's subject with its issuer."""
    authorizer = within(event, "requestContext", "authorizer")
    arn = text(authorizer, "iam", "userArn")
    if arn:
        return arn
    claims = within(authorizer, "jwt", "claims")
    subject = text(claims, "sub")
    return f"{text(claims, 'email') or subject} ({within(claims, 'iss')})" if subject else None


def _reply(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body, default=str),
    }
