"""Deactivate a leaked long-term access key of an IAM user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stanch.clouds.aws import AwsSession
from stanch.concurrent import together
from stanch.finding import Resource
from stanch.remediation import Change, Permissions, Plan, Remediation, State

_MISSING = ("NoSuchEntity",)


class DeactivateAccessKey(Remediation[AwsSession]):
    """Sets the key's status to Inactive; nothing is deleted, so undo sets it Active again.

    Only keys of users: `AKIA…` ids (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids). UpdateAccessKey is always given the user's name,
    because without it AWS takes the caller's own (https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html).
    """

    id = "aws.iam.deactivate_access_key"
    title = "Deactivate IAM access key"
    resource_type = "AWS::IAM::AccessKey"
    countermeasure = "D3-CR"
    disruption = "Whatever still signs requests with this key fails at once."
    rearms = "the key works again for whoever holds it"
    permissions = Permissions(
        plan=frozenset({"iam:GetAccessKeyLastUsed", "iam:ListAccessKeys", "iam:GetUser"}),
        apply=frozenset({"iam:UpdateAccessKey", "iam:ListAccessKeys"}),
        undo=frozenset({"iam:UpdateAccessKey", "iam:ListAccessKeys"}),
    )

    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        # The finding's user name is a hint: whose the key really is gets asked beside, and if it is another's the rest is read anew.
        hint = resource.details.get("user_name")
        used, keys, facts = together(lambda: self._used(resource), lambda: self._keys(hint), lambda: self._facts(hint))
        user = (used or {}).get("UserName")
        if user and user != hint:
            keys, facts = together(lambda: self._keys(user), lambda: self._facts(user))
        status = next((key["Status"] for key in keys if key["AccessKeyId"] == resource.id), None)
        if not user or status is None:
            return Plan(resource, reason="gone")
        tags = {tag["Key"]: tag["Value"] for tag in facts.get("Tags", [])}
        change = Change(
            "status",
            f"status of access key {resource.id} of user {user}",
            status,
            "Inactive",
            {"user": user, "key": resource.id},
        )
        others = [key["AccessKeyId"] for key in keys if key["AccessKeyId"] != resource.id and key["Status"] == "Active"]
        return Plan(
            resource,
            changes=() if status == "Inactive" else (change,),
            aliases=(facts["Arn"], user),
            tags=tags,
            breaks=(_last_use(used or {}),),
            not_done=(
                *(f"the user's other key {key} is still active" for key in others),
                "sessions that this key already minted live on until they expire or are revoked",
            ),
            reason="the key is already inactive" if status == "Inactive" else None,
        )

    def _used(self, resource: Resource) -> Any:
        """Whose the key is and when it was last used; None if there is no such key."""
        return self.session.call("iam", "get_access_key_last_used", missing=_MISSING, AccessKeyId=resource.id)

    def _keys(self, user: str | None) -> list[Any]:
        """The user's keys; none for a user that does not exist. One answer nearly always holds them all, for a user has two at most
        (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html); a paginator costs more than the answer, so it is for the others.
        """
        if not user:
            return []
        found = self.session.call("iam", "list_access_keys", missing=_MISSING, UserName=user) or {}
        if found.get("IsTruncated"):
            return self.session.pages("iam", "list_access_keys", "AccessKeyMetadata", missing=_MISSING, UserName=user)
        return list(found.get("AccessKeyMetadata", []))

    def _facts(self, user: str | None) -> dict[str, Any]:
        found = self.session.call("iam", "get_user", missing=_MISSING, UserName=user) if user else None
        return dict((found or {}).get("User", {}))

    def left(self, resource: Resource, params: Mapping[str, Any], changes: Sequence[Change]) -> Plan:
        open_still = tuple(change for change in changes if self.read(change) == change.before)
        return Plan(resource, changes=open_still)

    def read(self, change: Change) -> State:
        return next(
            (key["Status"] for key in self._keys(change.data["user"]) if key["AccessKeyId"] == change.data["key"]), None
        )

    def apply(self, change: Change) -> Change:
        self._set(change, change.after)
        return change

    def undo(self, change: Change) -> None:
        self._set(change, change.before)

    def _set(self, change: Change, status: str) -> None:
        self.session.call(
            "iam", "update_access_key", UserName=change.data["user"], AccessKeyId=change.data["key"], Status=status
        )


def _last_use(answer: Mapping[str, Any]) -> str:
    last = answer.get("AccessKeyLastUsed", {})
    if "LastUsedDate" not in last:
        return "AWS has no record that the key was ever used"
    return f"the key was last used on {last['LastUsedDate']:%Y-%m-%d %H:%M} UTC for {last.get('ServiceName')} in {last.get('Region')}"
