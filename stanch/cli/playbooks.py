"""`playbooks`: check a policy file, print its schema, compare it with the shipped one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from stanch.cli import output
from stanch.cli.catalog import remediations
from stanch.cli.options import Output
from stanch.cli.replaying import ROOT

playbooks = typer.Typer(no_args_is_help=True, help="The policy file.")
PathArgument = Annotated[Path, typer.Argument(help="A policy file.")]


def register(app: typer.Typer) -> None:
    app.add_typer(playbooks, name="playbooks")


@playbooks.command("check")
def check(path: PathArgument = ROOT / "playbooks.yaml", output_: Output = "text") -> None:
    """Say everything that is wrong with a policy file, or doubtful. Exit 2 if it is wrong."""
    from stanch.playbooks.load import check as check_file

    problems = list(check_file(path, remediations()))
    if output_ == "json":
        output.lines(
            {"level": problem.level, "place": problem.place, "message": problem.message} for problem in problems
        )
    else:
        for problem in problems:
            output.console().print(f"{problem.place}: {problem.level}: {problem.message}")
    errors = sum(problem.level == "error" for problem in problems)
    output.say(f"{path}: {errors} errors, {len(problems) - errors} remarks")
    raise typer.Exit(2 if errors else 0)


@playbooks.command("schema")
def schema() -> None:
    """The JSON Schema of policy files, for editors."""
    from stanch.playbooks.schema import schema as made

    output.console().print(json.dumps(made(), indent=2))


@playbooks.command("diff")
def diff(path: PathArgument, output_: Output = "text") -> None:
    """What a policy file changes of the shipped one, playbook by playbook."""
    from stanch.playbooks.load import load

    shipped, theirs = _by_id(load(ROOT / "playbooks.yaml", remediations())), _by_id(load(path, remediations()))
    for name in sorted(shipped.keys() | theirs.keys()):
        before, after = shipped.get(name), theirs.get(name)
        if before == after:
            continue
        if output_ == "json":
            output.lines([{"playbook": name, "shipped": before, "file": after}])
            continue
        keys = sorted(set(before or {}) | set(after or {}))
        for key in keys:
            old, new = (before or {}).get(key), (after or {}).get(key)
            if old != new:
                output.console().print(f"{name}.{key}: {output.value(old)} → {output.value(new)}")


def _by_id(policy: Any) -> dict[str, Any]:
    return {playbook["id"]: playbook for playbook in policy.as_json().get("playbooks", [])}
