"""AWS Config: compliance changes from EventBridge, and the invocation of a custom rule that points at us."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.aws import wiring
from handlers.aws.entry import answer, serve
from stanch.action import Outcome
from stanch.clock import parse as parse_time
from stanch.errors import StanchError
from stanch.finding import Finding, Resource
from stanch.responder import Delivery
from stanch.result import Result
from stanch.sources import config

PERMISSIONS = frozenset({"config:PutEvaluations"})

_VERDICT = {
    Outcome.ACTED: "COMPLIANT",
    Outcome.NO_OP: "COMPLIANT",
    Outcome.UNMATCHED: "NOT_APPLICABLE",
}


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Lambda's entry: see `handlers.aws.entry.serve`; a rule's own invocation is also answered by PutEvaluations."""
    if not (isinstance(event, Mapping) and "invokingEvent" in event):
        return serve("config", config.parse, event, context)
    findings: list[Finding] = []

    def keep(raw: Any) -> list[Finding]:
        findings.extend(config.parse(raw))
        return findings

    results = answer("config", keep, event, Delivery())
    judged = all(result.outcome is not Outcome.REJECTED for result in results)
    if findings and judged and event.get("resultToken"):
        try:
            _put_evaluations(findings[0], results, str(event["resultToken"]))
        except StanchError as error:  # what was done stays done, and is answered
            results.append(Result(Outcome.FAILED, f"Config did not take the verdict: {error}", source="config"))
    return {"actions": [result.as_json() for result in results]}


def _put_evaluations(finding: Finding, results: list[Result], token: str) -> None:
    """What the rule's owner sees in Config: compliant only if nothing is left to contain
    (https://docs.aws.amazon.com/config/latest/APIReference/API_PutEvaluations.html). The token is one of the account that owns the rule."""
    verdicts = {_VERDICT.get(result.outcome, "NON_COMPLIANT") for result in results}
    verdict = next(word for word in ("NON_COMPLIANT", "COMPLIANT", "NOT_APPLICABLE") if word in verdicts)
    ordered = finding.upstream.get("ordered_at")
    owner = Resource("AWS::Config::ConfigRule", "", finding.account, finding.region)
    wiring.deployment().cloud.session(owner, "act", "", PERMISSIONS).call(
        "config",
        "put_evaluations",
        ResultToken=token,
        TestMode=token == "TESTMODE",  # noqa: S105  # the console's test invocation, no secret
        Evaluations=[
            {
                "ComplianceResourceType": finding.upstream.get("resource_type") or "AWS::::Account",
                "ComplianceResourceId": finding.upstream.get("resource_id") or finding.account,
                "ComplianceType": verdict,
                "Annotation": (results[0].reason or str(results[0].outcome))[:255],
                "OrderingTimestamp": parse_time(ordered) if ordered else finding.updated_at,
            }
        ],
    )
