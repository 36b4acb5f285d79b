"""Events through the real handlers: recognised, seeded where the clouds are local, delivered, and answered in rows."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from stanch import clock
from stanch.action import Outcome
from stanch.cli import output
from stanch.cli.context import CloudName, Context
from stanch.cli.reading import Event, read
from stanch.errors import InvalidInput, MalformedEvent, PolicyError, Retryable, StanchError
from stanch.finding import Finding
from stanch.result import Result
from stanch.sources import recognise

__all__ = ["Event", "Replay", "read"]

ROOT = Path(__file__).parent.parent.parent
EVENTS = ROOT / "events"
_HANDLERS = {
    "guardduty": "handlers.aws.guardduty", "config": "handlers.aws.config", "sentinel": "handlers.azure.sentinel",
}  # fmt: skip


def samples() -> list[str]:
    """The names of the sample events, such as `guardduty/leaked-access-key`."""
    return sorted(str(path.relative_to(EVENTS).with_suffix("")) for path in EVENTS.rglob("*.json"))


def cloud_of_source(source: str) -> CloudName:
    """Whose deployment the source's events go to."""
    return "azure" if source in ("sentinel", "defender", "event_grid") else "aws"


class Replay:
    """Delivers events to the handlers of a context. `seed` first creates what an event names; `now` judges it at that time."""

    def __init__(self, context: Context, *, seed: bool, now: datetime | None = None) -> None:
        self._context, self.seeds, self._now = context, seed and context.running is not None, now

    def ready(self, events: Iterable[Event]) -> None:
        """Put together what the events need before the first is delivered. Raises InvalidInput for a setting or policy that is wrong."""
        sources = {recognise(event.raw) for event in events if event.problem is None}
        for cloud in sorted({cloud_of_source(source) for source in sources if source in _HANDLERS}):
            self._context.deployment(cloud)

    def rows(self, event: Event) -> list[dict[str, Any]]:
        """One object an action, finding or event, as INTERFACE describes; never empty."""
        if event.problem is not None:
            return [_row(event, Outcome.REJECTED, event.problem)]
        source = recognise(event.raw)
        if source is None:
            return [_row(event, Outcome.REJECTED, "the event is of no source that Stanch knows")]
        if source not in _HANDLERS:
            return [_row(event, Outcome.UNMATCHED, f"this version has no handler for {source}", source)]
        found = findings(event)
        try:
            self.prepare(source, found)
            with clock.at(self.moment(found)):
                rows = _deliver(source, event.raw)
        except Retryable as error:
            rows = [_row(event, Outcome.FAILED, f"unknown for now, so nothing more was done; replay it again: {error}", source)]  # fmt: skip
        except StanchError as error:
            ours = isinstance(error, PolicyError) or not isinstance(error, InvalidInput)
            rows = [_row(event, Outcome.FAILED if ours else Outcome.REJECTED, str(error), source)]
        return [{**row, "event": event.place} for row in rows]

    def prepare(self, source: str, findings: Sequence[Finding]) -> None:
        """Create what the findings name, where the clouds are local and seeding is on."""
        for finding in findings if self.seeds else ():
            self._create(source, finding)

    def _create(self, source: str, finding: Finding) -> None:
        running = self._context.running
        if running is None or finding.sample:
            return
        try:
            if cloud_of_source(source) == "aws":
                from stanch.local.aws.seed import seed as seed_aws
                from stanch.local.environment import HOME_ACCOUNT

                seed_aws(running.aws, finding, HOME_ACCOUNT)
            else:
                from stanch.local.azure.seed import seed as seed_azure

                seed_azure(running.azure, running.ca, finding)
        except InvalidInput as error:
            output.say(f"not seeded: {error}")

    def moment(self, findings: Sequence[Finding]) -> datetime | None:
        """`--now`, else for local clouds the event's own time and a minute, so that old events are not stale."""
        if self._now is not None or self._context.live:
            return self._now
        times = [moment for finding in findings for moment in (finding.updated_at, finding.last_seen) if moment]
        return max(times) + timedelta(minutes=1) if times else None


def parser(source: str) -> Callable[[Any], list[Finding]] | None:
    """The parser of a source; None for a source that this version only recognises."""
    if source not in _HANDLERS:
        return None
    found: Callable[[Any], list[Finding]] = importlib.import_module(f"stanch.sources.{source}").parse
    return found


def findings(event: Event) -> list[Finding]:
    """What the event holds; nothing where it cannot be read: the handler itself will say what is wrong."""
    parse = parser(recognise(event.raw) or "")
    try:
        return parse(event.raw) if parse else []
    except MalformedEvent:
        return []


def _deliver(source: str, raw: Any) -> list[dict[str, Any]]:
    module = importlib.import_module(_HANDLERS[source])
    if cloud_of_source(source) == "azure":
        return list(module.answer(raw))
    return list(module.handler(raw, None)["actions"])


def _row(event: Event, outcome: Outcome, reason: str, source: str | None = None) -> dict[str, Any]:
    """The object of an event that led to nothing."""
    return Result(outcome, reason, source=source, event=event.place).as_json()
