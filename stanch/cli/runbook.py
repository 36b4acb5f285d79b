"""`run` and `undo`: what a person does by hand, planned, guarded and journaled like everything else."""

from __future__ import annotations

import getpass
import os
import socket
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from stanch.action import Action
from stanch.cli import output
from stanch.cli.context import CloudName, Context, enter
from stanch.cli.options import Apply, CloudOption, Output, Playbooks, Reason
from stanch.errors import InvalidInput, Refused
from stanch.journal import Query
from stanch.naming import of_text
from stanch.runbook import Request, Runbook
from stanch.undo import UNDOABLE, Undo
from stanch.undo import Request as UndoRequest


def register(app: typer.Typer) -> None:
    app.command("run")(run)
    app.command("undo")(undo)


def run(
    remediation: Annotated[str, typer.Argument(help="A remediation's id; `stanch catalog` lists them.")],
    resource: Annotated[str, typer.Argument(help="An ARN, name, access key id, ARM id or user principal name.")],
    params: Annotated[list[str] | None, typer.Option("--with", help="k=v; lists with commas.")] = None,
    account: Annotated[str | None, typer.Option(help="The resource's account, where its name does not say.")] = None,
    region: Annotated[str | None, typer.Option(help="The resource's region, where its name does not say.")] = None,
    reason: Reason = "", apply: Apply = False, output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None,
) -> None:  # fmt: skip
    """Plan a remediation on a resource; with --apply carry it out. Bound by protection, not by mode."""
    context = enter(cloud, None, playbooks)
    output.headline(context, output_)
    deployment = context.deployment(cloud_of(remediation))
    declared = deployment.remediation(remediation)
    where: Any = deployment.cloud
    home = account or str(getattr(where, "account", ""))
    found = of_text(resource, declared.resource_type, home, region or getattr(where.settings, "region", None))
    given = parse_params(declared, params or [])
    runbook = Runbook(deployment, Request(declared.id, found, requester(context), reason, given))
    if apply:
        result = runbook.apply()
        _show(context, deployment, result.as_json(), output_)
    else:
        result, plan, verdicts = runbook.preview()
        if output_ == "json":
            output.lines([result.as_json()])
        else:
            _plan(result.as_json(), plan, verdicts, declared)
    raise typer.Exit(output.exit_code([result.as_json()]))


def undo(
    action_ids: Annotated[list[str] | None, typer.Argument(help="Ids of actions.")] = None,
    playbook: Annotated[str | None, typer.Option(help="Every action of this playbook …")] = None,
    since: Annotated[str | None, typer.Option(help="… since this long ago, such as 1h.")] = None,
    reason: Reason = "", apply: Apply = False, output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None,
    force: Annotated[bool, typer.Option("--force", help="Also over drift, protection and the re-arming delay.")] = False,
) -> None:  # fmt: skip
    """Show what would be restored; with --apply restore it. Compares first: what changed since is not overwritten."""
    context = enter(cloud, None, playbooks)
    output.headline(context, output_)
    if apply and not reason.strip():
        raise InvalidInput("--reason", "say why: an undo is journaled with its reason")
    rows = []
    for name in action_ids or _chosen(context, playbook, since):
        rows.append(_undo_one(context, UndoRequest(name, requester(context), reason, force), apply, output_))
    raise typer.Exit(
        1 if any(row.get("refused") for row in rows) else output.exit_code([row for row in rows if "outcome" in row])
    )


JOURNALS: tuple[CloudName, ...] = ("aws", "azure")


def _chosen(context: Context, playbook: str | None, since: str | None) -> list[str]:
    if not playbook or not since:
        raise InvalidInput("undo", "name actions, or give both --playbook and --since")
    moment = datetime.now(UTC) - duration(since)
    query = Query(since=moment, playbook=playbook, outcomes=frozenset(UNDOABLE))
    return list(
        dict.fromkeys(action.id for name in JOURNALS for action in context.deployment(name).journal.find(query))
    )


def _undo_one(context: Context, request: UndoRequest, apply: bool, form: str) -> dict[str, Any]:
    action = find_action(context, request.action_id)
    deployment = context.deployment(cloud_of(action.remediation))
    try:
        undo = Undo(deployment, request)
        if apply:
            row = undo.run().as_json()
            _show(context, deployment, row, form)
            return row
        steps = undo.preview()
    except Refused as error:
        output.say(f"{request.action_id}: refused: {error}")
        return {"refused": str(error)}
    rows = [
        {"target": step.change.target, "now": step.change.after, "restored": step.change.before, "write": write}
        for step, write in steps
    ]
    if form == "json":
        output.lines([{"action_id": action.id, "undo": rows}])
    else:
        output.console().print(f"Would undo {action.id} ({action.remediation} on {action.resource.id}):")
        for row in rows:
            note = "" if row["write"] else "  (already so)"
            output.console().print(
                f"  {row['target']}: {output.value(row['now'])} → {output.value(row['restored'])}{note}"
            )
        output.console().print("Nothing was written; add --apply --reason '…'.")
    return {}


def find_action(context: Context, action_id: str) -> Action:
    """The action, whichever cloud's journal holds it. Raises Refused('unknown action')."""
    for name in JOURNALS:
        action = context.deployment(name).journal.get(action_id)
        if action is not None:
            return action
    raise Refused("unknown action", f"the journal holds no action {action_id}")


def _show(context: Context, deployment: Any, row: dict[str, Any], form: str) -> None:
    if form == "json":
        output.lines([row])
        return
    action = deployment.journal.get(row["action_id"])
    if action is None or row["outcome"] == "no_op":
        output.table([row])
    else:
        output.whole(action, deployment.remediation(action.remediation), row["notified"])


def _plan(row: dict[str, Any], plan: Any, verdicts: Any, declared: Any) -> None:
    out = output.console()
    out.print(f"{row['outcome'].upper()}: {declared.title} on {row['resource']['id']}")
    for change in row["changes"]:
        out.print(f"  {output.shown(change)}")
    if row["reason"]:
        out.print(f"  {row['reason']}")
    for label, found in (("May break", [declared.disruption, *plan.breaks]), ("Not done", plan.not_done)):
        for line in found:
            out.print(f"{label:<12}{line}")
    for verdict in verdicts:
        if verdict.effect != "pass":
            out.print(f"{'Guard':<12}{verdict.sentence()}")
    if row["outcome"] == "planned":
        out.print("Nothing was written; add --apply --reason '…'.")


def cloud_of(remediation: str) -> CloudName:
    """The cloud that a remediation's id begins with. Raises InvalidInput."""
    name = remediation.partition(".")[0]
    if name == "aws":
        return "aws"
    if name == "azure":
        return "azure"
    raise InvalidInput(
        "remediation", f"{remediation!r} begins neither with aws. nor with azure.; `stanch catalog` lists them"
    )


def requester(context: Context) -> str:
    """Who asks: the caller that AWS verifies on live clouds, the account of this machine on local ones."""
    if context.live and os.environ.get("STANCH_JOURNAL", "").startswith("dynamodb"):
        cloud: Any = context.deployment("aws").cloud
        return str(cloud.home.call("sts", "get_caller_identity")["Arn"])
    return f"{getpass.getuser()}@{socket.gethostname()}"


def parse_params(declared: Any, texts: list[str]) -> dict[str, Any]:
    """`k=v` by the parameter's declared type. Raises InvalidInput."""
    kinds = {parameter.name: parameter.type for parameter in declared.parameters}
    found: dict[str, Any] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or name not in kinds:
            raise InvalidInput(
                "--with",
                f"{text!r}: {declared.id} takes {', '.join(f'{known}=…' for known in kinds) or 'no parameter'}",
            )
        found[name] = _typed(kinds[name], name, value)
    return found


def _typed(kind: str, name: str, value: str) -> Any:
    if kind == "boolean":
        if value.lower() not in ("true", "false"):
            raise InvalidInput("--with", f"{name} must be true or false, not {value!r}")
        return value.lower() == "true"
    if kind == "integer":
        if not value.lstrip("-").isdigit():
            raise InvalidInput("--with", f"{name} must be a whole number, not {value!r}")
        return int(value)
    if kind == "ports":
        return [int(part) if part.isdigit() else part for part in value.split(",")]
    return value.split(",") if kind == "strings" else value


def duration(text: str) -> timedelta:
    """`30m`, `2h`, `7d`. Raises InvalidInput."""
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    number, unit = text[:-1], text[-1:]
    if not number.isdigit() or unit not in units:
        raise InvalidInput("duration", f"{text!r} is not like 30m, 2h or 7d")
    return timedelta(**{units[unit]: int(number)})
