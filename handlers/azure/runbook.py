"""The on-call engineer's trigger over HTTP, behind Entra authentication (App Service authentication)."""

from __future__ import annotations

import json
import os

import azure.functions as func

from handlers.azure import wiring
from stanch.errors import MalformedEvent
from stanch.sources.loading import load

blueprint: func.Blueprint = func.Blueprint()  # type: ignore[no-untyped-call]


@blueprint.function_name("runbook")
@blueprint.route(route="runbook", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
def runbook_trigger(req: func.HttpRequest) -> func.HttpResponse:
    """`{remediation, resource, params, apply, reason}`; see `handlers.runbook.answer`."""
    from handlers import runbook  # on use: the host loads this module for the events of other functions too

    try:
        body = load(req.get_body(), "body")
    except MalformedEvent as error:
        return _reply(400, {"error": str(error)})
    return _reply(*runbook.answer(wiring.deployment(), body, identity(req), "", None))


def identity(req: func.HttpRequest) -> str | None:
    """Who calls, as App Service verified it (https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities).

    Only where its authentication is on does the platform strip these headers from what callers send, and it says so in WEBSITE_AUTH_ENABLED.
    """
    if os.environ.get("WEBSITE_AUTH_ENABLED", "").lower() != "true":
        return None
    name, subject = req.headers.get("X-MS-CLIENT-PRINCIPAL-NAME"), req.headers.get("X-MS-CLIENT-PRINCIPAL-ID")
    if not subject:
        return None
    return f"{name} ({subject})" if name else str(subject)


def _reply(status: int, body: dict[str, object]) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(body, default=str), status_code=status, mimetype="application/json")
