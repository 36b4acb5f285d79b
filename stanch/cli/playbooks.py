"""`playbooks`: check a policy file, print its schema, compare it with the shipped one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from stanch.cli import output, showing
from stanch.cli.catalog import remediations
from stanch.cli.finding_types import KNOWN
from stanch.cli.options import Output
from stanch.notify.untrusted import cut

playbooks = typer.Typer(no_args_is_help=True, help="The policy file.")
SHIPPED = Path("shipped")
LONGEST = 500
"""Code points of a remark in text: the list of finding types that reach no playbook is long, and whole in JSON."""

_LEVELS = {"error": "bold red", "warning": "yellow", "note": "dim"}


def register(app: typer.Typer) -> None:
    app.add_typer(playbooks, name="playbooks")


@playbooks.command("check")
def check(
    path: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A policy file. Default: STANCH_PLAYBOOKS, else the shipped one.")] = None,
    output_: Output = "text",
) -> None:  # fmt: skip
    """Say everything that is wrong with a policy file, doubtful or worth knowing, with its line. Exit 2 if it is wrong."""
    from stanch.playbooks.load import check as check_file

    path = path or Path(os.environ.get("STANCH_PLAYBOOKS") or SHIPPED)
    problems = check_file(path, remediations(), KNOWN)
    if output_ == "json":
        output.lines({"level": one.level, "place": one.place, "message": one.message} for one in problems)
    else:
        for one in problems:
            output.put(showing.styled(one.level, _LEVELS[one.level], f"{one.place}: ", f": {cut(one.message, LONGEST)}"))  # fmt: skip
    errors = sum(one.level == "error" for one in problems)
    warnings = sum(one.level == "warning" for one in problems)
    output.say(f"{path}: {_count(errors, 'error')}, {_count(warnings, 'warning')}, {_count(len(problems) - errors - warnings, 'note')}")  # fmt: skip
    raise typer.Exit(2 if errors else 0)


@playbooks.command("schema")
def schema() -> None:
    """The JSON Schema of policy files, for editors."""
    from stanch.playbooks.schema import schema as made

    output.line(json.dumps(made(remediations()), indent=2, ensure_ascii=False))


@playbooks.command("diff")
def diff(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A policy file.")], output_: Output = "text"
) -> None:  # fmt: skip
    """What a policy file changes of the shipped one, playbook by playbook, and what it adds."""
    from stanch.playbooks.load import load

    shipped, theirs = load(SHIPPED, remediations()), load(path, remediations())
    differences = list(_differences(shipped.as_json(), theirs.as_json()))
    if output_ == "json":
        output.lines({"place": place, "shipped": before, "file": after} for place, before, after in differences)
        return
    for place, before, after in differences:
        output.put(f"{place}: {_said(before)} → {_said(after)}")
    if not differences:
        output.put("no difference")


def _differences(shipped: dict[str, Any], theirs: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Each key that differs: of a playbook that both have, key by key."""
    for name in sorted((shipped.keys() | theirs.keys()) - {"playbooks", "digest", "format"}):
        if shipped.get(name) != theirs.get(name):
            yield name, shipped.get(name), theirs.get(name)
    before, after = ({one["id"]: one for one in policy.get("playbooks", [])} for policy in (shipped, theirs))
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            yield f"playbooks.{name}", old, new
            continue
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key):
                yield f"playbooks.{name}.{key}", old.get(key), new.get(key)


def _said(value: Any) -> str:
    if value is None:
        return "(none)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
