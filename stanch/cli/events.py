"""`replay`, `plan`, `trigger` and `explain`: events through the real handlers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from stanch.cli import output
from stanch.cli.context import Context, enter
from stanch.cli.explaining import explanation
from stanch.cli.options import CloudOption, Mode, Now, Output, Playbooks, Seed
from stanch.cli.replaying import ROOT, Event, Replay, now, read
from stanch.errors import InvalidInput

Paths = Annotated[list[str], typer.Argument(help="Files, folders, or - for standard input.")]
TABLE_FROM = 4
"""Results from which a table reads better than whole reports."""


def register(app: typer.Typer) -> None:
    app.command("replay")(replay)
    app.command("plan")(plan)
    app.command("trigger")(trigger)
    app.command("explain")(explain)


def replay(
    paths: Paths, output: Output = "text", cloud: CloudOption = None, mode: Mode = None, playbooks: Playbooks = None, seed: Seed = None, now: Now = None
) -> None:  # fmt: skip
    """Send events through the handlers: on local clouds for real, on live ones in observe mode unless --mode says otherwise."""
    context = enter(cloud, mode, playbooks)
    raise typer.Exit(_run(context, list(read(paths)), output, seed, now))


def plan(
    paths: Paths, output: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None, seed: Seed = None, now: Now = None,
    detailed_exitcode: Annotated[bool, typer.Option("--detailed-exitcode", help="Exit 2 when there are changes.")] = False,
) -> None:  # fmt: skip
    """The same in observe mode: nothing is changed, what would be is said."""
    context = enter(cloud, "observe", playbooks)
    rows: list[dict[str, Any]] = []
    code = _run(context, list(read(paths)), output, seed, now, rows)
    if detailed_exitcode and code == 0 and any(row["changes"] for row in rows):
        code = 2
    raise typer.Exit(code)


def trigger(
    sample: Annotated[str, typer.Argument(help="A sample under events/, such as guardduty/leaked-access-key, or a file.")],
    changes: Annotated[list[str] | None, typer.Option("--set", help="path=value, such as detail.severity=8.")] = None,
    output: Output = "text", cloud: CloudOption = None, mode: Mode = None, playbooks: Playbooks = None, seed: Seed = None, now: Now = None,
) -> None:  # fmt: skip
    """Send a sample event, changed as told, through the whole path."""
    path = _sample(sample)
    context = enter(cloud, mode, playbooks)
    events = [Event(event.place, _changed(event.raw, changes or []), event.problem) for event in read([str(path)])]
    raise typer.Exit(_run(context, events, output, seed, now))


def explain(
    path: Annotated[str, typer.Argument(help="An event file, or - for standard input.")],
    output: Output = "text", cloud: CloudOption = None, playbooks: Playbooks = None, seed: Seed = None, now: Now = None,
) -> None:  # fmt: skip
    """Why an event did or would do what it does: playbooks, guards, plan and what the journal says."""
    context = enter(cloud, "observe", playbooks)
    from stanch.cli import output as out

    out.headline(context, output)
    for event in read([path]):
        replay = Replay(context, seed=_seeds(context, seed), now=_time(now))
        for found in explanation(context, replay, event):
            if output == "json":
                out.lines([found.as_json()])
            else:
                out.console().print(found.text())


def _run(
    context: Context, events: list[Event], form: str, seed: bool | None, moment: str | None, kept: list[dict[str, Any]] | None = None
) -> int:  # fmt: skip
    if form not in ("text", "json"):
        raise InvalidInput("--output", f"must be text or json, not {form!r}")
    replay = Replay(context, seed=_seeds(context, seed), now=_time(moment))
    output.headline(context, form)
    rows: list[dict[str, Any]] = kept if kept is not None else []
    for event in _progress(events):
        found = replay.rows(event)
        rows += found
        if form == "json":
            output.lines(found)
    if form == "text":
        _text(context, rows)
    output.tally(rows)
    return output.exit_code(rows)


def _text(context: Context, rows: list[dict[str, Any]]) -> None:
    if len(rows) > TABLE_FROM:
        output.table(rows)
        return
    for row in rows:
        action = None
        if row["action_id"]:
            deployment = context.deployment("aws" if (row["remediation"] or "").startswith("aws.") else "azure")
            action = deployment.journal.get(row["action_id"])
        if action is None or row["outcome"] == "no_op":
            output.table([row])
        else:
            output.whole(action, deployment.remediation(action.remediation), row["notified"])
        output.console().print()


def _progress(events: list[Event]) -> Iterator[Event]:
    """A bar on a terminal's stderr once there is something to wait for."""
    if len(events) < 20 or not sys.stderr.isatty():
        yield from events
        return
    from rich.progress import track

    yield from track(events, description="replaying", console=output.console(stderr=True))


def _seeds(context: Context, seed: bool | None) -> bool:
    if context.live and seed:
        raise InvalidInput("--seed", "is refused for live clouds")
    return not context.live and seed is not False


def _time(text: str | None) -> Any:
    return now(text)


def _sample(name: str) -> Path:
    for path in (Path(name), ROOT / "events" / name, ROOT / "events" / f"{name}.json"):
        if path.is_file():
            return path
    known = sorted(str(path.relative_to(ROOT / "events").with_suffix("")) for path in (ROOT / "events").rglob("*.json"))
    raise InvalidInput("sample", f"there is no {name}; there is {', '.join(known)}")


def _changed(raw: Any, changes: list[str]) -> Any:
    """The event with `path=value` set; the value is JSON, or else text. Raises InvalidInput for a path that leads nowhere."""
    raw = json.loads(json.dumps(raw))
    for change in changes:
        path, separator, text = change.partition("=")
        if not separator or not path:
            raise InvalidInput("--set", f"{change!r} is not path=value")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        *way, last = path.split(".")
        try:
            node = raw
            for part in way:
                node = node[int(part)] if isinstance(node, list) else node[part]
            node[int(last) if isinstance(node, list) else last] = value
        except (LookupError, TypeError, ValueError) as error:
            raise InvalidInput("--set", f"the event has no {path}") from error
    return raw
