"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Output = Annotated[str, typer.Option("--output", "-o", help="text, or json: one object a line.")]
CloudOption = Annotated[str | None, typer.Option("--cloud", help="local or live; default STANCH_CLOUD, else local.")]
Mode = Annotated[str | None, typer.Option("--mode", help="A ceiling: observe, approve or auto.")]
Playbooks = Annotated[Path | None, typer.Option("--playbooks", help="The policy file.")]
Seed = Annotated[
    bool | None, typer.Option("--seed/--no-seed", help="Local: first create what the event names, exposed as it says.")
]
Now = Annotated[str | None, typer.Option("--now", help="Judge at this time (RFC 3339).")]
Reason = Annotated[str, typer.Option("--reason", help="Why; stands in the journal.")]
Apply = Annotated[bool, typer.Option("--apply", help="Write; without it the plan is shown.")]
