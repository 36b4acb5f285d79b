"""`local`: the laptop clouds."""

from __future__ import annotations

from dataclasses import asdict

import typer

from stanch.cli import output, showing
from stanch.cli.options import Output
from stanch.local.environment import HOME_ACCOUNT, REGION
from stanch.local.process import LocalProcess, Stopped

local = typer.Typer(no_args_is_help=True, help="The laptop clouds.")


def register(app: typer.Typer) -> None:
    app.add_typer(local, name="local")


@local.command("status")
def status(output_: Output = "text") -> None:
    """Whether they run, since when and where."""
    process = LocalProcess()
    running = process.running()
    if output_ == "json":
        shown = asdict(running) if running else {}
        shown.pop("identity_header", None)
        output.lines([{"running": running is not None, "folder": str(process.folder), **shown}])
        return
    if running is None:
        output.put(f"no local clouds run in {process.folder}; the next command starts them")
        if process.journal.exists():
            output.put(f"{process.journal} tells of clouds that no longer run: `stanch local stop` sets it aside")
        return
    output.put(f"local clouds in {process.folder} · account {HOME_ACCOUNT} · {REGION}")
    showing.labelled("Running", [f"process {running.pid}, since {running.started[:19].replace('T', ' ')} UTC"])
    showing.labelled("AWS", [f"{running.aws}   (AWS_ENDPOINT_URL for any SDK or the AWS CLI)"])
    showing.labelled("Azure", [f"{running.azure}   (its certificate's authority: {running.ca})"])
    showing.labelled("Reports", [running.topic, running.teams])


@local.command("stop")
def stop() -> None:
    """End them; their journal is set aside."""
    output.put(_said(LocalProcess().stop()))


@local.command("reset")
def reset() -> None:
    """End them and delete their state; the next command begins anew."""
    process = LocalProcess()
    process.reset()
    output.put(f"{process.folder} is gone; the next command begins anew")


def _said(found: Stopped) -> str:
    aside = f"; the journal is kept as {found.journal}" if found.journal else ""
    return f"{'stopped' if found.ran else 'nothing was running'}{aside}"
