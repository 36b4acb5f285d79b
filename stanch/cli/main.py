"""The `stanch` command: its commands are registered here, each file holds those that belong together."""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from stanch import __version__
from stanch.cli import (
    actions,
    catalog,
    deciding,
    doctor,
    events,
    local,
    playbooks,
    runbook,
    standing,
    sweeping,
    undoing,
)
from stanch.errors import InvalidInput, StanchError

app = typer.Typer(
    name="stanch",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Contain, verify and undo: auto-remediation for AWS and Azure.",
)
for module in (events, runbook, undoing, deciding, standing, sweeping, actions, catalog, playbooks, doctor, local):
    module.register(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"stanch {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")] = False,
) -> None:  # fmt: skip
    """Contain, verify and undo: auto-remediation for AWS and Azure."""


def main() -> None:
    """Run a command. Exit 1: something failed; 2: wrong usage or a wrong policy file."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what no encoding can hold is written as JSON escapes it
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        app(prog_name="stanch")
    except InvalidInput as error:
        sys.exit(_complain(error, 2))
    except StanchError as error:
        sys.exit(_complain(error, 1))


def _complain(error: StanchError, code: int) -> int:
    print(f"stanch: {error}", file=sys.stderr)  # noqa: T201
    return code
