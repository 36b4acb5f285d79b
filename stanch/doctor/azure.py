"""Azure: which subscriptions are in reach, and whether the identities there hold what the remediations declare."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from stanch.clouds.azure import AzureCloud
from stanch.clouds.azure_claims import claims
from stanch.clouds.azure_ids import segment
from stanch.clouds.azure_session import AzureSession
from stanch.deployment import Deployment
from stanch.doctor import Check, surely
from stanch.doctor.clocks import clock
from stanch.doctor.deployment import groups
from stanch.doctor.rights import PURPOSES, Purpose, judged, needed
from stanch.errors import StanchError, Unreachable
from stanch.finding import Resource
from stanch.upstream.sentinel import API_VERSION as INCIDENTS

AUTHORIZATION = "2022-04-01"
"""Of Microsoft.Authorization/permissions: what the caller may do at a scope
(https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource-group)."""

PERMISSIONS = frozenset({"Microsoft.Authorization/permissions/read", "Microsoft.Resources/subscriptions/read"})
"""What asking for them needs, of every identity: each may only ask for itself."""

MEND = "deploy deploy/azure/member.bicep there, with this deployment's three identities"
GRAPH_MEND = "grant it to the identity (docs/deploy-azure.md, Entra users)"


def azure(one: Deployment, cloud: AzureCloud, subscriptions: Sequence[str], live: bool, env: Mapping[str, str] = os.environ) -> Iterator[Check]:  # fmt: skip
    """Every check of an Azure deployment in these subscriptions. `live` tells that permissions are enforced."""
    yield clock("Azure", lambda: _date(cloud))
    for purpose in PURPOSES:
        if not cloud.settings.identities.get(purpose) and live:
            yield Check("settings", f"STANCH_IDENTITY_{purpose.upper()}", "note", "not set: azure-identity chooses who this is")  # fmt: skip
    yield from surely("reach", "Sentinel", lambda: _sentinel(cloud, env.get("STANCH_SENTINEL_WORKSPACE", "")))
    for subscription in subscriptions:
        yield from surely("reach", subscription, lambda at=subscription: _subscription(one, cloud, at, live))  # type: ignore[misc]  # bound at once
    if subscriptions:
        yield from groups(one, subscriptions[0])
    else:
        yield Check("reach", "subscriptions", "note", "none was asked: the policy names none", "name one with --account")  # fmt: skip
    for purpose in PURPOSES:
        yield from surely("permissions", f"Entra ({purpose})", lambda at=purpose: _graph(one, cloud, at, live))  # type: ignore[misc]  # bound at once


def _date(cloud: AzureCloud) -> str:
    """The Date header of an answer without a token: any answer has it."""
    import requests

    try:
        return requests.head(cloud.settings.arm, timeout=5, allow_redirects=False).headers.get("Date", "")
    except OSError as error:  # every exception of requests is one
        raise Unreachable(f"HEAD {cloud.settings.arm}: {type(error).__name__}") from error


def _sentinel(cloud: AzureCloud, workspace: str) -> Iterator[Check]:
    if not workspace:
        yield Check("reach", "Sentinel", "note", "STANCH_SENTINEL_WORKSPACE names no workspace: no incident is believed")  # fmt: skip
        return
    if workspace == "*":
        yield Check("reach", "Sentinel", "ok", "local clouds: every workspace is believed")
        return
    where = Resource("Microsoft.SecurityInsights/incidents", workspace, workspace.split("/")[2] if workspace.count("/") > 2 else "")  # fmt: skip
    session = cloud.session(where, "read", "")
    session.arm("GET", f"{workspace.rstrip('/')}/providers/Microsoft.SecurityInsights/incidents", INCIDENTS)
    yield Check("reach", "Sentinel", "ok", "the workspace's incidents can be read")


def _subscription(one: Deployment, cloud: AzureCloud, subscription: str, live: bool) -> Iterator[Check]:
    for purpose in PURPOSES:
        where = f"{subscription} ({purpose})"
        session = cloud.session(Resource("Microsoft.Resources/subscriptions", subscription, subscription), purpose, "")
        try:
            session.verify()
        except StanchError as error:
            yield Check("reach", where, "wrong", str(error), MEND)
            continue
        yield Check("reach", where, "ok", "the subscription answers")
        if not live:
            yield Check("permissions", where, "ok", "local clouds enforce none")
            continue
        yield from surely("permissions", where, lambda asked=session, at=purpose: _permissions(one, asked, at))  # type: ignore[misc]  # bound at once


def _permissions(one: Deployment, session: AzureSession, purpose: Purpose) -> Iterator[Check]:
    needs = {name: users for name, users in needed(one, purpose).items() if "/" in name}
    path = f"/subscriptions/{segment(session.account)}/providers/Microsoft.Authorization/permissions"
    answer = session.arm("GET", path, AUTHORIZATION) or {}
    grants = [grant for grant in answer.get("value", []) if isinstance(grant, dict)]
    denied = {name: "no role grants it" for name in needs if not any(_grants(grant, name) for grant in grants)}
    yield from judged(one, f"{session.account} ({purpose})", needs, denied, MEND)


def _grants(grant: Mapping[str, Any], action: str) -> bool:
    """Whether one role's permissions hold an action: what NotActions take away, another role may still give
    (https://learn.microsoft.com/azure/role-based-access-control/role-definitions#notactions)."""
    return _named(grant.get("actions"), action) and not _named(grant.get("notActions"), action)


def _named(patterns: Any, action: str) -> bool:
    return any(fnmatchcase(action.lower(), str(pattern).lower()) for pattern in patterns or ())


def _graph(one: Deployment, cloud: AzureCloud, purpose: Purpose, live: bool) -> Iterator[Check]:
    """The permissions stand in the token: `roles` of an application, `scp` of a person
    (https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference)."""
    needs = {name: users for name, users in needed(one, purpose).items() if "/" not in name}
    where = f"Entra ({purpose})"
    if not needs:
        return
    if not live:
        yield Check("permissions", where, "ok", "local clouds enforce none")
        return
    token = claims(cloud.credential(purpose), cloud.settings.graph_scope)
    if not token:
        yield Check("permissions", where, "unknown", "the token for Microsoft Graph does not say what it is good for")
        return
    held = {*token.get("roles", ()), *str(token.get("scp", "")).split()}
    denied = {name: "it is not in the token" for name in needs if name not in held}
    yield from judged(one, where, needs, denied, GRAPH_MEND)
