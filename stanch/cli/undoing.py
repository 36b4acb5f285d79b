"""`undo`: the state before an action, shown and, with --apply, restored; compared first, so that what changed since is not overwritten."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from stanch.action import Action, Outcome, Status
from stanch.cli import completing, output, parsing, people, showing
from stanch.cli.context import Context, enter
from stanch.cli.options import Apply, CloudOption, Output, PlaybookId, Playbooks, Reason, Since
from stanch.cli.runbook import NOT_APPLIED
from stanch.errors import CloudError, Drifted, InvalidInput, Refused, Retryable
from stanch.journal import Query
from stanch.notify import values
from stanch.report import named
from stanch.result import Result
from stanch.undo import UNDOABLE, Request, Undo


def register(app: typer.Typer) -> None:
    app.command("undo")(undo)


def undo(
    action_ids: Annotated[list[str] | None, typer.Argument(metavar="[ACTION_ID]...", help="Ids of actions.", autocompletion=completing.actions)] = None,
    playbook: PlaybookId = None, since: Since = None,
    reason: Reason = "", apply: Apply = False, output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None,
    force: Annotated[bool, typer.Option("--force", help="Also over drift, protection, a later action and the time until which it would re-arm stolen sessions.")] = False,
) -> None:  # fmt: skip
    """Show what would be restored; with --apply restore it. Exit 1 if an undo is refused, and say why."""
    if bool(action_ids) == bool(playbook or since) or bool(playbook) != bool(since):
        raise InvalidInput("undo", "name actions by their ids, or give both --playbook ID and --since AGO")
    if apply and not reason.strip():
        raise InvalidInput("--reason", "say why: an undo is journaled with its reason")
    ago = parsing.duration(since) if since else None
    context = enter(cloud, None, playbooks)
    who = people.requester(context)
    output.headline(context, output_)
    ids = action_ids or _of_playbook(context, str(playbook), datetime.now(UTC) - ago if ago is not None else None)
    good = [_Undoing(context, Request(name, who, reason, force), output_).do(apply) for name in dict.fromkeys(ids)]
    showing.undelivered(context, set(ids) if apply else set())
    if not good:
        output.say(f"no action of playbook {playbook} in the last {since} can be undone")
    elif not apply and any(good) and output_ == "text":
        output.line("Nothing was written. To restore, add: --apply --reason 'why'")
    raise typer.Exit(0 if all(good) else 1)


def _of_playbook(context: Context, playbook: str, since: datetime | None) -> list[str]:
    """Newest first, so that what was changed last is restored first. Raises InvalidInput for a playbook that neither journal nor policy knows."""
    query = Query(since=since, playbook=playbook, outcomes=frozenset(UNDOABLE))
    found = [action.id for name in context.journals for action in context.deployment(name).journal.find(query)]
    if not found:
        check_playbook(context, playbook)
    return found


def check_playbook(context: Context, playbook: str) -> None:
    """For a playbook of which the journal knows nothing. Raises InvalidInput if the policy does not know it either."""
    known = [one.id for one in context.deployment(context.clouds[0]).policy.playbooks]
    if playbook not in known:
        raise InvalidInput("--playbook", f"there is no {playbook!r}; there is {', '.join(known)}")


def find_action(context: Context, action_id: str) -> Action:
    """The action, whichever cloud's journal holds it. Raises Refused('unknown action')."""
    for name in context.journals:
        action = context.deployment(name).journal.get(action_id)
        if action is not None:
            return action
    raise Refused("unknown action", f"the journal of these clouds holds no action {action_id}; `stanch actions ls` lists them")  # fmt: skip


class _Undoing:
    """The undo of one action, told in the form that was asked for."""

    def __init__(self, context: Context, request: Request, form: str) -> None:
        self._context, self._request, self._form = context, request, form

    def do(self, apply: bool) -> bool:
        """Whether it was, or could be, restored. What is refused or fails keeps no other action from its undo."""
        action = None
        try:
            action = find_action(self._context, self._request.action_id)
            deployment = self._context.deployment(people.cloud_of(action.remediation))
            undo = Undo(deployment, self._request)
            return self._apply(undo) if apply else self._preview(undo)
        except Refused as error:
            return self._stopped(Outcome.HELD, action, _drift(error) if isinstance(error, Drifted) else str(error))
        except Retryable as error:
            return self._stopped(Outcome.FAILED, action, f"unknown for now; run the same command again to go on: {error}")  # fmt: skip
        except CloudError as error:
            return self._stopped(Outcome.FAILED, action, str(error))

    def _apply(self, undo: Undo) -> bool:
        result = undo.run()
        action = undo.action
        if self._form == "json":
            output.lines([{**result.as_json(), "changes": _restored(action)}])
        else:
            deployment = self._context.deployment(people.cloud_of(action.remediation))
            showing.of_action(action, deployment.remediation(action.remediation), result.notified)
            output.put()
        return result.outcome is Outcome.UNDONE

    def _preview(self, undo: Undo) -> bool:
        action, steps = undo.action, undo.preview()
        told = [
            {"target": step.change.target, "before": step.change.after, "after": step.change.before}
            for step, write in steps if write
        ]  # fmt: skip
        result = Result(
            Outcome.PLANNED, NOT_APPLIED if told else "everything is as it was before; only the journal would say so", action.source, action.finding,
            named(action.resource), action.playbook, action.remediation, action.id, told,
        )  # fmt: skip
        if self._form == "json":
            output.lines([result.as_json()])
            return True
        name = f"{action.remediation} on {values.short(action.resource.id)}"
        output.put(f"Would undo {action.id}: {name}")
        showing.labelled("Restored", values.changes(told, limit=8) or [str(result.reason)])
        stays = [step.change.target for step in action.steps if not step.change.reversible]
        if stays:
            showing.labelled("Stays", stays)
        output.put()
        return True

    def _stopped(self, outcome: Outcome, action: Action | None, reason: str) -> bool:
        if self._form == "json":
            row = Result(outcome, reason, action_id=self._request.action_id)
            if action is not None:
                row.source, row.finding, row.resource = action.source, action.finding, named(action.resource)
                row.playbook, row.remediation = action.playbook, action.remediation
            output.lines([row.as_json()])
        output.say(f"{self._request.action_id}: {'refused' if outcome is Outcome.HELD else 'failed'}: {reason}")
        return False


def _restored(action: Action) -> list[dict[str, Any]]:
    """What the undo wrote: from where the action had left it to where it had found it."""
    return [
        {"target": step.change.target, "before": step.change.after, "after": step.change.before}
        for step in action.steps
        if step.status is Status.UNDONE
    ]


def _drift(error: Drifted) -> str:
    live, after, before = (values.words(state) for state in (error.live, error.after, error.before))
    return f"drifted: {error.target} is now {live}; the action left it at {after} and had found it at {before}. --force restores it all the same"
