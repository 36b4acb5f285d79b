"""Shut an Entra user out: no new sign-in, and no session that outlives the ones there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from stanch import clock
from stanch.clouds.azure_ids import segment
from stanch.clouds.azure_session import AzureSession
from stanch.errors import Refused
from stanch.finding import Resource
from stanch.remediation import Change, Parameter, Permissions, Plan, Remediation, State

_FIELDS = "id,displayName,userPrincipalName,mail,accountEnabled,userType,onPremisesSyncEnabled,signInSessionsValidFromDateTime"

_SKEW = timedelta(minutes=5)
"""How far the clock that wrote `since` may be ahead of ours."""


class DisableUser(Remediation[AzureSession]):
    """Disables the account, then revokes the sign-in sessions that were opened before `since`.

    In this order, so that nobody signs in between. Revoking resets signInSessionsValidFromDateTime to now and takes a few minutes to work; it cannot be taken back
    (https://learn.microsoft.com/graph/api/user-revokesigninsessions). Undo enables the account again. Least permissions for accountEnabled:
    https://learn.microsoft.com/graph/api/user-update. Who holds an administrator's role can only be disabled by a higher one: Graph answers 403.
    """

    id = "azure.entra.disable_user"
    title = "Disable Entra user and revoke sessions"
    resource_type = "Microsoft.Graph/users"
    countermeasure = "D3-AL"
    disruption = "The person, or whatever signs in as them, cannot sign in anywhere and is asked to everywhere."
    parameters = (
        Parameter(
            "since", "timestamp", "sessions from before this moment are revoked; default: the start of the action"
        ),
    )
    facts: ClassVar[Mapping[str, str]] = {
        "guest": "whether the user comes from another tenant",
        "synced": "whether the user is kept by an on-premises directory",
    }
    rearms = "the account signs in again, for whoever knows its password"
    permissions = Permissions(
        plan=frozenset({"User.Read.All"}),
        apply=frozenset({"User.Read.All", "User.EnableDisableAccount.All", "User.RevokeSessions.All"}),
        undo=frozenset({"User.Read.All", "User.EnableDisableAccount.All"}),
    )

    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        user = self._user(resource.id)
        if user is None:
            self.session.verify(tenant=True)
            return Plan(resource, reason="gone")
        now = clock.now()
        since = clock.parse(params["since"]) if params.get("since") else now
        if since > now + _SKEW:
            raise Refused("future cutoff", f"{clock.iso(since)} has not come yet")
        changes = self._changes(user, clock.iso(since))
        guest, synced = user.get("userType") == "Guest", bool(user.get("onPremisesSyncEnabled"))
        return Plan(
            resource,
            changes=changes,
            aliases=tuple(dict.fromkeys(name for key in ("id", "userPrincipalName", "mail") if (name := user.get(key)))),
            facts={"guest": guest, "synced": synced},
            breaks=("the user comes from an on-premises directory, and the next synchronisation enables the account again: disable it there",) if synced else (),
            not_done=(
                "access tokens already issued work until they expire, about an hour, where the application does not evaluate access continuously",
                *(["a guest signs in through the home tenant, whose sessions are not revoked here"] if guest else []),
                "applications to which the user gave consent, registered devices and sign-in methods stay",
            ),
            reason=None if changes else "the account is disabled and its sessions are revoked already",
        )  # fmt: skip

    def _changes(self, user: Mapping[str, Any], since: str) -> tuple[Change, ...]:
        name, data = user["userPrincipalName"], {"user": user["id"], "since": since}
        account = Change("account", f"accountEnabled of {name}", _enabled(user), False, data)
        sessions = Change(
            "sessions", f"sign-in sessions of {name} from before {since}", _sessions(user, since), "revoked", data,
            reversible=False,
        )  # fmt: skip
        return tuple(change for change in (account, sessions) if change.before != change.after)

    def read(self, change: Change) -> State:
        user = self._user(change.data["user"])
        if user is None:
            return "gone"
        return _enabled(user) if change.id == "account" else _sessions(user, change.data["since"])

    def apply(self, change: Change) -> Change:
        if change.id == "account":
            self._enable(change, False)
        else:
            self.session.graph("POST", f"/users/{segment(change.data['user'])}/revokeSignInSessions")
        return change

    def undo(self, change: Change) -> None:
        self._enable(change, True)

    def _enable(self, change: Change, enabled: bool) -> None:
        self.session.graph("PATCH", f"/users/{segment(change.data['user'])}", body={"accountEnabled": enabled})

    def _user(self, name: str) -> dict[str, Any] | None:
        return self.session.graph("GET", f"/users/{segment(name)}?$select={_FIELDS}", missing=True)


def _enabled(user: Mapping[str, Any]) -> bool:
    return user.get("accountEnabled") is not False


def _sessions(user: Mapping[str, Any], since: str) -> str:
    """Whole seconds are what Graph keeps."""
    valid_from = user.get("signInSessionsValidFromDateTime")
    return "revoked" if valid_from and clock.parse(valid_from) >= clock.parse(since) else "not revoked"
