"""Which clouds a command works on: the local ones, started on demand, or the live ones of the environment."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from stanch.errors import InvalidInput
from stanch.playbooks.model import MODES, strictest

if TYPE_CHECKING:
    from stanch.deployment import Deployment
    from stanch.local.process import Running

CloudName = Literal["aws", "azure"]
_JOURNALS: dict[str, tuple[CloudName, ...]] = {"dynamodb": ("aws",), "azuretable": ("azure",)}
_WIRINGS = ("handlers.aws.wiring", "handlers.azure.wiring")


@dataclass(frozen=True, slots=True)
class Context:
    """One command's surroundings. `running` and `folder` are set for local clouds only; `quiet` keeps channels from being told."""

    live: bool
    mode: str
    running: Running | None = None
    folder: Path | None = None
    quiet: bool = False

    @property
    def clouds(self) -> tuple[CloudName, ...]:
        """The clouds whose deployment this is: on live ones the journal's kind tells."""
        return _JOURNALS.get(os.environ.get("STANCH_JOURNAL", "").partition("://")[0], ("aws", "azure"))

    @property
    def journals(self) -> tuple[CloudName, ...]:
        """The clouds to ask for a journal, each journal once: an SQLite file holds the actions of both."""
        return self.clouds[:1]

    def headline(self, ceiling: bool = False) -> str:
        """The first line of every text output: which cloud, account and region are meant. Raises StanchError where live credentials tell none."""
        what = [f"ceiling {self.mode}"] if ceiling else []
        if self.running is not None:
            from stanch.local.environment import HOME_ACCOUNT, REGION

            place = f"local clouds in {_shown(self.folder)}"
            return " · ".join([place, f"account {HOME_ACCOUNT}", REGION, *what, "no real account is touched"])
        told = [self._aws() if name == "aws" else self._azure() for name in self.clouds]
        return " · ".join([f"LIVE {' and '.join(told)}", *what])

    def deployment(self, cloud: CloudName) -> Deployment:
        """The deployment of one cloud, wired as its handlers wire it. Raises InvalidInput naming a setting that does not fit."""
        if cloud == "aws":
            from handlers.aws import wiring as aws

            found = aws.deployment()
        else:
            from handlers.azure import wiring as azure

            found = azure.deployment()
        if self.quiet:
            found.route = _nobody
        return found

    def _aws(self) -> str:
        cloud = self.deployment("aws").cloud
        return f"AWS · account {cloud.account} · {cloud.settings.region}"  # type: ignore[attr-defined]  # the AWS wiring makes AWS clouds

    def _azure(self) -> str:
        tenant = os.environ.get("AZURE_TENANT_ID") or "of the credentials in use"
        subscription = os.environ.get("AZURE_SUBSCRIPTION_ID") or "any that they reach"
        self.deployment("azure")
        return f"Azure · tenant {tenant} · subscription {subscription} · journal {os.environ['STANCH_JOURNAL'].partition('://')[2]}"


def enter(
    cloud: str | None, mode: str | None = None, playbooks: Path | None = None, *, seed: bool | None = None, handles: bool = False, quiet: bool = False
) -> Context:  # fmt: skip
    """Set up the environment for `--cloud`, `--mode`, `--playbooks` and `--seed`.

    `handles` tells that events will be handled: on live clouds in observe mode and without telling anybody, unless `mode` says otherwise. `quiet` tells nobody of what
    is seen on live clouds whatever the mode. Raises InvalidInput (an option or a policy that is wrong), Refused (a journal of other clouds).
    """
    chosen = cloud or os.environ.get("STANCH_CLOUD") or "local"
    if chosen not in ("local", "live"):
        raise InvalidInput("STANCH_CLOUD", f"must be local or live, not {chosen!r}")
    if chosen == "live" and seed:
        raise InvalidInput("--seed", "is refused for live clouds: it creates resources")
    _policy(playbooks)
    context = _live(mode, handles, quiet) if chosen == "live" else _local(mode)
    os.environ["STANCH_MODE"] = context.mode
    # What a function logs and measures is no part of what a command says.
    logging.getLogger("azure.identity").setLevel(logging.CRITICAL)  # the error says it, once
    os.environ.update(POWERTOOLS_LOG_LEVEL="CRITICAL", POWERTOOLS_METRICS_DISABLED="true", POWERTOOLS_TRACE_DISABLED="true")  # fmt: skip
    for name in _WIRINGS:
        if name in sys.modules:
            sys.modules[name].reset()
    return context


def _live(mode: str | None, handles: bool, quiet: bool) -> Context:
    """STANCH_MODE is a ceiling over everything; to handle events for real takes --mode beside it."""
    set_ = os.environ.get("STANCH_MODE")
    if set_ and set_ not in MODES:
        raise InvalidInput("STANCH_MODE", f"must be one of {', '.join(MODES)}, not {set_!r}")
    asked = mode or ("observe" if handles else set_ or "observe")
    return Context(live=True, mode=strictest(asked, set_ or asked), quiet=quiet or (handles and mode is None))


def _local(mode: str | None) -> Context:
    from stanch.local import environment
    from stanch.local.process import LocalProcess

    process = LocalProcess()
    running = process.ensure()
    environment.enter(environment.local(running, process.journal, mode or "auto"))
    return Context(live=False, mode=mode or "auto", running=running, folder=process.folder)


def _policy(playbooks: Path | None) -> None:
    """Check the policy that is not the shipped one, the remediations that it names included. Raises PolicyError with the line."""
    chosen = str(playbooks) if playbooks is not None else os.environ.get("STANCH_PLAYBOOKS")
    if not chosen:
        return
    if playbooks is not None and not playbooks.is_file():
        raise InvalidInput("--playbooks", f"there is no file {playbooks}")
    from stanch.cli.catalog import remediations
    from stanch.playbooks.load import load

    load(chosen, remediations())
    os.environ["STANCH_PLAYBOOKS"] = str(Path(chosen).resolve())


def _nobody(_: object) -> tuple[str, ...]:
    return ()


def _shown(folder: Path | None) -> str:
    """The state folder as seen from here."""
    here = Path.cwd()
    return str(folder.relative_to(here)) if folder is not None and folder.is_relative_to(here) else str(folder)
