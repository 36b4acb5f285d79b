"""Which clouds a command works on: the local ones, started on demand, or the live ones of the environment."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from stanch.errors import InvalidInput

if TYPE_CHECKING:
    from stanch.deployment import Deployment
    from stanch.local.process import Running

CloudName = Literal["aws", "azure"]
MODES = ("observe", "approve", "auto")


@dataclass(frozen=True, slots=True)
class Context:
    """One command's surroundings. `running` is set for local clouds only."""

    live: bool
    mode: str
    running: Running | None = None

    def headline(self) -> str:
        """The first line of every text output: which cloud, account and region are meant."""
        if self.running is None:
            account = os.environ.get("STANCH_ACCOUNT") or "account of the credentials in use"
            return (
                f"LIVE clouds · {account} · {os.environ.get('AWS_REGION', 'no AWS region set')} · ceiling {self.mode}"
            )
        return f"local clouds ({self.running.aws}) · no real account is touched · ceiling {self.mode}"

    def deployment(self, cloud: CloudName) -> Deployment:
        """The deployment of one cloud, wired as its handlers wire it."""
        if cloud == "aws":
            from handlers.aws import wiring as aws

            return aws.deployment()
        from handlers.azure import wiring as azure

        return azure.deployment()


def enter(cloud: str | None, mode: str | None, playbooks: Path | None) -> Context:
    """Set up the environment for `--cloud`, `--mode` and `--playbooks`. Raises InvalidInput, Refused (a journal of other clouds)."""
    chosen = cloud or os.environ.get("STANCH_CLOUD") or "local"
    if chosen not in ("local", "live"):
        raise InvalidInput("--cloud", f"must be local or live, not {chosen!r}")
    if mode is not None and mode not in MODES:
        raise InvalidInput("--mode", f"must be one of {', '.join(MODES)}, not {mode!r}")
    if playbooks is not None:
        if not playbooks.exists():
            raise InvalidInput("--playbooks", f"there is no file {playbooks}")
        os.environ["STANCH_PLAYBOOKS"] = str(playbooks)
    if chosen == "live":
        ceiling = mode or os.environ.get("STANCH_MODE", "observe")
        os.environ["STANCH_MODE"] = ceiling
        return Context(live=True, mode=ceiling)
    from stanch.local import environment
    from stanch.local.process import LocalProcess

    process = LocalProcess()
    running = process.ensure()
    ceiling = mode or "auto"
    environment.enter(environment.local(running, process.journal, ceiling))
    return Context(live=False, mode=ceiling, running=running)


def width() -> int:
    """Columns of the terminal, or a width that mail and logs bear."""
    return shutil.get_terminal_size((120, 24)).columns
