"""Events through the real handlers: read, recognised, seeded where the clouds are local, delivered, and answered in rows."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stanch import clock
from stanch.cli.context import Context
from stanch.errors import InvalidInput, MalformedEvent, Retryable
from stanch.finding import Finding
from stanch.sources import recognise
from stanch.sources.loading import load_many

ROOT = Path(__file__).parent.parent.parent
AWS_SOURCES = frozenset({"guardduty", "config", "security_hub", "cloudtrail"})
HANDLED = frozenset({"guardduty", "config", "sentinel"})


@dataclass(frozen=True, slots=True)
class Event:
    """One event and where it came from: a path, with `#n` for the n-th event of a file. `problem` is set where it could not be read."""

    place: str
    raw: Any = None
    problem: str | None = None


def read(paths: Sequence[str]) -> Iterator[Event]:
    """Every event under the paths (files, folders, `-` for standard input), in order of name. Raises InvalidInput for a path that is not there."""
    for path in paths:
        if path == "-":
            yield from _events(sys.stdin.read(), "-")
            continue
        root = Path(path)
        if not root.exists():
            raise InvalidInput(path, "there is no such file or folder")
        files = (
            sorted(file for file in root.rglob("*") if file.suffix in (".json", ".jsonl")) if root.is_dir() else [root]
        )
        if not files:
            raise InvalidInput(path, "the folder holds no .json or .jsonl file")
        for file in files:
            try:
                yield from _events(file.read_bytes().decode("utf-8"), str(file))
            except UnicodeDecodeError as error:
                yield Event(str(file), problem=f"{file}: not UTF-8 text: {error.reason} at byte {error.start}")


def _events(text: str, place: str) -> Iterator[Event]:
    try:
        for name, raw in load_many(text, place):
            yield Event(name, raw)
    except MalformedEvent as error:
        yield Event(place, problem=str(error))


class Replay:
    """Delivers events to the handlers of a context. `seed` first creates what an event names; `now` judges it at that time."""

    def __init__(self, context: Context, *, seed: bool, now: datetime | None = None) -> None:
        self._context, self._seed, self._now = context, seed, now

    def rows(self, event: Event) -> list[dict[str, Any]]:
        """One object an action, finding or event, as INTERFACE describes; never empty."""
        if event.problem is not None:
            return [row(event.place, "rejected", event.problem)]
        source = recognise(event.raw)
        if source is None:
            return [row(event.place, "rejected", "the event is of no source that Stanch knows")]
        findings = self._findings(source, event.raw)
        self.prepare(source, findings)
        with clock.at(self.moment(findings)):
            try:
                rows = self._deliver(source, event.raw)
            except Retryable as error:
                rows = [row(event.place, "failed", f"to be tried again: {error}", source=source)]
        return [{**one, "event": event.place} for one in rows]

    def prepare(self, source: str, findings: Sequence[Finding]) -> None:
        """Create what the findings name, where the clouds are local and seeding is on."""
        if self._seed:
            for finding in findings:
                self._create(source, finding)

    def _findings(self, source: str, raw: Any) -> list[Finding]:
        parse = parser(source)
        if parse is None:
            return []
        try:
            return parse(raw)
        except MalformedEvent:
            return []  # the handler itself will say what is wrong

    def _create(self, source: str, finding: Finding) -> None:
        running = self._context.running
        if running is None or finding.sample:
            return
        try:
            if source in AWS_SOURCES:
                from stanch.local.aws.seed import seed as seed_aws
                from stanch.local.environment import HOME_ACCOUNT

                seed_aws(running.aws, finding, HOME_ACCOUNT)
            else:
                from stanch.local.azure.seed import seed as seed_azure

                seed_azure(running.azure, running.ca, finding)
        except InvalidInput as error:
            print(f"not seeded: {error}", file=sys.stderr)  # noqa: T201  # talk goes to stderr

    def moment(self, findings: Sequence[Finding]) -> datetime | None:
        """`--now`, else for local clouds the event's own time and a minute, so that old events are not stale."""
        if self._now is not None or self._context.live:
            return self._now
        times = [moment for finding in findings for moment in (finding.updated_at, finding.last_seen) if moment]
        return max(times) + timedelta(minutes=1) if times else None

    def _deliver(self, source: str, raw: Any) -> list[dict[str, Any]]:
        handler = _handlers().get(source)
        if handler is None:
            return [row("", "unmatched", f"this version has no handler for {source}", source=source)]
        return handler(raw)


def parser(source: str) -> Callable[[Any], list[Finding]] | None:
    """The parser of a source; None for a source that this version only recognises."""
    if source not in HANDLED:
        return None
    found: Callable[[Any], list[Finding]] = importlib.import_module(f"stanch.sources.{source}").parse
    return found


def row(place: str, outcome: str, reason: str, source: str | None = None) -> dict[str, Any]:
    """The object of an event that reached no handler."""
    from stanch.action import Outcome
    from stanch.result import Result

    return Result(Outcome(outcome), reason, source=source, event=place).as_json()


def _handlers() -> dict[str, Callable[[Any], list[dict[str, Any]]]]:
    def guardduty(raw: Any) -> list[dict[str, Any]]:
        from handlers.aws import guardduty as module

        return list(module.handler(raw, None)["actions"])

    def config(raw: Any) -> list[dict[str, Any]]:
        from handlers.aws import config as module

        return list(module.handler(raw, None)["actions"])

    def sentinel(raw: Any) -> list[dict[str, Any]]:
        from handlers.azure import sentinel as module

        return module.answer(raw)

    return {"guardduty": guardduty, "config": config, "sentinel": sentinel}


def now(text: str | None) -> datetime | None:
    """`--now` as a time. Raises InvalidInput."""
    if text is None:
        return None
    try:
        return clock.parse(text).astimezone(UTC)
    except ValueError as error:
        raise InvalidInput("--now", f"{text!r} is no RFC 3339 time") from error
