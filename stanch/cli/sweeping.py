"""`sweep` and `redrive`: what a schedule does otherwise, and what was given up."""

from __future__ import annotations

from typing import Any

import typer
from rich.text import Text

from stanch.cli import output, showing
from stanch.cli.context import CloudName, enter
from stanch.cli.options import CloudOption, Output, Playbooks
from stanch.notify.untrusted import inert
from stanch.sweep.turn import Row

_DONE = {
    "crashed": "resumed", "undelivered": "reports delivered", "approvals": "requests escalated or closed", "leases": "reminded of or ended",
    "dead letters": "messages were given up: `stanch redrive` once their cause is gone", "held": "held, as told in the day's digest",
    "unheard": "findings answered whose event never came",
}  # fmt: skip
"""What a step's count is of."""


def register(app: typer.Typer) -> None:
    app.command("sweep")(sweep)
    app.command("redrive")(redrive)


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
        if not swept.rows:
            output.put(f"{name}: another sweep is at work")
        for row in swept.rows:
            _put(name, row)
    raise typer.Exit(1 if failed else 0)


def _put(name: CloudName, row: Row) -> None:
    told = f"{row.done} {_DONE[row.step]}" if row.done else "nothing to do"
    more = "; time ran out, the next sweep goes on" if row.left else ""
    showing.columns([(f"{name:<6}{row.step}", told + more)], 18)
    for error in row.errors:
        showing.columns([("", Text(f"error: {inert(error, 400)}", "bold red"))], 18)
    if row.results:
        showing.table([result.as_json() for result in row.results])


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
