"""The approval page on AWS: behind an HTTP API with an OIDC JWT authorizer, or a Function URL with IAM."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any

from handlers import approval
from handlers.aws import runbook, wiring
from stanch.approval.form import LARGEST
from stanch.approval.links import PARAMETER, Links
from stanch.identity import Identity, of_arn


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Lambda's entry, payload format 2.0 (https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads)."""
    try:
        form = _body(event)
    except ValueError:
        return _reply(approval.wrong(400, "the form cannot be read"))
    visit = approval.Visit(
        method=str(((event.get("requestContext") or {}).get("http") or {}).get("method") or ""),
        token=str((event.get("queryStringParameters") or {}).get(PARAMETER) or ""),
        identity=identity(event),
        form=form,
        content_type=str((event.get("headers") or {}).get("content-type") or ""),
    )
    return _reply(approval.answer(wiring.deployment(), _links(), visit))


def _links() -> Links | None:
    cloud: Any = wiring.deployment().cloud
    return wiring.links(cloud)


def identity(event: Any, env: Mapping[str, str] = os.environ) -> Identity | None:
    """Who calls, as AWS verified it; never from link, form or header. The name is the one that a runbook's action is journaled with."""
    authorizer = ((event or {}).get("requestContext") or {}).get("authorizer") or {}
    name = runbook.identity(event)
    if not isinstance(authorizer, Mapping) or name is None:
        return None
    if (authorizer.get("iam") or {}).get("userArn"):
        return of_arn(str(authorizer["iam"]["userArn"]))
    claims = authorizer["jwt"]["claims"]
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
    text = str(claim or "").strip()
    if text.startswith("[") and text.endswith("]"):
        return tuple(text[1:-1].split())
    return (text,) if text else ()


def _body(event: Any) -> bytes:
    """The form's bytes. Raises ValueError for what is no base64; of what is too long no more is decoded than shows that it is."""
    text = str(event.get("body") or "")[: 2 * LARGEST]
    return base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()


def _reply(reply: approval.Reply) -> dict[str, Any]:
    return {"statusCode": reply.status, "headers": dict(reply.headers), "body": reply.body, "isBase64Encoded": False}
