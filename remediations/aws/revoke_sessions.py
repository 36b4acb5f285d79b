"""Cut off the sessions of an IAM role that were issued before a moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remediations.aws import tags
from remediations.aws.older_sessions import OlderSessions, name_of
from stanch.finding import Resource
from stanch.remediation import Permissions, Plan


class RevokeSessions(OlderSessions):
    """Puts the inline deny `AWSRevokeOlderSessions` on the role: the accepted response to stolen temporary credentials (`ASIA…` ids).

    It hits every session of the role alike, so the plan names who else uses it. Undo puts back the policy that stood there, or none, and so re-arms every stolen session that
    has not expired: a role's session lives up to 12 hours (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use.html). IAM refuses
    the policy on service-linked roles and on those of Identity Center permission sets.
    """

    id = "aws.iam.revoke_sessions"
    title = "Revoke the sessions of an IAM role"
    resource_type = "AWS::IAM::Role"
    kind = "role"
    disruption = "Everyone and everything that uses the role is denied until it gets a new session."
    undo_delay_hours = 12
    permissions = Permissions(
        plan=frozenset({"iam:GetRole", "iam:GetRolePolicy", "iam:ListInstanceProfilesForRole"}),
        apply=frozenset({"iam:GetRolePolicy", "iam:PutRolePolicy"}),
        undo=frozenset({"iam:GetRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"}),
    )

    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        name = name_of(resource)
        answer = self.session.call("iam", "get_role", missing=("NoSuchEntity",), RoleName=name)
        if answer is None:
            return Plan(resource, reason="gone")
        role = answer["Role"]
        changes = self.cut(name, params)
        profiles = self.session.pages("iam", "list_instance_profiles_for_role", "InstanceProfiles", RoleName=name)
        live = tags.as_mapping(role.get("Tags"))
        return Plan(
            resource,
            changes=changes,
            aliases=(role["Arn"], name),
            tags=live,
            breaks=(*_users(role, [profile["InstanceProfileName"] for profile in profiles]), *tags.drift(live)),
            not_done=_left_open(bool(profiles)),
            reason=None if changes else "sessions issued before that moment are denied already",
        )


def _users(role: Mapping[str, Any], profiles: list[str]) -> tuple[str, ...]:
    """Who else is hit: whom the role trusts, what instances wear it, when it was last used."""
    trusted = principals(role.get("AssumeRolePolicyDocument"))
    last = role.get("RoleLastUsed", {})
    return (
        f"the role may be assumed by {', '.join(trusted)}" if trusted else "nobody may assume the role",
        *(
            (
                f"instances with profile {', '.join(sorted(profiles))} are denied until the metadata service gives them new "
                "credentials, which can take hours",
            )
            if profiles
            else ()
        ),
        f"the role was last used on {last['LastUsedDate']:%Y-%m-%d %H:%M} UTC in {last.get('Region', 'an unknown region')}"
        if "LastUsedDate" in last
        else "AWS has no record that the role was ever used",
    )


def principals(trust: Mapping[str, Any] | None) -> list[str]:
    """Whom a trust policy lets assume the role, sorted: `service ec2.amazonaws.com`, `aws arn:…`, `federated …`, `anyone`."""
    statements = (trust or {}).get("Statement", [])
    found = set()
    for statement in [statements] if isinstance(statements, Mapping) else statements:
        principal = statement.get("Principal", {})
        if statement.get("Effect") != "Allow":
            continue
        if principal == "*" or "*" in _listed(principal.get("AWS")):
            found.add("anyone")
            continue
        found.update(f"{kind.lower()} {name}" for kind, names in principal.items() for name in _listed(names))
    return sorted(found)


def _listed(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def _left_open(worn: bool) -> tuple[str, ...]:
    return (
        "whoever can still assume the role gets a new session; the trust policy is unchanged",
        *(
            ("an attacker on the instance can ask the metadata service for new credentials: isolate the instance too",)
            if worn
            else ()
        ),
        "the deny takes up to a few minutes to reach every service",
        "sessions of other roles that these sessions assumed live on",
    )
