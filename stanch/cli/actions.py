"""`actions`: what the journal holds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from stanch.action import Action, Outcome, Status, Step
from stanch.cli import accounts, completing, output, parsing, people, showing
from stanch.cli.context import Context, enter
from stanch.cli.options import CloudOption, Output, PlaybookId, Since
from stanch.cli.undoing import check_playbook, find_action
from stanch.errors import InvalidInput
from stanch.journal import Query
from stanch.notify import values
from stanch.report import named

actions = typer.Typer(no_args_is_help=True, help="What the journal holds.")
OPEN = "open"
"""How `--outcome` names actions that have not ended."""


def register(app: typer.Typer) -> None:
    app.add_typer(actions, name="actions")


@actions.command("ls")
def ls(
    since: Since = None,
    account: Annotated[str | None, typer.Option(metavar="NAME_OR_ID", help="An account's or subscription's id, its name, or a group of the policy.")] = None,
    outcome: Annotated[str | None, typer.Option(metavar="LIST", help="Outcomes, with commas, such as acted,held; `open` for those that have not ended.")] = None,
    playbook: PlaybookId = None, output_: Output = "text", cloud: CloudOption = None,
) -> None:  # fmt: skip
    """List actions, newest first."""
    wanted = _outcomes(outcome)
    ago = parsing.duration(since) if since else None
    context = enter(cloud)
    within = accounts.ids(context, account) if account else None
    output.headline(context, output_)
    query = Query(since=datetime.now(UTC) - ago if ago is not None else None, playbook=playbook)
    found = [
        action
        for action in _found(context, query)
        if (wanted is None or action.outcome in wanted) and (within is None or action.resource.account.lower() in within)
    ]  # fmt: skip
    if not found and playbook is not None:
        check_playbook(context, playbook)
    if output_ == "json":
        output.lines(map(row, found))
    elif found:
        showing.table([{**row(action), "account": action.resource.account} for action in found])
    if not found:
        tell = output.say if output_ == "json" else output.put
        tell(_nothing(context, any((since, account, outcome, playbook))))


@actions.command("show")
def show(
    action_id: Annotated[str, typer.Argument(metavar="ID", help="An action's id.", autocompletion=completing.actions)],
    evidence: Annotated[Path | None, typer.Option("--evidence", metavar="FILE.zip", help="Write everything to a zip for the case file.")] = None,
    output_: Output = "text", cloud: CloudOption = None,
) -> None:  # fmt: skip
    """Everything about one action: the report, each change, the history, by which policy and software."""
    context = enter(cloud)
    action = find_action(context, action_id)
    output.headline(context, output_)
    if evidence is not None:
        _write(evidence, action)
    if output_ == "json":
        output.lines([action.as_json()])
        return
    declared = context.deployment(people.cloud_of(action.remediation)).remediation(action.remediation)
    if action.outcome is None:
        output.put(f"OPEN: {declared.title}", "It has not ended: its event must be delivered again, or its undo asked for again.", "")  # fmt: skip
    else:
        showing.of_action(action, declared)
    output.put()
    showing.labelled("Steps", [_step(step) for step in action.steps])
    showing.labelled("History", [f"{entry['at'][:19].replace('T', ' ')}  attempt {entry['attempt']}  {entry['event']}  {entry['hash'][:12]}" for entry in action.chain])  # fmt: skip
    why = f", because: {action.justification}" if action.justification else ""
    showing.labelled("Made by", [f"{action.requester}{why}", f"policy {action.policy[:12]}, stanch {action.software}"])


def _write(path: Path, action: Action) -> None:
    from stanch.evidence import bundle

    try:
        path.write_bytes(bundle(action))
    except OSError as error:
        raise InvalidInput("--evidence", f"{path} cannot be written: {error.strerror}") from error
    output.say(f"evidence of {action.id} written to {path}")


@actions.command("verify")
def verify(
    action_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Default: every action.", autocompletion=completing.actions)] = None,
    output_: Output = "text", cloud: CloudOption = None,
) -> None:  # fmt: skip
    """Recompute the hash chains of the journal's records. Exit 1 if one was altered."""
    from stanch.chain import verify as problems_of

    context = enter(cloud)
    output.headline(context, output_)
    ids = list(dict.fromkeys(action_ids or []))
    found = [find_action(context, name) for name in ids] if ids else [
        action for name in context.journals for action in context.deployment(name).journal.find(Query())
    ]  # fmt: skip
    bad = {action.id: problems for action in found if (problems := problems_of(action))}
    if output_ == "json":
        output.lines({"action_id": action.id, "problems": bad.get(action.id, [])} for action in found)
    else:
        for name, problems in bad.items():
            showing.labelled(name, problems)
        output.put(f"{len(found) - len(bad)} of {len(found)} records are as they were written")
    raise typer.Exit(1 if bad else 0)


def _step(step: Step) -> str:
    told = values.change(step.change.as_json(), step.status is Status.UNDONE)
    return f"{step.status.value:<8}  {told}{f': {step.error}' if step.error else ''}"


def row(action: Action) -> dict[str, Any]:
    """The object that INTERFACE describes, of an action as it stands; `opened_at` beside it. `outcome` is null for one that has not ended."""
    return {
        "event": None, "source": action.source, "finding": action.finding, "resource": named(action.resource), "playbook": action.playbook,
        "remediation": action.remediation, "outcome": action.outcome.value if action.outcome else None, "reason": action.reason,
        "action_id": action.id, "changes": action.changes(), "notified": [], "ms": {"to_contained": None, "total": None},
        "opened_at": action.opened_at,
    }  # fmt: skip


def _found(context: Context, query: Query) -> list[Action]:
    found = [action for name in context.journals for action in context.deployment(name).journal.find(query)]
    return sorted(found, key=lambda action: action.opened_at, reverse=True)


def _outcomes(text: str | None) -> frozenset[Outcome | None] | None:
    """The outcomes of `--outcome`; None among them stands for open actions. Raises InvalidInput."""
    if text is None:
        return None
    known = {outcome.value for outcome in Outcome}
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known and name != OPEN:
            raise InvalidInput("--outcome", f"{name!r} is none of {', '.join(sorted(known))}, {OPEN}")
    return frozenset(None if name == OPEN else Outcome(name) for name in names)


def _nothing(context: Context, narrowed: bool) -> str:
    """An empty journal is no all-clear, least of all one of local clouds."""
    what = "no such action in" if narrowed else "no action in"
    if context.running is None:
        return f"There is {what} the journal of this deployment. That says nothing of findings that never reached it."
    return (
        f"There is {what} the journal of these local clouds, which began at {context.running.started[:19].replace('T', ' ')} UTC. "
        "It says nothing of real accounts: --cloud live asks them."
    )
