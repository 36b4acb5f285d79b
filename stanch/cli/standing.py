"""`pause`, `resume`, `exempt`, `extend`, `sweep` and `redrive`: what people decide for a while, and what a schedule does otherwise."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from stanch import expiry, standing
from stanch.cli import completing, output, parsing, people
from stanch.cli.context import CloudName, Context, enter
from stanch.cli.options import CloudOption, Output, Playbooks, Reason
from stanch.cli.undoing import find_action
from stanch.standing import Decided

For = Annotated[str | None, typer.Option("--for", metavar="TIME", help="How long, such as 1h or 2d.")]
Group = Annotated[str | None, typer.Option("--group", help="A group of accounts of the policy; default: everything.")]


def register(app: typer.Typer) -> None:
    for command in (pause, resume, exempt, extend, sweep, redrive):
        app.command(command.__name__)(command)


def pause(
    group: Group = None, time: For = None, reason: Reason = "", output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None
) -> None:  # fmt: skip
    """Stop what Stanch does by itself; people's own runs and undos go on. Without --for until `stanch resume`."""
    seconds = _seconds(time) if time else None
    context = enter(cloud, None, playbooks)
    who, known = people.requester(context), _groups(context)
    _show(
        context,
        output_,
        [standing.pause(_journal(context, name), group, who, reason, seconds, known) for name in context.journals],
    )


def resume(
    group: Group = None, reason: Reason = "", output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None
) -> None:  # fmt: skip
    """End a pause."""
    context = enter(cloud, None, playbooks)
    who = people.requester(context)
    _show(context, output_, [standing.resume(_journal(context, name), group, who, reason) for name in context.journals])


def exempt(
    resource: Annotated[str, typer.Argument(help="A resource's name, ARN or ARM id; * stands for any characters.")],
    time: Annotated[str, typer.Option("--for", metavar="TIME", help="How long, such as 24h.")],
    reason: Reason = "", output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None,
) -> None:  # fmt: skip
    """Leave a resource alone for a time, without a deployment; journaled and expiring."""
    seconds = _seconds(time)
    context = enter(cloud, None, playbooks)
    who = people.requester(context)
    _show(
        context,
        output_,
        [standing.exempt(_journal(context, name), resource, who, reason, seconds) for name in context.journals],
    )


def extend(
    action_id: Annotated[str, typer.Argument(metavar="ID", help="An action's id.", autocompletion=completing.actions)],
    time: Annotated[str, typer.Option("--for", metavar="TIME", help="How much longer, such as 4h.")],
    reason: Reason = "", output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None,
) -> None:  # fmt: skip
    """Let the lease of a containment run longer."""
    seconds = _seconds(time)
    context = enter(cloud, None, playbooks)
    output.headline(context, output_)
    action = find_action(context, action_id)
    deployment = context.deployment(people.cloud_of(action.remediation))
    result = expiry.extend(deployment, action_id, people.requester(context), seconds, reason)
    if output_ == "json":
        output.lines([result.as_json()])
    else:
        output.put(str(result.reason))


def sweep(output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None) -> None:
    """Do now what the schedule does: resume what a crash left open, deliver what is undelivered, escalate, remind, reconcile."""
    context = enter(cloud, None, playbooks)
    output.headline(context, output_)
    failed = False
    for name in context.clouds:
        swept = _sweep(name)
        failed = failed or bool(swept.errors)
        if output_ == "json":
            output.lines([{"cloud": name, **swept.as_json()}])
            continue
        for row in swept.as_json()["steps"]:
            output.put(
                f"{name:<6}{row['step']:<14}{', '.join(f'{key} {value}' for key, value in row.items() if key != 'step' and value)}"
            )
    raise typer.Exit(1 if failed else 0)


def redrive(output_: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None) -> None:
    """Give what ended in the dead-letter or poison queues to the handlers again."""
    context = enter(cloud, None, playbooks)
    output.headline(context, output_)
    rows = [{"queue": queue.name, "moved": queue.redrive()} for name in context.clouds for queue in _queues(name)]
    if output_ == "json":
        output.lines(rows)
        return
    for row in rows:
        output.put(f"{row['moved']} messages moved from {row['queue']}")
    if not rows:
        output.put("no dead-letter or poison queue is configured here")


def _journal(context: Context, name: CloudName) -> Any:
    return context.deployment(name).journal


def _groups(context: Context) -> set[str]:
    return set(context.deployment(context.clouds[0]).policy.accounts.groups)


def _seconds(text: str) -> int:
    return int(parsing.duration(text, "--for").total_seconds())


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
                f"{one.what}: {one.subject}{until}, because: {one.reason}", f"told {', '.join(told) or 'nobody'}"
            )


def _sweep(name: CloudName) -> Any:
    if name == "aws":
        from handlers.aws import sweep as aws

        return aws.sweep().run()
    from handlers.azure import sweep as azure

    return azure.sweep().run()


def _queues(name: CloudName) -> list[Any]:
    if name == "aws":
        from handlers.aws import sweep as aws

        return list(aws.dead_letters())
    from handlers.azure import sweep as azure

    return list(azure.poison_queues())
