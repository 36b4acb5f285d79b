"""The approval page on AWS: behind an HTTP API with an OIDC JWT authorizer, or a Function URL with IAM."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from handlers import approval
from handlers.aws import gateway, runbook, wiring
from handlers.aws.gateway import text, within
from stanch.approval.form import LARGEST
from stanch.approval.links import PARAMETER, Links
from stanch.identity import Identity, of_arn


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Lambda's entry, payload format 2.0 (https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads)."""
    try:
        form = gateway.body(event, 2 * LARGEST)
    except ValueError:
        return _reply(approval.wrong(400, "the form cannot be read"))
    visit = approval.Visit(
        method=text(event, "requestContext", "http", "method"),
        token=text(event, "queryStringParameters", PARAMETER),
        identity=identity(event),
        form=form,
        content_type=text(event, "headers", "content-type"),
    )
    return _reply(approval.answer(wiring.deployment(), _links(), visit))


def _links() -> Links | None:
    cloud: Any = wiring.deployment().cloud
    return wiring.links(cloud)


def identity(event: Any, env: Mapping[str, str] = os.environ) -> Identity | None:
    """Who calls, as AWS verified it; never from link, form or header. The name is the one that a runbook's action is journaled with."""
    name = runbook.identity(event)
    if name is None:
        return None
    arn = text(event, "requestContext", "authorizer", "iam", "userArn")
    if arn:
        return of_arn(arn)
    claims = within(event, "requestContext", "authorizer", "jwt", "claims")
    issuer = env.get("STANCH_OIDC_ISSUER", "").rstrip("/")
    if issuer and str(claims.get("iss", "")).rstrip("/") != issuer:
        return None
    groups = claims.get("groups") or claims.get("cognito:groups")
    return Identity(name, f"{claims['sub']} ({claims.get('iss')})", _groups(groups))


def _groups(claim: Any) -> tuple[str, ...]:
    """The groups of a claim. An HTTP API writes a list as `[one two]`, where a name with a blank in it cannot be told from two names: let the issuer send
    ids, or names without blanks."""
    if isinstance(claim, list | tuple):
        return tuple(str(name) for name in claim)
    written = str(claim or "").strip()
    if written.startswith("[") and written.endswith("]"):
        return tuple(written[1:-1].split())
    return (written,) if written else ()


def _reply(reply: approval.Reply) -> dict[str, Any]:
    return {"statusCode": reply.status, "headers": dict(reply.headers), "body": reply.body, "isBase64Encoded": False}
