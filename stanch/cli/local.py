"""`local`: the laptop clouds."""

from __future__ import annotations

import shutil

import typer

from stanch.cli import output
from stanch.local.process import LocalProcess

local = typer.Typer(no_args_is_help=True, help="The laptop clouds.")


def register(app: typer.Typer) -> None:
    app.add_typer(local, name="local")


@local.command("status")
def status() -> None:
    """Whether they run, and where."""
    process = LocalProcess()
    running = process.running()
    if running is None:
        output.console().print(f"no local clouds run for {process.folder}; the next command starts them")
        return
    output.console().print(
        f"running since {running.started} (process {running.pid})\n  AWS    {running.aws}\n  Azure  {running.azure}\n"
        f"  Teams  {running.teams}\n  state  {process.folder}"
    )


@local.command("stop")
def stop() -> None:
    """End them; their journal is set aside."""
    output.console().print("stopped" if LocalProcess().stop() else "nothing was running")


@local.command("reset")
def reset() -> None:
    """End them and delete their state; the next command begins anew."""
    process = LocalProcess()
    process.stop()
    shutil.rmtree(process.folder, ignore_errors=True)
    output.console().print(f"{process.folder} is empty")
