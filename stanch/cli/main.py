"""The `stanch` command: its commands are registered here, each file holds those that belong together."""

from __future__ import annotations

import sys

import typer

from stanch.cli import actions, catalog, events, local, playbooks, runbook
from stanch.errors import InvalidInput, StanchError

app = typer.Typer(
    name="stanch",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Contain, verify and undo: auto-remediation for AWS and Azure.",
)
for module in (events, runbook, actions, catalog, playbooks, local):
    module.register(app)


def main() -> None:
    """Run a command. Exit 1: something failed; 2: wrong usage or a wrong policy file."""
    try:
        app()
    except InvalidInput as error:
        print(f"stanch: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except StanchError as error:
        print(f"stanch: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
