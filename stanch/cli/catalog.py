"""`catalog` and `policy`: what there is, and the permissions it needs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from stanch.cli import output
from stanch.cli.options import Output
from stanch.errors import InvalidInput
from stanch.remediation import Remediation, load


def register(app: typer.Typer) -> None:
    app.command("catalog")(catalog)
    app.command("policy")(policy)


def remediations() -> dict[str, type[Remediation[Any]]]:
    """Every registered remediation of both clouds."""
    from remediations import aws, azure

    return {name: load(entry) for name, entry in sorted({**aws.REGISTRY, **azure.REGISTRY}.items())}


def catalog(output_: Output = "text") -> None:
    """List the remediations: what each does, to what, what may break, whether it can be undone."""
    if output_ == "json":
        output.lines(_entry(found) for found in remediations().values())
        return
    for found in remediations().values():
        undo = found.irreversible or (
            f"undo (not before {found.undo_delay_hours} h)" if found.undo_delay_hours else "undo"
        )
        output.console().print(
            f"{found.id}\n  {found.title} · {found.resource_type} · {undo}\n  May break: {found.disruption}"
        )


def policy(names: Annotated[list[str], typer.Argument(help="Ids of remediations.")]) -> None:
    """The exact permissions of remediations: IAM policies for AWS, custom role actions and Graph permissions for Azure."""
    known = remediations()
    for name in names:
        if name not in known:
            raise InvalidInput("remediation", f"there is no {name}; there is {', '.join(known)}")
        permissions = known[name].permissions
        for purpose, granted in (("read", permissions.plan), ("act", permissions.apply), ("undo", permissions.undo)):
            actions = sorted(granted | (set(permissions.dependent) if purpose != "read" else set()))
            output.lines([{"remediation": name, "purpose": purpose, **_grant(name, actions)}])


def _grant(name: str, actions: list[str]) -> dict[str, Any]:
    if name.startswith("aws."):
        return {
            "policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        }
    return {
        "actions": [action for action in actions if "/" in action],
        "graph": [action for action in actions if "/" not in action],
    }


def _entry(found: type[Remediation[Any]]) -> dict[str, Any]:
    permissions = found.permissions
    return {
        "id": found.id, "title": found.title, "resource_type": found.resource_type, "reversible": not found.irreversible,
        "irreversible": found.irreversible or None, "undo_delay_hours": found.undo_delay_hours, "disruption": found.disruption,
        "countermeasure": found.countermeasure,
        "parameters": [{"name": item.name, "type": item.type, "default": item.default, "help": item.help} for item in found.parameters],
        "permissions": {
            "plan": sorted(permissions.plan), "apply": sorted(permissions.apply), "undo": sorted(permissions.undo),
            "dependent": dict(permissions.dependent),
        },
    }  # fmt: skip
