"""`replay`, `plan`, `trigger` and `explain`: events through the real handlers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from stanch.cli import completing, fresh, output, parsing, showing
from stanch.cli.context import Context, enter
from stanch.cli.explaining import explanation, journaled
from stanch.cli.options import CloudOption, Form, Mode, Now, Output, Playbooks, Seed
from stanch.cli.people import cloud_of
from stanch.cli.reading import Event, read
from stanch.cli.replaying import EVENTS, Replay, findings, samples
from stanch.errors import InvalidInput

Paths = Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders, or - for standard input.")]
WHOLE = 4
"""Up to so many results are shown as whole reports, more as a list."""

PROGRESS = 10
"""Events from which a progress bar is worth its line."""


def register(app: typer.Typer) -> None:
    app.command("replay")(replay)
    app.command("plan")(plan)
    app.command("trigger")(trigger)
    app.command("explain")(explain)


def replay(
    paths: Paths, output: Output = "text", cloud: CloudOption = None, mode: Mode = None, playbooks: Playbooks = None, seed: Seed = None, now: Now = None
) -> None:  # fmt: skip
    """Send events through the handlers: on local clouds for real, on live ones in observe mode unless --mode says otherwise."""
    raise typer.Exit(_Run(cloud, mode, playbooks, seed, now, output).of(list(read(paths))))


def plan(
    paths: Paths, output: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None, seed: Seed = None, now: Now = None,
    detailed_exitcode: Annotated[bool, typer.Option("--detailed-exitcode", help="Exit 2 when there are changes to make.")] = False,
) -> None:  # fmt: skip
    """The same in observe mode: nothing is changed, what would be is said. Over exported findings it is a back-test."""
    run = _Run(cloud, "observe", playbooks, seed, now, output, quiet=True)
    code = run.of(list(read(paths)))
    if detailed_exitcode and code == 0 and any(row["outcome"] == "planned" and row["changes"] for row in run.rows):
        code = 2
    raise typer.Exit(code)


def trigger(
    sample: Annotated[str, typer.Argument(metavar="SAMPLE", help="A sample event such as guardduty/leaked-access-key, or a file.", autocompletion=completing.samples)],
    changes: Annotated[list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Such as detail.severity=8; as often as needed.")] = None,
    output: Output = "text", cloud: CloudOption = None, mode: Mode = None, playbooks: Playbooks = None, seed: Seed = None, now: Now = None,
) -> None:  # fmt: skip
    """Send a sample event, changed as told, through the whole path."""
    events = list(read([str(_sample(sample))]))
    changed = [_changed(event, changes or []) for event in events]
    run = _Run(cloud, mode, playbooks, seed, now, output)
    if changes and run.replay.seeds:
        changed = [_renamed(*pair) for pair in zip(events, changed, strict=True)]
    raise typer.Exit(run.of(changed))


def explain(
    path: Annotated[str | None, typer.Argument(metavar="[PATH]", help="An event file, or - for standard input.")] = None,
    finding: Annotated[str | None, typer.Option("--finding", metavar="ARN_OR_ID", help="A finding that the journal knows, instead of a file.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also each playbook that is for other types or sources, with its reason.")] = False,
    output: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None, seed: Seed = None, now: Now = None,
) -> None:  # fmt: skip
    """Why an event does what it does: which playbooks match or not and why, each guard's verdict, the plan, and what the journal says."""
    if (path is None) == (finding is None):
        raise InvalidInput("explain", "give either an event's PATH or --finding ARN_OR_ID")
    run = _Run(cloud, None, playbooks, seed, now, output, quiet=True, handles=False)
    run.head()
    events = list(read([path])) if path is not None else journaled(run.context, str(finding))
    rejected = False
    for event in events:
        for found in explanation(run.context, run.replay, event):
            rejected |= found.rejected
            run.explained(found, every)
    raise typer.Exit(int(rejected))


class _Run:
    """One command's way through the handlers: options checked before anything is started, rows printed even if it is cut short."""

    def __init__(
        self, cloud: str | None, mode: str | None, playbooks: Path | None, seed: bool | None, now: str | None, form: Form, quiet: bool = False,
        handles: bool = True,
    ) -> None:  # fmt: skip
        moment = parsing.moment(now)
        self.form, self.rows, self._told = form, list[dict[str, Any]](), 0
        self.context = enter(cloud, mode, playbooks, handles=handles, seed=seed, quiet=quiet)
        self.replay = Replay(self.context, seed=not self.context.live and seed is not False, now=moment)

    def head(self) -> None:
        output.headline(self.context, self.form, ceiling=True)

    def of(self, events: list[Event]) -> int:
        """Deliver the events and print what became of each; the exit code."""
        self.replay.ready(events)
        self.head()
        answers: list[list[dict[str, Any]]] = []
        try:
            for event in _progress(events):
                answers.append(self.replay.rows(event))
                self._tell(answers)
        finally:  # what was done must be told, whatever cut the rest short
            self._tell(answers)
            if self.form == "text":
                _text(self.context, self.rows)
            output.tally(self.rows)
            showing.undelivered(self.context, {row["action_id"] for row in self.rows})
            if len(answers) < len(events):
                _cut_short(events, len(answers))
        return output.exit_code(self.rows)

    def _tell(self, answers: list[list[dict[str, Any]]]) -> None:
        """Take over what was answered and, in JSON, print it at once."""
        with output.uninterrupted():
            found = list(chain.from_iterable(answers[self._told :]))
            self.rows += found
            self._told = len(answers)
            if self.form == "json":
                output.lines(found)

    def explained(self, found: Any, every: bool) -> None:
        if self.form == "json":
            output.lines([found.as_json()])
        else:
            found.show(every)


def _cut_short(events: list[Event], answered: int) -> None:
    """Nothing is dropped in silence: which event was at hand, and how many were not begun."""
    rest = len(events) - answered - 1
    output.say(
        f"cut short at {events[answered].place}, which may have been begun; not begun: {rest} more of {len(events)} events. Replay them again: what was done is not done twice"
    )


def _text(context: Context, rows: list[dict[str, Any]]) -> None:
    whole = [] if len(rows) > WHOLE else [row for row in rows if row["action_id"] and row["outcome"] != "no_op"]
    for row in rows:
        if row in whole:
            deployment = context.deployment(cloud_of(row["remediation"]))
            action = deployment.journal.get(row["action_id"])
            if action is not None:
                showing.of_action(action, deployment.remediation(action.remediation), row["notified"])
                output.put()
    showing.table([row for row in rows if row not in whole])


def _progress(events: list[Event]) -> Iterator[Event]:
    """A bar on a terminal's stderr once there is something to wait for."""
    if len(events) < PROGRESS or not sys.stderr.isatty():
        yield from events
        return
    from rich.progress import track

    yield from track(events, description="events", console=output.console(stderr=True), transient=True)


def _sample(name: str) -> Path:
    for path in (Path(name), EVENTS / name, EVENTS / f"{name}.json"):
        if path.is_file():
            return path
    raise InvalidInput("sample", f"there is no {name}; there is {', '.join(samples())}")


def _changed(event: Event, changes: list[str]) -> Event:
    if not changes or event.problem is not None:
        return event
    raw, new = parsing.changed(event.raw, changes)
    for path in new:
        output.say(f"--set {path}: the sample has no such field, so it was added")
    return Event(event.place, raw)


def _renamed(event: Event, changed: Event) -> Event:
    """A changed sample under ids of its own, unless it was given one: its source may have the sample itself already, and that copy would count."""
    return fresh.fresh(changed, fresh.names(findings(event)) & fresh.names(findings(changed)))
