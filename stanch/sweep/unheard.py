"""Findings whose event never came: sources that promise no delivery are asked what they hold now, and what is new to us is answered.

"AWS Config events are emitted on a best effort basis" (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-delivery-level.html).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from stanch.clock import iso, parse
from stanch.errors import Retryable, StanchError
from stanch.finding import Finding
from stanch.journal import Query
from stanch.responder import Delivery, Responder
from stanch.sweep.turn import Survey, Turn

LIMIT = 50
"""Findings answered in one sweep."""

GRACE = timedelta(minutes=10)
"""How old a finding is before its event counts as lost."""

AGAIN = 900.0
"""Seconds until one that nothing could be made of for now is taken up again: others come first."""

KIND = "heard"
"""The kind of standing fact that says of a finding which version of it was looked at."""

ASKED = "survey"
"""The kind of standing fact that says up to when a survey was heard to its end."""

REMEMBERED = 30 * 86400.0
"""Seconds: a place that is watched no more is forgotten in the end."""

NAMED = 50


def unheard(turn: Turn) -> None:
    """Every survey in turn; what one cannot tell keeps no other from being asked."""
    if not turn.surveys:
        return
    journal = turn.deployment.journal
    asked = {name: str(fact["at"]) for name, fact in journal.kept(ASKED).items()}
    windows = {survey.name: _since(turn, asked.get(survey.name)) for survey in turn.surveys}
    listening = _Listening(turn, _answered(turn, min(windows.values())), journal.kept(KIND))
    for survey in sorted(
        turn.surveys, key=lambda one: asked.get(one.name, "")
    ):  # the longest unasked first: time may not suffice for all
        if not turn.goes_on():
            break
        try:
            listening.ask(survey, windows[survey.name])
        except StanchError as error:
            turn.row.errors.append(f"{survey.name}: {error}")
    listening.name_rest()


def _since(turn: Turn, last: str | None) -> datetime:
    """As far back as findings are not stale, and further where no sweep has been through since: then the guard holds them, and says so."""
    fresh = turn.now - turn.deployment.settings.stale_after
    return min(fresh, parse(last)) if last else fresh


def _answered(turn: Turn, since: datetime) -> dict[str, datetime]:
    """When each finding last led to an action."""
    times: dict[str, datetime] = {}
    for action in turn.deployment.journal.find(Query(since=since)):
        if action.finding:
            times.setdefault(str(action.finding["id"]), parse(action.opened_at))
    return times


class _Listening:
    """One round of questions. What was recorded before our last answer has reached us; so has a version that was looked at."""

    def __init__(self, turn: Turn, answered: Mapping[str, datetime], heard: Mapping[str, Mapping[str, Any]]) -> None:
        self._turn, self._answered, self._heard = turn, answered, heard
        self._responder = Responder(turn.deployment)
        self._count = 0
        self._rest: list[str] = []

    def ask(self, survey: Survey, since: datetime) -> None:
        for finding in survey.findings(self._wanted):
            if not self._turn.goes_on():
                return
            if not self._new(finding, since) or not self._wanted(finding):
                continue
            if self._count < LIMIT:
                self._answer(survey, finding)
            else:
                self._rest.append(finding.title)
        if not self._rest:
            through = {"at": iso(self._turn.now - GRACE)}
            self._turn.deployment.journal.keep(ASKED, survey.name, through, time.time() + REMEMBERED)

    def name_rest(self) -> None:
        """Once a day; the sweeps that follow get to them."""
        if not self._rest:
            return
        turn, total = self._turn, len(self._rest)
        reason = f"{LIMIT} findings that never reached us were answered, {total} more are left to the next sweeps"
        lines = self._rest[:NAMED]
        turn.deployment.tell(turn.report(f"unheard:{turn.today}", "Findings were lost on their way", reason, lines))

    def _wanted(self, finding: Finding) -> bool:
        matcher = self._turn.deployment.matcher
        return bool(matcher.match(finding) or matcher.expecting(finding))

    def _new(self, finding: Finding, since: datetime) -> bool:
        recorded = finding.last_seen or self._turn.now
        answered = self._answered.get(finding.id)
        return (
            since <= recorded <= self._turn.now - GRACE
            and (answered is None or answered < recorded)
            and self._heard.get(finding.id, {}).get("version") != finding.version
        )

    def _answer(self, survey: Survey, finding: Finding) -> None:
        """As its event would have been. It counts as the last delivery once half of its time is over: then what stays unknown is held, not dropped."""
        turn, settings = self._turn, self._turn.deployment.settings
        self._count += 1
        late = turn.now - (finding.last_seen or turn.now) > settings.stale_after / 2
        until = time.time() + settings.stale_after.total_seconds()
        try:
            turn.row.results += self._responder.respond([finding], Delivery(late, survey.name))
            turn.row.done += 1
        except Retryable as error:
            turn.row.errors.append(f"{finding.title}: {error}")
            until = time.time() + AGAIN
        turn.deployment.journal.keep(KIND, finding.id, {"version": finding.version}, until)
