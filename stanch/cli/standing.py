"""`pause`, `resume`, `exempt`, `extend` and `standing`: what people decide for a while, outside the policy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from msgspec.structs import asdict

from stanch import expiry, standing
from stanch.cli import completing, output, parsing, people
from stanch.cli.context import CloudName, Context, enter
from stanch.cli.options import CloudOption, Output, Playbooks, Reason, Since
from stanch.cli.undoing import find_action
from stanch.errors import InvalidInput
from stanch.standing import Decided

For = Annotated[str | None, typer.Option("--for", metavar="TIME", help="How long, such as 1h or 2d.")]
Group = Annotated[str | None, typer.Option("--group", help="A group of accounts of the policy; default: everything.")]


def register(app: typer.Typer) -> None:
    for command in (pause, resume, exempt, extend):
        app.command(command.__name__)(command)
    app.command("standing")(stands)


def pause(
    group: Group = None, time: For = None, reason: Reason = "", output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None
) -> None:  # fmt: skip
    """Stop what Stanch does by itself; people's own runs and undos go on. Without --for until `stanch resume`."""
    seconds = _seconds(time, standing.LONGEST) if time else None
    _say_why(reason)
    context = enter(cloud, None, playbooks)
    who, known = people.requester(context), _groups(context)
    if group is not None and group not in known:
        raise InvalidInput("--group", f"the policy has no group {group!r}; it has {', '.join(sorted(known)) or 'none'}")
    _show(
        context,
        output_,
        [standing.pause(_journal(context, name), group, who, reason, seconds, known) for name in context.journals],
    )


def resume(
    group: Group = None, reason: Reason = "", output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None
) -> None:  # fmt: skip
    """End a pause."""
    _say_why(reason)
    context = enter(cloud, None, playbooks)
    who = people.requester(context)
    _show(context, output_, [standing.resume(_journal(context, name), group, who, reason) for name in context.journals])


def exempt(
    resource: Annotated[str, typer.Argument(help="A resource's name, ARN or ARM id; * stands for any characters.")],
    time: For = None, end: Annotated[bool, typer.Option("--end", help="End an exemption before its time; RESOURCE as `stanch standing` shows it.")] = False,
    reason: Reason = "", output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None,
) -> None:  # fmt: skip
    """Leave a resource alone for a time, without a deployment; journaled and expiring. With --end no longer."""
    if end == (time is not None):
        raise InvalidInput("exempt", "say how long with --for TIME, or --end to end what stands")
    seconds = _seconds(time, standing.LONGEST) if time else 0
    _say_why(reason)
    context = enter(cloud, None, playbooks)
    who, journals = people.requester(context), [_journal(context, name) for name in context.journals]
    if end:
        decided = [standing.end_exemption(journal, resource, who, reason) for journal in journals]
    else:
        decided = [standing.exempt(journal, resource, who, reason, seconds) for journal in journals]
    _show(context, output_, decided)


def stands(
    since: Since = None, output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None
) -> None:
    """List the pauses and exemptions that stand, and a kill switch that is pulled; with --since also what was decided and ended since."""
    ago = parsing.duration(since) if since else None
    context = enter(cloud, None, playbooks)
    output.headline(context, output_)
    rows = [*_pulled(context), *_decisions(context, datetime.now(UTC) - ago if ago is not None else None)]
    if output_ == "json":
        output.lines(rows)
        return
    for row in rows:
        output.put(_line(row))
        if row["end"]:
            output.line(f"    ends with: {row['end']}")
    if not any(row["stands"] for row in rows):
        output.put("Nothing stands: no pause, no exemption, no kill switch that is pulled.")


def extend(
    action_id: Annotated[str, typer.Argument(metavar="ID", help="An action's id.", autocompletion=completing.actions)],
    time: Annotated[str, typer.Option("--for", metavar="TIME", help="How much longer, such as 4h.")],
    reason: Reason = "", output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None,
) -> None:  # fmt: skip
    """Let the lease of a containment run longer."""
    seconds = _seconds(time, expiry.LONGEST)
    _say_why(reason)
    context = enter(cloud, None, playbooks)
    output.headline(context, output_)
    action = find_action(context, action_id)
    deployment = context.deployment(people.cloud_of(action.remediation))
    result = expiry.extend(deployment, action_id, people.requester(context), seconds, reason)
    if output_ == "json":
        output.lines([result.as_json()])
    else:
        output.put(str(result.reason))


def _pulled(context: Context) -> list[dict[str, Any]]:
    """The deployment's own kill switch, which nobody journals. Raises StanchError where it cannot be read: it then holds everything."""
    switches = [(name, context.deployment(name).switch) for name in context.clouds]
    said = [(name, switch()) for name, switch in switches if switch is not None]
    return [
        {"what": "kill switch", "subject": f"everything on {name}", "by": None, "reason": why, "at": None, "until": None, "stands": True, "end": None}
        for name, why in said
        if why
    ]  # fmt: skip


def _decisions(context: Context, since: datetime | None) -> list[dict[str, Any]]:
    found = [one for name in context.journals for one in standing.listing(_journal(context, name), since)]
    shown = [one for one in found if one.stands or since is not None]
    return [{**asdict(one), "end": standing.ending(one) if one.stands else None} for one in shown]


def _line(row: Mapping[str, Any]) -> str:
    until = "until somebody ends it" if row["what"] == "pause" else ""
    until = f"until {row['until']}" if row["until"] else until
    state = "" if row["stands"] else "(past)"
    who = f"by {row['by']} at {row['at']}" if row["by"] else ""
    head = " ".join(part for part in (f"{row['what']}: {standing.shown(row['subject'])}", state, until, who) if part)
    return f"{head}: {row['reason']}"


def _journal(context: Context, name: CloudName) -> Any:
    return context.deployment(name).journal


def _groups(context: Context) -> set[str]:
    return set(context.deployment(context.clouds[0]).policy.accounts.groups)


def _seconds(text: str, longest: int) -> int:
    seconds = int(parsing.duration(text, "--for").total_seconds())
    if not 0 < seconds <= longest:
        raise InvalidInput("--for", f"must be between a second and {longest // 86400} days, not {text!r}")
    return seconds


def _say_why(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput("--reason", "say why: it is journaled with its reason")


def _show(context: Context, form: str, decided: list[Decided]) -> None:
    output.headline(context, form)
    for one in decided:
        deployment = context.deployment(context.clouds[0])
        told = standing.tell(deployment, one)
        if form == "json":
            output.lines(
                [
                    {
                        "what": one.what,
                        "subject": one.subject,
                        "by": one.by,
                        "reason": one.reason,
                        "until": one.until,
                        "notified": told,
                    }
                ]
            )
        else:
            until = f" until {one.until}" if one.until else ""
            output.put(
                f"{one.what}: {standing.shown(one.subject)}{until}, because: {one.reason}",
                f"told {', '.join(told) or 'nobody'}",
            )
