"""Cut off the temporary sessions of an IAM user that were issued before a moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remediations.aws import tags
from remediations.aws.older_sessions import OlderSessions, name_of
from stanch.errors import Refused
from stanch.finding import Resource
from stanch.remediation import Permissions, Plan


class RevokeUserSessions(OlderSessions):
    """Puts the inline deny `AWSRevokeOlderSessions` on the user.

    Sessions from GetSessionToken and GetFederationToken keep the user's permissions and outlive the deactivation of the key that made them, for up to 36 hours
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_disable-perms.html). Undo before that re-arms them. Root is bound by no policy.
    """

    id = "aws.iam.revoke_user_sessions"
    title = "Revoke the sessions of an IAM user"
    resource_type = "AWS::IAM::User"
    kind = "user"
    disruption = "The user's console and command-line sessions are denied until they sign in again."
    undo_delay_hours = 36
    permissions = Permissions(
        plan=frozenset({"iam:GetUser", "iam:GetUserPolicy", "iam:ListAccessKeys", "iam:GetLoginProfile"}),
        apply=frozenset({"iam:GetUserPolicy", "iam:PutUserPolicy"}),
        undo=frozenset({"iam:GetUserPolicy", "iam:PutUserPolicy", "iam:DeleteUserPolicy"}),
    )

    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        if resource.id.endswith(":root"):
            raise Refused("protected", "no policy binds the root user; a person has to secure it")
        name = name_of(resource)
        answer = self.session.call("iam", "get_user", missing=("NoSuchEntity",), UserName=name)
        if answer is None:
            return Plan(resource, reason="gone")
        user = answer["User"]
        changes = self.cut(name, params)
        keys = self.session.pages("iam", "list_access_keys", "AccessKeyMetadata", UserName=name)
        active = sorted(key["AccessKeyId"] for key in keys if key["Status"] == "Active")
        password = self.session.call("iam", "get_login_profile", missing=("NoSuchEntity",), UserName=name)
        live = tags.as_mapping(user.get("Tags"))
        return Plan(
            resource,
            changes=changes,
            aliases=(user["Arn"], name),
            tags=live,
            breaks=("whoever is signed in as the user or holds a session of it is denied", *tags.drift(live)),
            not_done=(
                *(f"access key {key} is still active and can start new sessions" for key in active),
                *(("the console password still works",) if password else ()),
                "the deny takes up to a few minutes to reach every service",
                "sessions of roles that the user assumed live on: revoke those of the roles too",
            ),
            reason=None if changes else "sessions issued before that moment are denied already",
        )
