"""`catalog` and `policy`: what there is, and the permissions it needs."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from stanch.cli import completing, output, people, showing
from stanch.cli.options import Output
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
        output.put(f"{found.id}", f"  {found.title}")
        showing.labelled("  Resource", [found.resource_type])
        showing.labelled("  May break", [found.disruption])
        showing.labelled("  Undo", [_undo(found)])
        if found.parameters:
            showing.labelled("  --with", [f"{item.name}= ({item.type}) {item.help}" for item in found.parameters])
        output.put()


def policy(
    names: Annotated[list[str], typer.Argument(metavar="REMEDIATION...", help="Ids of remediations.", autocompletion=completing.remediations)],
    output_: Output = "text",
) -> None:  # fmt: skip
    """The exact permissions of remediations to read, act and undo: IAM policies for AWS, custom role actions and Graph permissions for Azure."""
    chosen = {name: people.declared(name) for name in names}
    for name, found in chosen.items():
        permissions = found.permissions
        for purpose, granted in (("read", permissions.plan), ("act", permissions.apply), ("undo", permissions.undo)):
            if purpose == "undo" and found.irreversible:
                continue
            actions = sorted(granted | (set(permissions.dependent) if purpose != "read" else set()))
            one = {"remediation": name, "purpose": purpose, **_grant(name, actions)}
            if output_ == "json":
                output.lines([one])
            else:
                output.line(json.dumps(one, indent=2))


def _undo(found: type[Remediation[Any]]) -> str:
    if found.irreversible:
        return f"impossible: {found.irreversible}"
    delay = f"; not before {found.undo_delay_hours} hours have passed, or with --force" if found.undo_delay_hours else ""  # fmt: skip
    return f"restores the state before{delay}"


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
        "facts": dict(found.facts),
        "permissions": {
            "plan": sorted(permissions.plan), "apply": sorted(permissions.apply), "undo": sorted(permissions.undo),
            "dependent": dict(permissions.dependent),
        },
    }  # fmt: skip
