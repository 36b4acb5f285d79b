"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from stanch.cli import completing

Form = Literal["text", "json"]
Ceiling = Literal["observe", "approve", "auto"]
CloudChoice = Literal["local", "live"]

Output = Annotated[Form, typer.Option("--output", "-o", help="For people, or one JSON object a line.")]
CloudOption = Annotated[CloudChoice | None, typer.Option("--cloud", help="Default: STANCH_CLOUD, else local.")]
Mode = Annotated[Ceiling | None, typer.Option("--mode", help="A ceiling: the stricter of it and the playbook's holds. Default: auto on local clouds, observe on live ones.")]  # fmt: skip
Playbooks = Annotated[Path | None, typer.Option("--playbooks", metavar="FILE", help="The policy file. Default: STANCH_PLAYBOOKS, else the shipped one.")]  # fmt: skip
Seed = Annotated[bool | None, typer.Option("--seed/--no-seed", help="Local clouds: first create what the event names, exposed as it says. Default: seed.")]  # fmt: skip
Now = Annotated[str | None, typer.Option("--now", metavar="TIME", help="Judge at this time (RFC 3339). Default: the event's own time and a minute on local clouds, the clock on live ones.")]  # fmt: skip
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; needed to write, stands in the journal.")]
Apply = Annotated[bool, typer.Option("--apply", help="Write. Without it nothing is changed.")]
Since = Annotated[str | None, typer.Option("--since", metavar="AGO", help="Opened no longer ago than this, such as 30m, 2h or 7d.")]  # fmt: skip
PlaybookId = Annotated[str | None, typer.Option("--playbook", metavar="ID", help="Only actions of this playbook.", autocompletion=completing.playbooks)]  # fmt: skip
