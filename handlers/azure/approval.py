"""The approval page on Azure, behind Entra authentication (App Service authentication).

The Functions host loads the module of every function for an event of any of them, so what only this one needs is imported when it is called.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import azure.functions as func

from handlers.azure import runbook, wiring
from stanch.errors import MalformedEvent
from stanch.identity import Identity
from stanch.sources.loading import load

if TYPE_CHECKING:
    from stanch.approval.links import Links

blueprint: func.Blueprint = func.Blueprint()  # type: ignore[no-untyped-call]

_GROUPS = (
    "groups",
    "roles",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
)
"""Claims that hold the object id of a group or the value of an app role, by their names before and after App Service's claim mapping."""

_SUBJECT = ("sub", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier")
_OBJECT = ("oid", "http://schemas.microsoft.com/identity/claims/objectidentifier")
"""Whom the token is about and which object of the directory that is
(https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference)."""


@blueprint.function_name("approval")
@blueprint.route(route="approval", methods=["GET", "HEAD", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
def approval_page(req: func.HttpRequest) -> func.HttpResponse:
    """A browser has no function key: who may decide is App Service's authentication to say, and the link must be one that we signed."""
    from handlers import approval
    from stanch.approval.links import PARAMETER

    visit = approval.Visit(
        method=req.method.upper(),
        token=req.params.get(PARAMETER, ""),
        identity=identity(req),
        form=req.get_body(),
        content_type=req.headers.get("Content-Type", ""),
    )
    reply = approval.answer(wiring.deployment(), _links(), visit)
    return func.HttpResponse(reply.body, status_code=reply.status, headers=reply.headers, mimetype="text/html")


def _links() -> Links | None:
    cloud: Any = wiring.deployment().cloud
    return wiring.links(cloud)


def identity(req: func.HttpRequest) -> Identity | None:
    """Who calls, as App Service verified it with Entra (https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities).

    None where authentication is off or another provider vouches for the caller. Where a person is in more groups than a token takes, Entra leaves them all
    out: then no group is held.
    """
    name = runbook.identity(req)
    if name is None or req.headers.get("X-MS-CLIENT-PRINCIPAL-IDP", "").lower() != "aad":
        return None
    claims = _claims(req.headers.get("X-MS-CLIENT-PRINCIPAL", ""))
    groups = tuple(value for kind, value in claims if kind in _GROUPS)
    return Identity(name, req.headers["X-MS-CLIENT-PRINCIPAL-ID"], groups, person=not _application(claims))


def _application(claims: Sequence[tuple[str, str]]) -> bool:
    """Whether a program signed in as itself: its token says so, or is about the object that it is of. Many people may hold its secret."""
    known = dict(claims)
    subject = next((known[name] for name in _SUBJECT if name in known), None)
    return known.get("idtyp") == "app" or (subject is not None and subject in [known.get(name) for name in _OBJECT])


def _claims(header: str) -> list[tuple[str, str]]:
    """The claims: base64 of `{"claims": [{"typ": …, "val": …}]}`. What cannot be read holds none."""
    try:
        data = load(base64.b64decode(header, validate=True), "X-MS-CLIENT-PRINCIPAL")
    except (ValueError, MalformedEvent):
        return []
    claims = data.get("claims") if isinstance(data, Mapping) else None
    pairs = [claim for claim in claims if isinstance(claim, Mapping)] if isinstance(claims, list) else []
    return [(str(claim.get("typ")), str(claim.get("val"))) for claim in pairs]
