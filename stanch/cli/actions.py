"""`actions`: what the journal holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from stanch.action import Action, Outcome
from stanch.cli import output
from stanch.cli.context import Context, enter
from stanch.cli.options import CloudOption, Output
from stanch.cli.runbook import JOURNALS, cloud_of, duration, find_action
from stanch.errors import InvalidInput
from stanch.journal import Query
from stanch.result import Result

actions = typer.Typer(no_args_is_help=True, help="What the journal holds.")


def register(app: typer.Typer) -> None:
    app.add_typer(actions, name="actions")


@actions.command("ls")
def ls(
    since: Annotated[str | None, typer.Option(help="Opened no longer ago than this, such as 2h.")] = None,
    account: Annotated[str | None, typer.Option(help="Account or subscription id.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Outcomes, with commas; `open` for those not ended.")] = None,
    playbook: Annotated[str | None, typer.Option(help="A playbook's id.")] = None,
    output_: Output = "text", cloud: CloudOption = None,
) -> None:  # fmt: skip
    """List actions, newest first."""
    context = enter(cloud, None, None)
    output.headline(context, output_)
    query = Query(
        since=datetime.now(UTC) - duration(since) if since else None,
        account=account,
        outcomes=_outcomes(outcome),
        playbook=playbook,
        open_only=outcome == "open",
    )
    found = list(_found(context, query))
    if output_ == "json":
        output.lines(_row(action) for action in found)
        return
    for action in found:
        changed = "; ".join(output.shown(change) for change in action.changes()[:2])
        output.console().print(
            f"{action.opened_at[:19]}  {action.outcome or 'open':<18} {action.id}  {action.remediation}  {action.resource.id}  {changed}"
        )
    if not found:
        output.say("the journal holds no such action (of these clouds only: see the first line)")


@actions.command("show")
def show(
    action_id: Annotated[str, typer.Argument(help="An action's id.")], output_: Output = "text", cloud: CloudOption = None
) -> None:  # fmt: skip
    """Everything about one action: report, steps, history, evidence."""
    context = enter(cloud, None, None)
    output.headline(context, output_)
    action = find_action(context, action_id)
    if output_ == "json":
        output.lines([action.as_json()])
        return
    output.whole(action, context.deployment(cloud_of(action.remediation)).remediation(action.remediation), [])
    out = output.console()
    out.print()
    for step in action.steps:
        out.print(f"  {step.status:<9} {step.change.target}{f': {step.error}' if step.error else ''}")
    for entry in action.chain:
        out.print(f"  {entry['at']}  {entry['event']}  (attempt {entry['attempt']})  {entry['hash'][:12]}")
    out.print(
        f"  policy {action.policy[:12]} · stanch {action.software} · requested by {action.requester} · {action.justification or ''}"
    )


def _found(context: Context, query: Query) -> list[Action]:
    """Both clouds' journals; on a laptop they are the same file."""
    names = JOURNALS if context.live else JOURNALS[:1]
    found = [action for name in names for action in context.deployment(name).journal.find(query)]
    return sorted(found, key=lambda action: action.opened_at, reverse=True)


def _outcomes(text: str | None) -> frozenset[Outcome] | None:
    if text is None or text == "open":
        return None
    known = {outcome.value for outcome in Outcome}
    for name in text.split(","):
        if name not in known:
            raise InvalidInput("--outcome", f"{name!r} is none of {', '.join(sorted(known))}, open")
    return frozenset(Outcome(name) for name in text.split(","))


def _row(action: Action) -> dict[str, Any]:
    if action.outcome is not None:
        return {**Result.of_action(action, []).as_json(), "opened_at": action.opened_at}
    return {"action_id": action.id, "outcome": None, "remediation": action.remediation, "opened_at": action.opened_at}
