"""What stands behind a resource that a finding names: a machine's security groups, the machine of a host name, the user of a principal name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from stanch.clouds.azure_ids import ArmId, segment
from stanch.clouds.azure_settings import COMPUTE_API, NETWORK_API
from stanch.errors import InvalidInput
from stanch.finding import Finding, Resource

if TYPE_CHECKING:
    from stanch.clouds.azure import AzureCloud
    from stanch.clouds.azure_session import AzureSession

MACHINES = "Microsoft.Compute/virtualMachines"
GROUPS = "Microsoft.Network/networkSecurityGroups"
USERS = "Microsoft.Graph/users"

PERMISSIONS = frozenset(
    {
        "Microsoft.Compute/virtualMachines/read",
        "Microsoft.Network/networkInterfaces/read",
        "Microsoft.Network/virtualNetworks/subnets/read",
        "User.Read.All",
    }
)
"""What resolving needs, beside what the remediations declare."""

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)

_SID = re.compile(r"S-1-5-21(-[0-9]{1,10}){4}\Z")
"""Accounts of a Windows domain: https://learn.microsoft.com/windows-server/identity/ad-ds/manage/understand-security-identifiers"""


def related(cloud: AzureCloud, finding: Finding, resource: Resource | None, wanted: str) -> list[Resource]:
    """Resources of type `wanted` related to `resource`; empty when it is gone, has none, or its name fits more than one.

    Without a resource, or where nothing leads from its type to the wanted one, the hosts and accounts that the finding could not name by an id
    (`upstream["unresolved"]`) are looked up.
    """
    step = _STEPS.get((resource.type.lower(), wanted.lower())) if resource else None
    if resource is None or step is None:
        return _strangers(cloud, finding, wanted)
    return step(cloud.session(resource, "read", "", PERMISSIONS), resource)


def _strangers(cloud: AzureCloud, finding: Finding, wanted: str) -> list[Resource]:
    """Machines are looked for in the finding's subscription, users by the security identifier they bring from their own directory."""
    found: dict[str, Resource] = {}
    for note in finding.upstream.get("unresolved") or ():
        kind, name, sid = note.get("kind"), note.get("name"), str(note.get("sid") or "")
        if kind == "host" and wanted.lower() == MACHINES.lower() and finding.account and name:
            host = Resource(MACHINES, name, finding.account)
            matches = _machine(cloud.session(host, "read", "", PERMISSIONS), host)
        elif kind == "account" and wanted.lower() == USERS.lower() and _SID.match(sid):
            account = Resource(USERS, sid, "")
            matches = _user_of_sid(cloud.session(account, "read", "", PERMISSIONS), account)
        else:
            continue
        found |= {match.key(): match for match in matches}
    return list(found.values())


def _machine_groups(session: AzureSession, resource: Resource) -> list[Resource]:
    machine = next(iter(_machine(session, resource)), None)
    if machine is None:
        return []
    found: dict[str, Resource] = {}
    for via, group in _groups_of(session, machine.id):
        hint = {"machine": machine.id, "via": via}
        found.setdefault(group.lower(), Resource(GROUPS, group, _account(group), None, resource.role, hint))
    return list(found.values())


def _groups_of(session: AzureSession, machine: str) -> Iterator[tuple[str, str]]:
    """Pairs (interface or subnet id, group id). A flow must pass both: https://learn.microsoft.com/azure/virtual-network/network-security-group-how-it-works"""
    live = _get(session, machine, COMPUTE_API)
    if not live:
        session.verify()
    profile = live.get("networkProfile") or {}
    for nic_id in _ids(profile.get("networkInterfaces")):
        nic = _get(session, nic_id, NETWORK_API)
        yield from ((nic_id, group) for group in _ids([nic.get("networkSecurityGroup")]))
        addresses = [address.get("properties") or {} for address in nic.get("ipConfigurations") or ()]
        for subnet_id in _ids(address.get("subnet") for address in addresses):
            subnet = _get(session, subnet_id, NETWORK_API)
            yield from ((subnet_id, group) for group in _ids([subnet.get("networkSecurityGroup")]))


def _get(session: AzureSession, resource_id: str, api_version: str) -> dict[str, Any]:
    """The resource's properties; none where it is gone."""
    live = session.arm("GET", str(ArmId.parse(resource_id)), api_version, missing=True) or {}
    return live.get("properties") or {}


def _ids(references: Iterable[Mapping[str, Any] | None] | None) -> list[str]:
    """The ids in references to other resources, each once."""
    return list(dict.fromkeys(reference["id"] for reference in references or () if reference))


def _machine(session: AzureSession, resource: Resource) -> list[Resource]:
    """The resource itself when its id is an ARM id; else the one machine in the subscription with that name or computer name."""
    if resource.id.startswith("/"):
        return [resource] if ArmId.parse(resource.id).is_a(MACHINES) else []
    wanted = resource.id.partition(".")[0].lower()
    machines = session.call(session.compute.virtual_machines.list_all) if wanted else []
    named = [machine for machine in machines if machine.name.lower() == wanted]
    called = [machine for machine in machines if _computer_name(machine) == wanted]
    matches = named or called
    # Two machines of one name: containing the wrong one is worse than asking a person.
    return [_known(resource, MACHINES, matches[0].id)] if len(matches) == 1 else []


def _computer_name(machine: Any) -> str:
    return ((machine.os_profile and machine.os_profile.computer_name) or "").lower()


def _user(session: AzureSession, resource: Resource) -> list[Resource]:
    """The user under its object id, looked up by user principal name where the id is none."""
    if _GUID.match(resource.id):
        return [resource]
    try:
        path = f"/users/{segment(resource.id)}?$select=id,userPrincipalName"
    except InvalidInput:
        return []
    user = session.graph("GET", path, missing=True)
    if not user:
        return []
    details = {**resource.details, "user_principal_name": user["userPrincipalName"]}
    return [Resource(USERS, str(user["id"]), resource.account, None, resource.role, details)]


def _user_of_sid(session: AzureSession, resource: Resource) -> list[Resource]:
    query = f"$filter=onPremisesSecurityIdentifier eq '{resource.id}'&$select=id,userPrincipalName"
    users = (session.graph("GET", f"/users?{query}") or {}).get("value", [])
    return [
        Resource(USERS, str(user["id"]), "", details={"user_principal_name": user["userPrincipalName"]})
        for user in users
        if len(users) == 1
    ]


def _known(resource: Resource, kind: str, arm_id: str) -> Resource:
    return Resource(kind, arm_id, _account(arm_id), None, resource.role, {**resource.details, "name": resource.id})


def _account(arm_id: str) -> str:
    return ArmId.parse(arm_id).subscription


_STEPS: dict[tuple[str, str], Callable[[AzureSession, Resource], list[Resource]]] = {
    (MACHINES.lower(), GROUPS.lower()): _machine_groups,
    (MACHINES.lower(), MACHINES.lower()): _machine,
    (USERS.lower(), USERS.lower()): _user,
}
