"""Whether a session looks where the resource is: only there does a 404 mean that it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stanch.clouds.azure_ids import segment
from stanch.errors import AccessDenied

if TYPE_CHECKING:
    from stanch.clouds.azure_session import AzureSession

PERMISSIONS = frozenset({"Microsoft.Resources/subscriptions/read", "Organization.Read.All"})
"""What the reading identity needs for it, beside what the remediations declare: the one for subscriptions, the other for a tenant."""


def verify(session: AzureSession, known: set[str], tenant: bool) -> None:
    """Make sure that the session's subscription (or with `tenant` its tenant) answers and is the expected one. `known` keeps those that are.

    Raises AccessDenied, also for a user of whom nobody says which tenant is meant: the one that answers has no such user, which proves nothing.
    """
    place = f"{'tenant' if tenant else 'subscription'}/{session.account.lower()}"
    key = f"{session.purpose}: {place}"  # another purpose has another identity, which sees other places
    if key in known:
        return
    found = _tenant_of(session) if tenant else _subscription_of(session)
    if not session.account:
        raise AccessDenied(
            "verify", "UnknownTenant", f"tenant {found} has no such user, and nothing says which tenant is meant"
        )
    if found.lower() != session.account.lower():
        raise AccessDenied("verify", "WrongAccount", f"expected {place}, answered by {found or 'none'}")
    known.add(key)


def _subscription_of(session: AzureSession) -> str:
    """https://learn.microsoft.com/rest/api/resources/subscriptions/get"""
    answer = session.arm("GET", f"/subscriptions/{segment(session.account)}", "2022-12-01", missing=True) or {}
    return str(answer.get("subscriptionId", ""))


def _tenant_of(session: AzureSession) -> str:
    """https://learn.microsoft.com/graph/api/organization-list"""
    answer = session.graph("GET", "/organization?$select=id") or {}
    return next((str(tenant["id"]) for tenant in answer.get("value", [])), "")
