"""The life of one finding: guards, confirmation, playbooks, plan, guards again, journal, change, verification, report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from stanch import clock, dead_end, guardrails
from stanch.action import Outcome
from stanch.ahead import Ahead
from stanch.containment import Containment
from stanch.deployment import Deployment, Upstream
from stanch.errors import (
    CloudError,
    InvalidInput,
    MalformedEvent,
    Refused,
    Retryable,
    Unconfirmed,
)
from stanch.finding import Finding
from stanch.playbooks.match import Match
from stanch.remediation import digest
from stanch.report import REPORTED, of_refusal
from stanch.result import Result
from stanch.targets import Targets


class Delivery(Struct, frozen=True):
    """How an event reached us. `last` means that it will not come again: what is unknown then is held instead of retried."""

    last: bool = False
    event: str = ""


class Responder:
    """Answers findings for one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._targets = Targets(deployment)

    def respond(self, findings: Sequence[Finding], delivery: Delivery) -> list[Result]:
        """Answer every finding; at least one result each.

        Raises Retryable after all are answered if any must come again (those already answered are then seen to be).
        """
        results: list[Result] = []
        again: Retryable | None = None
        for finding in findings:
            started = time.perf_counter()
            try:
                rows = self._answer(finding, delivery)
            except Retryable as error:
                if not delivery.last:
                    again = error
                    continue
                rows = [self._refuse(finding, Outcome.HELD, f"unknown after the last delivery: {error}")]
            elapsed = round((time.perf_counter() - started) * 1000, 1)
            results += [replace(row, total=elapsed) for row in rows]
        if again is not None:
            raise again
        return results

    def reject(self, source: str | None, error: MalformedEvent, raw: Any) -> Result:
        """An event that holds no finding: reported once, never dropped."""
        key = f"rejected:{digest([source, raw, str(error)])[:32]}"
        notified = self._tell(key, Outcome.REJECTED, str(error), source, None)
        return Result(Outcome.REJECTED, str(error), source=source, notified=notified)

    def _answer(self, finding: Finding, delivery: Delivery) -> list[Result]:
        refused = self._guarded(finding)
        if refused is not None:
            return [refused]
        upstream = self._deployment.upstreams.get(finding.source)
        first = upstream is not None and upstream.reads_first(finding)
        matches = [] if first else self._deployment.matcher.match(finding)
        if not (first or matches or self._deployment.matcher.expecting(finding)):
            return [self._unmatched(finding)]
        if upstream is None:
            return self._matched(
                finding, "the source has no timely read; the live plan is the check", delivery, Ahead()
            )
        ahead = self._targets.ahead(finding, matches)
        try:
            return self._confirmed(finding, upstream, delivery, ahead)
        finally:
            ahead.end()

    def _confirmed(self, finding: Finding, upstream: Upstream, delivery: Delivery, ahead: Ahead) -> list[Result]:
        try:
            copies, confirmed = upstream.confirm(finding)
        except (Unconfirmed, InvalidInput) as error:
            return [self._refuse(finding, Outcome.REJECTED, f"unconfirmed: {error}")]
        except (CloudError, Refused) as error:
            return [self._refuse(finding, Outcome.FAILED, f"it could not be confirmed: {error}")]
        return self._believed(copies, confirmed, delivery, ahead)

    def _believed(self, copies: Sequence[Finding], confirmed: str, delivery: Delivery, ahead: Ahead) -> list[Result]:
        """The source's copy is what counts: it may be archived, compliant or of another kind by now.

        What is unknown of one keeps no other waiting; raises Retryable after all are answered.
        """
        results: list[Result] = []
        again: Retryable | None = None
        for copy in copies:
            refused = self._guarded(copy)
            try:
                results += [refused] if refused is not None else self._matched(copy, confirmed, delivery, ahead)
            except Retryable as error:
                again = self._later(copy, error, delivery, results)
        if again is not None:
            raise again
        return results

    def _guarded(self, finding: Finding) -> Result | None:
        if finding.compliant:
            return Result.of_finding(finding, Outcome.UNMATCHED, "the resource is compliant")
        if finding.archived and self._deployment.archived_here(finding):
            finding = replace(finding, archived=False)
        verdicts = guardrails.finding_guards(finding, clock.now(), self._deployment.settings.stale_after)
        held = guardrails.first(verdicts, "hold")
        return self._refuse(finding, Outcome.HELD, held.sentence()) if held is not None else None

    def _matched(self, finding: Finding, confirmed: str, delivery: Delivery, ahead: Ahead) -> list[Result]:
        try:
            finding = self.completed(finding)
        except (CloudError, Refused, InvalidInput) as error:
            return [self._told(finding, dead_end.unread(finding, error))]
        matches = self._deployment.matcher.match(finding)
        if not matches:
            return [self._unmatched(finding)]
        return self._contain(finding, matches, confirmed, delivery, ahead)

    def completed(self, finding: Finding) -> Finding:
        """The finding with the resources that its source could not name by an id, looked up live where a playbook needs them."""
        kinds = {
            kind
            for playbook in self._deployment.matcher.expecting(finding)
            for kind in playbook.when.get("resource.type", ())
            if isinstance(kind, str)
        }
        found = [one for kind in sorted(kinds) for one in self._deployment.cloud.resolve(finding, None, kind)]
        return replace(finding, resources=tuple(found)) if found else finding

    def _unmatched(self, finding: Finding) -> Result:
        """No playbook is for it; or one may be, but the finding does not name what it should."""
        expecting = self._deployment.matcher.expecting(finding)
        empty = any(note.get("missing") for note in finding.upstream.get("unresolved") or ())
        if expecting or (empty and not finding.resources):
            wanted = f"the finding names none, and playbook {expecting[0].id} needs one" if expecting else ""
            return self._refuse(finding, Outcome.REJECTED, dead_end.places(finding) or f"resources: {wanted}")
        return Result.of_finding(finding, Outcome.UNMATCHED, f"no playbook is for {finding.type}")

    def _contain(
        self, finding: Finding, matches: Sequence[Match], confirmed: str, delivery: Delivery, ahead: Ahead
    ) -> list[Result]:
        refused, targets, unknown = self._targets.of(finding, matches, confirmed)
        results = [self._told(finding, result) for result in refused]
        again = self._later(finding, unknown, delivery, results) if unknown is not None else None
        for target in targets:
            containment = Containment(self._deployment, target, ahead.take(target))
            try:
                results.append(containment.run())
            except InvalidInput as error:
                results.append(self._told(finding, dead_end.impossible(target, error)))
            except Retryable as error:
                if delivery.last:
                    results.append(containment.give_up(error))
                else:
                    again = error
        if again is not None:
            raise again
        return results

    def _later(self, finding: Finding, error: Retryable, delivery: Delivery, results: list[Result]) -> Retryable | None:
        """The error to raise in the end; after the last delivery None, and the finding is held."""
        if not delivery.last:
            return error
        results.append(self._refuse(finding, Outcome.HELD, f"unknown after the last delivery: {error}"))
        return None

    def _refuse(self, finding: Finding, outcome: Outcome, reason: str) -> Result:
        """A finding that leads to no action for a reason people should know."""
        return self._told(finding, Result.of_finding(finding, outcome, reason))

    def _told(self, finding: Finding, result: Result) -> Result:
        """The result of a finding without an action, reported once for each reason where people should know."""
        if result.outcome not in REPORTED:
            return result
        reason = str(result.reason)
        key = f"{result.outcome}:{digest([finding.source, finding.id, result.outcome, reason])[:32]}"
        return replace(result, notified=self._tell(key, result.outcome, reason, finding.source, finding))

    def _tell(self, key: str, outcome: Outcome, reason: str, source: str | None, finding: Finding | None) -> list[str]:
        report = of_refusal(key, outcome, reason, source, finding, self._deployment.cloud.name)
        return self._deployment.tell(report)
