"""`doctor`: what would keep this deployment from doing its work, found before it has to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.text import Text

from stanch.cli import accounts, output, showing
from stanch.cli.context import CloudName, Context, enter
from stanch.cli.options import CloudOption, Output, Playbooks
from stanch.doctor import FAILING, Check, surely
from stanch.errors import StanchError

MOST = 20
"""Accounts and subscriptions that are asked; the rest is named as not asked."""

STYLES = {"ok": "green", "note": "cyan", "wrong": "bold red", "unknown": "bold yellow"}

Accounts = Annotated[list[str] | None, typer.Option("--account", metavar="NAME_OR_ID", help="Ask only these accounts, subscriptions or groups of the policy.")]  # fmt: skip


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(
    account: Accounts = None, output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None
) -> None:
    """Check settings, journal, channels, reach, permissions and clock, with the credentials at hand. Exit 1 if something is wrong or cannot be told."""
    context = enter(cloud, None, playbooks)
    _headline(context, output_)
    states: list[str] = []
    for name, check in _checks(context, account or []):
        states.append(check.state)
        if output_ == "json":
            output.lines([{"cloud": name, **check.as_json()}])
        else:
            _put(name, check)
    told = [f"{states.count(state)} {state}" for state in STYLES if state in states]
    output.say(f"{len(states)} checks: {', '.join(told)}")
    raise typer.Exit(int(any(state in FAILING for state in states)))


def _headline(context: Context, form: str) -> None:
    """What keeps the first line from being told is told by a check."""
    try:
        output.headline(context, form)
    except StanchError:
        output.console(stderr=form == "json").print(Text("LIVE · see below what is wrong with it", "dim"))


def _checks(context: Context, named: list[str]) -> Iterator[tuple[str, Check]]:
    from stanch.doctor.settings import settings

    yield from (("", check) for check in settings(os.environ))
    if context.live and not os.environ.get("STANCH_JOURNAL"):
        mend = "dynamodb://TABLE on AWS, azuretable://ACCOUNT/TABLE on Azure"
        yield "", Check("settings", "STANCH_JOURNAL", "wrong", "not set: nothing can be journaled, so nothing is done", mend)  # fmt: skip
        return
    for name in context.clouds:
        part = _aws if name == "aws" else _azure
        yield from ((name, check) for check in surely("settings", name, lambda run=part: run(context, named)))  # type: ignore[misc]  # bound at once


def _aws(context: Context, named: list[str]) -> Iterator[Check]:
    from handlers.aws import oversight, sweep, wiring
    from stanch.doctor import aws
    from stanch.doctor.deployment import deployment

    one = context.deployment("aws")
    cloud: Any = one.cloud
    yield from deployment(one, wiring.links(cloud), list(sweep.dead_letters()), context.live)
    try:
        ids = _ids(context, named, "aws") if named else [cloud.account, *oversight.members(cloud, one.policy)]
    except StanchError as error:
        ids = []
        yield Check(
            "reach", "accounts", "unknown", f"which there are cannot be told: {error}", "name them with --account"
        )
    asked, rest = _some(ids)
    yield from aws.aws(one, cloud, asked, context.live)
    yield from _unasked(rest)


def _azure(context: Context, named: list[str]) -> Iterator[Check]:
    from handlers.azure import sweep, wiring
    from stanch.doctor import azure
    from stanch.doctor.deployment import deployment

    one = context.deployment("azure")
    cloud: Any = one.cloud
    yield from deployment(one, wiring.links(cloud), list(sweep.poison_queues()), context.live)
    groups = one.policy.accounts.groups.values()
    known = [os.environ.get("AZURE_SUBSCRIPTION_ID", ""), *(name for group in groups for name in group.subscriptions)]
    asked, rest = _some(_ids(context, named, "azure") if named else known)
    yield from azure.azure(one, cloud, asked, context.live)
    yield from _unasked(rest)


def _ids(context: Context, named: list[str], cloud: CloudName) -> list[str]:
    found = sorted(name for text in named for name in accounts.ids(context, text))
    return [name for name in found if name.isdigit() == (cloud == "aws")]


def _some(ids: list[str]) -> tuple[list[str], list[str]]:
    every = list(dict.fromkeys(filter(None, ids)))
    return every[:MOST], every[MOST:]


def _unasked(rest: list[str]) -> Iterator[Check]:
    if rest:
        yield Check("reach", "accounts", "note", f"{len(rest)} more were not asked: {', '.join(rest[:5])} …", "name them with --account")  # fmt: skip


def _put(name: str, check: Check) -> None:
    where = " ".join(
        part for part in (check.area, name if check.area != "settings" else "", f"· {check.subject}") if part
    )
    showing.columns([(Text(check.state, STYLES[check.state]), f"{where}: {check.said}")], 8)
    if check.mend and check.state != "ok":
        showing.columns([("", f"→ {check.mend}")], 8)
