"""Take anonymous access to the blobs of a storage account away."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, ClassVar

from remediations.azure.arm import arm_id, gone, json_of
from stanch.clouds.azure_ids import ArmId
from stanch.clouds.azure_session import AzureSession
from stanch.finding import Resource
from stanch.remediation import Change, Permissions, Plan, Remediation, State

_READ, _SHOWN = 5000, 10
"""Containers looked at and named: a page of ARM's, and what fits into a message."""


class BlockPublicAccess(Remediation[AzureSession]):
    """Sets the account's allowBlobPublicAccess to false, which overrides whatever level its containers have; those stay as they are.

    An account on which the property was never set permits anonymous access as `true` does ("permits anonymous access when the property value is either null or true",
    https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-configure), although the SDK's text calls false the default. Once set it cannot be unset: an update leaves
    out what is null. So the state is what the account does (`permitted` or `forbidden`), and undo of a null writes true.
    """

    id = "azure.storage.block_public_access"
    title = "Block anonymous access to storage account"
    resource_type = "Microsoft.Storage/storageAccounts"
    countermeasure = "D3-NRAM"
    disruption = "Whoever reads blobs of this account without signing in is refused."
    facts: ClassVar[Mapping[str, str]] = {
        "public_containers": "how many containers have an anonymous access level",
        "website": "whether there is a $web container, so that a static website is likely; it stays public",
    }
    permissions = Permissions(
        plan=frozenset(
            {
                "Microsoft.Storage/storageAccounts/read",
                "Microsoft.Storage/storageAccounts/blobServices/containers/read",
            }
        ),
        apply=frozenset({"Microsoft.Storage/storageAccounts/read", "Microsoft.Storage/storageAccounts/write"}),
        undo=frozenset({"Microsoft.Storage/storageAccounts/read", "Microsoft.Storage/storageAccounts/write"}),
    )

    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        place = arm_id(resource)
        account = self._account(place)
        if account is None:
            return gone(self.session, resource)
        value = account["properties"].get("allowBlobPublicAccess")
        containers = self._containers(place) if account.get("kind") != "FileStorage" else {}
        public = [name for name, level in containers.items() if level not in (None, "None")]
        change = Change(
            "anonymous_access", f"anonymous access to blobs of storage account {account['name']}", _state(value), "forbidden",
            {"account": account["id"], "value": value},
        )  # fmt: skip
        closed = change.before == change.after
        return Plan(
            resource,
            changes=() if closed else (change,),
            aliases=(account["id"], account["name"]),
            tags=account.get("tags") or {},
            facts={"public_containers": len(public), "website": "$web" in containers},
            breaks=(_readers(public, complete=len(containers) < _READ), *(["the property was never set and cannot be unset again: undo sets it to true, which permits the same"] if value is None else [])),
            not_done=(
                "shared access signatures and account keys still open the account",
                "a static website ($web) stays public: this setting does not reach it",
                *([f"{len(public)} container(s) keep their anonymous level, which counts again once the account permits it"] if public else []),
            ),
            reason="anonymous access is forbidden already" if closed else None,
        )  # fmt: skip

    def read(self, change: Change) -> State:
        account = self._account(ArmId.parse(change.data["account"]))
        return _state(account["properties"].get("allowBlobPublicAccess")) if account else "gone"

    def apply(self, change: Change) -> Change:
        self._set(change, False)
        return change

    def undo(self, change: Change) -> None:
        self._set(change, True)

    def _account(self, place: ArmId) -> dict[str, Any] | None:
        found = self.session.call(
            self.session.storage.storage_accounts.get_properties, place.group, place.name, missing=True
        )
        return json_of(found) if found else None

    def _containers(self, place: ArmId) -> dict[str, str | None]:
        """Anonymous level by container, of the first ones only where there are very many."""
        listed = self.session.call(self._first, place)
        return {item["name"]: item["properties"].get("publicAccess") for item in map(json_of, listed)}

    def _first(self, place: ArmId) -> list[Any]:
        return list(islice(self.session.storage.blob_containers.list(place.group, place.name), _READ))

    def _set(self, change: Change, value: bool) -> None:
        account = ArmId.parse(change.data["account"])
        body = {"properties": {"allowBlobPublicAccess": value}}
        self.session.call(self.session.storage.storage_accounts.update, account.group, account.name, body)


def _state(value: bool | None) -> str:
    return "forbidden" if value is False else "permitted"


def _readers(public: list[str], complete: bool) -> str:
    if not public and complete:
        return "no container has an anonymous level, so nobody should notice"
    count = f"{len(public)} container(s)" if complete else f"at least {len(public)} container(s)"
    more = f" and {len(public) - _SHOWN} more" if len(public) > _SHOWN else ""
    return f"anonymous readers lose {count}: {', '.join(public[:_SHOWN])}{more}"
