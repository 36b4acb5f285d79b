"""Close what a network security group opens to the Internet on administrative ports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from remediations.azure import ports
from remediations.azure.arm import POLLED, arm_id, gone, names, reference
from remediations.azure.quarantine import flushes
from remediations.azure.security_rules import Cut, Properties, cuts, properties, sources
from stanch.clouds.azure_ids import ArmId
from stanch.clouds.azure_session import AzureSession
from stanch.clouds.azure_settings import NETWORK_API
from stanch.finding import Resource
from stanch.remediation import Change, Parameter, Permissions, Plan, Remediation, State

ADMINISTRATIVE: tuple[int | str, ...] = (22, 135, 139, 445, 1433, 1521, 3306, 3389, 5432, 5900, "5985-5986", 6379, 27017)  # fmt: skip
"""SSH, RPC, NetBIOS, SMB, SQL Server, Oracle, MySQL, RDP, PostgreSQL, VNC, WinRM, Redis, MongoDB."""

_WRITES = frozenset(
    {
        "Microsoft.Network/networkSecurityGroups/read",
        "Microsoft.Network/networkSecurityGroups/securityRules/read",
        "Microsoft.Network/networkSecurityGroups/securityRules/write",
        "Microsoft.Network/networkSecurityGroups/securityRules/delete",
    }
)


class RevokeNsgRule(Remediation[AzureSession]):
    """Takes the offending prefixes and ports, and nothing else, out of the group's inbound allow rules.

    A rule of which nothing is left is deleted. Each rule is a change of its own with its whole body as before-state, so undo puts back exactly the former rule. Rules are
    written one by one (https://learn.microsoft.com/rest/api/virtualnetwork/security-rules), never the group, so whatever somebody else adds meanwhile stays.
    """

    id = "azure.network.revoke_nsg_rule"
    title = "Revoke public inbound rules of a network security group"
    resource_type = "Microsoft.Network/networkSecurityGroups"
    countermeasure = "D3-ITF"
    disruption = "Whoever administers the machines behind the group over the Internet is locked out."
    parameters = (
        Parameter(
            "ports",
            "ports",
            "the ports that must not be open to the Internet; default: administrative and database ports",
            default=ADMINISTRATIVE,
            identity=True,
        ),
    )
    facts: ClassVar[Mapping[str, str]] = {"in_use": "whether a subnet or an interface uses the group"}
    permissions = Permissions(
        plan=frozenset({"Microsoft.Network/networkSecurityGroups/read"}),
        apply=_WRITES,
        undo=_WRITES,
        dependent={
            "Microsoft.Network/locations/operations/read": POLLED,
            "Microsoft.Network/locations/operationResults/read": POLLED,
        },
    )

    def __init__(self, session: AzureSession, action_id: str) -> None:
        super().__init__(session, action_id)
        self._current = False
        """Whether the group was read or written here since the plan, so that the plan's entity tags have no say any more."""

    def plan(self, resource: Resource, params: Mapping[str, Any]) -> Plan:
        group = self._group(arm_id(resource))
        if group is None:
            return gone(self.session, resource)
        guarded = ports.union(ports.parse(each) for each in params.get("ports") or ADMINISTRATIVE)
        found = _rules(group)
        cut = cuts({name: properties(rule) for name, rule in found.items()}, guarded)
        users = [
            reference(user) or ""
            for kind in ("subnets", "networkInterfaces")
            for user in group["properties"].get(kind) or ()
        ]
        return Plan(
            resource,
            changes=tuple(change for name, each in cut.items() for change in self._changes(group, found[name], each)),
            aliases=(group["id"], group["name"], *users),
            tags=group.get("tags") or {},
            facts={"in_use": bool(users)},
            breaks=(
                f"the group filters {names(users)}" if users else "no subnet and no interface uses the group",
                *(f"rule {name}: {each.lost}" for name, each in cut.items() if each.lost),
            ),
            not_done=() if flushes(group) else ("connections that are open already live on until they end",),
            reason=None if cut else "no inbound rule lets the Internet reach these ports",
        )

    def _changes(self, group: Mapping[str, Any], rule: Mapping[str, Any], cut: Cut) -> list[Change]:
        before = properties(rule)
        where = f"of network security group {group['name']}"
        shown = ", ".join(map(ports.text, cut.open))
        opened = f"inbound rule {rule['name']} (priority {before['priority']}, {', '.join(sources(before))} to {shown}) {where}"
        if not cut.kept:
            return [_change(group, rule["name"], opened, before, cut.after, rule.get("etag"))]
        # A name of its own, so that a repeat finds it; priorities are unique in a direction.
        name = f"stanch-{self.action_id}-{cut.kept['priority']}"
        target = f"inbound rule {name} {where}, which goes on letting {', '.join(sources(cut.kept))} in"
        ours = _change(group, name, target, None, cut.kept, None)
        return [ours, _change(group, rule["name"], opened, before, cut.after, rule.get("etag"), (ours.id,))]

    def read(self, change: Change) -> State:
        self._current = True
        rule = self._rule(change)
        return properties(rule) if rule else None

    def apply(self, change: Change) -> Change:
        self._write(change, change.after)
        return change

    def undo(self, change: Change) -> None:
        self._write(change, change.before)

    def _group(self, group: ArmId) -> dict[str, Any] | None:
        return self.session.arm("GET", str(group), NETWORK_API, missing=True)

    def _rule(self, change: Change) -> dict[str, Any] | None:
        group = self._group(ArmId.parse(change.data["rule"]).parent)
        return _rules(group).get(change.data["name"]) if group else None

    def _write(self, change: Change, wanted: Properties | None) -> None:
        etag = change.data["etag"]
        # What the plan found can be deleted unseen: the entity tag sees to it that it is still that, and what is gone already is answered with 204.
        if self._current or wanted is not None:
            live = self._rule(change)
            if (properties(live) if live else None) == wanted:
                return
            # A group is one document: whoever writes a rule gives all of them a new entity tag.
            etag = (live or {}).get("etag") if self._current else etag
        headers, rule = ({"If-Match": etag} if etag else {}), str(ArmId.parse(change.data["rule"]))
        if wanted is None:
            self.session.operate("DELETE", rule, NETWORK_API, headers=headers, missing=True)
        else:
            self.session.operate("PUT", rule, NETWORK_API, headers=headers, body={"properties": wanted})
        self._current = True


def _rules(group: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {rule["name"]: rule for rule in group["properties"].get("securityRules") or ()}


def _change(
    group: Mapping[str, Any], name: str, target: str, before: State, after: State, etag: str | None, requires: tuple[str, ...] = ()
) -> Change:  # fmt: skip
    data = {"rule": f"{group['id']}/securityRules/{name}", "name": name, "etag": etag}
    return Change(f"rule:{name}", target, before, after, data, requires=requires)
