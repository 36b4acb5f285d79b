"""`approve`, `deny`, `release`: what a person decides of actions that wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from stanch.action import Outcome
from stanch.cli import completing, output, parsing, people, showing
from stanch.cli.context import Context, enter
from stanch.cli.options import CloudOption, Output, PlaybookId, Playbooks, Reason, Since
from stanch.cli.undoing import check_playbook, find_action
from stanch.decision import Decision, Request
from stanch.errors import CloudError, InvalidInput, Refused, Retryable
from stanch.journal import Query
from stanch.result import Result

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ACTION_ID]...", help="Ids of actions.", autocompletion=completing.actions)]  # fmt: skip


def register(app: typer.Typer) -> None:
    app.command("approve")(approve)
    app.command("deny")(deny)
    app.command("release")(release)


def approve(
    action_ids: Ids = None, playbook: PlaybookId = None, since: Since = None,
    reason: Reason = "", output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None,
) -> None:  # fmt: skip
    """Carry out actions that wait for approval. Planned and guarded afresh: what has changed since it was shown is refused."""
    if bool(action_ids) == bool(playbook or since) or bool(playbook) != bool(since):
        raise InvalidInput("approve", "name actions by their ids, or give both --playbook ID and --since AGO")
    ago = parsing.duration(since) if since else None
    context = enter(cloud, None, playbooks)
    ids = action_ids or _waiting(context, playbook, datetime.now(UTC) - ago if ago is not None else None)
    _decide(context, ids, reason, output_, Decision.approve)


def deny(
    action_ids: Ids = None, reason: Reason = "", output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None
) -> None:  # fmt: skip
    """Close requests without a change."""
    _decide(enter(cloud, None, playbooks), action_ids or [], reason, output_, Decision.deny)


def release(
    action_ids: Ids = None, reason: Reason = "", output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None
) -> None:  # fmt: skip
    """Go on with actions that a guard held, where the guards let them by now."""
    _decide(enter(cloud, None, playbooks), action_ids or [], reason, output_, Decision.release)


def _waiting(context: Context, playbook: str | None, since: datetime | None) -> list[str]:
    query = Query(since=since, playbook=playbook, outcomes=frozenset({Outcome.AWAITING_APPROVAL}))
    found = [action.id for name in context.journals for action in context.deployment(name).journal.find(query)]
    if not found and playbook is not None:
        check_playbook(context, playbook)
    return found


def _decide(context: Context, ids: list[str], reason: str, form: str, how: Callable[[Decision], Result]) -> None:
    if not ids:
        raise InvalidInput(
            "actions", "there is none to decide; `stanch actions ls --outcome awaiting_approval,held` lists them"
        )
    if not reason.strip():
        raise InvalidInput("--reason", "say why: a decision is journaled with its reason")
    output.headline(context, form)
    who = people.caller(context)
    rows: list[dict[str, Any]] = []
    refused = 0
    for name in dict.fromkeys(ids):
        try:  # what is refused or unknown keeps no other action from its decision
            action = find_action(context, name)
            deployment = context.deployment(people.cloud_of(action.remediation))
            row = how(Decision(deployment, Request(name, who, reason))).as_json()
        except (Refused, Retryable, CloudError) as error:
            output.say(f"{name}: {_refusal(error)}")
            refused += 1
            if form == "json":
                outcome = Outcome.HELD if isinstance(error, Refused) else Outcome.FAILED
                output.lines([Result(outcome, str(error), action_id=name).as_json()])
            continue
        rows.append(row)
        if form == "json":
            output.lines([row])
    if form == "text" and rows:
        showing.table(rows)
    showing.undelivered(context, {row["action_id"] for row in rows})
    raise typer.Exit(1 if refused else output.exit_code(rows))


def _refusal(error: Exception) -> str:
    if isinstance(error, Retryable):
        return f"unknown for now; run the same command again to go on: {error}"
    return f"{'refused' if isinstance(error, Refused) else 'failed'}: {error}"
